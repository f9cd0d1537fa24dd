//! Envoy's life as a state: which process serves, which one comes, which ones go.
//!
//! Pure: events in, orders and news out. [`crate::process`] carries the orders out.

mod ending;
mod events;
mod wait;

use super::{Effect, Generation};
use crate::launch::RestartMode;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

/// After so many failures in a row the orchestrator had better replace the container.
const MAX_FAILURES: u32 = 10;
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a new Envoy may take until it serves.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// How much longer than the drain time a replaced Envoy lives.
pub(crate) const PARENT_GRACE: Duration = Duration::from_secs(1);
/// How much longer than it should a replaced Envoy may take to end.
const PARENT_TIMEOUT: Duration = Duration::from_secs(10);
/// What a new Envoy says that cannot take over.
const STILL_INITIALIZING: &str = "previous envoy process is still initializing";
/// How often a starting Envoy is asked whether it serves, and a serving one whether it still answers.
const START_PROBE: Duration = Duration::from_millis(20);
const LIVE_PROBE: Duration = Duration::from_secs(5);
/// How long a serving Envoy may be silent. Its main thread has seconds of work with a very large update.
const SILENCE: Duration = Duration::from_secs(15);
/// How long one may be silent whose successor failed: that may have closed its admin interface for good.
const SILENCE_AFTER_HAND_OVER: Duration = Duration::from_secs(2);

/// What has to be known of the settings.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) restart_mode: RestartMode,
    pub(crate) drain_time: Duration,
    pub(crate) kill_wait_time: Duration,
    /// The path of the bootstrap, by which an Envoy of ours is told from another.
    pub(crate) bootstrap_path: String,
}

/// One Envoy process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) generation: Generation,
    /// Counts hot restarts, from 0.
    pub(crate) epoch: u32,
}

/// Where Envoy is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not wanted yet.
    Idle,
    /// Started, and not serving yet. Nobody serves.
    Starting { process: Process, since: Instant },
    /// Serving.
    Live {
        process: Process,
        since: Instant,
        heard: Instant,
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
        old_answers: bool,
    },
    /// The process that serves finishes what it has begun, and ends; then comes what comes.
    Ending {
        process: Option<Process>,
        step: EndStep,
        then: Then,
    },
    /// No process serves; the next start is due at this time.
    Waiting { until: Instant },
    /// It failed too often.
    GaveUp,
    /// Ended by order.
    Ended,
}

/// How far an end by order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndStep {
    /// It is asked to finish what it has begun, until this time at the longest.
    Draining { until: Instant, drained: bool },
    /// It was sent SIGTERM, and is sent SIGKILL at this time.
    Terminating { until: Instant },
    /// It was sent SIGKILL.
    Killing,
}

/// What follows an end by order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// A new process, which reads the changed bootstrap.
    Start,
    /// Nothing.
    End,
}

/// What happened that others have to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// A process was started that reads all its files anew.
    Started,
    /// A process serves that nobody has handed over to.
    Live,
    /// The new process serves.
    HandedOver,
    /// The new process did not come to serve.
    HandOverFailed {
        reason: String,
        retry: bool,
    },
    /// The process that served, or was about to, ended by itself.
    Died {
        /// Why, if it could not start.
        start_failed: Option<String>,
    },
    /// No replaced process is left.
    ParentsGone,
    GaveUp,
    /// Nothing runs any more, by order.
    Ended,
}

/// Envoy's life.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    rules: Rules,
    stage: Stage,
    /// Replaced processes that finish what they have begun, each with when it is killed.
    parents: BTreeMap<Generation, Instant>,
    /// Processes that were killed and have not ended yet.
    killed: BTreeSet<Generation>,
    /// Failures in a row.
    failures: u32,
    generations: Generation,
    /// Until when a hand-over that is under way may take, if a stop was ordered meanwhile.
    stop_by: Option<Instant>,
    /// When it was last told what the process waits for that is to serve.
    told: Option<Instant>,
    pub(crate) starts: u64,
    pub(crate) exits: u64,
}

/// Effects and news of one step.
#[derive(Debug, Default)]
pub(crate) struct Out {
    pub(crate) effects: Vec<Effect>,
    pub(crate) news: Vec<News>,
}

impl Out {
    fn order(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn probe(&mut self, after: Duration) {
        self.order(Effect::Probe { after });
    }
}

impl Life {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            stage: Stage::Idle,
            parents: BTreeMap::new(),
            killed: BTreeSet::new(),
            failures: 0,
            generations: 0,
            stop_by: None,
            told: None,
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

    /// Whether replaced processes finish what they have begun.
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
        let hot = self.rules.restart_mode == RestartMode::Hot;
        undecided || (hot && self.has_parents())
    }

    /// When there is something to do without an event.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let own = match &self.stage {
            Stage::Starting { since, .. } => Some(*since + START_TIMEOUT),
            Stage::HandingOver { since, .. } => Some(self.hand_over_until(*since)),
            Stage::Waiting { until } if self.killed.is_empty() => Some(*until),
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

    /// Starts Envoy, if it is not wanted yet.
    pub(crate) fn start(&mut self, now: Instant, out: &mut Out) {
        if self.stage == Stage::Idle {
            self.spawn_first(now, out);
        }
    }

    /// Starts Envoy without waiting longer, if it ended by itself.
    pub(crate) fn start_early(&mut self, now: Instant, out: &mut Out) {
        if let Stage::Waiting { until } = &mut self.stage {
            *until = now;
            self.tick(now, out);
        }
    }

    /// Makes a changed bootstrap take effect. `false`: by the restart mode, it waits for the next start.
    pub(crate) fn restart(&mut self, now: Instant, out: &mut Out) -> bool {
        let Stage::Live {
            process,
            succession_failed,
            ..
        } = self.stage
        else {
            return false;
        };
        match self.rules.restart_mode {
            RestartMode::None => false,
            RestartMode::Hot if !succession_failed => {
                let new = self.spawn(process.epoch + 1, out);
                tracing::info!("envoy is replaced by a new process (epoch {})", new.epoch);
                self.stage = Stage::HandingOver {
                    old: process,
                    new,
                    since: now,
                    old_answers: true,
                };
                out.probe(START_PROBE);
                true
            }
            RestartMode::Hot | RestartMode::Cold => {
                self.end(Some(process), Then::Start, now, out);
                true
            }
        }
    }

    /// Ends a process that does not come to serve, and starts another.
    pub(crate) fn restart_at_once(&mut self, now: Instant, out: &mut Out) {
        self.kill_all(out);
        self.stage = Stage::Waiting { until: now };
        self.tick(now, out);
    }

    fn spawn_first(&mut self, now: Instant, out: &mut Out) {
        let process = self.spawn(0, out);
        self.stage = Stage::Starting {
            process,
            since: now,
        };
        out.news.push(News::Started);
        out.probe(START_PROBE);
    }

    fn spawn(&mut self, epoch: u32, out: &mut Out) -> Process {
        self.starts += 1;
        self.told = None;
        self.generations += 1;
        let process = Process {
            generation: self.generations,
            epoch,
        };
        out.order(Effect::Spawn(process));
        process
    }
}

#[cfg(test)]
pub(super) mod tests;
