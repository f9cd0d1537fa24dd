//! Supervisor of the Envoy processes, as a state: which one serves, which one starts, which ones end.
//!
//! Pure: events in, effects and events for the rollout out. [`crate::process`] carries the effects out.

mod events;
mod start_progress;
mod termination;

use super::{Effect, Generation};
use crate::launch::RestartMode;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

/// After so many failures in a row the orchestrator should replace the container.
const MAX_FAILURES: u32 = 10;
const MIN_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// How long a new Envoy may take until it serves.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// How much longer than the drain time a replaced Envoy may run.
pub(crate) const PARENT_GRACE: Duration = Duration::from_secs(1);
/// How much longer than it should a replaced Envoy may take to end.
const PARENT_TIMEOUT: Duration = Duration::from_secs(10);
/// The error of a new Envoy that cannot take over.
const PARENT_INITIALIZING: &str = "previous envoy process is still initializing";
/// How often a starting Envoy is asked whether it serves, and a serving one whether it still answers.
const START_PROBE_INTERVAL: Duration = Duration::from_millis(20);
const LIVE_PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// How long a serving Envoy may leave probes unanswered. A very large update keeps its main thread busy for
/// seconds.
const PROBE_TIMEOUT: Duration = Duration::from_secs(15);
/// The same for one whose successor failed: that may have closed its admin interface for good.
const PROBE_TIMEOUT_AFTER_HAND_OVER: Duration = Duration::from_secs(2);

/// The settings of the supervisor.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) restart_mode: RestartMode,
    pub(crate) drain_time: Duration,
    pub(crate) kill_wait_time: Duration,
    /// The path of the bootstrap, which distinguishes an Envoy of this proxy from another one.
    pub(crate) bootstrap_path: String,
}

/// One Envoy process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) generation: Generation,
    /// Counts hot restarts, from 0.
    pub(crate) epoch: u32,
}

/// The stage that Envoy is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No Envoy is wanted yet.
    Idle,
    /// Started, and not serving yet. No other process serves.
    Starting { process: Process, since: Instant },
    /// Serving.
    Live {
        process: Process,
        since: Instant,
        last_answer: Instant,
        /// Whether a successor failed, which may have closed this one's admin interface.
        succession_failed: bool,
        /// How it showed that it has not answered for too long.
        unresponsive: Option<String>,
    },
    /// A new process takes over from the one that serves.
    HandingOver {
        old: Process,
        new: Process,
        since: Instant,
        /// Whether the old one can still be asked.
        old_responds: bool,
    },
    /// The process that serves drains and ends, and `then` follows.
    Ending {
        process: Option<Process>,
        step: EndStep,
        then: AfterEnd,
    },
    /// No process serves; the next start is due at this time.
    Backoff { until: Instant },
    /// Envoy failed too often.
    GaveUp,
    /// Every process ended, as it was asked to.
    Ended,
}

/// How far the end of a process that was asked to end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndStep {
    /// It drains, until this time at the longest.
    Draining { until: Instant, drained: bool },
    /// It was sent SIGTERM, and is sent SIGKILL at this time.
    Terminating { until: Instant },
    /// It was sent SIGKILL.
    Killing,
}

/// What follows once a process that was asked to end has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterEnd {
    /// A new process, which reads the changed bootstrap.
    Start,
    /// Nothing.
    Exit,
}

/// What happened to the processes that the rollout has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SupervisorEvent {
    /// A process was started that reads all its files anew.
    Started,
    /// A process serves that did not take over from another.
    Live,
    /// The new process serves.
    HandedOver,
    /// The new process did not get ready.
    HandOverFailed {
        reason: String,
        retry: bool,
    },
    /// The process that served, or was starting, ended by itself.
    Died {
        /// Why, if it could not start.
        start_failed: Option<String>,
    },
    /// No replaced process is left.
    ParentsGone,
    GaveUp,
    /// Every process ended, as it was asked to.
    Ended,
}

/// What is known of the Envoy processes.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor {
    options: Options,
    stage: Stage,
    /// Replaced processes that drain, each with the time at which it is killed.
    parents: BTreeMap<Generation, Instant>,
    /// Processes that were killed and have not ended yet.
    killed: BTreeSet<Generation>,
    /// Failures in a row.
    failures: u32,
    generations: Generation,
    /// When a hand-over that is in progress has to be over, if a stop was requested meanwhile.
    stop_by: Option<Instant>,
    /// When the log last said what the starting process waits for.
    wait_logged: Option<Instant>,
    pub(crate) starts: u64,
    pub(crate) exits: u64,
}

