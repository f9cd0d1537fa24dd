//! Logs, to standard error.

use std::io;
use tracing::Level;
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
};

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: time, level, message, fields.
    #[default]
    Text,
    /// For machines: a JSON object a line, with `timestamp`, `level`, `message` and the fields.
    Json,
}

/// Sends this process's log to standard error. Times are UTC. A second call changes nothing.
///
/// `debug` adds detail about Nightjar's own work; libraries stay as quiet as before.
pub fn init(debug: bool, format: LogFormat) {
    // Fails only if there is a subscriber already.
    let _ = match format {
        LogFormat::Text => tracing::subscriber::set_global_default(text(debug, io::stderr)),
        LogFormat::Json => tracing::subscriber::set_global_default(json(debug, io::stderr)),
    };
}

/// Sends this extension's log to standard error, without times: the caller's log has them.
pub fn init_extension(debug: bool) {
    let _ = tracing::subscriber::set_global_default(extension(debug, io::stderr));
}

fn text<W>(debug: bool, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer()
        .with_writer(writer)
        .with_target(false)
        .with_ansi(false);
    Registry::default().with(layer.with_filter(levels(debug)))
}

fn json<W>(debug: bool, writer: W) -> impl tracing::Subscriber + Send + Sync
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

fn extension<W>(debug: bool, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer()
        .with_writer(writer)
        .with_target(false)
        .with_ansi(false);
    Registry::default().with(layer.without_time().with_filter(levels(debug)))
}

fn levels(debug: bool) -> Targets {
    let own = if debug { Level::DEBUG } else { Level::INFO };
    Targets::new()
        .with_default(Level::INFO)
        .with_target("nightjar", own)
        .with_target("ext_", own)
        // The AWS SDK logs credentials and whole requests; what fails there is in our messages.
        .with_target("aws_", LevelFilter::OFF)
}

#[cfg(test)]
mod tests;
