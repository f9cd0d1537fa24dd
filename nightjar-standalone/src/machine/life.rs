//! Envoy's life as a state: which process serves, which one comes, which ones go.
//!
//! Pure: events in, orders and news out. [`crate::process`] carries the orders out.

use super::{Effect, Exit, Generation, Probe, seconds};
use crate::launch::RestartMode;
use rustix::process::Signal;
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

    /// Drains and ends all.
    pub(crate) fn stop(&mut self, now: Instant, out: &mut Out) {
        match self.stage.clone() {
            Stage::Live { process, .. } => self.end(Some(process), Then::End, now, out),
            // The new process may have taken the sockets: it is let finish, and drained then.
            Stage::HandingOver { .. } => {
                // Half of the time is left for what it has begun, if the new process does not come.
                self.stop_by = Some(now + self.rules.drain_time / 2);
            }
            Stage::Ending {
                process: Some(_),
                step,
                ..
            } => {
                if let Stage::Ending { then, .. } = &mut self.stage {
                    *then = Then::End;
                }
                let _ = step;
            }
            // It serves nobody.
            Stage::Starting { process, .. } => {
                self.stage = Stage::Ending {
                    process: Some(process),
                    step: EndStep::Terminating {
                        until: now + self.rules.kill_wait_time,
                    },
                    then: Then::End,
                };
                out.order(Effect::Signal {
                    generation: process.generation,
                    signal: Signal::TERM,
                });
            }
            Stage::Idle | Stage::Waiting { .. } | Stage::GaveUp | Stage::Ending { .. } => {
                self.end(None, Then::End, now, out);
            }
            Stage::Ended => out.news.push(News::Ended),
        }
    }

    /// The process could not be started at all.
    pub(crate) fn spawn_failed(
        &mut self,
        generation: Generation,
        reason: String,
        now: Instant,
        out: &mut Out,
    ) {
        self.exited(generation, &Exit::because(reason), now, out);
    }

    /// A process ended.
    pub(crate) fn exited(
        &mut self,
        generation: Generation,
        exit: &Exit,
        now: Instant,
        out: &mut Out,
    ) {
        if self.killed.remove(&generation) {
            return self.after_end(now, out);
        }
        if self.parents.remove(&generation).is_some() {
            if self.parents.is_empty() {
                out.news.push(News::ParentsGone);
            }
            return self.after_end(now, out);
        }
        let own = |process: &Process| process.generation == generation;
        match self.stage.clone() {
            Stage::Starting { process, .. } if own(&process) => {
                self.died(exit, Duration::ZERO, now, out);
            }
            Stage::Live { process, since, .. } if own(&process) => {
                self.died(exit, now - since, now, out);
            }
            Stage::HandingOver { old, new, .. } if own(&new) && exit.says(STILL_INITIALIZING) => {
                // An earlier hand-over that failed left this behind, and every later one meets it.
                tracing::warn!("envoy cannot hand over any more, and is restarted cold");
                self.become_live(old, now, out);
                self.end(Some(old), Then::Start, now, out);
            }
            Stage::HandingOver { old, new, .. } if own(&new) => {
                let failed = News::HandOverFailed {
                    reason: format!("the new envoy did not come to serve: {exit}"),
                    retry: exit.by_signal,
                };
                self.hand_over_failed(old, failed, now, out);
            }
            // The new one waits for answers that never come.
            Stage::HandingOver { old, .. } if own(&old) => self.died(exit, LONGEST_PAUSE, now, out),
            Stage::Ending {
                process: Some(process),
                step,
                then,
            } if own(&process) => {
                self.stage = Stage::Ending {
                    process: None,
                    step,
                    then,
                };
                self.end_parents(out);
                self.after_end(now, out);
            }
            _ => {}
        }
    }

    /// An answer of the admin interface, or none.
    pub(crate) fn probed(&mut self, probe: &Probe, now: Instant, out: &mut Out) {
        let rules_path = self.rules.bootstrap_path.clone();
        let is_live = |process: &Process| {
            matches!(probe, Probe::Answered { live: true, epoch, config_path }
                if *epoch == u64::from(process.epoch) && *config_path == rules_path)
        };
        match &mut self.stage {
            Stage::Starting { process, .. } => {
                if is_live(process) {
                    let process = *process;
                    self.become_live(process, now, out);
                    tracing::info!("envoy is live");
                    out.news.push(News::Live);
                } else {
                    out.probe(START_PROBE);
                }
            }
            Stage::HandingOver {
                old,
                new,
                old_answers,
                ..
            } => {
                *old_answers = is_live(old);
                if is_live(new) {
                    let (old, new) = (*old, *new);
                    let lives = self.rules.drain_time + PARENT_GRACE + PARENT_TIMEOUT;
                    self.parents.insert(old.generation, now + lives);
                    self.become_live(new, now, out);
                    out.order(Effect::Keep {
                        generation: new.generation,
                    });
                    out.news.push(News::HandedOver);
                    if self.stop_by.is_some() {
                        self.stop(now, out);
                    }
                } else {
                    out.probe(START_PROBE);
                }
            }
            Stage::Live {
                heard,
                unresponsive,
                succession_failed,
                ..
            } => match probe {
                Probe::Answered { .. } => {
                    *heard = now;
                    *succession_failed = false;
                    if unresponsive.take().is_some() {
                        tracing::info!("envoy answers again");
                    }
                    out.probe(LIVE_PROBE);
                }
                Probe::Silent(_) if *succession_failed => {
                    if now - *heard >= SILENCE_AFTER_HAND_OVER {
                        tracing::error!(
                            "envoy's admin interface did not come back after the hand-over that failed: \
                             envoy is restarted"
                        );
                        self.restart_at_once(now, out);
                    } else {
                        out.probe(START_PROBE * 5);
                    }
                }
                Probe::Silent(reason) => {
                    if now - *heard >= SILENCE && unresponsive.is_none() {
                        tracing::error!("envoy is silent: {reason}");
                        *unresponsive = Some(format!("envoy is silent: {reason}"));
                    }
                    out.probe(LIVE_PROBE);
                }
            },
            _ => {}
        }
    }

    /// The process that ends has finished what it had begun, or cannot be asked to.
    pub(crate) fn drained(&mut self, now: Instant, out: &mut Out) {
        if let Stage::Ending {
            step: EndStep::Draining { drained, .. },
            ..
        } = &mut self.stage
        {
            *drained = true;
        }
        self.tick(now, out);
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Instant, out: &mut Out) {
        let late: Vec<Generation> = self
            .parents
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(generation, _)| *generation)
            .collect();
        for generation in late {
            tracing::warn!("the replaced envoy did not end in time and is killed");
            self.parents.remove(&generation);
            self.kill(generation, out);
        }
        match self.stage.clone() {
            Stage::Waiting { until } if until <= now && self.killed.is_empty() => {
                self.spawn_first(now, out);
            }
            Stage::Starting { process, since } if since + START_TIMEOUT <= now => {
                self.kill(process.generation, out);
                let reason = format!("it did not serve within {} s", START_TIMEOUT.as_secs());
                self.died(&Exit::because(reason), Duration::ZERO, now, out);
            }
            Stage::HandingOver {
                old, new, since, ..
            } if self.hand_over_until(since) <= now => {
                self.kill(new.generation, out);
                let failed = News::HandOverFailed {
                    reason: format!(
                        "the new envoy did not serve within {} s",
                        START_TIMEOUT.as_secs()
                    ),
                    retry: true,
                };
                self.hand_over_failed(old, failed, now, out);
            }
            Stage::Ending {
                process,
                step,
                then,
            } => self.go_on_ending(process, step, then, now, out),
            _ => {}
        }
    }

    fn go_on_ending(
        &mut self,
        process: Option<Process>,
        step: EndStep,
        then: Then,
        now: Instant,
        out: &mut Out,
    ) {
        let next = match step {
            EndStep::Draining { until, drained }
                if until <= now || (drained && self.parents.is_empty()) =>
            {
                if until <= now {
                    tracing::info!("connections are still active after the drain time");
                }
                EndStep::Terminating {
                    until: now + self.rules.kill_wait_time,
                }
            }
            EndStep::Terminating { until } if until <= now => {
                tracing::warn!("envoy did not end in time and is killed");
                EndStep::Killing
            }
            _ => return,
        };
        let signal = if next == EndStep::Killing {
            Signal::KILL
        } else {
            Signal::TERM
        };
        // The child goes before its parent, or it would wait for the parent's answers.
        if let Some(process) = process {
            out.order(Effect::Signal {
                generation: process.generation,
                signal,
            });
        }
        self.stage = Stage::Ending {
            process,
            step: next,
            then,
        };
        if process.is_none() || next == EndStep::Killing {
            self.end_parents(out);
        }
        self.after_end(now, out);
    }

    fn end(&mut self, process: Option<Process>, then: Then, now: Instant, out: &mut Out) {
        let step = if process.is_some() {
            out.order(Effect::Drain);
            // A stop that has waited for a hand-over has half of the time left.
            let drain_time = match self.stop_by {
                Some(_) => self.rules.drain_time / 2,
                None => self.rules.drain_time,
            };
            EndStep::Draining {
                until: now + drain_time + PARENT_GRACE,
                drained: false,
            }
        } else {
            self.end_parents(out);
            EndStep::Terminating {
                until: now + self.rules.kill_wait_time,
            }
        };
        self.stage = Stage::Ending {
            process,
            step,
            then,
        };
        self.after_end(now, out);
    }

    /// Goes on when nothing is left that has to end first.
    fn after_end(&mut self, now: Instant, out: &mut Out) {
        match &self.stage {
            Stage::Ending {
                process: None,
                then,
                ..
            } if self.killed.is_empty() && self.parents.is_empty() => match then {
                Then::Start => self.spawn_first(now, out),
                Then::End => {
                    self.stage = Stage::Ended;
                    out.news.push(News::Ended);
                }
            },
            Stage::Ending {
                step: EndStep::Draining { .. },
                ..
            }
            | Stage::Waiting { .. } => self.tick(now, out),
            _ => {}
        }
    }

    fn end_parents(&mut self, out: &mut Out) {
        for generation in std::mem::take(&mut self.parents).into_keys() {
            self.kill(generation, out);
        }
    }

    fn kill(&mut self, generation: Generation, out: &mut Out) {
        self.killed.insert(generation);
        out.order(Effect::Signal {
            generation,
            signal: Signal::KILL,
        });
    }

    fn kill_all(&mut self, out: &mut Out) {
        let running: Vec<Generation> = match &self.stage {
            Stage::Starting { process, .. } | Stage::Live { process, .. } => {
                vec![process.generation]
            }
            Stage::HandingOver { old, new, .. } => vec![new.generation, old.generation],
            Stage::Ending {
                process: Some(process),
                ..
            } => vec![process.generation],
            _ => Vec::new(),
        };
        for generation in running {
            self.kill(generation, out);
        }
        self.end_parents(out);
    }

    fn become_live(&mut self, process: Process, now: Instant, out: &mut Out) {
        self.stage = Stage::Live {
            process,
            since: now,
            heard: now,
            succession_failed: false,
            unresponsive: None,
        };
        out.probe(LIVE_PROBE);
    }

    fn hand_over_failed(&mut self, old: Process, failed: News, now: Instant, out: &mut Out) {
        self.stage = Stage::Live {
            process: old,
            since: now,
            heard: now,
            succession_failed: true,
            unresponsive: None,
        };
        out.probe(START_PROBE);
        out.news.push(failed);
        if self.stop_by.is_some() {
            self.stop(now, out);
        }
    }

    /// Notes that the process that serves, or was about to, ended by itself.
    fn died(&mut self, exit: &Exit, lived: Duration, now: Instant, out: &mut Out) {
        tracing::error!("envoy ended by itself: {}", exit.reason);
        self.exits += 1;
        // Whatever else runs holds what the next start needs, and cannot serve alone.
        if let Stage::HandingOver { new, .. } = self.stage {
            self.kill(new.generation, out);
        }
        self.end_parents(out);
        if lived > LONGEST_PAUSE {
            self.failures = 0;
        }
        self.failures += 1;
        let starting = matches!(self.stage, Stage::Starting { .. }) && !exit.by_signal;
        out.news.push(News::Died {
            start_failed: starting.then(|| format!("the new envoy did not come to serve: {exit}")),
        });
        if self.stop_by.is_some() {
            return self.end(None, Then::End, now, out);
        }
        if self.failures >= MAX_FAILURES {
            tracing::error!("envoy failed {MAX_FAILURES} times in a row");
            self.stage = Stage::GaveUp;
            out.news.push(News::GaveUp);
            return;
        }
        let pause = (SHORTEST_PAUSE * 2_u32.saturating_pow(self.failures - 1)).min(LONGEST_PAUSE);
        tracing::warn!("envoy is started again in {}", seconds(pause));
        self.stage = Stage::Waiting { until: now + pause };
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
