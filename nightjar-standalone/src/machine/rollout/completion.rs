//! Completion of a rollout: in force, rejected, failed or rolled back.

use super::{
    Activity, AfterReplace, Candidate, Confirmation, Direction, Pending, REPAIR, RejectedBootstrap,
    Rejection, Rollout, RolloutResult, Successor, Target,
};
use crate::machine::{Effect, supervisor::Output};
use nightjar_core::{
    daemon::RefreshOutcome,
    envoy::{Configuration, File, Files, changes},
};
use std::sync::Arc;
use tokio::time::Instant;

impl Rollout {
    /// The new process did not get ready.
    pub(super) fn hand_over_failed(&mut self, reason: String, retry: bool, now: Instant) {
        if let Some(Successor { target, .. }) = self.successor.take() {
            self.may_restart = false;
            if retry {
                let reason = format!("the changed bootstrap is not in force: {reason}");
                tracing::error!("refresh failed: {reason}");
                self.metrics.count_result(RolloutResult::Failed);
                self.outcomes.push((RefreshOutcome::Failed, Some(reason)));
                return;
            }
            let bootstrap = self.running.as_ref().map(|it| Arc::clone(&it.bootstrap));
            self.reject_bootstrap(target, bootstrap.as_ref(), reason);
            return;
        }
        match std::mem::take(&mut self.activity) {
            Activity::Restarting { target } => self.roll_back(target, reason, !retry, now),
            other => self.activity = other,
        }
    }

    /// No process got ready with the bootstrap of `target`, and the previous one stays. Clusters and
    /// routes that changed meanwhile stay too, and so does a newer bootstrap, which was not tried yet.
    fn reject_bootstrap(&mut self, mut target: Target, before: Option<&Arc<File>>, reason: String) {
        let rejected = target.candidate.bootstrap();
        if let Some(in_force) = self
            .in_force
            .clone()
            .filter(|in_force| in_force.bootstrap() == rejected)
        {
            self.pending_bootstrap = false;
            if let Some(before) = before {
                self.keep_bootstrap(before);
            }
            if matches!(self.pending, Pending::None) {
                self.pending = Pending::New(in_force.clone());
            }
            target.candidate = in_force;
        }
        self.rejected_bootstrap = Some(RejectedBootstrap {
            bootstrap: rejected,
            fingerprint: target.candidate.fingerprint(),
        });
        self.reject(&target, reason, RolloutResult::Rejected);
    }

    /// Clusters and routes are in force, and the bootstrap is the one that the live process has read.
    pub(super) fn keep_running_bootstrap(&mut self) {
        if let Some(running) = &self.running {
            let bootstrap = Arc::clone(&running.bootstrap);
            self.keep_bootstrap(&bootstrap);
        }
    }

    /// The configuration that should be in force gets this bootstrap.
    fn keep_bootstrap(&mut self, bootstrap: &File) {
        let in_force = self.in_force.as_ref();
        let kept = in_force.and_then(|in_force| self.with_bootstrap(in_force, bootstrap));
        if let Some(kept) = kept {
            self.in_force = Some(kept);
        }
    }

    /// A candidate with the bootstrap that is in force, if no process got ready with its own.
    pub(super) fn without_rejected_bootstrap(&self, candidate: &Candidate) -> Candidate {
        let is_rejected = self
            .rejected_bootstrap
            .is_some_and(|rejected| rejected.bootstrap == candidate.bootstrap());
        let in_force = self.in_force.as_ref().filter(|_| is_rejected);
        in_force
            .and_then(|in_force| self.with_bootstrap(candidate, in_force.configuration.bootstrap()))
            .unwrap_or_else(|| candidate.clone())
    }

    fn with_bootstrap(&self, candidate: &Candidate, bootstrap: &File) -> Option<Candidate> {
        let files: Files = candidate
            .configuration
            .iter()
            .map(|file| {
                let is_bootstrap = file.name() == bootstrap.name();
                let file = if is_bootstrap { bootstrap } else { file };
                (file.name().to_owned(), file.text().to_owned())
            })
            .collect();
        let before = Some(&candidate.configuration);
        let read = Configuration::read(files, bootstrap.name(), &self.config_dir, before);
        read.ok().map(|configuration| Candidate {
            configuration,
            ..candidate.clone()
        })
    }

