//! What Envoy's answers to phases mean for what is known of its files.

use super::{Aim, Known, PAUSE, Purpose, RESCUE_PERIOD, Rollout, Served, Work};
use crate::{
    ack::Unbound,
    launch::RestartMode,
    machine::{
        Acked,
        life::{Life, Stage},
    },
    plan::Running,
};
use nightjar_core::envoy::File;
use std::sync::Arc;
use tokio::time::Instant;

impl Rollout {
    /// A phase ended.
    pub(crate) fn acked(&mut self, id: u64, outcome: Acked, life: &Life, now: Instant) {
        let is_meant = matches!(outcome, Acked::Accepted { .. } | Acked::NotWritten { .. });
        let handing_over = matches!(life.stage(), Stage::HandingOver { .. });
        if let Work::Writing { id: own, files, .. } = &self.work
            && *own == id
            && !matches!(outcome, Acked::NotWritten { .. })
        {
            for file in files {
                self.in_doubt.remove(file.name());
            }
        }
        match std::mem::take(&mut self.work) {
            // The answer may be that of the process that comes.
            Work::Confirming { id: own, aim } if own == id && handing_over && !is_meant => {
                self.pause_until = Some(now + PAUSE);
                self.work = aim.map_or(Work::Idle, Work::Held);
            }
            Work::Writing { id: own, aim, .. } if own == id && handing_over && !is_meant => {
                self.pause_until = Some(now + PAUSE);
                self.work = Work::Held(aim);
            }
            Work::Confirming { id: own, aim } if own == id => self.confirmed(aim, outcome, now),
            Work::Writing {
                id: own,
                aim,
                files,
            } if own == id => {
                self.written(aim, &files, outcome, now);
            }
            Work::WritingBootstrap {
                id: own,
                aim,
                bootstrap,
                purpose,
            } if own == id => self.bootstrap_written(aim, bootstrap, purpose, outcome, now),
            other => self.work = other,
        }
    }

    fn confirmed(&mut self, aim: Option<Aim>, outcome: Acked, now: Instant) {
        self.work = aim.clone().map_or(Work::Idle, Work::Held);
        match outcome {
            Acked::Accepted {
                counters,
                unbound,
                given_up,
            } => {
                self.counters = counters;
                self.given_up = given_up;
                self.unconfirmed = false;
                self.set_unbound(unbound.unwrap_or_default());
                let mut is_all = true;
                for (name, known) in &mut self.known {
                    match known.only().cloned() {
                        Some(file) if !self.in_doubt.contains(name) => {
                            *known = Known::Confirmed(file);
                        }
                        _ => is_all = false,
                    }
                }
                if is_all {
                    self.serve();
                } else {
                    // It is written again, by the aim or as what was in force.
                    self.repair = true;
                }
            }
            Acked::Rejected { reason, counters } => {
                self.counters = counters;
                self.unconfirmed = false;
                match aim {
                    Some(aim) if aim.is_forward() && aim.has_begun() => {
                        self.served = Served::No(reason.clone());
                        self.go_back(aim, reason, true, now);
                    }
                    _ => self.not_served(reason),
                }
            }
            Acked::TimedOut { reason } | Acked::NotWritten { reason, .. } => {
                // It is busy, or ended: another start or another question follows.
                tracing::debug!("{reason}");
                self.pause_until = Some(now + PAUSE);
            }
        }
    }

    pub(super) fn serve(&mut self) {
        if let Served::No(reason) = &self.served {
            tracing::info!("envoy serves again what it was given; before: {reason}");
        }
        self.served = Served::Yes;
        if self.unbound_in_the_way().is_none() {
            self.ever_served = true;
        }
    }

    fn not_served(&mut self, reason: String) {
        if self.served != Served::No(reason.clone()) {
            tracing::error!("envoy runs, and does not serve: {reason}");
        }
        self.served = Served::No(reason);
    }

