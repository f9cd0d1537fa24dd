//! Metrics of rollouts, phases and validations.

use crate::{machine::ValidationError, plan::Phase};
use nightjar_core::timing::Timing;
use std::time::Duration;

/// How the rollout of a set of files ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RolloutResult {
    InForce,
    /// Validation or Envoy rejected it, and nothing of it was written.
    Rejected,
    /// It failed before anything of it was written.
    Failed,
    /// It was begun, and the previous configuration had to be restored.
    RolledBack,
}

/// Counts and times of rollouts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct RolloutMetrics {
    /// Rollouts that came into force.
    pub(crate) rollouts: Timing,
    results: [u64; 4],
    phases: [Timing; 3],
    /// Validations that were requested.
    pub(crate) validations: u64,
    /// The times of validations that ended.
    pub(crate) validation_times: Timing,
    /// Validations that ended with a rejection.
    pub(crate) validations_rejected: u64,
    /// Validations that ended without a verdict.
    pub(crate) validations_unavailable: u64,
}

impl RolloutMetrics {
    pub(super) fn count_result(&mut self, result: RolloutResult) {
        if let Some(count) = self.results.get_mut(result as usize) {
            *count += 1;
        }
    }

    pub(super) fn add_phase(&mut self, phase: Phase, took: Duration) {
        if let Some(timing) = self.phases.get_mut(phase as usize) {
            timing.add(took);
        }
    }

    pub(super) fn add_validation(&mut self, result: &Result<(), ValidationError>, took: Duration) {
        self.validation_times.add(took);
        match result {
            Ok(()) => {}
            Err(ValidationError::Rejected(_)) => self.validations_rejected += 1,
            Err(ValidationError::Unavailable(_)) => self.validations_unavailable += 1,
        }
    }

    /// How many rollouts had each result, by its label.
    pub(crate) fn results(&self) -> [(&'static str, u64); 4] {
        let [in_force, rejected, failed, rolled_back] = self.results;
        [
            ("in_force", in_force),
            ("refused", rejected),
            ("failed", failed),
            ("went_back", rolled_back),
        ]
    }

    /// How long phases took, by their labels.
    pub(crate) fn phases(&self) -> [(&'static str, Timing); 3] {
        let [make, switch, finish] = self.phases;
        [
            (Phase::Make.as_str(), make),
            (Phase::Switch.as_str(), switch),
            (Phase::Finish.as_str(), finish),
        ]
    }
}
