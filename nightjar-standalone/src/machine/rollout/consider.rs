//! What becomes of a new set of files: whether it is one, is known already, or has to be checked.

use super::{Aim, Candidate, End, Known, Newest, Refusal, Rollout, Served, Work};
use crate::machine::{CheckFailure, life::Life};
use nightjar_core::daemon::RefreshOutcome;
use tokio::time::Instant;

impl Rollout {
    /// Files could be made, and Envoy cannot read them.
    pub(crate) fn refuse_unmade(&mut self, reason: String) {
        tracing::error!("the new configuration is not in force: {reason}");
        self.refused = Some(Refusal {
            print: 0,
            reason: reason.clone(),
        });
        self.tally.end(End::Refused);
        self.outcomes.push((RefreshOutcome::Refused, Some(reason)));
    }

    /// Takes in what a refresh brought. `false`: there is nothing to do about it.
    pub(crate) fn refreshed(&mut self, candidate: Option<Candidate>, life: &Life) -> bool {
        match (candidate, std::mem::take(&mut self.newest)) {
            (Some(candidate), _) | (None, Newest::Tried(candidate) | Newest::Fresh(candidate)) => {
                self.newest = Newest::Fresh(candidate);
            }
            (None, Newest::None) => {}
        }
        self.may_restart = true;
        if life.live().is_some() && matches!(self.work, Work::Idle) && self.is_amiss() {
            self.repair = true;
        }
        self.consider()
    }

    pub(super) fn is_amiss(&self) -> bool {
        let unsure = |known: &Known| matches!(known, Known::Unsure(_));
        !self.unbound.is_empty()
            || matches!(self.served, Served::No(_))
            || (self.served == Served::Yes && self.known.values().any(unsure))
    }

    /// Decides what becomes of the newest set of files. `false`: nothing.
    pub(super) fn consider(&mut self) -> bool {
        let Newest::Fresh(newest) = &self.newest else {
            return false;
        };
        let print = newest.print();
        if let Some(base) = &self.base
            && base.configuration.is_same(&newest.configuration)
            && !self.aim().is_some_and(Aim::is_forward)
        {
            let map_version = newest.map_version.clone();
            if !newest.is_fallback {
                // Whoever went back may have mended what stood in the way of another bootstrap.
                self.refused_bootstrap = None;
                self.refused = None;
                self.accepted_templates = Some(newest.templates);
                self.templates_refused = None;
            }
            if let Some(base) = &mut self.base {
                base.map_version = map_version;
                base.templates = newest.templates;
                base.templates_version.clone_from(&newest.templates_version);
            }
            self.newest = Newest::None;
            self.checked = None;
            return false;
        }
        if self
            .refused
            .as_ref()
            .is_some_and(|refused| refused.print == print)
        {
            let Some(fallback) = newest.fallback.clone() else {
                self.newest = Newest::None;
                return false;
            };
            self.newest = Newest::Fresh(*fallback);
            return self.consider();
        }
        let is_it = |candidate: &Candidate| candidate.print() == print;
        if self.checking.is_some()
            || self.checked.as_ref().is_some_and(is_it)
            || self
                .aim()
                .is_some_and(|aim| aim.is_forward() && is_it(&aim.candidate))
        {
            return true;
        }
        let newest = newest.clone();
        let known_good = self.served == Served::Yes
            && self.base.as_ref().is_some_and(|base| {
                newest
                    .configuration
                    .differs_only_in_endpoints(&base.configuration)
            });
        if known_good {
            self.checked = Some(newest);
        } else {
            self.checking = Some(newest);
            self.check_due = true;
            self.tally.validations += 1;
        }
        true
    }

    /// The verdict of a check.
    pub(crate) fn checked(&mut self, print: u64, result: Result<(), CheckFailure>, now: Instant) {
        let Some(candidate) = self.checking.take_if(|checking| checking.print() == print) else {
            return;
        };
        let began = self.check_began.take().unwrap_or(now);
        self.tally.check(&result, now - began);
        let newer = matches!(&self.newest, Newest::Fresh(newest) if newest.print() != print);
        let refused = self.refused.as_ref();
        match result {
            // It was refused meanwhile: Envoy died of it.
            Ok(()) if refused.is_some_and(|refused| refused.print == print) => {}
            Ok(()) => self.checked = Some(candidate),
            Err(CheckFailure::Refused(reason)) => {
                let aim = Aim::forward(candidate, now);
                self.refuse(&aim, reason, End::Refused);
            }
            Err(CheckFailure::Failed(_)) if newer => {}
            Err(CheckFailure::Failed(reason)) => self.failed(candidate, reason, End::Failed),
        }
    }
}