    fn set_unbound(&mut self, unbound: Vec<Unbound>) {
        let has =
            |list: &[Unbound], it: &Unbound| list.iter().any(|other| other.listener == it.listener);
        for gone in self.unbound.iter().filter(|it| !has(&unbound, it)) {
            tracing::info!(
                "listener {:?} is bound now, or no longer wanted",
                gone.listener
            );
        }
        for new in unbound.iter().filter(|it| !has(&self.unbound, it)) {
            tracing::error!("{new}; the rest is served, and it is tried again at each refresh");
        }
        self.unbound = unbound;
    }

    fn written(&mut self, mut aim: Aim, files: &[Arc<File>], outcome: Acked, now: Instant) {
        let nothing = matches!(outcome, Acked::NotWritten { partly: false, .. });
        if let Some((phase, took)) = aim.leave(now).filter(|_| !nothing) {
            aim.phases.push((phase, took));
            self.tally.phase(phase, took);
        }
        match outcome {
            Acked::Accepted {
                counters,
                unbound,
                given_up,
            } => {
                self.counters = counters;
                self.given_up = given_up;
                if let Some(unbound) = unbound {
                    self.set_unbound(unbound);
                }
                for file in files {
                    let known = Known::Confirmed(Arc::clone(file));
                    self.known.insert(file.name().to_owned(), known);
                }
                self.work = Work::Held(aim);
            }
            Acked::Rejected { reason, counters } => {
                self.counters = counters;
                if aim.is_forward() && self.may_rescue(&aim, now) {
                    tracing::warn!(
                        "envoy refuses while it runs what its check took, so it is restarted hot: {reason}"
                    );
                    self.rescued = Some(now);
                    aim.rescue = Some(reason);
                    self.work = Work::MustRestart { aim, leads: true };
                } else {
                    // What was refused must not come back with the clusters old and new together.
                    for file in files {
                        if let Some(Known::Unsure(texts)) = self.known.get_mut(file.name())
                            && texts.len() > 1
                        {
                            texts.retain(|text| text.hash() != file.hash());
                        }
                    }
                    self.go_back(aim, reason, true, now);
                }
            }
            Acked::NotWritten {
                reason,
                partly: false,
            } => {
                for file in files {
                    self.forget_text(file);
                }
                self.go_back(aim, reason, false, now);
            }
            Acked::TimedOut { reason } | Acked::NotWritten { reason, .. } => {
                self.go_back(aim, reason, false, now);
            }
        }
    }

    /// A text that was to be written was not: what was there before still is.
    fn forget_text(&mut self, file: &File) {
        self.in_doubt.remove(file.name());
        let Some(Known::Unsure(mut texts)) = self.known.remove(file.name()) else {
            return;
        };
        texts.retain(|text| text.hash() != file.hash());
        let known = match texts.as_slice() {
            [] => return,
            [only] if self.served == Served::Yes => Known::Confirmed(Arc::clone(only)),
            _ => Known::Unsure(texts),
        };
        self.known.insert(file.name().to_owned(), known);
    }

    /// Whether a hot restart may help where the check took what the live Envoy refuses.
    fn may_rescue(&self, aim: &Aim, now: Instant) -> bool {
        self.restart_mode == RestartMode::Hot
            && self.validate
            && aim.rescue.is_none()
            && !self.reshaped
            && self.rescued.is_none_or(|at| now - at >= RESCUE_PERIOD)
    }

    fn bootstrap_written(
        &mut self,
        aim: Aim,
        bootstrap: Arc<File>,
        purpose: Purpose,
        outcome: Acked,
        now: Instant,
    ) {
        match outcome {
            Acked::Accepted { .. } => {
                let mut running = Running::with(&aim.candidate.configuration);
                running.bootstrap = bootstrap;
                self.work = match purpose {
                    Purpose::Restart { leads } => Work::MustRestart { aim, leads },
                    Purpose::PutBack => {
                        if let Some(live) = &self.running {
                            running.top_level.clone_from(&live.top_level);
                        }
                        Work::Held(aim)
                    }
                };
                self.on_disk = Some(running);
            }
            Acked::NotWritten { reason, .. }
            | Acked::TimedOut { reason }
            | Acked::Rejected { reason, .. } => self.go_back(aim, reason, false, now),
        }
    }
}
