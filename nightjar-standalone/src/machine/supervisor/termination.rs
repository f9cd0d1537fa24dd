//! Termination of Envoy on request: drain, SIGTERM, SIGKILL.

use super::{AfterEnd, EndStep, Output, PARENT_GRACE, Process, Stage, Supervisor, SupervisorEvent};
use crate::machine::{Effect, Generation};
use rustix::process::Signal;
use tokio::time::Instant;

impl Supervisor {
    /// Drains and ends all.
    pub(crate) fn stop(&mut self, now: Instant, out: &mut Output) {
        match self.stage.clone() {
            Stage::Live { process, .. } => self.end(Some(process), AfterEnd::Exit, now, out),
            // The new process may have taken the sockets: the hand-over goes on, and then the new process drains.
            Stage::HandingOver { .. } => {
                // Half of the time is left to drain the old process, if the new one does not get ready.
                self.stop_by = Some(now + self.options.drain_time / 2);
            }
            Stage::Ending {
                process: Some(process),
                step,
                ..
            } => {
                self.stage = Stage::Ending {
                    process: Some(process),
                    step,
                    then: AfterEnd::Exit,
                };
            }
            // It serves nobody yet.
            Stage::Starting { process, .. } => {
                self.stage = Stage::Ending {
                    process: Some(process),
                    step: EndStep::Terminating {
                        until: now + self.options.kill_wait_time,
                    },
                    then: AfterEnd::Exit,
                };
                out.push(Effect::Signal {
                    generation: process.generation,
                    signal: Signal::TERM,
                });
            }
            Stage::Idle | Stage::Backoff { .. } | Stage::GaveUp | Stage::Ending { .. } => {
                self.end(None, AfterEnd::Exit, now, out);
            }
            Stage::Ended => out.events.push(SupervisorEvent::Ended),
        }
    }

    pub(super) fn continue_end(
        &mut self,
        process: Option<Process>,
        step: EndStep,
        then: AfterEnd,
        now: Instant,
        out: &mut Output,
    ) {
        let next = match step {
            EndStep::Draining { until, drained }
                if until <= now || (drained && self.parents.is_empty()) =>
            {
                if until <= now {
                    tracing::info!("connections are still active after the drain time");
                }
                EndStep::Terminating {
                    until: now + self.options.kill_wait_time,
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
        // The child is signalled before its parent, or it would wait for the parent's answers.
        if let Some(process) = process {
            out.push(Effect::Signal {
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
        then: AfterEnd,
        now: Instant,
        out: &mut Output,
    ) {
        let step = if process.is_some() {
            out.push(Effect::Drain);
            // A stop that has waited for a hand-over has half of the time left.
            let drain_time = match self.stop_by {
                Some(_) => self.options.drain_time / 2,
                None => self.options.drain_time,
            };
            EndStep::Draining {
                until: now + drain_time + PARENT_GRACE,
                drained: false,
            }
        } else {
            self.end_parents(out);
            EndStep::Terminating {
                until: now + self.options.kill_wait_time,
            }
        };
        self.stage = Stage::Ending {
            process,
            step,
            then,
        };
        self.after_end(now, out);
    }

    /// Continues once nothing is left that has to end first.
    pub(super) fn after_end(&mut self, now: Instant, out: &mut Output) {
        match &self.stage {
            Stage::Ending {
                process: None,
                then,
                ..
            } if self.killed.is_empty() && self.parents.is_empty() => match then {
                AfterEnd::Start => self.spawn_first(now, out),
                AfterEnd::Exit => {
                    self.stage = Stage::Ended;
                    out.events.push(SupervisorEvent::Ended);
                }
            },
            Stage::Ending {
                step: EndStep::Draining { .. },
                ..
            }
            | Stage::Backoff { .. } => self.deadline_passed(now, out),
            _ => {}
        }
    }

    pub(super) fn end_parents(&mut self, out: &mut Output) {
        for generation in std::mem::take(&mut self.parents).into_keys() {
            self.kill(generation, out);
        }
    }

    pub(super) fn kill(&mut self, generation: Generation, out: &mut Output) {
        self.killed.insert(generation);
        out.push(Effect::Signal {
            generation,
            signal: Signal::KILL,
        });
    }

    pub(super) fn kill_all(&mut self, out: &mut Output) {
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
