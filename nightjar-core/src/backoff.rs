//! Waiting times between retries.

use fastrand::Rng;
use std::time::Duration;

/// Waiting times that double from a start up to a maximum, each a little longer by chance, so
/// that many processes that failed together do not try again together.
#[derive(Debug, Clone)]
pub struct Backoff {
    start: Duration,
    max: Duration,
    next: Duration,
    jitter: f64,
    random: Rng,
}

/// What a waiting time may gain by chance, as a share of it.
const JITTER: f64 = 0.2;

impl Backoff {
    /// Waiting times from `start`, doubling up to `max`, plus up to 20 % by chance.
    pub fn new(start: Duration, max: Duration) -> Self {
        Self {
            start,
            max,
            next: start.min(max),
            jitter: JITTER,
            random: Rng::new(),
        }
    }

    /// The same with another share for chance: 0.0 for none.
    #[must_use]
    pub fn with_jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// The same with a given source of chance, such as one with a fixed seed.
    #[must_use]
    pub fn with_random(mut self, random: Rng) -> Self {
        self.random = random;
        self
    }

    /// How long to wait now. The next time will be twice as long, up to the maximum.
    pub fn next_delay(&mut self) -> Duration {
        let base = self.next;
        self.next = base.saturating_mul(2).min(self.max);
        scaled(base, 1.0 + self.jitter * self.random.f64())
    }

    /// Starts over, after a success.
    pub fn reset(&mut self) {
        self.next = self.start.min(self.max);
    }
}

/// A time that differs from `time` by chance, by at most `share` (0.1 is ±10 %).
pub fn jittered(time: Duration, share: f64) -> Duration {
    jittered_by(time, share, &mut Rng::new())
}

/// [`jittered`] with a given source of chance.
pub fn jittered_by(time: Duration, share: f64, random: &mut Rng) -> Duration {
    scaled(time, 1.0 + share * (2.0 * random.f64() - 1.0))
}

fn scaled(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::{Backoff, Duration, Rng, jittered_by};
    use proptest::{prop_assert, proptest};

    fn seconds(backoff: &mut Backoff, count: usize) -> Vec<f64> {
        (0..count)
            .map(|_| backoff.next_delay().as_secs_f64())
            .collect()
    }

    #[test]
    fn doubles_up_to_the_maximum_and_starts_over() {
        let (start, max) = (Duration::from_secs(2), Duration::from_mins(1));
        let mut backoff = Backoff::new(start, max).with_jitter(0.0);
        assert_eq!(
            seconds(&mut backoff, 7),
            [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
        );
        backoff.reset();
        assert_eq!(seconds(&mut backoff, 2), [2.0, 4.0]);
    }

    #[test]
    fn the_same_seed_gives_the_same_times() {
        let new = |seed| {
            Backoff::new(Duration::from_secs(2), Duration::from_mins(1))
                .with_random(Rng::with_seed(seed))
        };
        assert_eq!(seconds(&mut new(7), 9), seconds(&mut new(7), 9));
        assert_ne!(seconds(&mut new(7), 9), seconds(&mut new(8), 9));
    }

    proptest! {
        #[test]
        fn chance_only_adds_and_at_most_a_fifth(seed: u64, start in 1_u64..100, max in 1_u64..1000) {
            let (start, max) = (Duration::from_millis(start), Duration::from_millis(max));
            let mut plain = Backoff::new(start, max).with_jitter(0.0);
            let mut backoff = Backoff::new(start, max).with_random(Rng::with_seed(seed));
            for _ in 0..12 {
                let (base, delay) = (plain.next_delay(), backoff.next_delay());
                prop_assert!(delay >= base && delay <= base.mul_f64(1.2001), "{base:?} {delay:?}");
            }
        }

        #[test]
        fn jitter_stays_within_its_share(seed: u64, millis in 1_u64..1_000_000) {
            let time = Duration::from_millis(millis);
            let delay = jittered_by(time, 0.1, &mut Rng::with_seed(seed));
            prop_assert!(delay >= time.mul_f64(0.8999) && delay <= time.mul_f64(1.1001));
        }
    }
}
