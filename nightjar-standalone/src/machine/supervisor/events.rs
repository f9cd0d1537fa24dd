//! Events of the Envoy processes, and what follows from each.

use super::{
    AfterEnd, EndStep, LIVE_PROBE_INTERVAL, MAX_BACKOFF, MAX_FAILURES, MIN_BACKOFF, Output,
    PARENT_GRACE, PARENT_INITIALIZING, PARENT_TIMEOUT, PROBE_TIMEOUT,
    PROBE_TIMEOUT_AFTER_HAND_OVER, Process, START_PROBE_INTERVAL, START_TIMEOUT, Stage, Supervisor,
    SupervisorEvent,
};
use crate::machine::{Effect, Generation, Probe, ProcessExit, seconds};
use std::time::Duration;
use tokio::time::Instant;

impl Supervisor {
    /// The process could not be started at all.
    pub(crate) fn spawn_failed(
        &mut self,
        generation: Generation,
        reason: String,
        now: Instant,
        out: &mut Output,
    ) {
        self.exited(generation, &ProcessExit::with_reason(reason), now, out);
    }

    /// A process ended.
    pub(crate) fn exited(
        &mut self,
        generation: Generation,
        exit: &ProcessExit,
        now: Instant,
        out: &mut Output,
    ) {
        if self.killed.remove(&generation) {
            return self.after_end(now, out);
        }
        if self.parents.remove(&generation).is_some() {
            if self.parents.is_empty() {
                out.events.push(SupervisorEvent::ParentsGone);
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
            Stage::HandingOver { old, new, .. }
                if own(&new) && exit.mentions(PARENT_INITIALIZING) =>
            {
                // An earlier hand-over that failed left this behind, and every later one would fail too.
                tracing::warn!("envoy cannot hand over any more, and is restarted cold");
                self.become_live(old, now, out);
                self.end(Some(old), AfterEnd::Start, now, out);
            }
            Stage::HandingOver { old, new, .. } if own(&new) => {
                let failed = SupervisorEvent::HandOverFailed {
                    reason: format!("the new envoy did not start to serve: {exit}"),
                    retry: exit.by_signal,
                };
                self.hand_over_failed(old, failed, now, out);
            }
            // It ends this late and in order only when its successor serves: this program was suspended,
            // or too busy to ask.
            Stage::HandingOver {
                old, new, since, ..
            } if own(&old) && !exit.by_signal && now - since >= self.options.drain_time => {
                self.handed_over(old, new, now, out);
                self.exited(generation, exit, now, out);
            }
            // The new one waits for answers that never come.
            Stage::HandingOver { old, .. } if own(&old) => self.died(exit, MAX_BACKOFF, now, out),
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

    /// A probe of the admin interface ended.
    pub(crate) fn probed(&mut self, probe: &Probe, now: Instant, out: &mut Output) {
        self.judge(probe, now, out);
        self.log_wait(probe, now);
    }

    fn judge(&mut self, probe: &Probe, now: Instant, out: &mut Output) {
        let bootstrap_path = self.options.bootstrap_path.clone();
        let is_live = |process: &Process| {
            matches!(probe, Probe::Answered { live: true, epoch, config_path, .. }
                if *epoch == u64::from(process.epoch) && *config_path == bootstrap_path)
        };
        match &mut self.stage {
            Stage::Starting { process, .. } => {
                if is_live(process) {
                    let process = *process;
                    self.become_live(process, now, out);
                    tracing::info!("envoy is live");
                    out.events.push(SupervisorEvent::Live);
                } else {
                    out.probe(START_PROBE_INTERVAL);
                }
            }
            Stage::HandingOver {
                old,
                new,
                old_responds,
                ..
            } => {
                *old_responds = is_live(old);
                if is_live(new) {
                    let (old, new) = (*old, *new);
                    self.handed_over(old, new, now, out);
                } else {
                    out.probe(START_PROBE_INTERVAL);
                }
            }
            Stage::Live {
                last_answer,
                unresponsive,
                succession_failed,
                ..
            } => match probe {
                Probe::Answered { .. } => {
                    *last_answer = now;
                    *succession_failed = false;
                    if unresponsive.take().is_some() {
                        tracing::info!("envoy answers again");
                    }
                    out.probe(LIVE_PROBE_INTERVAL);
                }
                Probe::NoAnswer(_) if *succession_failed => {
                    if now - *last_answer >= PROBE_TIMEOUT_AFTER_HAND_OVER {
                        tracing::error!(
                            "envoy's admin interface did not come back after the failed hand-over: \
                             envoy is restarted"
                        );
                        self.restart_now(now, out);
                    } else {
                        out.probe(START_PROBE_INTERVAL * 5);
                    }
                }
                Probe::NoAnswer(reason) => {
                    if now - *last_answer >= PROBE_TIMEOUT && unresponsive.is_none() {
                        tracing::error!("envoy does not respond: {reason}");
                        *unresponsive = Some(format!("envoy does not respond: {reason}"));
                    }
                    out.probe(LIVE_PROBE_INTERVAL);
                }
            },
            _ => {}
        }
    }

    /// The process that is to end has drained, or cannot be asked to.
    pub(crate) fn drained(&mut self, now: Instant, out: &mut Output) {
        if let Stage::Ending {
            step: EndStep::Draining { drained, .. },
            ..
        } = &mut self.stage
        {
            *drained = true;
        }
        self.deadline_passed(now, out);
    }

    /// Does what is due at `now`.
    pub(crate) fn deadline_passed(&mut self, now: Instant, out: &mut Output) {
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
            Stage::Backoff { until } if until <= now && self.killed.is_empty() => {
                self.spawn_first(now, out);
            }
            Stage::Starting { process, since } if since + START_TIMEOUT <= now => {
                self.kill(process.generation, out);
                let reason = format!(
                    "it did not start to serve within {} s",
                    START_TIMEOUT.as_secs()
                );
                self.died(&ProcessExit::with_reason(reason), Duration::ZERO, now, out);
            }
            Stage::HandingOver {
                old, new, since, ..
            } if self.hand_over_until(since) <= now => {
                self.kill(new.generation, out);
                let failed = SupervisorEvent::HandOverFailed {
                    reason: format!(
                        "the new envoy did not start to serve within {} s",
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
            } => self.continue_end(process, step, then, now, out),
            _ => {}
        }
    }

    pub(super) fn become_live(&mut self, process: Process, now: Instant, out: &mut Output) {
        self.stage = Stage::Live {
            process,
            since: now,
            last_answer: now,
            succession_failed: false,
            unresponsive: None,
        };
        out.probe(LIVE_PROBE_INTERVAL);
    }

    fn handed_over(&mut self, old: Process, new: Process, now: Instant, out: &mut Output) {
        let lifetime = self.options.drain_time + PARENT_GRACE + PARENT_TIMEOUT;
        self.parents.insert(old.generation, now + lifetime);
        self.become_live(new, now, out);
        out.push(Effect::ProtectFromOom {
            generation: new.generation,
        });
        out.events.push(SupervisorEvent::HandedOver);
        if self.stop_by.is_some() {
            self.stop(now, out);
        }
    }

    pub(super) fn hand_over_failed(
        &mut self,
        old: Process,
        failed: SupervisorEvent,
        now: Instant,
        out: &mut Output,
    ) {
        self.stage = Stage::Live {
            process: old,
            since: now,
            last_answer: now,
            succession_failed: true,
            unresponsive: None,
        };
        out.probe(START_PROBE_INTERVAL);
        out.events.push(failed);
        if self.stop_by.is_some() {
            self.stop(now, out);
        }
    }

    /// Records that the process that serves, or was starting, ended by itself.
    pub(super) fn died(
        &mut self,
        exit: &ProcessExit,
        lived: Duration,
        now: Instant,
        out: &mut Output,
    ) {
        tracing::error!("envoy ended by itself: {}", exit.reason);
        self.exits += 1;
        // Any other process holds what the next start needs, and cannot serve alone.
        if let Stage::HandingOver { new, .. } = self.stage {
            self.kill(new.generation, out);
        }
        self.end_parents(out);
        if lived > MAX_BACKOFF {
            self.failures = 0;
        }
        self.failures += 1;
        let starting = matches!(self.stage, Stage::Starting { .. }) && !exit.by_signal;
        out.events.push(SupervisorEvent::Died {
            start_failed: starting.then(|| format!("the new envoy did not start to serve: {exit}")),
        });
        if self.stop_by.is_some() {
            return self.end(None, AfterEnd::Exit, now, out);
        }
        if self.failures >= MAX_FAILURES {
            tracing::error!("envoy failed {MAX_FAILURES} times in a row");
            self.stage = Stage::GaveUp;
            out.events.push(SupervisorEvent::GaveUp);
            return;
        }
        let pause = (MIN_BACKOFF * 2_u32.saturating_pow(self.failures - 1)).min(MAX_BACKOFF);
        tracing::warn!("envoy is started again in {}", seconds(pause));
        self.stage = Stage::Backoff { until: now + pause };
    }
}
