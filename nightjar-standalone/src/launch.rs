//! Launch settings of Envoy.

use std::{path::PathBuf, time::Duration};

/// What happens to Envoy when its bootstrap changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum RestartMode {
    /// A new process takes the sockets over, then the old one drains.
    #[default]
    Hot,
    /// The old process drains and ends, then a new one starts.
    Cold,
    /// Nothing: the new bootstrap waits for the next start.
    None,
}

/// How Envoy is run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) bootstrap: PathBuf,
    pub(crate) log_level: String,
    pub(crate) base_id: u32,
    pub(crate) extra_args: Vec<String>,
    pub(crate) restart_mode: RestartMode,
    pub(crate) drain_time: Duration,
    pub(crate) kill_wait_time: Duration,
}
