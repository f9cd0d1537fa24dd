//! What the outside may know of this process: health, readiness, metrics.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    fmt::Write as _,
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{net::TcpListener, sync::Semaphore};

/// How long a client may take to send its request.
const CLIENT_PATIENCE: Duration = Duration::from_secs(10);

/// How many clients are served at a time, and how long one may stay.
const MOST_CLIENTS: usize = 64;
const LONGEST_VISIT: Duration = Duration::from_secs(60);

/// The file in the configuration folder by which `--check-ready` learns of readiness.
const READY_FILE: &str = ".nightjar-status.json";

/// How refreshes ended, as metrics count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Unchanged,
    Changed,
    Failed,
    Refused,
}

/// Whether Envoy serves what it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Served {
    /// It is not known yet.
    #[default]
    Unknown,
    Yes,
    /// It does not, for this reason.
    No(String),
}

/// All that is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Whether Envoy runs and has initialised.
    pub(crate) envoy_live: bool,
    /// Whether it took its files.
    pub(crate) served: Served,
    /// Whether this program is on its way out.
    pub(crate) stopping: bool,
    /// Whether a complete set of files has been written.
    pub(crate) configured: bool,
    /// Why the newest configuration is not in force, if it is not.
    pub(crate) refused: Option<String>,
    /// Why the last refresh failed, if it did.
    pub(crate) failed: Option<String>,
    pub(crate) map_version: Option<String>,
    pub(crate) refreshes: [u64; 4],
    pub(crate) last_success: Option<SystemTime>,
    pub(crate) rollouts: u64,
    pub(crate) rollout_seconds: f64,
    pub(crate) envoy_starts: u64,
    pub(crate) envoy_exits: u64,
    /// What was last written to the ready file.
    word: Option<Word>,
}

/// What `--check-ready` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Word {
    pid: u32,
    ready: bool,
    reason: String,
}

/// The facts, shared between the program and its status port.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status(Arc<Mutex<Facts>>);

impl Facts {
    /// Whether traffic can be sent here, and a word on it.
    fn readiness(&self) -> (bool, String) {
        let obstacle = match &self.served {
            _ if self.stopping => Some("stopping"),
            _ if !self.configured => Some("no complete configuration yet"),
            _ if !self.envoy_live => Some("envoy is not live"),
            Served::Unknown => Some("envoy has just started"),
            Served::No(reason) => Some(reason.as_str()),
            Served::Yes => None,
        };
        let ready = obstacle.is_none();
        let mut text = match obstacle {
            None => "ready".to_owned(),
            Some(obstacle) => format!("not ready: {obstacle}"),
        };
        for (name, reason) in [("refused", &self.refused), ("failed", &self.failed)] {
            if let Some(reason) = reason {
                let _ = write!(text, "\n{name}: {reason}");
            }
        }
        text.push('\n');
        (ready, text)
    }
}