    /// Envoy ended by itself.
    pub(super) fn died(&mut self, start_failed: Option<String>, now: Instant, out: &mut Output) {
        self.running = None;
        self.confirmation = Confirmation::Unknown;
        self.reset_envoy();
        let mut then = AfterReplace::Nothing;
        match (self.successor.take(), &start_failed) {
            (Some(Successor { target, before }), Some(reason)) => {
                self.reject_bootstrap(target, before.as_ref(), reason.clone());
                then = AfterReplace::StartEarly;
            }
            // The next process reads it.
            (Some(Successor { target, .. }), None) if target.is_forward() => {
                self.record_in_force(&target, now);
            }
            _ => {}
        }
        let restarting = matches!(self.activity, Activity::Restarting { .. });
        let start_failed = start_failed.filter(|_| restarting);
        let mut file_name = "these files".to_owned();
        let (target, in_progress) = match std::mem::take(&mut self.activity) {
            Activity::Writing { target, files, .. } => {
                if let Some(file) = files.first() {
                    file.name().clone_into(&mut file_name);
                }
                (Some(target), true)
            }
            Activity::Restarting { target, .. } | Activity::RestartDue { target, .. } => {
                (Some(target), true)
            }
            Activity::WritingBootstrap { target, .. } | Activity::Waiting(target) => {
                let begun = target.has_started();
                (Some(target), begun)
            }
            Activity::Confirming { target, .. } => {
                let begun = target.as_ref().is_some_and(Target::has_started);
                (target, begun)
            }
            Activity::Replacing { target, .. } => (Some(target), false),
            Activity::Idle => (None, false),
        };
        out.effects.push(Effect::CancelPhase);
        if let Some(target) = target.filter(Target::is_forward) {
            let fingerprint = target.candidate.fingerprint();
            let rejected = self.result_of(&target, RolloutResult::Rejected);
            if let Some(reason) = start_failed {
                self.reject(&target, reason, rejected);
                then = AfterReplace::StartEarly;
            } else if !in_progress {
                // The rollout did not cause the end.
                if !matches!(self.pending, Pending::New(_)) {
                    self.pending = Pending::New(target.candidate);
                }
            } else if self.crash_suspect == Some(fingerprint) {
                self.reject(
                    &target,
                    format!("envoy ended while it loaded {file_name}"),
                    rejected,
                );
            } else {
                self.crash_suspect = Some(fingerprint);
                let failed = self.result_of(&target, RolloutResult::Failed);
                let reason = format!("envoy ended while it loaded {file_name}");
                self.failed(target.candidate, reason, failed);
            }
        }
        if let Some(in_force) = self.in_force.clone() {
            let target = Target::back(in_force, now, "envoy ended".to_owned());
            self.replace(target, then, out);
        }
    }

    /// Returns to the configuration in force, from any point of the rollout.
    pub(super) fn roll_back(
        &mut self,
        target: Target,
        reason: String,
        rejected: bool,
        now: Instant,
    ) {
        let why = reason.clone();
        match &target.direction {
            Direction::Forward if rejected => {
                let end = self.result_of(&target, RolloutResult::Rejected);
                self.reject(&target, reason, end);
            }
            Direction::Forward => {
                let end = self.result_of(&target, RolloutResult::Failed);
                self.failed(target.candidate, reason, end);
            }
            // Nothing of it is new: it is tried again.
            Direction::Clear => tracing::error!(
                "clusters that no route leads to any more cannot be removed: {reason}"
            ),
            Direction::Back { .. } => {
                tracing::error!("what envoy serves is unknown: {reason}");
                self.confirmation = Confirmation::Failed(format!(
                    "what envoy serves is unknown: {reason}; the next refresh writes the files again"
                ));
                self.mark_unconfirmed();
                self.activity = Activity::Idle;
                return;
            }
        }
        self.activity = match self.in_force.clone() {
            Some(in_force) => Activity::Waiting(Target::back(in_force, now, why)),
            None => Activity::Idle,
        };
    }

    /// The result of a rollout that does not come into force: if anything was written, it is rolled back.
    fn result_of(&self, target: &Target, not_started: RolloutResult) -> RolloutResult {
        if target.has_started() && self.in_force.is_some() {
            RolloutResult::RolledBack
        } else {
            not_started
        }
    }

    /// Records that a set of files was rejected.
    pub(super) fn reject(&mut self, target: &Target, reason: String, result: RolloutResult) {
        let candidate = &target.candidate;
        let fingerprint = candidate.fingerprint();
        let is_pending = match &self.pending {
            Pending::New(pending) | Pending::Retry(pending) => pending.fingerprint() == fingerprint,
            Pending::None => false,
        };
        let differs = |fallback: &Candidate| {
            let in_force = self.in_force.as_ref();
            in_force.is_none_or(|in_force| !in_force.configuration.is_same(&fallback.configuration))
        };
        if let Some(fallback) = candidate.fallback.as_deref().filter(|it| differs(it)) {
            tracing::error!(
                "the new templates are not in force, and the newest map is served with the previous \
                 ones: {reason}"
            );
            self.templates_rejected = Some(reason.clone());
            if is_pending {
                self.pending = Pending::New(fallback.clone());
            }
        } else {
            tracing::error!("the new configuration is not in force: {reason}");
            if candidate.fallback.is_some() {
                self.templates_rejected = Some(reason.clone());
            }
            if is_pending {
                self.pending = Pending::None;
            }
        }
        self.rejection = Some(Rejection {
            fingerprint,
            reason: reason.clone(),
        });
        self.metrics.count_result(result);
        self.outcomes.push((RefreshOutcome::Refused, Some(reason)));
    }

