//! Rollout of a configuration, as a state: what Envoy is known to have, what it should have, and why it does
//! not have it yet.
//!
//! A rollout goes from the known files to a target configuration, step by step ([`crate::plan`]). A
//! rollback takes the same steps to the configuration that was in force before. What Envoy did not confirm
//! is unknown: the proxy is not ready, and the files are written and confirmed again.

mod admission;
mod advance;
mod completion;
mod effects;
mod folder;
mod held_clusters;
mod metrics;
mod phase_outcome;
mod supervisor_events;
mod target;

pub(crate) use metrics::{RolloutMetrics, RolloutResult};
pub(crate) use target::{Candidate, Direction, Target};

use self::held_clusters::HeldClusters;
use super::{
    Options,
    supervisor::{Stage, Supervisor},
};
use crate::{
    ack::{Counters, Unbound},
    launch::RestartMode,
    plan::{KnownFile, KnownFiles, Running},
};
use nightjar_core::{context::OWN_NAMES, daemon::RefreshOutcome, envoy::File};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The least time between two hot restarts for a configuration that the live Envoy rejects although it passed
/// validation.
const FORCED_RESTART_INTERVAL: Duration = Duration::from_mins(10);
/// The reason of a rollout that repairs what is in force.
const REPAIR: &str = "repair of the configuration in force";
/// When Envoy is asked again after an inconclusive answer.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Whether Envoy is confirmed to serve the files that it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// Envoy was not asked yet.
    #[default]
    Unknown,
    Confirmed,
    /// It does not serve them, or what it serves is unknown, for this reason.
    Failed(String),
}

/// Why the newest set of files is not in force, and will not be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    fingerprint: u64,
    pub(crate) reason: String,
}

/// A bootstrap with which no process got ready.
#[derive(Debug, Clone, Copy)]
struct RejectedBootstrap {
    bootstrap: u64,
    /// The set of files that was rejected for it.
    fingerprint: u64,
}

/// The newest set of files, as long as it is not in force.
#[derive(Debug, Clone, Default)]
enum Pending {
    #[default]
    None,
    New(Candidate),
    /// Its rollout failed; the next refresh tries again.
    Retry(Candidate),
}

/// What the rollout is doing.
#[derive(Debug, Clone, Default)]
enum Activity {
    #[default]
    Idle,
    /// An Envoy that has started is asked which files it has; then the rollout to the target goes on, if there
    /// is one.
    Confirming { id: u64, target: Option<Target> },
    /// Files are written, and Envoy is asked whether it has them.
    Writing {
        id: u64,
        target: Target,
        files: Vec<Arc<File>>,
    },
    /// A bootstrap is written.
    WritingBootstrap {
        id: u64,
        target: Target,
        bootstrap: Arc<File>,
        purpose: Purpose,
    },
    /// A new process has to be started.
    RestartDue { target: Target, blocking: bool },
    /// A new process starts.
    Restarting { target: Target },
    /// The rollout to the target waits for Envoy.
    Waiting(Target),
    /// A whole set that no process reads is written: the target's, or the same with the previous bootstrap.
    Replacing {
        target: Target,
        written: Candidate,
        then: AfterReplace,
    },
}

/// What a bootstrap is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A new process reads it. `blocking`: clusters and routes wait for that process.
    Restart { blocking: bool },
    /// The bootstrap that the live process has read is restored.
    Restore,
}

/// What follows once a whole set is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterReplace {
    /// The next process reads it.
    Nothing,
    /// The set before could not start, and this one can.
    StartEarly,
    /// The starting process began with another bootstrap.
    RestartNow,
    /// The live process watches a folder that is gone.
    Restart,
}

/// What the process that is started for a changed bootstrap reads.
#[derive(Debug, Clone)]
struct Successor {
    target: Target,
    /// The previous bootstrap.
    before: Option<Arc<File>>,
}

