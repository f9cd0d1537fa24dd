//! Next step of a rollout, as far as the stage of the Envoy processes allows it.

use super::{
    Activity, AfterReplace, Confirmation, KnownFile, Purpose, REPAIR, Rollout, Successor, Target,
};
use crate::{
    launch::RestartMode,
    machine::{
        Effect,
        supervisor::{Output, Stage, Supervisor},
    },
    plan::{self, Phase, Step},
};
use nightjar_core::envoy::{File, FileRole};
use std::sync::Arc;
use tokio::time::Instant;

impl Rollout {
    /// Does what can be done now, until there is something to wait for.
    pub(crate) fn advance(&mut self, now: Instant, supervisor: &mut Supervisor, out: &mut Output) {
        loop {
            self.forget_held_clusters(now);
            self.admit();
            if let Some(validating) = &self.validating
                && std::mem::take(&mut self.validation_due)
            {
                let wanted = validating.configuration.bootstrap();
                // Clusters and routes do not wait for another process.
                let running = self.running.as_ref();
                let beside_own = self.restart_mode == RestartMode::Hot
                    && running.is_some_and(|running| plan::blocks(running, wanted));
                out.effects.push(Effect::Validate {
                    configuration: validating.configuration.clone(),
                    beside_own,
                });
                self.validation_began = Some(now);
            }
            if !self.advance_once(now, supervisor, out) {
                return;
            }
        }
    }

    /// One decision. `false`: there is something to wait for.
    pub(super) fn advance_once(
        &mut self,
        now: Instant,
        supervisor: &mut Supervisor,
        out: &mut Output,
    ) -> bool {
        if let Activity::RestartDue { .. } = self.activity {
            return self.begin_restart(now, supervisor, out);
        }
        if !matches!(self.activity, Activity::Idle | Activity::Waiting(_)) {
            return false;
        }
        let waiting = match std::mem::take(&mut self.activity) {
            Activity::Waiting(target) if target.is_clearing() => {
                // A rejected bootstrap may have been taken back out of it.
                self.in_force
                    .clone()
                    .map(|in_force| Target::clear(in_force, now))
            }
            Activity::Waiting(target) => Some(target),
            _ => None,
        };
        let target = match (self.validated.take(), waiting) {
            (Some(candidate), _) => {
                let mut target = Target::forward(candidate, now);
                target.rejected = self.rejection.as_ref().map(|it| it.fingerprint);
                Some(target)
            }
            (None, Some(waiting)) => Some(waiting),
            (None, None) if self.repair && self.retry_at.is_none_or(|at| at <= now) => self
                .in_force
                .clone()
                .map(|in_force| Target::back(in_force, now, REPAIR.to_owned())),
            (None, None) => None,
        };
        match supervisor.stage().clone() {
            Stage::Live { .. } if self.running.is_some() => {
                self.advance_live(target, now, supervisor, out)
            }
            Stage::Idle | Stage::Backoff { .. } => {
                let Some(target) = target else { return false };
                if self.crash_suspect == Some(target.candidate.fingerprint()) {
                    // The old files first: the new ones may be what Envoy dies of.
                    self.activity = Activity::Waiting(target);
                    return false;
                }
                self.replace(target, AfterReplace::Nothing, out);
                false
            }
            Stage::Starting { since, .. } => {
                let Some(target) = target else { return false };
                if now < since + self.update_timeout
                    || self.crash_suspect == Some(target.candidate.fingerprint())
                {
                    self.activity = Activity::Waiting(target);
                    return false;
                }
                let wanted = self
                    .without_rejected_bootstrap(&target.candidate)
                    .bootstrap();
                let same = self
                    .running
                    .as_ref()
                    .is_some_and(|running| running.bootstrap.hash() == wanted);
                let then = if same {
                    AfterReplace::Nothing
                } else {
                    AfterReplace::RestartNow
                };
                self.replace(target, then, out);
                false
            }
            // The old process still gets changes, as long as it can be asked.
            Stage::HandingOver {
                old_responds: true, ..
            } if self.successor.is_some() => self.advance_live(target, now, supervisor, out),
            Stage::HandingOver { .. } | Stage::Ending { .. } | Stage::Live { .. } => {
                self.activity = target.map_or(Activity::Idle, Activity::Waiting);
                false
            }
            Stage::GaveUp | Stage::Ended => false,
        }
    }