    /// Records that a rollout failed; the next refresh tries again.
    pub(super) fn failed(&mut self, candidate: Candidate, reason: String, result: RolloutResult) {
        tracing::error!("refresh failed: {reason}");
        if !matches!(&self.pending, Pending::New(pending) if pending.fingerprint() != candidate.fingerprint())
        {
            self.pending = Pending::Retry(candidate);
        }
        self.metrics.count_result(result);
        self.outcomes.push((RefreshOutcome::Failed, Some(reason)));
    }

    /// The process that was started only for a changed bootstrap serves.
    pub(super) fn succeeded(&mut self, now: Instant) {
        if let Some(Successor { target, .. }) = self.successor.take() {
            if target.is_forward() {
                self.record_in_force(&target, now);
            } else {
                tracing::info!("the changed bootstrap is in force");
                self.forget_rejected_bootstrap(target.candidate.bootstrap());
            }
        }
    }

    /// Another bootstrap is in force than the rejected one.
    fn forget_rejected_bootstrap(&mut self, in_force: u64) {
        let other = |rejected: &mut RejectedBootstrap| rejected.bootstrap != in_force;
        let gone = self.rejected_bootstrap.take_if(other);
        let last = self.rejection.as_ref();
        if gone.is_some_and(|gone| last.is_some_and(|last| last.fingerprint == gone.fingerprint)) {
            self.rejection = None;
            self.templates_rejected = None;
        }
    }

    /// A configuration is in force.
    pub(super) fn complete(&mut self, target: Target, now: Instant, out: &mut Output) {
        self.announce(&target, now);
        self.commit(target, out);
    }

    /// Records and logs what a rollout led to.
    pub(super) fn announce(&mut self, target: &Target, now: Instant) {
        match &target.direction {
            Direction::Forward => self.record_in_force(target, now),
            // That was done when it came into force.
            Direction::Clear => {}
            // A listener that stays closed is tried again at each refresh, which is not logged.
            Direction::Back { reason }
                if reason == REPAIR && self.confirmation == Confirmation::Confirmed => {}
            Direction::Back { reason } => {
                tracing::info!("the last accepted configuration is in force again ({reason})");
            }
        }
    }

    /// Clusters and routes of a configuration are in force.
    pub(super) fn commit(&mut self, target: Target, out: &mut Output) {
        self.confirm_all();
        let wanted = &target.candidate.configuration;
        out.effects.push(Effect::RemoveOthers(wanted.clone()));
        self.known.retain(|name, _| wanted.get(name).is_some());
        self.forget_pending(&target.candidate);
        if !target.is_clearing() {
            self.in_force = Some(target.candidate);
        }
        self.activity = Activity::Idle;
    }

    pub(super) fn forget_pending(&mut self, candidate: &Candidate) {
        if matches!(&self.pending, Pending::New(pending) | Pending::Retry(pending)
            if pending.fingerprint() == candidate.fingerprint())
        {
            self.pending = Pending::None;
        }
    }

    pub(super) fn record_in_force(&mut self, target: &Target, now: Instant) {
        let candidate = &target.candidate;
        self.metrics.count_result(RolloutResult::InForce);
        self.metrics.rollouts.add(now - target.began);
        let took = (now - target.began).as_secs_f64();
        let before = self
            .in_force
            .as_ref()
            .map(|in_force| &in_force.configuration);
        let what = changes(before, &candidate.configuration);
        let map = candidate
            .map_version
            .as_deref()
            .unwrap_or("without a version");
        let phases = target.describe_phases();
        let phases = if phases.is_empty() {
            phases
        } else {
            format!(" ({phases})")
        };
        if self.running.is_some() {
            tracing::info!(
                "a new configuration is in force, after {took:.3} s{phases}: map {map}; {what}"
            );
        } else {
            tracing::info!(
                "a new configuration is written, and envoy starts with it: map {map}; {what}"
            );
        }
        self.forget_pending(candidate);
        let bootstrap = candidate.bootstrap();
        let rejected = self.rejected_bootstrap;
        self.rejected_bootstrap = rejected.filter(|rejected| rejected.bootstrap == bootstrap);
        if !candidate.is_fallback && self.rejected_bootstrap.is_none() {
            // A newer set may have been rejected meanwhile.
            let is_older = |it: &mut Rejection| Some(it.fingerprint) == target.rejected;
            self.rejection.take_if(is_older);
            if self.rejection.is_none() {
                self.templates_rejected = None;
            }
            self.accepted_templates = Some(candidate.templates);
        }
        self.crash_suspect = None;
        self.outcomes.push((RefreshOutcome::Changed, None));
    }
}
