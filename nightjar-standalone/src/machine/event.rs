//! Events: what happened, as the tasks of the executor report it.

use super::{Candidate, Generation, RefreshStats};
use crate::{
    ack::{Counters, Unbound},
    secrets::SecretReport,
};
use nightjar_core::daemon::EmptyMap;
use std::fmt;

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessExit {
    /// The exit status, for the log.
    pub(crate) reason: String,
    /// The last error in its log.
    pub(crate) last_error: Option<String>,
    /// Whether a signal ended it.
    pub(crate) by_signal: bool,
}

impl ProcessExit {
    pub(super) fn with_reason(reason: String) -> Self {
        Self {
            reason,
            last_error: None,
            by_signal: false,
        }
    }

    pub(super) fn mentions(&self, text: &str) -> bool {
        self.last_error
            .as_ref()
            .is_some_and(|last_error| last_error.contains(text))
    }
}

impl fmt::Display for ProcessExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        self.last_error
            .as_ref()
            .map_or(Ok(()), |last_error| write!(f, ": {last_error}"))
    }
}

/// The result of a question to Envoy's admin interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Probe {
    Answered {
        live: bool,
        /// The state as Envoy names it, such as `INITIALIZING`.
        state: String,
        epoch: u64,
        config_path: String,
    },
    NoAnswer(String),
}

/// The result of a refresh.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refreshed {
    /// The set of files to roll out, if it may differ from the previous one.
    pub(crate) candidate: Option<Candidate>,
    /// The version of the last good discovery map.
    pub(crate) map_version: Option<String>,
    /// Why the newest templates are not used, if they are not.
    pub(crate) templates_failed: Option<String>,
    /// The map without endpoints that is not accepted yet.
    pub(crate) empty_map: Option<EmptyMap>,
    /// Why no set of files was built from map and templates.
    pub(crate) not_built: Option<NotBuilt>,
}

/// Why no set of files was built from a map and templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotBuilt {
    pub(crate) reason: String,
    /// Whether rendering failed; else files were rendered that Envoy cannot read.
    pub(crate) failed: bool,
}

/// Why a set of files did not pass validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValidationError {
    /// Envoy would reject it.
    Rejected(String),
    /// Envoy could not be asked.
    Unavailable(String),
}

/// How a phase ended.
#[derive(Debug, Clone)]
pub(crate) enum PhaseOutcome {
    /// Envoy has all of it.
    Accepted {
        counters: Counters,
        /// Listeners that it could not bind, `None` if the phase had none.
        unbound: Option<Vec<Unbound>>,
        /// How many clusters and listeners may go on warming.
        warming_tolerated: u64,
    },
    /// Envoy rejected a file.
    Rejected { reason: String, counters: Counters },
    /// Envoy did not answer in time whether it has all of it.
    TimedOut { reason: String },
    /// The folder could not be written.
    NotWritten { reason: String, partly: bool },
}

/// What happened.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A refresh is due, or asked for.
    RefreshDue,
    Refreshed {
        result: Result<Refreshed, String>,
        /// Of this refresh and all before it.
        stats: Box<RefreshStats>,
    },
    Validated {
        fingerprint: u64,
        result: Result<(), ValidationError>,
    },
    SpawnFailed {
        generation: Generation,
        reason: String,
    },
    Exited {
        generation: Generation,
        exit: ProcessExit,
    },
    Probed(Probe),
    Drained,
    PhaseEnded {
        id: u64,
        outcome: PhaseOutcome,
    },
    /// A whole set was written, or not.
    FilesReplaced(Result<(), String>),
    /// Somebody else changed the folder.
    FolderInspected {
        /// Files that were removed or changed.
        missing: Vec<String>,
        /// The folder itself was replaced: Envoy watches one that is gone.
        lost: bool,
    },
    /// Problems with secrets that Envoy reads by itself.
    Secrets(SecretReport),
    /// The time that [`State::deadline`] gave is over.
    DeadlinePassed,
    Stop(String),
}
