//! What is told while a process that was started does not serve yet.

use super::{Life, Process, Stage};
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
                self.waits_for(probe)
            );
        }
    }

    /// What a process waits for that does not serve yet.
    fn waits_for(&self, probe: &Probe) -> String {
        let (state, answers) = match probe {
            Probe::Answered {
                state,
                epoch,
                config_path,
                ..
            } => (state, self.who_answers(*epoch, config_path)),
            Probe::Silent(reason) => return reason.clone(),
        };
        let reason = match answers {
            Who::Foreign => "another envoy answers in its place",
            Who::Before => "the envoy before it still answers",
            Who::New => match state.as_str() {
                "PRE_INITIALIZING" => "it waits for its clusters, for host names or health checks",
                "INITIALIZING" => "it waits for what its listeners need, such as routes or secrets",
                _ => "it is in this state",
            },
        };
        format!("{reason} ({state})")
    }

    /// Which Envoy an answer is of.
    fn who_answers(&self, epoch: u64, config_path: &str) -> Who {
        let is_of = |process: &Process| epoch == u64::from(process.epoch);
        let has_before = !self.killed.is_empty() || !self.parents.is_empty();
        match &self.stage {
            _ if config_path != self.rules.bootstrap_path => Who::Foreign,
            Stage::Starting { process, .. } if is_of(process) => Who::New,
            Stage::HandingOver { new, .. } if is_of(new) => Who::New,
            Stage::HandingOver { old, .. } if is_of(old) => Who::Before,
            _ if has_before => Who::Before,
            _ => Who::Foreign,
        }
    }
}

/// Whose an answer of the admin interface is while a process starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// The process that starts.
    New,
    /// One of ours that it replaces, or that was killed and has not ended.
    Before,
    /// None that we started.
    Foreign,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        launch::RestartMode,
        machine::life::{Out, Rules},
    };

    const PATH: &str = "/c/envoy.json";

    /// A life whose first process starts.
    fn starting(now: Instant) -> Life {
        let seconds = Duration::from_secs;
        let mut life = Life::new(Rules {
            restart_mode: RestartMode::Hot,
            drain_time: seconds(20),
            kill_wait_time: seconds(60),
            bootstrap_path: PATH.to_owned(),
        });
        life.start(now, &mut Out::default());
        life
    }

    fn answer(state: &str, epoch: u64, config_path: &str) -> Probe {
        Probe::Answered {
            live: state == "LIVE",
            state: state.to_owned(),
            epoch,
            config_path: config_path.to_owned(),
        }
    }

    #[test]
    fn what_is_waited_for_is_told_in_words() {
        let life = starting(Instant::now());
        for (probe, told) in [
            (
                answer("PRE_INITIALIZING", 0, PATH),
                "it waits for its clusters, for host names or health checks (PRE_INITIALIZING)",
            ),
            (
                answer("INITIALIZING", 0, PATH),
                "it waits for what its listeners need, such as routes or secrets (INITIALIZING)",
            ),
            (
                answer("LIVE", 0, "/other/envoy.json"),
                "another envoy answers in its place (LIVE)",
            ),
            (
                answer("DRAINING", 3, PATH),
                "another envoy answers in its place (DRAINING)",
            ),
            (Probe::Silent("no answer".to_owned()), "no answer"),
        ] {
            assert_eq!(life.waits_for(&probe), told);
        }
    }

    #[test]
    fn the_envoy_that_hands_over_is_not_taken_for_another() {
        let now = Instant::now();
        let mut life = starting(now);
        life.probed(&answer("LIVE", 0, PATH), now, &mut Out::default());
        assert!(life.restart(now, &mut Out::default()));
        for (probe, told) in [
            (
                answer("LIVE", 0, PATH),
                "the envoy before it still answers (LIVE)",
            ),
            (
                answer("DRAINING", 0, PATH),
                "the envoy before it still answers (DRAINING)",
            ),
            (
                answer("PRE_INITIALIZING", 1, PATH),
                "it waits for its clusters, for host names or health checks (PRE_INITIALIZING)",
            ),
            (
                answer("LIVE", 0, "/other/envoy.json"),
                "another envoy answers in its place (LIVE)",
            ),
        ] {
            assert_eq!(life.waits_for(&probe), told);
        }
    }

    #[test]
    fn a_killed_envoy_that_still_answers_is_the_one_before() {
        let now = Instant::now();
        let mut life = starting(now);
        life.probed(&answer("LIVE", 0, PATH), now, &mut Out::default());
        assert!(life.restart(now, &mut Out::default()));
        life.probed(&answer("LIVE", 1, PATH), now, &mut Out::default());
        assert!(life.has_parents());
        life.tick(now + Duration::from_mins(2), &mut Out::default());
        let told = life.waits_for(&answer("DRAINING", 0, PATH));
        assert_eq!(told, "the envoy before it still answers (DRAINING)");
    }
}
