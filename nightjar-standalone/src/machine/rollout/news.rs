//! What news of Envoy's life means for a rollout.

use super::{Known, Rollout, Served, Work};
use crate::{
    ack::Counters,
    machine::{
        Effect,
        life::{News, Out},
    },
};
use tokio::time::Instant;

impl Rollout {
    /// News of Envoy's life.
    pub(crate) fn heard(&mut self, news: News, now: Instant, out: &mut Out) {
        match news {
            News::Started => {
                self.running.clone_from(&self.on_disk);
                self.served = Served::Unknown;
                self.reset_envoy();
            }
            News::Live => {
                self.pending_bootstrap = false;
                self.succeeded(now);
                if let Work::Restarting { aim, .. } = std::mem::take(&mut self.work) {
                    self.work = Work::Held(aim);
                }
            }
            News::HandedOver => self.handed_over(now, out),
            News::HandOverFailed { reason, retry } => self.hand_over_failed(reason, retry, now),
            News::Died { start_failed } => self.died(start_failed, now, out),
            News::ParentsGone => {
                self.reshaped = false;
                self.may_restart = true;
            }
            News::GaveUp | News::Ended => {}
        }
    }

    pub(super) fn reset_envoy(&mut self) {
        self.counters = Counters::default();
        self.given_up = 0;
        self.unbound.clear();
        self.reshaped = false;
        self.pause_until = None;
        self.unconfirmed = true;
        // A process that comes has what is on the disk.
        for (name, known) in &mut self.known {
            if let Some(file) = known.last().cloned()
                && !self.in_doubt.contains(name)
            {
                *known = Known::Unsure(vec![file]);
            }
        }
    }

    pub(super) fn handed_over(&mut self, now: Instant, out: &mut Out) {
        let followed = self.successor.is_some();
        self.succeeded(now);
        let before = self.running.take();
        self.running.clone_from(&self.on_disk);
        self.reshaped = match (&before, &self.running) {
            (Some(before), Some(now)) => before.top_level != now.top_level,
            _ => false,
        };
        // It may have changed once more while the new process came.
        self.pending_bootstrap = match (&self.base, &self.running) {
            (Some(base), Some(running)) if followed => base.bootstrap() != running.bootstrap.hash(),
            _ => false,
        };
        let reshaped = self.reshaped;
        let aim = match std::mem::take(&mut self.work) {
            Work::Restarting { aim, .. } | Work::Held(aim) => Some(aim),
            Work::Writing { aim, .. } | Work::WritingBootstrap { aim, .. } => {
                // It was meant for the process before.
                out.effects.push(Effect::CancelPhase);
                Some(aim)
            }
            _ => None,
        };
        self.reset_envoy();
        self.reshaped = reshaped;
        // Until it is asked, the new process counts as serving what the old one did.
        self.work = aim.map_or(Work::Idle, Work::Held);
    }
}
