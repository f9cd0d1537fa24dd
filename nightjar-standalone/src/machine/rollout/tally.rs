//! What has become of rollouts, phases and checks so far, as metrics count it.

use crate::{machine::CheckFailure, plan::Phase};
use nightjar_core::timing::Timing;
use std::time::Duration;

/// What became of a set of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    InForce,
    /// It is not fit to be in force, and nothing of it was written.
    Refused,
    /// Something stood in the way before anything of it was written.
    Failed,
    /// It was begun, and what was in force before had to be put back.
    WentBack,
}

/// The counts of a rollout's state.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Tally {
    /// Rollouts that came into force.
    pub(crate) rollouts: Timing,
    ends: [u64; 4],
    phases: [Timing; 3],
    /// Checks that were ordered.
    pub(crate) validations: u64,
    /// Checks that ended.
    pub(crate) checks: Timing,
    /// Checks that Envoy did not pass.
    pub(crate) checks_refused: u64,
    /// Checks that did not come to a verdict.
    pub(crate) checks_failed: u64,
}

impl Tally {
    pub(super) fn end(&mut self, end: End) {
        if let Some(count) = self.ends.get_mut(end as usize) {
            *count += 1;
        }
    }

    pub(super) fn phase(&mut self, phase: Phase, took: Duration) {
        if let Some(timing) = self.phases.get_mut(phase as usize) {
            timing.add(took);
        }
    }

    pub(super) fn check(&mut self, result: &Result<(), CheckFailure>, took: Duration) {
        self.checks.add(took);
        match result {
            Ok(()) => {}
            Err(CheckFailure::Refused(_)) => self.checks_refused += 1,
            Err(CheckFailure::Failed(_)) => self.checks_failed += 1,
        }
    }

    /// How many sets of files ended so, by the name of the end.
    pub(crate) fn ends(&self) -> [(&'static str, u64); 4] {
        let [in_force, refused, failed, went_back] = self.ends;
        [
            ("in_force", in_force),
            ("refused", refused),
            ("failed", failed),
            ("went_back", went_back),
        ]
    }

    /// How long phases took, by their names.
    pub(crate) fn phases(&self) -> [(&'static str, Timing); 3] {
        let [make, switch, finish] = self.phases;
        [
            (Phase::Make.as_str(), make),
            (Phase::Switch.as_str(), switch),
            (Phase::Finish.as_str(), finish),
        ]
    }
}