/// What is known of the files, and of which of them Envoy has.
#[derive(Debug, Clone)]
pub(crate) struct Rollout {
    update_timeout: Duration,
    validate: bool,
    restart_mode: RestartMode,
    listen_port: u16,
    config_dir: String,
    known: KnownFiles,
    /// Files that a phase is still writing: the disk may have any of the known texts.
    writes_in_flight: BTreeSet<String>,
    running: Option<Running>,
    /// What a process that starts now reads.
    on_disk: Option<Running>,
    counters: Counters,
    warming_tolerated: u64,
    /// The configuration that should be in force: the last one that was rolled out.
    in_force: Option<Candidate>,
    confirmation: Confirmation,
    /// Whether the live process has not been asked yet which files it has.
    needs_confirmation: bool,
    ever_served: bool,
    unbound: Vec<Unbound>,
    pending: Pending,
    validating: Option<Candidate>,
    /// Whether the validation has to be requested yet.
    validation_due: bool,
    /// When the validation in progress was requested.
    validation_began: Option<Instant>,
    validated: Option<Candidate>,
    activity: Activity,
    /// Whether something in force has to be written again.
    repair: bool,
    rejection: Option<Rejection>,
    /// The set of files whose rollout Envoy did not survive. A second death has it rejected.
    crash_suspect: Option<u64>,
    last_forced_restart: Option<Instant>,
    /// Whether the replaced process watches other files of clusters and listeners.
    parent_watches_other_files: bool,
    pending_bootstrap: bool,
    /// The process that is started only for a changed bootstrap, while clusters and routes go on changing.
    successor: Option<Successor>,
    /// Whether another such process may be started.
    may_restart: bool,
    /// The bootstrap with which no process got ready.
    rejected_bootstrap: Option<RejectedBootstrap>,
    retry_at: Option<Instant>,
    /// While Envoy may hold requests back whose route, since replaced, leads to a cluster that is to go.
    held_clusters: HeldClusters,
    /// Why newer templates cannot be fetched or rendered.
    templates_unavailable: Option<String>,
    /// Why newer templates were rejected.
    templates_rejected: Option<String>,
    accepted_templates: Option<u64>,
    outcomes: Vec<(RefreshOutcome, Option<String>)>,
    last_id: u64,
    metrics: RolloutMetrics,
}

