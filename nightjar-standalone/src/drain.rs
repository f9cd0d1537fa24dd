//! Drain of Envoy: it answers the requests in progress before it ends.

use crate::admin::{Admin, AdminError};
use nightjar_core::context::OWN_NAMES;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long no connection was opened until no more are expected: clients that still find this proxy in their
/// map, or behind their load balancer, go on opening connections.
const QUIET_PERIOD: Duration = Duration::from_secs(1);
/// How often Envoy is asked.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The connections that clients hold open, and all that they ever opened; those of listeners of any
/// kind, whose statistics go with the listeners; those to the services behind.
const CONNECTIONS: &str = "/stats?filter=%5E%28http%5C..*%5C.downstream_cx_%28active%7Ctotal%29%7C\
                           listener%5C..*%5C.downstream_cx_active%7C\
                           cluster%5C..*%5C.upstream_cx_active%29$";

/// Drains Envoy: until no connection is active and no new one is opened, or the time is over.
///
/// A failing health check tells load balancers to look elsewhere, and makes every answer close
/// its connection.
pub(crate) async fn drain(admin: &Admin, drain_time: Duration) {
    let deadline = Instant::now() + drain_time;
    let _ = timeout_at(deadline, until_drained(admin, deadline)).await;
}

async fn until_drained(admin: &Admin, deadline: Instant) {
    // Connections that are not HTTP are counted by their listener alone, and by the service behind.
    let streams = match admin.get_until(CONNECTIONS, deadline).await {
        Ok(stats) => open(&stats, "listener.", ACTIVE) > open(&stats, "http.", ACTIVE),
        Err(_) => false,
    };
    answer(|| admin.fail_health_check()).await;
    answer(|| admin.drain_listeners()).await;
    until_quiet(admin, deadline, streams).await;
}

/// Asks until there is an answer. Envoy may be busy, or a hand-over have closed the interface, and requests are
/// still under way.
async fn answer<T, F>(ask: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, AdminError>>,
{
    let mut is_told = false;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) if !is_told => {
                is_told = true;
                tracing::warn!(
                    "envoy does not answer while it drains; it is asked again, and stopped after the drain \
                     time at the latest: {error}"
                );
            }
            Err(_) => {}
        }
        sleep(POLL_INTERVAL).await;
    }
}

const ACTIVE: &str = ".downstream_cx_active";

/// The sum of statistics that begin and end so, without those of the admin interface, of single
/// workers, and of Nightjar's own listeners and clusters: who reads Envoy's statistics, or takes its
/// spans, holds connections for as long as the proxy runs.
fn open(stats: &str, start: &str, end: &str) -> u64 {
    stats
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| name.starts_with(start) && name.ends_with(end))
        .filter(|(name, _)| !name.contains(".admin.") && !name.contains(".worker_"))
        .filter(|(name, _)| {
            let name = name.get(start.len()..).unwrap_or_default();
            !name.starts_with(OWN_NAMES)
        })
        .filter_map(|(_, value)| value.trim().parse::<u64>().ok())
        .sum()
}

async fn until_quiet(admin: &Admin, deadline: Instant, streams: bool) {
    let (mut opened, mut last_opened) = (None, Instant::now());
    loop {
        let stats = answer(|| admin.get_until(CONNECTIONS, deadline)).await;
        let total = Some(open(&stats, "http.", ".downstream_cx_total"));
        if opened != total {
            (opened, last_opened) = (total, Instant::now());
        }
        let streaming = streams && open(&stats, "cluster.", ".upstream_cx_active") > 0;
        if open(&stats, "http.", ACTIVE) == 0 && !streaming && last_opened.elapsed() >= QUIET_PERIOD
        {
            return;
        }
        sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests;
