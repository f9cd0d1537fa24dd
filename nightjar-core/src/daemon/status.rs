//! Status of a program, and the port that serves it: liveness, readiness, metrics.

use super::{
    memory,
    metrics::MetricsPage,
    ready_file::{self, ReadyFile},
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
    time::Duration,
};
use tokio::{net::TcpListener, sync::Semaphore};

/// How long a client may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How many clients are served at a time, and how long one may stay.
const MAX_CLIENTS: usize = 64;
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(1);

/// The status that a program reports.
pub trait StatusReport: Clone + Send + 'static {
    /// Whether the program does its work, with a line for people.
    fn readiness(&self) -> Readiness;

    /// Its metrics. What changes by itself is read at this moment.
    fn metrics(&self, page: &mut MetricsPage);
}

/// Whether a program does its work, with lines for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether it does.
    pub ready: bool,
    /// Lines for people.
    pub text: String,
}

impl Readiness {
    /// Ready unless there is a reason why not. Each remark is a line with its name.
    pub fn new(not_ready: Option<&str>, remarks: &[(&str, Option<&str>)]) -> Self {
        let mut text = match not_ready {
            None => "ready".to_owned(),
            Some(reason) => format!("not ready: {reason}"),
        };
        for (name, remark) in remarks {
            if let Some(remark) = remark {
                let _ = write!(text, "\n{name}: {remark}");
            }
        }
        text.push('\n');
        Self {
            ready: not_ready.is_none(),
            text,
        }
    }
}

/// A status that is shared between the program and its status port.
#[derive(Debug, Clone, Default)]
pub struct SharedStatus<R>(Arc<Mutex<R>>);

impl<R: StatusReport> SharedStatus<R> {
    /// Changes the status.
    pub fn update<T>(&self, change: impl FnOnce(&mut R) -> T) -> T {
        change(&mut self.lock())
    }

    /// Reads the status.
    pub fn with<T>(&self, look: impl FnOnce(&R) -> T) -> T {
        look(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, R> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes the readiness in the file, if there is news or if the next heartbeat is due.
    pub fn publish(&self, file: &ReadyFile) {
        file.publish(&self.with(StatusReport::readiness));
    }

    /// Keeps the file up to date for as long as the runtime is alive. News is published by
    /// [`Self::publish`]; this is the heartbeat between.
    pub async fn heartbeat(self, file: ReadyFile) {
        loop {
            self.publish(&file);
            // A heartbeat that comes just before it is due would be none.
            tokio::time::sleep(ready_file::HEARTBEAT + Duration::from_millis(10)).await;
        }
    }

    /// Serves the status port for as long as the program runs.
    ///
    /// # Errors
    /// If the port cannot be bound.
    pub async fn serve(&self, address: SocketAddr) -> Result<(), StatusPortError> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| StatusPortError { address, source })?;
        let status = self.clone();
        let permits = Arc::new(Semaphore::new(MAX_CLIENTS));
        tokio::spawn(async move {
            loop {
                let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
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
                    .header_read_timeout(REQUEST_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
                    drop(permit);
                });
            }
        });
        Ok(())
    }

    fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        let (code, body) = match path {
            "/live" => (200, "live\n".to_owned()),
            "/ready" => {
                let Readiness { ready, text } = self.with(StatusReport::readiness);
                (if ready { 200 } else { 503 }, text)
            }
            "/metrics" => {
                let status = self.with(R::clone);
                let mut page = MetricsPage::default();
                status.metrics(&mut page);
                memory::add_to(&mut page);
                (200, page.into_text())
            }
            _ => (
                404,
                "not found: see /live, /ready and /metrics\n".to_owned(),
            ),
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

/// Why the status port cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("NJ_STATUS_PORT: cannot bind {address}")]
pub struct StatusPortError {
    address: SocketAddr,
    source: io::Error,
}
