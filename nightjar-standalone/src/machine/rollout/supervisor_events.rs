//! Events of the supervisor, and what each means for the rollout.

use super::{Activity, Confirmation, KnownFile, Rollout};
use crate::{
    ack::Counters,
    machine::{
        Effect,
        supervisor::{Output, SupervisorEvent},
    },
};
use tokio::time::Instant;

impl Rollout {
    /// An Envoy process started, serves or ended.
    pub(crate) fn supervisor_event(
        &mut self,
        event: SupervisorEvent,
        now: Instant,
        out: &mut Output,
    ) {
        match event {
            SupervisorEvent::Started => {
                self.running.clone_from(&self.on_disk);
                self.confirmation = Confirmation::Unknown;
                self.reset_envoy();
            }
            SupervisorEvent::Live => {
                self.pending_bootstrap = false;
                self.succeeded(now);
                self.activity = match std::mem::take(&mut self.activity) {
                    Activity::Restarting { target, .. } => Activity::Waiting(target),
                    other => other,
                };
            }
            SupervisorEvent::HandedOver => self.handed_over(now, out),
            SupervisorEvent::HandOverFailed { reason, retry } => {
                self.hand_over_failed(reason, retry, now);
            }
            SupervisorEvent::Died { start_failed } => self.died(start_failed, now, out),
            SupervisorEvent::ParentsGone => {
                self.parent_watches_other_files = false;
                self.may_restart = true;
            }
            SupervisorEvent::GaveUp | SupervisorEvent::Ended => {}
        }
    }

    pub(super) fn reset_envoy(&mut self) {
        self.counters = Counters::default();
        self.warming_tolerated = 0;
        self.unbound.clear();
        self.parent_watches_other_files = false;
        self.retry_at = None;
        self.needs_confirmation = true;
        // A process that starts has what is on the disk.
        for (name, known) in &mut self.known {
            if let Some(file) = known.last().cloned()
                && !self.writes_in_flight.contains(name)
            {
                *known = KnownFile::Unconfirmed(vec![file]);
            }
        }
    }

    pub(super) fn handed_over(&mut self, now: Instant, out: &mut Output) {
        let followed = self.successor.is_some();
        self.succeeded(now);
        let before = self.running.take();
        self.running.clone_from(&self.on_disk);
        self.parent_watches_other_files = match (&before, &self.running) {
            (Some(before), Some(now)) => before.top_level != now.top_level,
            _ => false,
        };
        // It may have changed once more while the new process started.
        self.pending_bootstrap = match (&self.in_force, &self.running) {
            (Some(in_force), Some(running)) if followed => {
                in_force.bootstrap() != running.bootstrap.hash()
            }
            _ => false,
        };
        let parent_watches_other_files = self.parent_watches_other_files;
        let target = match std::mem::take(&mut self.activity) {
            Activity::Restarting { target }
            | Activity::RestartDue { target, .. }
            | Activity::Waiting(target) => Some(target),
            Activity::Writing { target, .. } | Activity::WritingBootstrap { target, .. } => {
                // It was meant for the previous process.
                out.effects.push(Effect::CancelPhase);
                Some(target)
            }
            Activity::Confirming { target, .. } => {
                out.effects.push(Effect::CancelPhase);
                target
            }
            Activity::Replacing { .. } | Activity::Idle => None,
        };
        self.reset_envoy();
        self.parent_watches_other_files = parent_watches_other_files;
        // Until the new process is asked, it is taken to serve what the old one did.
        self.activity = target.map_or(Activity::Idle, Activity::Waiting);
    }
}
