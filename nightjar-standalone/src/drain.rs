//! Drain of Envoy: it answers the requests in progress before it ends.

use crate::admin::{Admin, AdminError};
use nightjar_core::context::OWN_NAMES;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// How long no connection was opened until no more are expected: clients that still find this proxy in their
/// map, or behind their load balancer, go on opening connections.
const QUIET_PERIOD: Duration = Duration::from_secs(1);
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
    // Connections that are not HTTP are counted by their listener alone, and by the service behind.
    let streams = match admin.get_until(CONNECTIONS, deadline).await {
        Ok(stats) => open(&stats, "listener.", ACTIVE) > open(&stats, "http.", ACTIVE),
        Err(_) => false,
    };
    let requested = async {
        admin.fail_health_check().await?;
        admin.drain_listeners().await
    };
    match requested.await {
        Ok(()) => {}
        // A hand-over has closed the interface, and requests are still under way.
        Err(error) if error.is_refused() => {
            tracing::warn!(
                "envoy cannot be asked to drain, and is stopped after the drain time: {error}"
            );
            return sleep_until(deadline).await;
        }
        Err(error) => return tracing::warn!("envoy is stopped without draining: {error}"),
    }
    if let Err(error) = until_quiet(admin, deadline, streams).await {
        tracing::warn!("envoy is stopped while it drains: {error}");
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

async fn until_quiet(admin: &Admin, deadline: Instant, streams: bool) -> Result<(), AdminError> {
    let (mut opened, mut last_opened) = (None, Instant::now());
    while Instant::now() < deadline {
        let stats = admin.get_until(CONNECTIONS, deadline).await?;
        let total = Some(open(&stats, "http.", ".downstream_cx_total"));
        if opened != total {
            (opened, last_opened) = (total, Instant::now());
        }
        let streaming = streams && open(&stats, "cluster.", ".upstream_cx_active") > 0;
        if open(&stats, "http.", ACTIVE) == 0 && !streaming && last_opened.elapsed() >= QUIET_PERIOD
        {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