impl Status {
    /// Changes facts.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.lock());
    }

    /// Counts a refresh.
    pub(crate) fn count(&self, outcome: Outcome) {
        let mut facts = self.lock();
        if let Some(count) = facts.refreshes.get_mut(outcome as usize) {
            *count += 1;
        }
        if matches!(outcome, Outcome::Unchanged | Outcome::Changed) {
            facts.last_success = Some(SystemTime::now());
            facts.failed = None;
        }
    }

    /// Whether it is known that Envoy took its files.
    pub(crate) fn is_served(&self) -> bool {
        self.lock().served == Served::Yes
    }

    /// Whether it is known that Envoy does not serve its files.
    pub(crate) fn is_not_served(&self) -> bool {
        matches!(self.lock().served, Served::No(_))
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves word of readiness in the configuration folder, if there is news.
    pub(crate) fn leave_word(&self, config_dir: &Path) {
        let mut facts = self.lock();
        let (ready, reason) = facts.readiness();
        let word = Word {
            pid: std::process::id(),
            ready,
            reason,
        };
        if facts.word.as_ref() == Some(&word) {
            return;
        }
        let path = config_dir.join(READY_FILE);
        let unfinished = config_dir.join(format!("{READY_FILE}.nightjar-new"));
        let text = serde_json::to_string(&word).unwrap_or_default();
        let written =
            std::fs::write(&unfinished, text).and_then(|()| std::fs::rename(&unfinished, &path));
        match written {
            Ok(()) => facts.word = Some(word),
            Err(error) => tracing::warn!("{} cannot be written: {error}", path.display()),
        }
    }

    /// Serves the status port for as long as the program runs.
    ///
    /// # Errors
    /// If the port cannot be bound.
    pub(crate) async fn serve(&self, address: SocketAddr) -> io::Result<()> {
        let listener = TcpListener::bind(address).await?;
        let status = self.clone();
        let places = Arc::new(Semaphore::new(MOST_CLIENTS));
        tokio::spawn(async move {
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                    return;
                };
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of file descriptors, most likely: give others time to close theirs.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let status = status.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = status.answer(request.uri().path());
                    async move { Ok::<_, Infallible>(answer) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(CLIENT_PATIENCE)
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(LONGEST_VISIT, connection).await;
                    drop(place);
                });
            }
        });
        Ok(())
    }

    fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        let (code, body) = match path {
            "/live" => (200, "live\n".to_owned()),
            "/ready" => {
                let (ready, text) = self.lock().readiness();
                (if ready { 200 } else { 503 }, text)
            }
            "/metrics" => (200, self.metrics()),
            _ => (404, "not here: see /live, /ready and /metrics\n".to_owned()),
        };
        let mut answer = Response::new(Full::new(Bytes::from(body)));
        *answer.status_mut() = hyper::StatusCode::from_u16(code).unwrap_or_default();
        let plain = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
        answer
            .headers_mut()
            .insert(hyper::header::CONTENT_TYPE, plain);
        answer
    }

    /// The facts in Prometheus' text format.
    fn metrics(&self) -> String {
        let facts = self.lock().clone();
        let (ready, _) = facts.readiness();
        let mut text = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, samples: &[(&str, f64)]| {
            let _ = writeln!(
                text,
                "# HELP nightjar_{name} {help}\n# TYPE nightjar_{name} {kind}"
            );
            for (labels, value) in samples {
                let _ = writeln!(text, "nightjar_{name}{labels} {value}");
            }
        };
        let [unchanged, changed, failed, refused] = facts.refreshes.map(count);
        metric(
            "ready",
            "gauge",
            "1 if traffic can be sent here.",
            &[("", flag(ready))],
        );
        metric(
            "envoy_live",
            "gauge",
            "1 if Envoy serves.",
            &[("", flag(facts.envoy_live))],
        );
        metric(
            "configuration_refused",
            "gauge",
            "1 if the newest configuration was refused and an older one is in force.",
            &[("", flag(facts.refused.is_some()))],
        );
        metric(
            "refreshes_total",
            "counter",
            "Refreshes, by how they ended.",
            &[
                ("{result=\"unchanged\"}", unchanged),
                ("{result=\"changed\"}", changed),
                ("{result=\"failed\"}", failed),
                ("{result=\"refused\"}", refused),
            ],
        );
        let since_epoch = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
        metric(
            "last_success_timestamp_seconds",
            "gauge",
            "When a refresh last succeeded, in seconds since 1970; 0 if none has.",
            &[(
                "",
                facts
                    .last_success
                    .map_or(0.0, |time| since_epoch(time).as_secs_f64()),
            )],
        );
        metric(
            "rollout_seconds",
            "summary",
            "The time from writing a configuration until Envoy had taken it.",
            &[
                ("_sum", facts.rollout_seconds),
                ("_count", count(facts.rollouts)),
            ],
        );
        metric(
            "envoy_starts_total",
            "counter",
            "Envoy processes started.",
            &[("", count(facts.envoy_starts))],
        );
        metric(
            "envoy_exits_total",
            "counter",
            "Envoy processes that ended by themselves.",
            &[("", count(facts.envoy_exits))],
        );
        let version = facts.map_version.unwrap_or_default();
        let version = version.replace('\\', r"\\").replace('"', "\\\"");
        metric(
            "discovery_map_info",
            "gauge",
            "The version of the last good discovery map.",
            &[(&format!("{{version=\"{version}\"}}"), 1.0)],
        );
        text
    }
}

fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn count(value: u64) -> f64 {
    value as f64
}

/// Whether a running instance with this configuration folder says that it is ready.
///
/// # Errors
/// What stands against it, for people.
pub(crate) fn check_ready(config_dir: &Path) -> Result<(), String> {
    if !crate::files::is_owned(config_dir) {
        let folder = config_dir.display();
        return Err(format!("not ready: no instance uses {folder}"));
    }
    let path = config_dir.join(READY_FILE);
    let text = std::fs::read(&path).map_err(|error| {
        format!(
            "not ready: no instance left word in {}: {error}",
            path.display()
        )
    })?;
    let word: Word = serde_json::from_slice(&text)
        .map_err(|error| format!("not ready: {} is not readable: {error}", path.display()))?;
    let process = i32::try_from(word.pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let lives = process.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok());
    match (lives, word.ready) {
        (false, _) => Err(format!("not ready: process {} is gone", word.pid)),
        (true, false) => Err(word.reason),
        (true, true) => Ok(()),
    }
}
