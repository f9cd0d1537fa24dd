//! Parts of long-running programs: all that surrounds their refreshes.
//!
//! ```text
//! entry          arguments, settings, log and exit code: the `main` of a program
//! settings       the environment variables that all of them have
//! temp_dir       the folder for temporary files
//! dir_lock       locks by which a running process owns a folder
//! discovery      fetched and validated documents; the map that is accepted
//! misspelt       variables whose names are near a known one
//! reaper         zombies, which a container's first process has to reap
//! refresh_timer  when the next refresh is due
//! progress       progress of the refreshes: failures in a row, recovery, when the next one is due
//! status         status of the program, and the port that serves it
//! metrics        the Prometheus text format
//! memory         memory of the program
//! ready_file     the file that a running program keeps for `--check-ready`
//! ```

pub mod dir_lock;
pub mod discovery;
pub mod entry;
mod memory;
pub mod metrics;
mod misspelt;
pub mod progress;
pub mod ready_file;
mod reaper;
pub mod refresh_timer;
pub mod settings;
pub mod status;
pub mod temp_dir;

pub use discovery::{Discovery, EmptyMap, FetchError, fetch};
pub use entry::{EntryError, EntryPoint};
pub use metrics::MetricsPage;
pub use misspelt::{EXTENSION_SETTINGS, PROXY_PROPERTY, misspelt_settings};
pub use progress::{Now, Recovery, RefreshOutcome, RefreshProgress};
pub use ready_file::ReadyFile;
pub use refresh_timer::{Pauses, RefreshTimer, Trigger};
pub use settings::Settings;
pub use status::{Readiness, SharedStatus, StatusReport};
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
        tokio::spawn(reaper::reap_zombies());
        work.await
    }))
}
