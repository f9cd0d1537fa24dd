//! What is known of a program, and the port that tells it: health, readiness, metrics.

use super::{
    metrics::{Page, count},
    word::{Place, Word},
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    fmt::Write as _,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{net::TcpListener, sync::Semaphore};

/// How long a client may take to send its request.
const CLIENT_PATIENCE: Duration = Duration::from_secs(10);

/// How many clients are served at a time, and how long one may stay.
const MOST_CLIENTS: usize = 64;
const LONGEST_VISIT: Duration = Duration::from_mins(1);

/// What a program tells of itself.
pub trait Facts: Clone + Send + 'static {
    /// Whether it does its work, and a word on it.
    fn readiness(&self) -> Readiness;

    /// Its metrics.
    fn metrics(&self, page: &mut Page);
}

/// Whether a program does its work, and a word on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether it does.
    pub ready: bool,
    /// Lines for people.
    pub text: String,
}

impl Readiness {
    /// Ready unless something stands against it. Each remark is a line with its name.
    pub fn new(obstacle: Option<&str>, remarks: &[(&str, Option<&str>)]) -> Self {
        let mut text = match obstacle {
            None => "ready".to_owned(),
            Some(obstacle) => format!("not ready: {obstacle}"),
        };
        for (name, remark) in remarks {
            if let Some(remark) = remark {
                let _ = write!(text, "\n{name}: {remark}");
            }
        }
        text.push('\n');
        Self {
            ready: obstacle.is_none(),
            text,
        }
    }
}

/// How refreshes ended, as metrics count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing new.
    Unchanged,
    /// Something new is in force.
    Changed,
    /// It did not come to its end.
    Failed,
    /// Something new is not fit to be in force.
    Refused,
}

impl Outcome {
    /// Its name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// How the refreshes of a program went.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Whether the program is on its way out.
    pub stopping: bool,
    /// Why the last refresh failed, if it did.
    pub failed: Option<String>,
    /// The version of the last good discovery map.
    pub map_version: Option<String>,
    refreshes: [u64; 4],
    last_success: Option<SystemTime>,
}

impl Progress {
    /// Counts a refresh.
    pub fn count(&mut self, outcome: Outcome) {
        if let Some(count) = self.refreshes.get_mut(outcome as usize) {
            *count += 1;
        }
        if matches!(outcome, Outcome::Unchanged | Outcome::Changed) {
            self.last_success = Some(SystemTime::now());
            self.failed = None;
        }
    }

    /// Adds how many refreshes ended in each of these ways, and when one last succeeded.
    pub fn refreshes(&self, page: &mut Page, outcomes: &[Outcome]) {
        let labels: Vec<(String, f64)> = outcomes
            .iter()
            .map(|outcome| {
                let number = self.refreshes.get(*outcome as usize).copied();
                let label = format!("{{result=\"{}\"}}", outcome.as_str());
                (label, count(number.unwrap_or_default()))
            })
            .collect();
        let samples: Vec<(&str, f64)> = labels
            .iter()
            .map(|(label, number)| (label.as_str(), *number))
            .collect();
        page.metric(
            "refreshes_total",
            "counter",
            "Refreshes, by how they ended.",
            &samples,
        );
        page.time(
            "last_success_timestamp_seconds",
            "When a refresh last succeeded, in seconds since 1970; 0 if none has.",
            self.last_success,
        );
    }

    /// Adds the version of the last good map.
    pub fn map(&self, page: &mut Page) {
        page.info(
            "discovery_map_info",
            "The version of the last good discovery map.",
            "version",
            self.map_version.as_deref().unwrap_or_default(),
        );
    }
}

/// The facts, shared between the program and its status port.
#[derive(Debug, Clone)]
pub struct Status<F>(Arc<Mutex<Known<F>>>);

#[derive(Debug, Default)]
struct Known<F> {
    facts: F,
    /// The word that was left last.
    word: Option<Word>,
}

impl<F: Default> Default for Status<F> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Known {
            facts: F::default(),
            word: None,
        })))
    }
}

impl<F: Facts> Status<F> {
    /// Changes facts.
    pub fn change(&self, change: impl FnOnce(&mut F)) {
        change(&mut self.lock().facts);
    }

    /// Looks at the facts.
    pub fn look<T>(&self, look: impl FnOnce(&F) -> T) -> T {
        look(&self.lock().facts)
    }

    fn lock(&self) -> MutexGuard<'_, Known<F>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves word of readiness, if there is news.
    pub fn leave_word(&self, place: &Place) {
        let mut known = self.lock();
        let word = Word::of(known.facts.readiness());
        if known.word.as_ref() == Some(&word) {
            return;
        }
        match place.leave(&word) {
            Ok(()) => known.word = Some(word),
            Err(error) => tracing::warn!("{} cannot be written: {error}", place.display()),
        }
    }

    /// Serves the status port for as long as the program runs.
    ///
    /// # Errors
    /// If the port cannot be bound.
    pub async fn serve(&self, address: SocketAddr) -> Result<(), PortError> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| PortError { address, source })?;
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
                let Readiness { ready, text } = self.look(Facts::readiness);
                (if ready { 200 } else { 503 }, text)
            }
            "/metrics" => {
                let facts = self.look(F::clone);
                let mut page = Page::default();
                facts.metrics(&mut page);
                (200, page.into_text())
            }
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
}

/// The status port cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("NJ_STATUS_PORT: {address} cannot be bound")]
pub struct PortError {
    address: SocketAddr,
    source: io::Error,
}
