//! Outcomes of phases: what each means for the known files, and what comes next.

use super::{
    Activity, Confirmation, FORCED_RESTART_INTERVAL, KnownFile, Purpose, RETRY_DELAY, Rollout,
    Target,
};
use crate::{
    ack::Unbound,
    launch::RestartMode,
    machine::{
        PhaseOutcome,
        supervisor::{Stage, Supervisor},
    },
    plan::{Phase, Running},
};
use nightjar_core::envoy::{File, FileRole};
use std::sync::Arc;
use tokio::time::Instant;

impl Rollout {
    /// A phase ended.
    pub(crate) fn phase_ended(
        &mut self,
        id: u64,
        outcome: PhaseOutcome,
        supervisor: &Supervisor,
        now: Instant,
    ) {
        let is_conclusive = matches!(
            outcome,
            PhaseOutcome::Accepted { .. } | PhaseOutcome::NotWritten { .. }
        );
        let handing_over = matches!(supervisor.stage(), Stage::HandingOver { .. });
        if let Activity::Writing {
            id: own,
            files,
            target,
        } = &self.activity
            && *own == id
        {
            let may_be_written = !matches!(outcome, PhaseOutcome::NotWritten { partly: false, .. });
            let switches = target.phase() == Some(Phase::Switch);
            let files = files.clone();
            if may_be_written && switches {
                self.hold_clusters(&files, now);
            }
            if !matches!(outcome, PhaseOutcome::NotWritten { .. }) {
                for file in &files {
                    self.writes_in_flight.remove(file.name());
                }
            }
        }
        match std::mem::take(&mut self.activity) {
            // The answer may come from the process that takes over.
            Activity::Confirming { id: own, target }
                if own == id && handing_over && !is_conclusive =>
            {
                self.retry_at = Some(now + RETRY_DELAY);
                self.activity = target.map_or(Activity::Idle, Activity::Waiting);
            }
            Activity::Writing {
                id: own, target, ..
            } if own == id && handing_over && !is_conclusive => {
                self.retry_at = Some(now + RETRY_DELAY);
                self.activity = Activity::Waiting(target);
            }
            Activity::Confirming { id: own, target } if own == id => {
                self.confirmed(target, outcome, now);
            }
            Activity::Writing {
                id: own,
                target,
                files,
            } if own == id => {
                self.written(target, &files, outcome, now);
            }
            Activity::WritingBootstrap {
                id: own,
                target,
                bootstrap,
                purpose,
            } if own == id => self.bootstrap_written(target, bootstrap, purpose, outcome, now),
            other => self.activity = other,
        }
    }

    fn confirmed(&mut self, target: Option<Target>, outcome: PhaseOutcome, now: Instant) {
        self.activity = target.clone().map_or(Activity::Idle, Activity::Waiting);
        match outcome {
            PhaseOutcome::Accepted {
                counters,
                unbound,
                warming_tolerated,
            } => {
                self.counters = counters;
                self.warming_tolerated = warming_tolerated;
                self.needs_confirmation = false;
                self.set_unbound(unbound.unwrap_or_default());
                let mut is_all = true;
                for (name, known) in &mut self.known {
                    match known.only().cloned() {
                        Some(file) if !self.writes_in_flight.contains(name) => {
                            *known = KnownFile::Confirmed(file);
                        }
                        _ => is_all = false,
                    }
                }
                if is_all {
                    self.confirm_all();
                } else {
                    // It is written again, by the rollout to the target or as a repair.
                    self.repair = true;
                }
            }
            PhaseOutcome::Rejected { reason, counters } => {
                self.counters = counters;
                self.needs_confirmation = false;
                match target {
                    Some(target) if target.is_forward() && target.has_started() => {
                        self.confirmation = Confirmation::Failed(reason.clone());
                        self.roll_back(target, reason, true, now);
                    }
                    _ => self.confirmation_failed(reason),
                }
            }
            PhaseOutcome::TimedOut { reason } | PhaseOutcome::NotWritten { reason, .. } => {
                // Envoy is busy or has ended: another start or another question follows.
                tracing::debug!("{reason}");
                self.retry_at = Some(now + RETRY_DELAY);
            }
        }
    }

    /// Whether the files are those in force, as far as is known, but for a bootstrap.
    pub(super) fn has_what_is_in_force(&self) -> bool {
        let in_force = self.in_force.iter();
        let mut files = in_force.flat_map(|in_force| in_force.configuration.iter());
        files.all(|file| {
            let known = self.known.get(file.name());
            file.role() == Some(&FileRole::Bootstrap) || known.is_some_and(|known| known.is(file))
        })
    }

    pub(super) fn confirm_all(&mut self) {
        if let Confirmation::Failed(reason) = &self.confirmation {
            tracing::info!("envoy serves the configuration in force again; before: {reason}");
        }
        self.confirmation = Confirmation::Confirmed;
        if self.unready_listener().is_none() {
            self.ever_served = true;
        }
    }

