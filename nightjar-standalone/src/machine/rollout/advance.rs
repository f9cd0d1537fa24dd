//! What can be done now: the next step of a rollout, as far as Envoy's life lets it.

use super::{AfterReplace, Aim, Known, Purpose, REPAIR, Rollout, Served, Successor, Work};
use crate::{
    launch::RestartMode,
    machine::{
        Effect,
        life::{Life, Out, Stage},
    },
    plan::{self, Phase, Step},
};
use nightjar_core::envoy::{File, FileRole};
use std::sync::Arc;
use tokio::time::Instant;

impl Rollout {
    /// Does what can be done now, until there is something to wait for.
    pub(crate) fn advance(&mut self, now: Instant, life: &mut Life, out: &mut Out) {
        loop {
            self.consider();
            if let Some(checking) = &self.checking
                && std::mem::take(&mut self.check_due)
            {
                out.effects
                    .push(Effect::Check(checking.configuration.clone()));
                self.check_began = Some(now);
            }
            if !self.advance_once(now, life, out) {
                return;
            }
        }
    }

    /// One decision. `false`: there is something to wait for.
    pub(super) fn advance_once(&mut self, now: Instant, life: &mut Life, out: &mut Out) -> bool {
        if let Work::MustRestart { .. } = self.work {
            return self.begin_restart(now, life, out);
        }
        if !matches!(self.work, Work::Idle | Work::Held(_)) {
            return false;
        }
        let held = match std::mem::take(&mut self.work) {
            Work::Held(aim) => Some(aim),
            _ => None,
        };
        let aim = match (self.checked.take(), held) {
            (Some(candidate), _) => Some(Aim::forward(candidate, now)),
            (None, Some(held)) => Some(held),
            (None, None) if self.repair => self
                .base
                .clone()
                .map(|base| Aim::back(base, now, REPAIR.to_owned())),
            (None, None) => None,
        };
        match life.stage().clone() {
            Stage::Live { .. } if self.running.is_some() => self.advance_live(aim, now, life, out),
            Stage::Idle | Stage::Waiting { .. } => {
                let Some(aim) = aim else { return false };
                if self.suspect == Some(aim.candidate.print()) {
                    // The old files first: it may be the new ones that Envoy dies of.
                    self.work = Work::Held(aim);
                    return false;
                }
                self.replace(aim, AfterReplace::Nothing, out);
                false
            }
            Stage::Starting { since, .. } => {
                let Some(aim) = aim else { return false };
                if now < since + self.update_timeout || self.suspect == Some(aim.candidate.print())
                {
                    self.work = Work::Held(aim);
                    return false;
                }
                let wanted = self.without_refused_bootstrap(&aim.candidate).bootstrap();
                let same = self
                    .running
                    .as_ref()
                    .is_some_and(|running| running.bootstrap.hash() == wanted);
                let then = if same {
                    AfterReplace::Nothing
                } else {
                    AfterReplace::RestartAtOnce
                };
                self.replace(aim, then, out);
                false
            }
            // The one that serves goes on being changed, as long as it can be asked.
            Stage::HandingOver {
                old_answers: true, ..
            } if self.successor.is_some() => self.advance_live(aim, now, life, out),
            Stage::HandingOver { .. } | Stage::Ending { .. } | Stage::Live { .. } => {
                self.work = aim.map_or(Work::Idle, Work::Held);
                false
            }
            Stage::GaveUp | Stage::Ended => false,
        }
    }

