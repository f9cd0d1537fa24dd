//! Counts and durations of something that is done again and again.

use std::time::Duration;

/// How often something was done, and how long that took in all.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timing {
    /// How often.
    pub count: u64,
    /// How long in all.
    pub seconds: f64,
}

impl Timing {
    /// Counts one that took so long.
    pub fn add(&mut self, took: Duration) {
        self.count += 1;
        self.seconds += took.as_secs_f64();
    }
}
