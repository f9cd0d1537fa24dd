//! Admission of a new set of files: whether it changes anything, was rejected before, or has to be validated.

use super::{
    Activity, Candidate, Confirmation, KnownFile, Pending, Rejection, Rollout, RolloutResult,
    Target,
};
use crate::machine::{ValidationError, supervisor::Supervisor};
use nightjar_core::daemon::RefreshOutcome;
use tokio::time::Instant;

impl Rollout {
    /// Files were built that Envoy cannot read.
    pub(crate) fn reject_unreadable(&mut self, reason: String) {
        tracing::error!("the new configuration is not in force: {reason}");
        self.rejection = Some(Rejection {
            fingerprint: 0,
            reason: reason.clone(),
        });
        self.metrics.count_result(RolloutResult::Rejected);
        self.outcomes.push((RefreshOutcome::Refused, Some(reason)));
    }

    /// Takes the result of a refresh. `false`: there is nothing to roll out.
    pub(crate) fn refreshed(
        &mut self,
        candidate: Option<Candidate>,
        supervisor: &Supervisor,
    ) -> bool {
        match (candidate, std::mem::take(&mut self.pending)) {
            (Some(candidate), _) | (None, Pending::Retry(candidate) | Pending::New(candidate)) => {
                self.pending = Pending::New(candidate);
            }
            (None, Pending::None) => {}
        }
        self.may_restart = true;
        if supervisor.live().is_some()
            && self.is_settled()
            && (self.needs_repair() || !self.is_complete())
        {
            self.repair = true;
        }
        self.admit()
    }

    /// Whether the files are those in force, or something is under way that makes them so.
    pub(super) fn is_complete(&self) -> bool {
        !matches!(self.activity, Activity::Idle) || self.has_what_is_in_force()
    }

    pub(super) fn needs_repair(&self) -> bool {
        let unconfirmed = |known: &KnownFile| matches!(known, KnownFile::Unconfirmed(_));
        !self.unbound.is_empty()
            || matches!(self.confirmation, Confirmation::Failed(_))
            || (self.confirmation == Confirmation::Confirmed
                && self.known.values().any(unconfirmed))
    }

    /// Decides what to do with the pending set of files. `false`: nothing.
    pub(super) fn admit(&mut self) -> bool {
        let Pending::New(pending) = &self.pending else {
            return false;
        };
        let fingerprint = pending.fingerprint();
        if let Some(in_force) = &self.in_force
            && in_force.configuration.is_same(&pending.configuration)
            && !self.target().is_some_and(Target::is_forward)
        {
            let map_version = pending.map_version.clone();
            if !pending.is_fallback {
                // The way back may have removed what another bootstrap failed on.
                self.rejected_bootstrap = None;
                self.rejection = None;
                self.accepted_templates = Some(pending.templates);
                self.templates_rejected = None;
            }
            if let Some(in_force) = &mut self.in_force {
                in_force.map_version = map_version;
                in_force.templates = pending.templates;
                in_force
                    .templates_version
                    .clone_from(&pending.templates_version);
            }
            self.pending = Pending::None;
            self.validated = None;
            return false;
        }
        if self
            .rejection
            .as_ref()
            .is_some_and(|rejected| rejected.fingerprint == fingerprint)
        {
            let Some(fallback) = pending.fallback.clone() else {
                self.pending = Pending::None;
                return false;
            };
            self.pending = Pending::New(*fallback);
            return self.admit();
        }
        let is_it = |candidate: &Candidate| candidate.fingerprint() == fingerprint;
        if self.validating.is_some()
            || self.validated.as_ref().is_some_and(is_it)
            || self
                .target()
                .is_some_and(|target| target.is_forward() && is_it(&target.candidate))
        {
            return true;
        }
        let pending = pending.clone();
        let known_good = self.confirmation == Confirmation::Confirmed
            && self.in_force.as_ref().is_some_and(|in_force| {
                pending
                    .configuration
                    .differs_only_in_endpoints(&in_force.configuration)
            });
        if known_good {
            self.validated = Some(pending);
        } else {
            self.validating = Some(pending);
            self.validation_due = true;
            self.metrics.validations += 1;
        }
        true
    }

    /// A validation ended.
    pub(crate) fn validated(
        &mut self,
        fingerprint: u64,
        result: Result<(), ValidationError>,
        now: Instant,
    ) {
        let Some(candidate) = self
            .validating
            .take_if(|validating| validating.fingerprint() == fingerprint)
        else {
            return;
        };
        let began = self.validation_began.take().unwrap_or(now);
        self.metrics.add_validation(&result, now - began);
        let newer =
            matches!(&self.pending, Pending::New(pending) if pending.fingerprint() != fingerprint);
        let rejected = self.rejection.as_ref();
        match result {
            // It was rejected meanwhile, as Envoy died of it.
            Ok(()) if rejected.is_some_and(|rejected| rejected.fingerprint == fingerprint) => {}
            Ok(()) => self.validated = Some(candidate),
            Err(ValidationError::Rejected(reason)) => {
                let target = Target::forward(candidate, now);
                self.reject(&target, reason, RolloutResult::Rejected);
            }
            Err(ValidationError::Unavailable(_)) if newer => {}
            Err(ValidationError::Unavailable(reason)) => {
                self.failed(candidate, reason, RolloutResult::Failed);
            }
        }
    }
}
