//! How the runs of an extension ended, and how long they took.

use super::Fault;
use crate::{extension::args::EXIT_DONE, timing::Timing};
use std::time::Duration;

/// The runs of an extension so far, each try a run of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Runs {
    /// It did what it was to do.
    pub done: Timing,
    /// It had nothing newer; or nothing was committed, as another was first.
    pub unchanged: Timing,
    /// It did not come to a good end, whether it is tried again or not.
    pub failed: Timing,
}

impl Runs {
    /// Counts a run by the exit code that it was right to end with, unless it ended only because
    /// the program is to stop.
    pub(super) fn count(&mut self, ended: Result<u8, &Fault>, took: Duration) {
        let timing = match ended {
            Err(Fault::Stopped) => return,
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
    fn a_run_counts_by_its_end_and_a_stop_does_not() {
        let mut runs = Runs::default();
        let second = Duration::from_secs(1);
        runs.count(Ok(EXIT_DONE), second);
        runs.count(Ok(EXIT_UNCHANGED), second);
        runs.count(Ok(EXIT_CONFLICT), second);
        runs.count(Err(&Fault::Exit(1)), second);
        runs.count(Err(&Fault::Stopped), second);
        let counts = [runs.done, runs.unchanged, runs.failed].map(|timing| timing.count);
        assert_eq!(counts, [1, 2, 1]);
    }
}
