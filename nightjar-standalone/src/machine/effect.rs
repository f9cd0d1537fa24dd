//! Effects: what has to be done, which the executor carries out.

use super::{Generation, supervisor};
use crate::ack::Counters;
use nightjar_core::envoy::{Configuration, File, Secret};
use rustix::process::Signal;
use std::{sync::Arc, time::Duration};

/// A phase to carry out: write files, and wait until Envoy has them.
#[derive(Debug, Clone)]
pub(crate) struct PhaseRequest {
    pub(crate) id: u64,
    /// The files to write, in this order; empty to confirm files that are there.
    pub(crate) writes: Vec<Arc<File>>,
    /// The files that Envoy has to report.
    pub(crate) awaited: Vec<Arc<File>>,
    /// Counters as they were last seen.
    pub(crate) counters: Counters,
    pub(crate) warming_tolerated: u64,
    /// Whether a listener could not bind, so that Envoy may not read its routes.
    pub(crate) is_closed: bool,
}

/// What has to be done.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// Fetch the map and the templates. Templates of this number were the last that Envoy accepted.
    Refresh {
        accepted_templates: Option<u64>,
    },
    /// Send [`Event::RefreshDue`] after this time, give or take a little.
    ScheduleRefresh(Duration),
    /// `beside_own`: a process that reads it will run beside the one that serves now.
    Validate {
        configuration: Configuration,
        beside_own: bool,
    },
    Spawn(supervisor::Process),
    Signal {
        generation: Generation,
        signal: Signal,
    },
    Drain,
    /// This process serves now: the kernel should kill others first when memory runs out.
    ProtectFromOom {
        generation: Generation,
    },
    Probe {
        after: Duration,
    },
    /// Write a whole set that no process reads at this moment.
    ReplaceFiles(Configuration),
    Phase(Box<PhaseRequest>),
    CancelPhase,
    /// Remove the files that were written before and are not in this set.
    RemoveOthers(Configuration),
    InspectFolder,
    /// Watch these secrets, and no others any more.
    WatchSecrets(Vec<Secret>),
    /// The program ends.
    Exit(Result<(), String>),
}
