//! What the long-running programs share: all that surrounds their refreshes.
//!
//! ```text
//! settings       the environment variables that all of them have
//! temp_dir       the folder for temporary files
//! dir_lock       locks by which a running process owns a folder
//! discovery      a document that is fetched and checked; the map that is believed
//! known          variables that are near a known one
//! orphans        dead processes that a container's first process has to clear away
//! refresh_timer  when the next refresh is due
//! progress       how the refreshes went: failures in a row, recovery, when the next one is due
//! status         what is known of the program, and the port that tells it
//! metrics        the Prometheus text format
//! memory         how much of it the program takes
//! ready_file     the file that a running program keeps for `--check-ready`
//! ```

pub mod dir_lock;
pub mod discovery;
mod known;
mod memory;
pub mod metrics;
mod orphans;
pub mod progress;
pub mod ready_file;
pub mod refresh_timer;
pub mod settings;
pub mod status;
pub mod temp_dir;

pub use discovery::{Discovery, EmptyMap, FetchError, fetch};
pub use known::{EXTENSION_SETTINGS, PROXY_PROPERTY, misspelt_settings};
pub use metrics::Page;
pub use progress::{Now, Outcome, Progress, Recovery};
pub use ready_file::ReadyFile;
pub use refresh_timer::{Pauses, RefreshTimer, Trigger};
pub use settings::Settings;
pub use status::{Facts, Readiness, Status};
pub use temp_dir::TempDir;

use std::io;

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
