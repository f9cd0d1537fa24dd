//! How Envoy ends by order: it finishes what it has begun, is told to end, and is made to.

use super::{EndStep, Life, News, Out, PARENT_GRACE, Process, Stage, Then};
use crate::machine::{Effect, Generation};
use rustix::process::Signal;
use tokio::time::Instant;

impl Life {
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
                process: Some(process),
                step,
                ..
            } => {
                self.stage = Stage::Ending {
                    process: Some(process),
                    step,
                    then: Then::End,
                };
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

    pub(super) fn go_on_ending(
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

    pub(super) fn end(
        &mut self,
        process: Option<Process>,
        then: Then,
        now: Instant,
        out: &mut Out,
    ) {
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
    pub(super) fn after_end(&mut self, now: Instant, out: &mut Out) {
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

    pub(super) fn end_parents(&mut self, out: &mut Out) {
        for generation in std::mem::take(&mut self.parents).into_keys() {
            self.kill(generation, out);
        }
    }

    pub(super) fn kill(&mut self, generation: Generation, out: &mut Out) {
        self.killed.insert(generation);
        out.order(Effect::Signal {
            generation,
            signal: Signal::KILL,
        });
    }

    pub(super) fn kill_all(&mut self, out: &mut Out) {
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
}
