//! What the long-running programs share: all that surrounds their refreshes.
//!
//! ```text
//! settings   the environment variables that all of them have
//! temp_dir   the folder for temporary files
//! discovery  a document that is fetched and checked; the map that is believed
//! known      variables that are near a known one
//! orphans    dead processes that a container's first process has to clear away
//! pace       when the next refresh is due
//! status     what is known of the program, and the port that tells it
//! metrics    the Prometheus text format
//! word       what a program leaves behind for `--check-ready`
//! ```

pub mod discovery;
mod known;
pub mod metrics;
mod orphans;
pub mod pace;
pub mod settings;
pub mod status;
pub mod temp_dir;
pub mod word;

pub use discovery::{Discovery, FetchError, fetch};
pub use known::{EXTENSION_SETTINGS, PROXY_PROPERTY, misspelt_settings};
pub use metrics::Page;
pub use pace::Pace;
pub use settings::Settings;
pub use status::{Facts, Outcome, Progress, Readiness, Status};
pub use temp_dir::TempDir;

use std::{error::Error, io};

/// Runs a program's work to its end, on one thread.
///
/// # Errors
/// If there can be no runtime.
pub fn block_on<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(async {
        tokio::spawn(orphans::clear_away());
        work.await
    }))
}

/// An error with its causes, each told once: many name their cause in their own text.
pub fn in_full(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.ends_with(&told) {
            text = format!("{text}: {told}");
        }
        cause = error.source();
    }
    text
}
