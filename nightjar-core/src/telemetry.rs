//! Logs on standard error.

#[cfg(feature = "daemon")]
mod program;
#[cfg(feature = "daemon")]
mod queue;

#[cfg(feature = "daemon")]
pub use program::{LogFormat, LogGuard, init};

use std::io;
use tracing::Level;
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
};

/// Sends this extension's log to standard error, without times: the caller's log has them.
pub fn init_extension(debug: bool) {
    let _ = tracing::subscriber::set_global_default(extension(debug, io::stderr));
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
#[cfg(feature = "daemon")]
mod tests;
