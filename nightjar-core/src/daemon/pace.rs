//! When the next refresh is due.

use crate::{
    backoff::jittered,
    shutdown::{Refresh, Shutdown, StopReason},
};
use std::time::Duration;
use tokio::time::Instant;

/// By how much waiting times differ by chance, so that programs do not ask all at once.
const JITTER: f64 = 0.1;

/// The pauses between refreshes, which SIGHUP ends early.
#[derive(Debug)]
pub struct Pace {
    shutdown: Shutdown,
    refreshes: Refresh,
}

/// What ended a pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// The time is over.
    InTime,
    /// SIGHUP came.
    AtOnce,
}

impl Pace {
    /// Pauses from now on; a SIGHUP that came before does not count.
    pub fn new(shutdown: &Shutdown) -> Self {
        Self {
            shutdown: shutdown.clone(),
            refreshes: shutdown.refreshes(),
        }
    }

    /// When a pause that begins now ends: after `pause`, give or take 10 %.
    pub fn end_of(pause: Duration) -> Instant {
        Instant::now() + jittered(pause, JITTER)
    }

    /// Says when a refresh that failed is tried again.
    pub fn tell(pause: Duration) {
        tracing::info!(
            "the next refresh is in about {} s, or at once on SIGHUP",
            pause.as_secs_f64()
        );
    }

    /// Waits until the next refresh is due. Nothing is lost if the waiting is given up and begun
    /// again.
    pub async fn until(&mut self, end: Instant) -> Due {
        tokio::select! {
            biased;
            () = self.refreshes.wait() => {
                tracing::info!("refreshing at once, as SIGHUP came");
                Due::AtOnce
            }
            () = tokio::time::sleep_until(end) => Due::InTime,
        }
    }

    /// Waits for `pause`, give or take 10 %, for SIGHUP, or for the reason to stop.
    pub async fn rest(&mut self, pause: Duration) -> Result<Due, StopReason> {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            biased;
            reason = shutdown.wait() => Err(reason),
            due = self.until(Self::end_of(pause)) => Ok(due),
        }
    }
}