    /// The same while an Envoy serves.
    pub(super) fn advance_live(
        &mut self,
        aim: Option<Aim>,
        now: Instant,
        life: &mut Life,
        out: &mut Out,
    ) -> bool {
        if self.pause_until.is_some_and(|at| now < at) {
            self.work = aim.map_or(Work::Idle, Work::Held);
            return false;
        }
        self.pause_until = None;
        if self.unconfirmed {
            self.confirm(aim, out);
            return false;
        }
        if life.unresponsive().is_some() {
            // It could not confirm what it takes, and would read half of a change when it wakes.
            self.work = aim.map_or(Work::Idle, Work::Held);
            return false;
        }
        if self.undo_bootstrap(aim.as_ref(), now, out) {
            return false;
        }
        let aim = match aim {
            Some(aim) => aim,
            None if self.pending_bootstrap
                && self.may_restart
                && !life.is_handing_over()
                && self.restart_mode != RestartMode::None =>
            {
                let Some(base) = self.base.clone() else {
                    return false;
                };
                Aim::back(base, now, "the changed bootstrap takes effect".to_owned())
            }
            None => return false,
        };
        if std::mem::take(&mut self.repair) {
            self.distrust();
        }
        let Some(running) = &self.running else {
            return false;
        };
        match plan::next(&self.known, running, &aim.candidate.configuration) {
            Step::Done => {
                self.pending_bootstrap &= self.restart_mode == RestartMode::None;
                self.in_force(aim, now, out);
                true
            }
            Step::Write(phase, files)
                if self.reshaped
                    && life.has_parents()
                    && (phase == Phase::Switch || files.iter().any(is_of_routes)) =>
            {
                // The replaced process still takes changes of the routes, and none of the clusters
                // that they lead to any more.
                self.work = Work::Held(aim);
                false
            }
            Step::Write(phase, files) => {
                self.write(aim, phase, files, now, out);
                false
            }
            Step::Restart { leads: false, .. }
                if self
                    .refused_bootstrap
                    .is_some_and(|refused| refused.bootstrap == aim.candidate.bootstrap()) =>
            {
                self.in_force(aim, now, out);
                self.keep_running_bootstrap();
                true
            }
            Step::Restart { leads, .. } if life.is_handing_over() || !self.may_restart => {
                if leads {
                    self.work = Work::Held(aim);
                    return false;
                }
                // Envoy hands over from one process to the next: an earlier hand-over has to be complete.
                self.pending_bootstrap = true;
                self.in_force(aim, now, out);
                true
            }
            Step::Restart { bootstrap, leads } => {
                self.write_bootstrap(aim, bootstrap, Purpose::Restart { leads }, out);
                false
            }
        }
    }

    /// Lets a new process take over, once it may. `false`: there is something to wait for.
    pub(super) fn begin_restart(&mut self, now: Instant, life: &mut Life, out: &mut Out) -> bool {
        let Work::MustRestart { aim, leads } = std::mem::take(&mut self.work) else {
            return false;
        };
        if life.live().is_none() {
            self.work = Work::Held(aim);
            return true;
        }
        if life.is_handing_over() {
            if let Some(reason) = aim.rescue.clone() {
                self.go_back(aim, reason, true, now);
                return true;
            }
            self.work = Work::MustRestart { aim, leads };
            return false;
        }
        if life.restart(now, out) {
            if leads {
                self.work = Work::Restarting { aim };
                return false;
            }
            self.pending_bootstrap = true;
            self.successor = Some(Successor {
                before: self.running.as_ref().map(|it| Arc::clone(&it.bootstrap)),
                aim: aim.clone(),
            });
            self.settle(aim, out);
            return true;
        }
        tracing::warn!(
            "the bootstrap changed; ENVOY_RESTART_MODE is none, so it takes effect when envoy \
             starts the next time"
        );
        self.pending_bootstrap = true;
        if let (Some(running), Some(on_disk)) = (&mut self.running, &self.on_disk) {
            running.bootstrap = Arc::clone(&on_disk.bootstrap);
        }
        self.work = Work::Held(aim);
        true
    }

    /// Puts the bootstrap back that the live process has read, if another one is in its place.
    pub(super) fn undo_bootstrap(
        &mut self,
        aim: Option<&Aim>,
        now: Instant,
        out: &mut Out,
    ) -> bool {
        let (Some(running), Some(on_disk)) = (&self.running, &self.on_disk) else {
            return false;
        };
        if running.bootstrap.hash() == on_disk.bootstrap.hash() || self.successor.is_some() {
            return false;
        }
        let Some(base) = &self.base else { return false };
        let bootstrap = Arc::clone(&running.bootstrap);
        let aim = aim.cloned().unwrap_or_else(|| {
            Aim::back(base.clone(), now, "the bootstrap is put back".to_owned())
        });
        self.write_bootstrap(aim, bootstrap, Purpose::PutBack, out);
        true
    }

    /// What Envoy may not have counts as confirmed no longer: all if it does not serve, else the
    /// listeners that it could not bind.
    pub(super) fn distrust(&mut self) {
        let all = matches!(self.served, Served::No(_));
        let closed = !self.unbound.is_empty();
        for known in self.known.values_mut() {
            if let Known::Confirmed(file) = known
                && let Some(role) = file.role()
                && (all || (closed && *role == FileRole::Listeners))
            {
                *known = Known::Unsure(vec![Arc::clone(file)]);
            }
        }
    }
}

fn is_of_routes(file: &Arc<File>) -> bool {
    matches!(file.role(), Some(FileRole::Routes(_)))
}
