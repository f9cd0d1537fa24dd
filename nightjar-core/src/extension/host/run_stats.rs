//! Counts and times of an extension's runs, by how they ended.

use super::RunError;
use crate::{extension::args::EXIT_DONE, timing::Timing};
use std::time::Duration;

/// The runs of an extension so far, each try a run of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RunStats {
    /// Runs that did what they were asked to do.
    pub done: Timing,
    /// Runs that had nothing newer, or that committed nothing because another was first.
    pub unchanged: Timing,
    /// Runs that failed, whether they are retried or not.
    pub failed: Timing,
}

impl RunStats {
    /// Counts a run by its valid exit code or its error, unless it was stopped because this program
    /// shuts down.
    pub(super) fn count(&mut self, ended: Result<u8, &RunError>, took: Duration) {
        let timing = match ended {
            Err(RunError::Stopped) => return,
            Err(_) => &mut self.failed,
            Ok(EXIT_DONE) => &mut self.done,
            Ok(_) => &mut self.unchanged,
        };
        timing.add(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::args::{EXIT_CONFLICT, EXIT_UNCHANGED};

    #[test]
    fn a_run_counts_by_its_end_and_a_stopped_one_does_not() {
        let mut runs = RunStats::default();
        let second = Duration::from_secs(1);
        runs.count(Ok(EXIT_DONE), second);
        runs.count(Ok(EXIT_UNCHANGED), second);
        runs.count(Ok(EXIT_CONFLICT), second);
        runs.count(Err(&RunError::Exit(1)), second);
        runs.count(Err(&RunError::Stopped), second);
        let counts = [runs.done, runs.unchanged, runs.failed].map(|timing| timing.count);
        assert_eq!(counts, [1, 2, 1]);
    }
}
