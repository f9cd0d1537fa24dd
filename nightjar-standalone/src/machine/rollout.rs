//! What Envoy is known to have, what it is to have, and why it has not: the rollout as a state.
//!
//! A rollout is a way from what is known to a configuration, step by step ([`crate::plan`]). Going back
//! is the same way to another configuration, so there is one road in both directions. What Envoy did
//! not confirm is unknown: the proxy is not ready, and it is written and confirmed anew.

mod advance;
mod aim;
mod answers;
mod consider;
mod folder;
mod news;
mod orders;
mod outcomes;
mod tally;

pub(crate) use aim::{Aim, Candidate, Direction};
pub(crate) use tally::{End, Tally};

use super::{
    Rules,
    life::{Life, Stage},
};
use crate::{
    ack::{Counters, Unbound},
    launch::RestartMode,
    plan::{Knowledge, Known, Running},
};
use nightjar_core::{daemon::RefreshOutcome, envoy::File};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::Instant;

/// How often a configuration that the live Envoy refuses and its check took gets a hot restart.
const RESCUE_PERIOD: Duration = Duration::from_mins(10);
/// Why what is in force is written again that Envoy has not all of.
const REPAIR: &str = "what is in force is written anew";
/// When Envoy is asked again, if its answer was none that counts.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether Envoy serves what it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Served {
    /// It is not known yet.
    #[default]
    Unknown,
    Yes,
    /// It does not, or it is not known what it serves, for this reason.
    No(String),
}

/// Why the newest set of files is not in force, and will not be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    print: u64,
    pub(crate) reason: String,
}

/// A bootstrap with which no process came to serve.
#[derive(Debug, Clone, Copy)]
struct RefusedBootstrap {
    bootstrap: u64,
    /// The set of files that was refused for it.
    print: u64,
}

/// The newest set of files that is not in force.
#[derive(Debug, Clone, Default)]
enum Newest {
    #[default]
    None,
    Fresh(Candidate),
    /// Something stood in the way; the next refresh tries again.
    Tried(Candidate),
}

/// What is under way.
#[derive(Debug, Clone, Default)]
enum Work {
    #[default]
    Idle,
    /// An Envoy that has started is asked for what it has; then the aim is gone for, if there is one.
    Confirming { id: u64, aim: Option<Aim> },
    /// Files are written, and Envoy is asked whether it has them.
    Writing {
        id: u64,
        aim: Aim,
        files: Vec<Arc<File>>,
    },
    /// A bootstrap is written.
    WritingBootstrap {
        id: u64,
        aim: Aim,
        bootstrap: Arc<File>,
        purpose: Purpose,
    },
    /// A new process has to come.
    MustRestart { aim: Aim, leads: bool },
    /// A new process comes.
    Restarting { aim: Aim },
    /// The aim waits for Envoy.
    Held(Aim),
    /// A whole set is written that nobody reads: the aim's, or that with the bootstrap before.
    Replacing {
        aim: Aim,
        written: Candidate,
        then: AfterReplace,
    },
}

/// What a bootstrap is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A new process reads it; `leads`: clusters and routes wait for that.
    Restart { leads: bool },
    /// It is the one that the live process has read.
    PutBack,
}

/// What follows a set that was written as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterReplace {
    /// Whoever starts reads it.
    Nothing,
    /// What was there before could not start, and this does.
    StartEarly,
    /// The starting process began with another bootstrap.
    RestartAtOnce,
    /// The live process watches a folder that is gone.
    Restart,
}

/// What the process that comes for a changed bootstrap reads.
#[derive(Debug, Clone)]
struct Successor {
    aim: Aim,
    /// The bootstrap before.
    before: Option<Arc<File>>,
}

/// What is known of the files and of Envoy's opinion of them.
#[derive(Debug, Clone)]
pub(crate) struct Rollout {
    update_timeout: Duration,
    validate: bool,
    restart_mode: RestartMode,
    listen_port: u16,
    config_dir: String,
    known: Knowledge,
    /// Files of which the disk may have any of the known texts, as a phase that writes them has not ended.
    in_doubt: BTreeSet<String>,
    running: Option<Running>,
    /// What a process reads that starts now.
    on_disk: Option<Running>,
    counters: Counters,
    given_up: u64,
    /// What is meant to be in force.
    base: Option<Candidate>,
    served: Served,
    /// Whether a process serves that has not been asked yet what it has.
    unconfirmed: bool,
    ever_served: bool,
    unbound: Vec<Unbound>,
    newest: Newest,
    checking: Option<Candidate>,
    /// Whether the check has to be ordered yet.
    check_due: bool,
    /// When the check that is under way was ordered.
    check_began: Option<Instant>,
    checked: Option<Candidate>,
    work: Work,
    /// Whether something in force has to be written anew.
    repair: bool,
    refused: Option<Refusal>,
    /// The set of files that Envoy died of, or only with.
    suspect: Option<u64>,
    rescued: Option<Instant>,
    /// Whether the replaced process watches other files of clusters and listeners.
    reshaped: bool,
    pending_bootstrap: bool,
    /// The process that comes for a changed bootstrap alone, while clusters and routes go on changing.
    successor: Option<Successor>,
    /// Whether another may be started.
    may_restart: bool,
    /// The bootstrap with which no process came to serve.
    refused_bootstrap: Option<RefusedBootstrap>,
    pause_until: Option<Instant>,
    /// Why newer templates are not to be had, or make no files.
    templates_missing: Option<String>,
    /// Why newer templates were refused.
    templates_refused: Option<String>,
    accepted_templates: Option<u64>,
    outcomes: Vec<(RefreshOutcome, Option<String>)>,
    last_id: u64,
    tally: Tally,
}

