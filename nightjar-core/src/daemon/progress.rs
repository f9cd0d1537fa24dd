//! Progress of a program's refreshes: successes, failures in a row, and when the next one is due.

use super::{
    EmptyMap,
    metrics::{MetricsPage, count},
};
use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

/// The time, by the clock that durations are measured with and by that of the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For durations; no change of the clock moves it.
    pub instant: Instant,
    /// For people.
    pub wall: SystemTime,
}

impl Now {
    /// The time of this call.
    pub fn read() -> Self {
        Self {
            instant: Instant::now(),
            wall: SystemTime::now(),
        }
    }
}

/// How refreshes ended, as metrics count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// There was nothing new.
    Unchanged,
    /// Something new is in force.
    Changed,
    /// It did not come to its end.
    Failed,
    /// Something new is not fit to be in force.
    Refused,
}

impl RefreshOutcome {
    /// Its name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// The progress of a program's refreshes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RefreshProgress {
    /// Whether the program is on its way out.
    pub stopping: bool,
    /// Why the last refresh failed, if it did.
    pub failed: Option<String>,
    /// The version of the last good discovery map.
    pub map_version: Option<String>,
    /// The map without endpoints that is not accepted yet.
    pub empty_map: Option<EmptyMap>,
    /// When the next refresh is due; `None` while one is under way.
    pub next_refresh: Option<Instant>,
    failures: Failures,
    refreshes: [u64; 4],
    last_success: Option<SystemTime>,
}

/// Failed refreshes in a row, and when the first of them ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Failures {
    count: u64,
    since: Option<Instant>,
}

/// That a refresh succeeded after failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// How many refreshes had failed in a row.
    pub failures: u64,
    /// The time from the end of the first that failed to the end of the one that did not.
    pub lasted: Duration,
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.failures == 1 { "" } else { "s" };
        let seconds = self.lasted.as_secs();
        write!(
            f,
            "refreshes work again after {} failure{s}, {seconds} s",
            self.failures
        )
    }
}

impl RefreshProgress {
    /// Counts a refresh that ended at `now`. The first success after failures describes them,
    /// which is to be logged.
    pub fn count(&mut self, outcome: RefreshOutcome, now: Now) -> Option<Recovery> {
        if let Some(count) = self.refreshes.get_mut(outcome as usize) {
            *count += 1;
        }
        match outcome {
            RefreshOutcome::Failed => {
                self.failures.count += 1;
                self.failures.since.get_or_insert(now.instant);
                None
            }
            RefreshOutcome::Refused => None,
            RefreshOutcome::Unchanged | RefreshOutcome::Changed => {
                self.last_success = Some(now.wall);
                self.failed = None;
                let Failures { count, since } = std::mem::take(&mut self.failures);
                since.map(|since| Recovery {
                    failures: count,
                    lasted: now.instant.saturating_duration_since(since),
                })
            }
        }
    }

    /// How many refreshes have failed in a row.
    pub fn failures(&self) -> u64 {
        self.failures.count
    }

    /// When the next refresh comes, and how many have failed since when; `None` unless the last
    /// refresh failed.
    pub fn describe_retry(&self, now: Instant) -> Option<String> {
        self.failed.as_ref()?;
        let next = match self.next_refresh {
            None => "under way".to_owned(),
            Some(due) => {
                let seconds = due.saturating_duration_since(now).as_secs_f64().ceil();
                format!("in about {seconds:.0} s, or at once on SIGHUP")
            }
        };
        let since = self.failures.since.unwrap_or(now);
        Some(format!(
            "{next}; {} failed in a row, for {} s",
            self.failures.count,
            now.saturating_duration_since(since).as_secs()
        ))
    }

    /// Describes a map without endpoints that is not accepted yet.
    pub fn describe_empty_map(&self, now: Instant) -> Option<String> {
        self.empty_map.map(|empty_map| empty_map.describe(now))
    }

    /// Adds how many refreshes ended in each of these ways, and when one last succeeded.
    pub fn add_refreshes(&self, page: &mut MetricsPage, outcomes: &[RefreshOutcome]) {
        let labels: Vec<(String, f64)> = outcomes
            .iter()
            .map(|outcome| {
                let number = self.refreshes.get(*outcome as usize).copied();
                let label = format!("{{result=\"{}\"}}", outcome.as_str());
                (label, count(number.unwrap_or_default()))
            })
            .collect();
        let samples: Vec<(&str, f64)> = labels
            .iter()
            .map(|(label, number)| (label.as_str(), *number))
            .collect();
        page.metric(
            "refreshes_total",
            "counter",
            "Refreshes, by how they ended.",
            &samples,
        );
        page.time(
            "last_success_timestamp_seconds",
            "When a refresh last succeeded, in seconds since 1970; 0 if none has.",
            self.last_success,
        );
        page.gauge(
            "failures_in_a_row",
            "Refreshes that have failed since the last success.",
            count(self.failures.count),
        );
    }

    /// Adds the version of the last good map, and how often an empty one was seen.
    pub fn add_map(&self, page: &mut MetricsPage) {
        page.info(
            "discovery_map_info",
            "The version of the last good discovery map.",
            "version",
            self.map_version.as_deref().unwrap_or_default(),
        );
        let seen = self.empty_map.map_or(0, |empty_map| empty_map.seen);
        page.gauge(
            "empty_map_refreshes",
            "Refreshes in a row that brought a map without endpoints that is not accepted yet.",
            count(seen),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_describes_the_failures_before_it() {
        let start = Now::read();
        let at = |seconds| Now {
            instant: start.instant + Duration::from_secs(seconds),
            ..start
        };
        let mut progress = RefreshProgress::default();
        assert_eq!(progress.count(RefreshOutcome::Unchanged, at(0)), None);
        for (failures, seconds) in [(1, 10), (2, 20), (3, 40)] {
            progress.failed = Some("no answer".to_owned());
            assert_eq!(progress.count(RefreshOutcome::Failed, at(seconds)), None);
            assert_eq!(progress.failures(), failures);
        }
        // What is refused neither fails nor succeeds.
        assert_eq!(progress.count(RefreshOutcome::Refused, at(42)), None);
        let recovery = progress.count(RefreshOutcome::Changed, at(45)).unwrap();
        assert_eq!(
            recovery.to_string(),
            "refreshes work again after 3 failures, 35 s"
        );
        assert_eq!((progress.failed.clone(), progress.failures()), (None, 0));
        assert_eq!(progress.count(RefreshOutcome::Changed, at(50)), None);
        progress.count(RefreshOutcome::Failed, at(60));
        let recovery = progress.count(RefreshOutcome::Unchanged, at(61)).unwrap();
        assert_eq!(
            recovery.to_string(),
            "refreshes work again after 1 failure, 1 s"
        );
    }

    #[test]
    fn the_next_retry_is_described_while_refreshes_fail() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut progress = RefreshProgress {
            next_refresh: Some(at(30_000)),
            ..RefreshProgress::default()
        };
        assert_eq!(progress.describe_retry(at(0)), None);
        progress.failed = Some("no answer".to_owned());
        for millis in [0, 10_000] {
            let now = Now {
                instant: at(millis),
                wall: SystemTime::now(),
            };
            progress.count(RefreshOutcome::Failed, now);
        }
        assert_eq!(
            progress.describe_retry(at(12_300)).unwrap(),
            "in about 18 s, or at once on SIGHUP; 2 failed in a row, for 12 s"
        );
        progress.next_refresh = None;
        assert_eq!(
            progress.describe_retry(at(31_000)).unwrap(),
            "under way; 2 failed in a row, for 31 s"
        );
    }
}