    fn confirmation_failed(&mut self, reason: String) {
        if self.confirmation != Confirmation::Failed(reason.clone()) {
            tracing::error!("envoy does not serve the configuration in force: {reason}");
        }
        self.confirmation = Confirmation::Failed(reason);
    }

    fn set_unbound(&mut self, unbound: Vec<Unbound>) {
        let has =
            |list: &[Unbound], it: &Unbound| list.iter().any(|other| other.listener == it.listener);
        for gone in self.unbound.iter().filter(|it| !has(&unbound, it)) {
            tracing::info!("listener {:?} is bound now, or was removed", gone.listener);
        }
        for new in unbound.iter().filter(|it| !has(&self.unbound, it)) {
            tracing::error!(
                "{new}; the other listeners are served, and each refresh tries this one again"
            );
        }
        self.unbound = unbound;
    }

    fn written(
        &mut self,
        mut target: Target,
        files: &[Arc<File>],
        outcome: PhaseOutcome,
        now: Instant,
    ) {
        let nothing = matches!(outcome, PhaseOutcome::NotWritten { partly: false, .. });
        let left = target.leave(now);
        if let Some((phase, took)) = left.filter(|_| !nothing) {
            target.phases.push((phase, took));
            self.metrics.add_phase(phase, took);
        }
        match outcome {
            PhaseOutcome::Accepted {
                counters,
                unbound,
                warming_tolerated,
            } => {
                self.counters = counters;
                self.warming_tolerated = warming_tolerated;
                if let Some(unbound) = unbound {
                    self.set_unbound(unbound);
                }
                for file in files {
                    let known = KnownFile::Confirmed(Arc::clone(file));
                    self.known.insert(file.name().to_owned(), known);
                }
                self.activity = Activity::Waiting(target);
            }
            PhaseOutcome::Rejected { reason, counters } => {
                self.counters = counters;
                if target.is_forward() && self.may_force_restart(&target, now) {
                    tracing::warn!(
                        "the running envoy refuses a configuration that passed validation, so it is \
                         restarted hot: {reason}"
                    );
                    self.last_forced_restart = Some(now);
                    target.forced_restart = Some(reason);
                    self.activity = Activity::RestartDue {
                        target,
                        blocking: true,
                    };
                } else {
                    // What was rejected must not come back with the clusters old and new together.
                    for file in files {
                        if let Some(KnownFile::Unconfirmed(texts)) = self.known.get_mut(file.name())
                            && texts.len() > 1
                        {
                            texts.retain(|text| text.hash() != file.hash());
                        }
                    }
                    self.roll_back(target, reason, true, now);
                }
            }
            PhaseOutcome::NotWritten {
                reason,
                partly: false,
            } => {
                for file in files {
                    self.forget_text(file);
                }
                if target.is_clearing() && self.confirmation == Confirmation::Confirmed {
                    self.clear_again(target, &reason, now);
                } else {
                    self.roll_back(target, reason, false, now);
                }
            }
            PhaseOutcome::TimedOut { reason } | PhaseOutcome::NotWritten { reason, .. } => {
                self.roll_back(target, reason, false, now);
            }
        }
    }

    /// A text was not written: the file has one of the texts before.
    fn forget_text(&mut self, file: &File) {
        self.writes_in_flight.remove(file.name());
        let Some(KnownFile::Unconfirmed(mut texts)) = self.known.remove(file.name()) else {
            return;
        };
        texts.retain(|text| text.hash() != file.hash());
        let known = match texts.as_slice() {
            [] => return,
            [only] if self.confirmation == Confirmation::Confirmed => {
                KnownFile::Confirmed(Arc::clone(only))
            }
            _ => KnownFile::Unconfirmed(texts),
        };
        self.known.insert(file.name().to_owned(), known);
    }

    /// Whether a hot restart may help: the live Envoy rejects what passed validation.
    fn may_force_restart(&self, target: &Target, now: Instant) -> bool {
        self.restart_mode == RestartMode::Hot
            && self.validate
            && target.forced_restart.is_none()
            && !self.parent_watches_other_files
            && self
                .last_forced_restart
                .is_none_or(|at| now - at >= FORCED_RESTART_INTERVAL)
    }

    fn bootstrap_written(
        &mut self,
        target: Target,
        bootstrap: Arc<File>,
        purpose: Purpose,
        outcome: PhaseOutcome,
        now: Instant,
    ) {
        match outcome {
            PhaseOutcome::Accepted { .. } => {
                let mut running = Running::with(&target.candidate.configuration);
                running.bootstrap = bootstrap;
                self.activity = match purpose {
                    Purpose::Restart { blocking } => Activity::RestartDue { target, blocking },
                    Purpose::Restore => {
                        if let Some(live) = &self.running {
                            running.top_level.clone_from(&live.top_level);
                        }
                        Activity::Waiting(target)
                    }
                };
                self.on_disk = Some(running);
            }
            PhaseOutcome::NotWritten { reason, .. }
            | PhaseOutcome::TimedOut { reason }
            | PhaseOutcome::Rejected { reason, .. } => self.roll_back(target, reason, false, now),
        }
    }
}