/// Effects and supervisor events of one step.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) effects: Vec<Effect>,
    pub(crate) events: Vec<SupervisorEvent>,
}

impl Output {
    fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn probe(&mut self, after: Duration) {
        self.push(Effect::Probe { after });
    }
}

impl Supervisor {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            stage: Stage::Idle,
            parents: BTreeMap::new(),
            killed: BTreeSet::new(),
            failures: 0,
            generations: 0,
            stop_by: None,
            wait_logged: None,
            starts: 0,
            exits: 0,
        }
    }

    pub(crate) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The process that serves.
    pub(crate) fn live(&self) -> Option<Process> {
        match &self.stage {
            Stage::Live { process, .. } => Some(*process),
            _ => None,
        }
    }

    pub(crate) fn unresponsive(&self) -> Option<&str> {
        match &self.stage {
            Stage::Live { unresponsive, .. } => unresponsive.as_deref(),
            _ => None,
        }
    }

    /// Whether replaced processes still drain.
    pub(crate) fn has_parents(&self) -> bool {
        !self.parents.is_empty()
    }

    /// Whether a process takes over, or the one before it has not ended: no other can take over then.
    pub(crate) fn is_handing_over(&self) -> bool {
        // Whether one can be asked whose successor failed is seen at once.
        let undecided = matches!(
            self.stage,
            Stage::HandingOver { .. }
                | Stage::Live {
                    succession_failed: true,
                    ..
                }
        );
        let hot = self.options.restart_mode == RestartMode::Hot;
        undecided || (hot && self.has_parents())
    }

    /// When there is something to do even without an event.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let own = match &self.stage {
            Stage::Starting { since, .. } => Some(*since + START_TIMEOUT),
            Stage::HandingOver { since, .. } => Some(self.hand_over_until(*since)),
            Stage::Backoff { until } if self.killed.is_empty() => Some(*until),
            Stage::Ending {
                step: EndStep::Draining { until, .. } | EndStep::Terminating { until },
                ..
            } => Some(*until),
            _ => None,
        };
        self.parents.values().copied().chain(own).min()
    }

    fn hand_over_until(&self, since: Instant) -> Instant {
        let limit = since + START_TIMEOUT;
        self.stop_by.map_or(limit, |stop| stop.min(limit))
    }

    /// Starts Envoy, if it was not wanted before.
    pub(crate) fn start(&mut self, now: Instant, out: &mut Output) {
        if self.stage == Stage::Idle {
            self.spawn_first(now, out);
        }
    }

    /// Starts Envoy without further backoff, if it ended by itself.
    pub(crate) fn start_early(&mut self, now: Instant, out: &mut Output) {
        if let Stage::Backoff { until } = &mut self.stage {
            *until = now;
            self.deadline_passed(now, out);
        }
    }

    /// Makes a changed bootstrap take effect. `false`: by the restart mode, it waits for the next start.
    pub(crate) fn restart(&mut self, now: Instant, out: &mut Output) -> bool {
        let Stage::Live {
            process,
            succession_failed,
            ..
        } = self.stage
        else {
            return false;
        };
        match self.options.restart_mode {
            RestartMode::None => false,
            RestartMode::Hot if !succession_failed => {
                let new = self.spawn(process.epoch + 1, out);
                tracing::info!("envoy is replaced by a new process (epoch {})", new.epoch);
                self.stage = Stage::HandingOver {
                    old: process,
                    new,
                    since: now,
                    old_responds: true,
                };
                out.probe(START_PROBE_INTERVAL);
                true
            }
            RestartMode::Hot | RestartMode::Cold => {
                self.end(Some(process), AfterEnd::Start, now, out);
                true
            }
        }
    }

    /// Kills every process, and starts another.
    pub(crate) fn restart_now(&mut self, now: Instant, out: &mut Output) {
        self.kill_all(out);
        self.stage = Stage::Backoff { until: now };
        self.deadline_passed(now, out);
    }

    fn spawn_first(&mut self, now: Instant, out: &mut Output) {
        let process = self.spawn(0, out);
        self.stage = Stage::Starting {
            process,
            since: now,
        };
        out.events.push(SupervisorEvent::Started);
        out.probe(START_PROBE_INTERVAL);
    }

    fn spawn(&mut self, epoch: u32, out: &mut Output) -> Process {
        self.starts += 1;
        self.wait_logged = None;
        self.generations += 1;
        let process = Process {
            generation: self.generations,
            epoch,
        };
        out.push(Effect::Spawn(process));
        process
    }
}

#[cfg(test)]
pub(super) mod tests;
