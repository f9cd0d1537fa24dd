//! Timer of refreshes, which SIGHUP ends early.

use crate::{
    backoff::jittered,
    shutdown::{RefreshRequests, Shutdown, StopReason},
};
use std::time::Duration;
use tokio::time::Instant;

/// By how much waiting times differ by chance, so that programs do not ask all at once.
pub(super) const JITTER: f64 = 0.1;

/// The pauses between refreshes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// `REFRESH_TIME`: the pause after a success.
    pub refresh_time: Duration,
    /// `FAILURE_SLEEP`: the longest pause after failures.
    pub failure_sleep: Duration,
}

impl Pauses {
    /// The pause after so many failures in a row: [`Self::refresh_time`], doubled with each failure
    /// after the first, up to [`Self::failure_sleep`].
    ///
    /// A program that `is_configured` has something to go on with. One that has nothing yet never waits
    /// longer than [`Self::refresh_time`].
    pub fn after(&self, failures: u64, is_configured: bool) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else {
            return self.refresh_time;
        };
        // Past 2^31, whatever the start, every pause is the longest.
        let factor = 1_u32 << doublings.min(31);
        let grown = self.refresh_time.saturating_mul(factor);
        let longest = if is_configured {
            self.failure_sleep
        } else {
            self.failure_sleep.min(self.refresh_time)
        };
        grown.min(longest)
    }
}

/// The waiting for the next refresh, which SIGHUP ends early.
#[derive(Debug)]
pub struct RefreshTimer {
    shutdown: Shutdown,
    refreshes: RefreshRequests,
}

/// What made a refresh due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The pause is over.
    Interval,
    /// SIGHUP came.
    Sighup,
}

impl RefreshTimer {
    /// A timer from now on; a SIGHUP that came before does not count.
    pub fn new(shutdown: &Shutdown) -> Self {
        Self {
            shutdown: shutdown.clone(),
            refreshes: shutdown.refresh_requests(),
        }
    }

    /// When a pause that begins now ends: after `pause`, give or take 10 %.
    pub fn end_after(pause: Duration) -> Instant {
        Instant::now() + jittered(pause, JITTER)
    }

    /// Logs when a refresh that failed is tried again.
    pub fn log_next(pause: Duration) {
        tracing::info!(
            "the next refresh is in about {} s, or at once on SIGHUP",
            pause.as_secs_f64()
        );
    }

    /// Waits until the next refresh is due. Nothing is lost if the waiting is given up and begun
    /// again.
    pub async fn until(&mut self, end: Instant) -> Trigger {
        tokio::select! {
            biased;
            () = self.refreshes.wait() => {
                tracing::info!("refreshing now because of SIGHUP");
                Trigger::Sighup
            }
            () = tokio::time::sleep_until(end) => Trigger::Interval,
        }
    }

    /// Waits until the next refresh is due, or for the reason to stop.
    pub async fn wait(&mut self, end: Instant) -> Result<Trigger, StopReason> {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            biased;
            reason = shutdown.wait() => Err(reason),
            trigger = self.until(end) => Ok(trigger),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    fn pauses(refresh_time: u64, failure_sleep: u64) -> Pauses {
        Pauses {
            refresh_time: Duration::from_secs(refresh_time),
            failure_sleep: Duration::from_secs(failure_sleep),
        }
    }

    fn seconds(pauses: Pauses, is_configured: bool) -> Vec<u64> {
        (0..=6)
            .map(|failures| pauses.after(failures, is_configured).as_secs())
            .collect()
    }

    #[test]
    fn the_pause_grows_with_failures_once_there_is_a_configuration() {
        let default = pauses(30, 300);
        assert_eq!(seconds(default, true), [30, 30, 60, 120, 240, 300, 300]);
        assert_eq!(seconds(default, false), [30; 7]);
        // A longest pause that is shorter than the usual one counts from the first failure on.
        let short = pauses(30, 5);
        assert_eq!(seconds(short, true), [30, 5, 5, 5, 5, 5, 5]);
        assert_eq!(seconds(short, false), [30, 5, 5, 5, 5, 5, 5]);
    }

    proptest! {
        #[test]
        fn the_pause_never_shrinks_nor_passes_its_limits(
            refresh_time in 1_u64..100_000, failure_sleep in 1_u64..100_000, failures in 1_u64..,
        ) {
            let pauses = pauses(refresh_time, failure_sleep);
            let pause = pauses.after(failures, true);
            prop_assert!(pause <= pauses.failure_sleep);
            prop_assert!(pause >= pauses.refresh_time.min(pauses.failure_sleep));
            prop_assert!(pause <= pauses.after(failures.saturating_add(1), true));
            let first = pauses.after(failures, false);
            prop_assert_eq!(first, pauses.refresh_time.min(pauses.failure_sleep));
        }
    }

    #[tokio::test]
    async fn a_pause_ends_by_itself_by_sighup_or_by_a_stop() {
        let (handle, shutdown) = Shutdown::manual();
        let mut timer = RefreshTimer::new(&shutdown);
        let soon = || RefreshTimer::end_after(Duration::from_millis(1));
        let late = || RefreshTimer::end_after(Duration::from_secs(1000));
        assert_eq!(timer.wait(soon()).await, Ok(Trigger::Interval));
        handle.refresh();
        assert_eq!(timer.wait(late()).await, Ok(Trigger::Sighup));
        handle.stop(StopReason::Terminate);
        assert_eq!(timer.wait(late()).await, Err(StopReason::Terminate));
    }
}
