//! How the runs of an extension ended, and how long they took.

use super::{Fault, Fetched};
use crate::timing::Timing;
use std::time::Duration;

/// The runs of an extension so far, each try a run of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Runs {
    /// It did what it was to do.
    pub done: Timing,
    /// It had nothing newer.
    pub unchanged: Timing,
    /// It did not come to a good end, whether it is tried again or not.
    pub failed: Timing,
}

impl Runs {
    /// Counts a run, unless it ended only because the program is to stop.
    pub(super) fn count(
        &mut self,
        ended: Result<&Fetched, &Fault>,
        is_fetch: bool,
        took: Duration,
    ) {
        let timing = match ended {
            Err(Fault::Stopped) => return,
            Err(_) => &mut self.failed,
            Ok(Fetched::Unchanged) if is_fetch => &mut self.unchanged,
            Ok(_) => &mut self.done,
        };
        timing.add(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_by_its_end_and_a_stop_does_not() {
        let mut runs = Runs::default();
        let second = Duration::from_secs(1);
        runs.count(Ok(&Fetched::New(Vec::new())), true, second);
        runs.count(Ok(&Fetched::Unchanged), true, second);
        // Of a commit there is nothing to hand over.
        runs.count(Ok(&Fetched::Unchanged), false, second);
        runs.count(Err(&Fault::Exit(1)), true, second);
        runs.count(Err(&Fault::Stopped), true, second);
        let counts = [runs.done, runs.unchanged, runs.failed].map(|timing| timing.count);
        assert_eq!(counts, [2, 1, 1]);
    }
}
