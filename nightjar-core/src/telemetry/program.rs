//! The log of a long-running program.

use super::{
    levels,
    queue::{self, Queue},
};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tracing_subscriber::{
    Layer, Registry,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
};

/// How long the end of a program waits for a reader that does not take the last lines.
const LOG_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: time, level, message, fields.
    #[default]
    Text,
    /// For machines: a JSON object a line, with `timestamp`, `level`, `message` and the fields.
    Json,
}

/// Writes out what is left of the log when it is dropped, which is for the end of the program.
#[derive(Debug)]
#[must_use = "the last lines of the log are lost without it"]
pub struct LogGuard(Option<Arc<Queue>>);

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            queue.drain(LOG_DRAIN_TIMEOUT);
        }
    }
}

/// Sends this process's log to standard error. Times are UTC. A second call changes nothing.
///
/// `debug` adds detail about Nightjar's own work; libraries stay as quiet as before.
///
/// Logging never waits: a thread writes the lines. While standard error does not take them, about a
/// mebibyte of them is kept, further lines are dropped, and a line counts them.
pub fn init(debug: bool, format: LogFormat) -> LogGuard {
    let queue = Arc::new(Queue::default());
    let dropped = move |count| dropped_lines(count, format);
    let is_set = match Queue::start(&queue, io::stderr(), dropped) {
        Ok(()) => set(debug, format, queue::ToQueue(Arc::clone(&queue))),
        // Without a thread, a log that may have to wait is better than none.
        Err(_) => set(debug, format, io::stderr),
    };
    LogGuard(is_set.then_some(queue))
}

/// Fails only if there is a subscriber already.
fn set<W>(debug: bool, format: LogFormat, writer: W) -> bool
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    match format {
        LogFormat::Text => tracing::subscriber::set_global_default(text(debug, writer)),
        LogFormat::Json => tracing::subscriber::set_global_default(json(debug, writer)),
    }
    .is_ok()
}

/// The line that replaces dropped lines, in the form of the log.
pub(super) fn dropped_lines(count: u64, format: LogFormat) -> Vec<u8> {
    let line = Arc::new(Mutex::new(Vec::new()));
    let write = || {
        tracing::warn!(
            "{count} log lines were dropped here because standard error did not accept them"
        );
    };
    let writer = queue::Capture(Arc::clone(&line));
    let writer = move || writer.clone();
    match format {
        LogFormat::Text => tracing::subscriber::with_default(text(false, writer), write),
        LogFormat::Json => tracing::subscriber::with_default(json(false, writer), write),
    }
    std::mem::take(&mut *line.lock().unwrap_or_else(PoisonError::into_inner))
}

pub(super) fn text<W>(debug: bool, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer()
        .with_writer(writer)
        .with_target(false)
        .with_ansi(false);
    Registry::default().with(layer.with_filter(levels(debug)))
}

pub(super) fn json<W>(debug: bool, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer()
        .with_writer(writer)
        .with_target(false)
        .json()
        .flatten_event(true);
    let layer = layer.with_current_span(false).with_span_list(false);
    Registry::default().with(layer.with_filter(levels(debug)))
}
