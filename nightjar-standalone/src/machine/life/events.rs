//! What happens to Envoy's processes, and what follows from it.

use super::{
    EndStep, LIVE_PROBE, LONGEST_PAUSE, Life, MAX_FAILURES, News, Out, PARENT_GRACE,
    PARENT_TIMEOUT, Process, SHORTEST_PAUSE, SILENCE, SILENCE_AFTER_HAND_OVER, START_PROBE,
    START_TIMEOUT, STILL_INITIALIZING, Stage, Then,
};
use crate::machine::{Effect, Exit, Generation, Probe, seconds};
use std::time::Duration;
use tokio::time::Instant;

impl Life {
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
            // Only a successor that serves ends it, so late and in order: this program was suspended,
            // or too busy to ask.
            Stage::HandingOver {
                old, new, since, ..
            } if own(&old) && !exit.by_signal && now - since >= self.rules.drain_time => {
                self.handed_over(old, new, now, out);
                self.exited(generation, exit, now, out);
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
        self.judge(probe, now, out);
        self.tell_wait(probe, now);
    }

    fn judge(&mut self, probe: &Probe, now: Instant, out: &mut Out) {
        let rules_path = self.rules.bootstrap_path.clone();
        let is_live = |process: &Process| {
            matches!(probe, Probe::Answered { live: true, epoch, config_path, .. }
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
                    self.handed_over(old, new, now, out);
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

    pub(super) fn become_live(&mut self, process: Process, now: Instant, out: &mut Out) {
        self.stage = Stage::Live {
            process,
            since: now,
            heard: now,
            succession_failed: false,
            unresponsive: None,
        };
        out.probe(LIVE_PROBE);
    }

    fn handed_over(&mut self, old: Process, new: Process, now: Instant, out: &mut Out) {
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
    }

    pub(super) fn hand_over_failed(
        &mut self,
        old: Process,
        failed: News,
        now: Instant,
        out: &mut Out,
    ) {
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
    pub(super) fn died(&mut self, exit: &Exit, lived: Duration, now: Instant, out: &mut Out) {
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
}
