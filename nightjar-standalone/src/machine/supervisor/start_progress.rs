//! Log messages about a process that was started and does not serve yet.

use super::{Process, Stage, Supervisor};
use crate::machine::Probe;
use std::time::Duration;
use tokio::time::Instant;

/// How often the log says what a process waits for.
const WAIT_LOG_REPEAT: Duration = Duration::from_secs(10);

impl Supervisor {
    /// Logs what the starting process waits for, unless that was logged a short while ago.
    pub(super) fn log_wait(&mut self, probe: &Probe, now: Instant) {
        let (Stage::Starting { since, .. } | Stage::HandingOver { since, .. }) = self.stage else {
            return;
        };
        if now - self.wait_logged.unwrap_or(since) >= WAIT_LOG_REPEAT {
            self.wait_logged = Some(now);
            let waited = (now - since).as_secs();
            tracing::info!(
                "the new envoy does not serve yet after {waited} s: {}",
                self.describe_wait(probe)
            );
        }
    }

    /// What a process that does not serve yet waits for.
    fn describe_wait(&self, probe: &Probe) -> String {
        let (state, answers) = match probe {
            Probe::Answered {
                state,
                epoch,
                config_path,
                ..
            } => (state, self.responder(*epoch, config_path)),
            Probe::NoAnswer(reason) => return reason.clone(),
        };
        let reason = match answers {
            Responder::Foreign => "another envoy answers in its place",
            Responder::Previous => "the previous envoy still answers",
            Responder::New => match state.as_str() {
                "PRE_INITIALIZING" => "it waits for its clusters, for host names or health checks",
                "INITIALIZING" => "it waits for what its listeners need, such as routes or secrets",
                _ => "it is in this state",
            },
        };
        format!("{reason} ({state})")
    }

    /// Which Envoy sent an answer.
    fn responder(&self, epoch: u64, config_path: &str) -> Responder {
        let is_of = |process: &Process| epoch == u64::from(process.epoch);
        let has_before = !self.killed.is_empty() || !self.parents.is_empty();
        match &self.stage {
            _ if config_path != self.options.bootstrap_path => Responder::Foreign,
            Stage::Starting { process, .. } if is_of(process) => Responder::New,
            Stage::HandingOver { new, .. } if is_of(new) => Responder::New,
            Stage::HandingOver { old, .. } if is_of(old) => Responder::Previous,
            _ if has_before => Responder::Previous,
            _ => Responder::Foreign,
        }
    }
}

/// Which Envoy answers at the admin interface while a process starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Responder {
    /// The process that starts.
    New,
    /// A process that it replaces, or one that was killed and has not ended.
    Previous,
    /// An Envoy that this program did not start.
    Foreign,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        launch::RestartMode,
        machine::supervisor::{Options, Output},
    };

    const PATH: &str = "/c/envoy.json";

    /// A supervisor whose first process starts.
    fn starting(now: Instant) -> Supervisor {
        let seconds = Duration::from_secs;
        let mut supervisor = Supervisor::new(Options {
            restart_mode: RestartMode::Hot,
            drain_time: seconds(20),
            kill_wait_time: seconds(60),
            bootstrap_path: PATH.to_owned(),
        });
        supervisor.start(now, &mut Output::default());
        supervisor
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
    fn the_wait_is_described_in_words() {
        let supervisor = starting(Instant::now());
        for (probe, message) in [
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
            (Probe::NoAnswer("no answer".to_owned()), "no answer"),
        ] {
            assert_eq!(supervisor.describe_wait(&probe), message);
        }
    }

    #[test]
    fn the_envoy_that_hands_over_is_not_taken_for_another() {
        let now = Instant::now();
        let mut supervisor = starting(now);
        supervisor.probed(&answer("LIVE", 0, PATH), now, &mut Output::default());
        assert!(supervisor.restart(now, &mut Output::default()));
        for (probe, message) in [
            (
                answer("LIVE", 0, PATH),
                "the previous envoy still answers (LIVE)",
            ),
            (
                answer("DRAINING", 0, PATH),
                "the previous envoy still answers (DRAINING)",
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
            assert_eq!(supervisor.describe_wait(&probe), message);
        }
    }

    #[test]
    fn a_killed_envoy_that_still_answers_is_the_one_before() {
        let now = Instant::now();
        let mut supervisor = starting(now);
        supervisor.probed(&answer("LIVE", 0, PATH), now, &mut Output::default());
        assert!(supervisor.restart(now, &mut Output::default()));
        supervisor.probed(&answer("LIVE", 1, PATH), now, &mut Output::default());
        assert!(supervisor.has_parents());
        supervisor.deadline_passed(now + Duration::from_mins(2), &mut Output::default());
        let message = supervisor.describe_wait(&answer("DRAINING", 0, PATH));
        assert_eq!(message, "the previous envoy still answers (DRAINING)");
    }
}
