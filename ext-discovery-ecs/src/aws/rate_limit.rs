//! Keeping within AWS's published request rates.
//!
//! AWS counts calls in token buckets for a whole account and region. The buckets for reading ECS
//! clusters, tasks and task definitions, and for describing EC2 instances, hold 50 to 100 calls and
//! are refilled by 20 calls a second. One discovery takes 50 at most at once, and then keeps to the
//! refill. What it does not take is left to others in the account.

use std::{cell::Cell, time::Duration};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};

/// Calls that may follow each other without a pause.
const BURST: u32 = 50;
/// The time in which AWS allows one more call.
const REFILL_INTERVAL: Duration = Duration::from_millis(50);
/// Calls under way at one time.
pub(crate) const MAX_CONCURRENT_CALLS: usize = 10;

/// The calls of one bucket.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    concurrent: Semaphore,
    /// When the bucket would be full again.
    full: Cell<Instant>,
}

impl RateLimiter {
    /// A full bucket.
    pub(crate) fn new() -> Self {
        Self {
            concurrent: Semaphore::new(MAX_CONCURRENT_CALLS),
            full: Cell::new(Instant::now()),
        }
    }

    /// Makes one call in its turn.
    pub(crate) async fn call<F: Future>(&self, call: F) -> F::Output {
        // Fails only if somebody closed the semaphore, and nobody does.
        let _turn = self.concurrent.acquire().await;
        let now = Instant::now();
        let full = self.full.get().max(now) + REFILL_INTERVAL;
        self.full.set(full);
        // With a bucket not yet empty, this time is over.
        sleep_until(full - REFILL_INTERVAL * BURST).await;
        call.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_refill_rate() {
        let (pace, start) = (RateLimiter::new(), Instant::now());
        for _ in 0..BURST {
            pace.call(async {}).await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..20 {
            pace.call(async {}).await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_take_long_wait_for_each_other() {
        let (pace, start) = (RateLimiter::new(), Instant::now());
        let slow = || pace.call(async { tokio::time::sleep(Duration::from_secs(1)).await });
        futures_util::future::join_all((0..=MAX_CONCURRENT_CALLS).map(|_| slow())).await;
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }
}
