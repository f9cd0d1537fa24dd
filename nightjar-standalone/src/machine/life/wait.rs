//! What is told while a process that was started does not serve yet.

use super::{Life, Stage};
use crate::machine::Probe;
use std::time::Duration;
use tokio::time::Instant;

/// How often it is told what a process waits for.
const TOLD: Duration = Duration::from_secs(10);

impl Life {
    /// Tells what the process waits for that is to serve, if that was not told for a while.
    pub(super) fn tell_wait(&mut self, probe: &Probe, now: Instant) {
        let (Stage::Starting { since, .. } | Stage::HandingOver { since, .. }) = self.stage else {
            return;
        };
        if now - self.told.unwrap_or(since) >= TOLD {
            self.told = Some(now);
            let waited = (now - since).as_secs();
            tracing::info!(
                "the new envoy does not serve yet after {waited} s: {}",
                waits_for(probe)
            );
        }
    }
}

/// What a process waits for that does not serve yet.
fn waits_for(probe: &Probe) -> String {
    let state = match probe {
        Probe::Answered { state, .. } => state.as_str(),
        Probe::Silent(reason) => return reason.clone(),
    };
    let reason = match state {
        "PRE_INITIALIZING" => "it waits for its clusters, for host names or health checks",
        "INITIALIZING" => "it waits for what its listeners need, such as routes or secrets",
        "LIVE" => "another envoy answers in its place",
        _ => "it is in this state",
    };
    format!("{reason} ({state})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_told_in_words() {
        let answered = |state: &str| Probe::Answered {
            live: state == "LIVE",
            state: state.to_owned(),
            epoch: 0,
            config_path: String::new(),
        };
        for (probe, told) in [
            (
                answered("PRE_INITIALIZING"),
                "it waits for its clusters, for host names or health checks (PRE_INITIALIZING)",
            ),
            (
                answered("INITIALIZING"),
                "it waits for what its listeners need, such as routes or secrets (INITIALIZING)",
            ),
            (
                answered("LIVE"),
                "another envoy answers in its place (LIVE)",
            ),
            (Probe::Silent("no answer".to_owned()), "no answer"),
        ] {
            assert_eq!(waits_for(&probe), told);
        }
    }
}