impl Rollout {
    pub(crate) fn new(rules: &Rules) -> Self {
        Self {
            update_timeout: rules.update_timeout,
            validate: rules.validate,
            restart_mode: rules.life.restart_mode,
            listen_port: rules.listen_port,
            config_dir: rules.config_dir.clone(),
            known: Knowledge::new(),
            in_doubt: BTreeSet::new(),
            running: None,
            on_disk: None,
            counters: Counters::default(),
            given_up: 0,
            base: None,
            served: Served::Unknown,
            unconfirmed: true,
            ever_served: false,
            unbound: Vec::new(),
            newest: Newest::None,
            checking: None,
            check_due: false,
            check_began: None,
            checked: None,
            work: Work::Idle,
            repair: false,
            refused: None,
            suspect: None,
            rescued: None,
            reshaped: false,
            pending_bootstrap: false,
            successor: None,
            may_restart: true,
            refused_bootstrap: None,
            pause_until: None,
            templates_missing: None,
            templates_refused: None,
            accepted_templates: None,
            outcomes: Vec::new(),
            last_id: 0,
            tally: Tally::default(),
        }
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.base.is_some()
    }

    pub(crate) fn served(&self) -> &Served {
        &self.served
    }

    /// Why the newest set of files is not in force, once the one before is again.
    pub(crate) fn refused(&self) -> Option<&Refusal> {
        let goes_back = self.aim().is_some_and(|aim| !aim.is_forward());
        let is_back = self.base.is_none() || (!goes_back && self.served == Served::Yes);
        self.refused.as_ref().filter(|_| is_back)
    }

    pub(crate) fn unbound(&self) -> &[Unbound] {
        &self.unbound
    }

    pub(crate) fn pending_bootstrap(&self) -> bool {
        self.pending_bootstrap
    }

    pub(crate) fn templates_failed(&self) -> Option<&str> {
        let failed = self.templates_missing.as_deref();
        failed.or(self.templates_refused.as_deref())
    }

    pub(crate) fn accepted_templates(&self) -> Option<u64> {
        self.accepted_templates
    }

    /// What has become of rollouts so far.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// What is meant to be in force.
    pub(crate) fn base(&self) -> Option<&Candidate> {
        self.base.as_ref()
    }

    /// The endpoints of its clusters.
    pub(crate) fn endpoints(&self) -> usize {
        let files = self.base.iter().flat_map(|base| base.configuration.iter());
        files
            .flat_map(|file| file.resources())
            .filter_map(nightjar_core::envoy::Resource::endpoints)
            .sum()
    }

    /// Whether a listener that cannot bind stands against readiness.
    pub(crate) fn unbound_in_the_way(&self) -> Option<&Unbound> {
        let main = |unbound: &&Unbound| unbound.port == Some(self.listen_port);
        let main = self.unbound.iter().find(main);
        main.or_else(|| self.unbound.first().filter(|_| !self.ever_served))
    }

    pub(crate) fn set_templates_missing(&mut self, reason: Option<String>) {
        self.templates_missing = reason;
    }

    pub(crate) fn take_outcomes(&mut self) -> Vec<(RefreshOutcome, Option<String>)> {
        std::mem::take(&mut self.outcomes)
    }

    /// When there is something to do without an event.
    pub(crate) fn deadline(&self, life: &Life, now: Instant) -> Option<Instant> {
        let start = match (&self.work, life.stage()) {
            (Work::Held(_), Stage::Starting { since, .. }) => Some(*since + self.update_timeout),
            _ => None,
        };
        [start, self.pause_until]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    /// What is gone for.
    fn aim(&self) -> Option<&Aim> {
        match &self.work {
            Work::Confirming { aim, .. } => aim.as_ref(),
            Work::Writing { aim, .. }
            | Work::WritingBootstrap { aim, .. }
            | Work::MustRestart { aim, .. }
            | Work::Restarting { aim, .. }
            | Work::Held(aim)
            | Work::Replacing { aim, .. } => Some(aim),
            Work::Idle => None,
        }
    }
}

impl Known {
    /// The text, if there is one alone that it can be.
    fn only(&self) -> Option<&Arc<File>> {
        match self {
            Self::Confirmed(file) => Some(file),
            Self::Unsure(files) => match files.as_slice() {
                [file] => Some(file),
                _ => None,
            },
        }
    }

    /// The text that was written last.
    fn last(&self) -> Option<&Arc<File>> {
        match self {
            Self::Confirmed(file) => Some(file),
            Self::Unsure(files) => files.last(),
        }
    }
}

fn names(names: &[&String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    quoted.join(", ")
}

#[cfg(test)]
pub(super) mod tests;