    /// The same while an Envoy serves.
    pub(super) fn advance_live(
        &mut self,
        target: Option<Target>,
        now: Instant,
        supervisor: &mut Supervisor,
        out: &mut Output,
    ) -> bool {
        if self.retry_at.is_some_and(|at| now < at) {
            self.activity = target.map_or(Activity::Idle, Activity::Waiting);
            return false;
        }
        self.retry_at = None;
        if self.needs_confirmation {
            self.confirm(target, out);
            return false;
        }
        if supervisor.unresponsive().is_some() {
            // It could not confirm a change, and would read half of it once it responds again.
            self.activity = target.map_or(Activity::Idle, Activity::Waiting);
            return false;
        }
        if self.restore_bootstrap(target.as_ref(), now, out) {
            return false;
        }
        let target = match target {
            Some(target) => target,
            None if self.pending_bootstrap
                && self.may_restart
                && !supervisor.is_handing_over()
                && self.restart_mode != RestartMode::None =>
            {
                let Some(in_force) = self.in_force.clone() else {
                    return false;
                };
                Target::back(
                    in_force,
                    now,
                    "the changed bootstrap takes effect".to_owned(),
                )
            }
            None => return false,
        };
        if std::mem::take(&mut self.repair) {
            self.mark_unconfirmed();
        }
        let Some(running) = &self.running else {
            return false;
        };
        match plan::next(&self.known, running, &target.candidate.configuration) {
            Step::Done => {
                self.pending_bootstrap &= self.restart_mode == RestartMode::None;
                self.complete(target, now, out);
                true
            }
            Step::Write(phase, files)
                if self.parent_watches_other_files
                    && supervisor.has_parents()
                    && (phase == Phase::Switch || files.iter().any(is_of_routes)) =>
            {
                // The replaced process still takes changes of routes, but none of the clusters that
                // they lead to.
                self.activity = Activity::Waiting(target);
                false
            }
            Step::Write(phase, files) => {
                if phase == Phase::Finish
                    && let Some(writable) =
                        self.held_finish(&files, &target.candidate.configuration, now)
                {
                    return self.clear_later(target, writable, supervisor, now, out);
                }
                self.write(target, phase, files, now, out);
                false
            }
            Step::Restart {
                blocking: false, ..
            } if self
                .rejected_bootstrap
                .is_some_and(|rejected| rejected.bootstrap == target.candidate.bootstrap()) =>
            {
                self.complete(target, now, out);
                self.keep_running_bootstrap();
                true
            }
            Step::Restart { blocking, .. } if supervisor.is_handing_over() || !self.may_restart => {
                if blocking {
                    self.activity = Activity::Waiting(target);
                    return false;
                }
                // A hand-over can begin only when the one before is complete.
                self.pending_bootstrap = true;
                self.complete(target, now, out);
                true
            }
            Step::Restart {
                bootstrap,
                blocking,
            } => {
                self.write_bootstrap(target, bootstrap, Purpose::Restart { blocking }, out);
                false
            }
        }
    }

    /// Lets a new process take over, once it may. `false`: there is something to wait for.
    pub(super) fn begin_restart(
        &mut self,
        now: Instant,
        supervisor: &mut Supervisor,
        out: &mut Output,
    ) -> bool {
        let Activity::RestartDue { target, blocking } = std::mem::take(&mut self.activity) else {
            return false;
        };
        if supervisor.live().is_none() {
            self.activity = Activity::Waiting(target);
            return true;
        }
        if supervisor.is_handing_over() {
            if let Some(reason) = target.forced_restart.clone() {
                self.roll_back(target, reason, true, now);
                return true;
            }
            self.activity = Activity::RestartDue { target, blocking };
            return false;
        }
        if supervisor.restart(now, out) {
            if blocking {
                self.activity = Activity::Restarting { target };
                return false;
            }
            self.pending_bootstrap = true;
            self.successor = Some(Successor {
                before: self.running.as_ref().map(|it| Arc::clone(&it.bootstrap)),
                target: target.clone(),
            });
            // Clusters may have to be removed yet.
            self.commit_before_clearing(target, now);
            return true;
        }
        tracing::warn!(
            "the bootstrap changed; ENVOY_RESTART_MODE is none, so it takes effect at the \
             next start of envoy"
        );
        self.pending_bootstrap = true;
        if let (Some(running), Some(on_disk)) = (&mut self.running, &self.on_disk) {
            running.bootstrap = Arc::clone(&on_disk.bootstrap);
        }
        self.activity = Activity::Waiting(target);
        true
    }

    /// Restores the bootstrap that the live process has read, if another one is in its place.
    pub(super) fn restore_bootstrap(
        &mut self,
        target: Option<&Target>,
        now: Instant,
        out: &mut Output,
    ) -> bool {
        let (Some(running), Some(on_disk)) = (&self.running, &self.on_disk) else {
            return false;
        };
        if running.bootstrap.hash() == on_disk.bootstrap.hash() || self.successor.is_some() {
            return false;
        }
        let Some(in_force) = &self.in_force else {
            return false;
        };
        let bootstrap = Arc::clone(&running.bootstrap);
        let target = target.cloned().unwrap_or_else(|| {
            Target::back(
                in_force.clone(),
                now,
                "the bootstrap is restored".to_owned(),
            )
        });
        self.write_bootstrap(target, bootstrap, Purpose::Restore, out);
        true
    }

    /// Marks what Envoy may not have as unconfirmed: everything if Envoy does not serve it, else the listeners
    /// that it could not bind.
    pub(super) fn mark_unconfirmed(&mut self) {
        let all = matches!(self.confirmation, Confirmation::Failed(_));
        let closed = !self.unbound.is_empty();
        for known in self.known.values_mut() {
            if let KnownFile::Confirmed(file) = known
                && let Some(role) = file.role()
                && (all || (closed && *role == FileRole::Listeners))
            {
                *known = KnownFile::Unconfirmed(vec![Arc::clone(file)]);
            }
        }
    }
}

fn is_of_routes(file: &Arc<File>) -> bool {
    matches!(file.role(), Some(FileRole::Routes(_)))
}
