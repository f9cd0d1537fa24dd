//! When an extension will be killed.

use crate::{
    env::{Reader, Setting},
    extension::args::VARIABLE_DEADLINE,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `NJ_DEADLINE`
pub const NJ_DEADLINE: Setting = Setting::optional(
    VARIABLE_DEADLINE,
    "no time limit is known",
    "when the caller will kill this program, in seconds since 1970; callers set it for each run",
);

/// What is left between the last thing that an extension may do and its end.
const MARGIN: Duration = Duration::from_secs(1);

/// When the caller will kill this run, if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    since_1970: Option<Duration>,
}

impl Deadline {
    /// Reads [`NJ_DEADLINE`].
    pub fn from_settings(reader: &mut Reader<'_>) -> Self {
        let seconds = reader.optional(&NJ_DEADLINE, |reader, setting| {
            reader.integer(setting, 0..=u64::MAX)
        });
        Self {
            since_1970: seconds.map(Duration::from_secs),
        }
    }

    /// How long something may take: `limit`, or what is left until a second before the deadline if
    /// that is less.
    pub fn at_most(self, limit: Duration) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.at_most_from(now.unwrap_or_default(), limit)
    }

    fn at_most_from(self, now: Duration, limit: Duration) -> Duration {
        let left = |deadline: Duration| deadline.saturating_sub(now + MARGIN);
        self.since_1970
            .map_or(limit, |deadline| limit.min(left(deadline)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    #[test]
    fn what_is_left_ends_a_second_before_the_deadline() {
        let seconds = Duration::from_secs;
        let env = Env::from_pairs([("NJ_DEADLINE", "1000")]);
        let deadline = Deadline::from_settings(&mut Reader::new(&env));
        for (now, limit, expected) in [(900, 25, 25), (980, 25, 19), (999, 25, 0), (2000, 25, 0)] {
            let left = deadline.at_most_from(seconds(now), seconds(limit));
            assert_eq!(left, seconds(expected), "{now}");
        }
        let none = Env::from_pairs([("NJ_DEADLINE", "")]);
        let unknown = Deadline::from_settings(&mut Reader::new(&none));
        assert_eq!(unknown.at_most(seconds(25)), seconds(25));
        let wrong = Env::from_pairs([("NJ_DEADLINE", "soon")]);
        let mut reader = Reader::new(&wrong);
        let _ = Deadline::from_settings(&mut reader);
        assert!(reader.finish().is_err());
    }
}
