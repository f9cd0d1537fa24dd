//! The deadline by which the caller kills an extension.

use crate::{
    digits::is_plain_decimal,
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

/// The time that is kept free before the deadline; of a short time, half.
const MARGIN: Duration = Duration::from_secs(1);
/// What there is time for in any case: the deadline is rounded down, so it may come up to a second
/// later.
const MIN_TIME: Duration = Duration::from_millis(300);
/// A deadline that passed longer ago does not belong to this run.
const MAX_PAST: Duration = Duration::from_mins(1);

/// When the caller will kill this run, if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    since_1970: Option<Duration>,
}

impl Deadline {
    /// Reads [`NJ_DEADLINE`]. One that means nothing is warned of, and is as good as none.
    pub fn from_settings(reader: &mut Reader<'_>) -> Self {
        let Some(value) = reader.env().get(NJ_DEADLINE.name) else {
            return Self { since_1970: None };
        };
        let value = value.to_string_lossy();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let since_1970 = read(&value, now.unwrap_or_default());
        if since_1970.is_none() {
            let name = NJ_DEADLINE.name;
            tracing::warn!("{name}={value:?} is ignored: it is not a time in the future");
        }
        Self { since_1970 }
    }

    /// How long something may take: `limit`, or what is left until a second before the deadline if
    /// that is less. Some hundred milliseconds are always left.
    pub fn at_most(self, limit: Duration) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.at_most_from(now.unwrap_or_default(), limit)
    }

    fn at_most_from(self, now: Duration, limit: Duration) -> Duration {
        let left = |deadline: Duration| {
            let left = deadline.saturating_sub(now);
            left.saturating_sub(MARGIN.min(left / 2)).max(MIN_TIME)
        };
        self.since_1970
            .map_or(limit, |deadline| limit.min(left(deadline)))
    }
}

/// A time in seconds, decimals allowed, unless it is long past.
fn read(text: &str, now: Duration) -> Option<Duration> {
    let number = is_plain_decimal(text).then(|| text.parse().ok())??;
    let deadline = Duration::try_from_secs_f64(number).ok()?;
    (deadline.saturating_add(MAX_PAST) >= now).then_some(deadline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    #[test]
    fn what_is_left_ends_a_second_before_the_deadline() {
        let millis = Duration::from_millis;
        let deadline = Deadline {
            since_1970: read("1000", millis(900_000)),
        };
        for (now, limit, expected) in [
            (900_000, 25_000, 25_000),
            (980_000, 25_000, 19_000),
            (998_000, 25_000, 1000),
            (999_000, 25_000, 500),
            (999_000, 100, 100),
            (999_900, 25_000, 300),
            (1_000_900, 25_000, 300),
        ] {
            let left = deadline.at_most_from(millis(now), millis(limit));
            assert_eq!(left, millis(expected), "{now}");
        }
    }

    #[test]
    fn a_deadline_that_means_nothing_is_none() {
        let now = Duration::from_secs(1000);
        assert_eq!(read("1010.5", now), Some(Duration::from_millis(1_010_500)));
        assert_eq!(read("940", now), Some(Duration::from_secs(940)));
        for text in [
            "939",
            "soon",
            "-1",
            "1e9",
            "1.2.3",
            ".",
            "9".repeat(30).as_str(),
        ] {
            assert_eq!(read(text, now), None, "{text}");
        }
        for value in ["", "soon"] {
            let env = Env::from_pairs([("NJ_DEADLINE", value)]);
            let mut reader = Reader::new(&env);
            let deadline = Deadline::from_settings(&mut reader);
            reader.finish().unwrap();
            let limit = Duration::from_secs(25);
            assert_eq!(deadline.at_most(limit), limit);
        }
    }
}