impl Rollout {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            update_timeout: options.update_timeout,
            validate: options.validate,
            restart_mode: options.supervisor.restart_mode,
            listen_port: options.listen_port,
            config_dir: options.config_dir.clone(),
            known: KnownFiles::new(),
            writes_in_flight: BTreeSet::new(),
            running: None,
            on_disk: None,
            counters: Counters::default(),
            warming_tolerated: 0,
            in_force: None,
            confirmation: Confirmation::Unknown,
            needs_confirmation: true,
            ever_served: false,
            unbound: Vec::new(),
            pending: Pending::None,
            validating: None,
            validation_due: false,
            validation_began: None,
            validated: None,
            activity: Activity::Idle,
            repair: false,
            rejection: None,
            crash_suspect: None,
            last_forced_restart: None,
            parent_watches_other_files: false,
            pending_bootstrap: false,
            successor: None,
            may_restart: true,
            rejected_bootstrap: None,
            retry_at: None,
            held_clusters: HeldClusters::default(),
            templates_unavailable: None,
            templates_rejected: None,
            accepted_templates: None,
            outcomes: Vec::new(),
            last_id: 0,
            metrics: RolloutMetrics::default(),
        }
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.in_force.is_some()
    }

    pub(crate) fn confirmation(&self) -> &Confirmation {
        &self.confirmation
    }

    /// Why the newest set of files is not in force, once the previous one is in force again.
    pub(crate) fn rejection(&self) -> Option<&Rejection> {
        let rolls_back = self.target().is_some_and(Target::is_back);
        let is_rolled_back = self.in_force.is_none()
            || (!rolls_back && self.confirmation == Confirmation::Confirmed);
        self.rejection.as_ref().filter(|_| is_rolled_back)
    }

    pub(crate) fn unbound(&self) -> &[Unbound] {
        &self.unbound
    }

    pub(crate) fn pending_bootstrap(&self) -> bool {
        self.pending_bootstrap
    }

    pub(crate) fn templates_failed(&self) -> Option<&str> {
        let failed = self.templates_unavailable.as_deref();
        failed.or(self.templates_rejected.as_deref())
    }

    pub(crate) fn accepted_templates(&self) -> Option<u64> {
        self.accepted_templates
    }

    /// How rollouts, phases and validations have ended so far.
    pub(crate) fn metrics(&self) -> RolloutMetrics {
        self.metrics
    }

    /// The configuration that should be in force.
    pub(crate) fn in_force(&self) -> Option<&Candidate> {
        self.in_force.as_ref()
    }

    /// The endpoints of its clusters, without those that telemetry goes through.
    pub(crate) fn endpoints(&self) -> usize {
        let files = self
            .in_force
            .iter()
            .flat_map(|in_force| in_force.configuration.iter());
        files
            .flat_map(|file| file.resources())
            .filter(|resource| !resource.name().starts_with(OWN_NAMES))
            .filter_map(nightjar_core::envoy::Resource::endpoints)
            .sum()
    }

    /// The unbound listener that makes the proxy not ready, if there is one: the main one, or at first any one
    /// that takes requests.
    pub(crate) fn unready_listener(&self) -> Option<&Unbound> {
        let is_main = |unbound: &&Unbound| unbound.port == Some(self.listen_port);
        let takes_requests = |unbound: &&Unbound| !unbound.listener.starts_with(OWN_NAMES);
        let main = self.unbound.iter().find(is_main);
        main.or_else(|| {
            let first = self.unbound.iter().find(takes_requests);
            first.filter(|_| !self.ever_served)
        })
    }

    pub(crate) fn set_templates_unavailable(&mut self, reason: Option<String>) {
        self.templates_unavailable = reason;
    }

    pub(crate) fn take_outcomes(&mut self) -> Vec<(RefreshOutcome, Option<String>)> {
        std::mem::take(&mut self.outcomes)
    }

    /// When there is something to do even without an event.
    pub(crate) fn deadline(&self, supervisor: &Supervisor, now: Instant) -> Option<Instant> {
        let start = match (&self.activity, supervisor.stage()) {
            (Activity::Waiting(_), Stage::Starting { since, .. }) => {
                Some(*since + self.update_timeout)
            }
            _ => None,
        };
        let held = self.held_clusters.deadline();
        [start, self.retry_at, held]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    /// Whether nothing is to be done, but clusters to be removed in a while.
    fn is_settled(&self) -> bool {
        match &self.activity {
            Activity::Idle => true,
            Activity::Waiting(target) => target.is_clearing(),
            _ => false,
        }
    }

    /// The target of the rollout.
    fn target(&self) -> Option<&Target> {
        match &self.activity {
            Activity::Confirming { target, .. } => target.as_ref(),
            Activity::Writing { target, .. }
            | Activity::WritingBootstrap { target, .. }
            | Activity::RestartDue { target, .. }
            | Activity::Restarting { target, .. }
            | Activity::Waiting(target)
            | Activity::Replacing { target, .. } => Some(target),
            Activity::Idle => None,
        }
    }
}

impl KnownFile {
    /// The text, if it can be only one.
    fn only(&self) -> Option<&Arc<File>> {
        match self {
            Self::Confirmed(file) => Some(file),
            Self::Unconfirmed(files) => match files.as_slice() {
                [file] => Some(file),
                _ => None,
            },
        }
    }

    /// The text that was written last.
    fn last(&self) -> Option<&Arc<File>> {
        match self {
            Self::Confirmed(file) => Some(file),
            Self::Unconfirmed(files) => files.last(),
        }
    }
}

fn names(names: &[&String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    quoted.join(", ")
}

#[cfg(test)]
pub(super) mod tests;
