//! State machine of the sidecar: everything that is known, and what follows from each event.
//!
//! [`State::step`] does no I/O and never waits. What has to be done comes out as [`Effect`]s.
//! [`crate::event_loop`] passes them to its executor, which runs each in a task of its own that reports back
//! with an [`Event`]. So nothing waits for anything else: an Envoy that dies while a discovery hangs is seen at
//! once.
//!
//! ```text
//! event           what happened
//! effect          what has to be done
//! supervisor      which Envoy serves, which one starts, which ones end
//! rollout         which files Envoy is known to have, which it should have, and why it does not have them yet
//! secrets         problems with secrets that Envoy reads by itself
//! refresh_stats   how often refreshes ran extensions and built files, and how long that took
//! status          readiness and metrics, derived from the state
//! ```

mod effect;
mod event;
mod refresh_stats;
pub(crate) mod rollout;
mod secrets;
mod status;
pub(crate) mod supervisor;

pub(crate) use effect::{Effect, PhaseRequest};
pub(crate) use event::{
    Event, NotBuilt, PhaseOutcome, Probe, ProcessExit, Refreshed, ValidationError,
};
pub(crate) use refresh_stats::RefreshStats;
pub(crate) use rollout::Candidate;
pub(crate) use status::SharedStatus;

use crate::inotify;
use nightjar_core::daemon::{Now, Pauses, RefreshOutcome, RefreshProgress, RefreshTimer};
use rollout::Rollout;
use secrets::Secrets;
use std::time::Duration;
use supervisor::{Output, Supervisor, SupervisorEvent};
use tokio::time::Instant;

/// Counts the processes that were started.
pub(crate) type Generation = u64;

/// The settings of the state machine.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) supervisor: supervisor::Options,
    pub(crate) pauses: Pauses,
    pub(crate) exit_on_failure: bool,
    pub(crate) update_timeout: Duration,
    pub(crate) validate: bool,
    /// The port without which the proxy is of no use.
    pub(crate) listen_port: u16,
    pub(crate) config_dir: String,
    pub(crate) identity: ProxyIdentity,
}

/// What the status says of the proxy itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ProxyIdentity {
    /// `namespace/service/color`, or `gateway:namespace`.
    pub(crate) name: String,
    pub(crate) envoy_version: String,
}

/// Whether a refresh is in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RefreshState {
    Idle,
    Fetching {
        /// Whether another one was requested meanwhile.
        again: bool,
    },
}

/// Everything that is known.
#[derive(Debug, Clone)]
pub(crate) struct State {
    options: Options,
    supervisor: Supervisor,
    rollout: Rollout,
    refresh_state: RefreshState,
    progress: RefreshProgress,
    secrets: Secrets,
    stats: RefreshStats,
    inotify_left: inotify::InstancesLeft,
    stopping: bool,
    /// Why the program ends, unless it was asked to.
    failed: Option<String>,
}

impl State {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            supervisor: Supervisor::new(options.supervisor.clone()),
            rollout: Rollout::new(&options),
            options,
            refresh_state: RefreshState::Idle,
            progress: RefreshProgress::default(),
            secrets: Secrets::default(),
            stats: RefreshStats::default(),
            inotify_left: inotify::InstancesLeft::default(),
            stopping: false,
            failed: None,
        }
    }

    /// When [`Event::DeadlinePassed`] is due.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let rollout = self.rollout.deadline(&self.supervisor, now);
        [self.supervisor.deadline(), rollout]
            .into_iter()
            .flatten()
            .min()
    }

    /// What follows from an event.
    pub(crate) fn step(mut self, now: Instant, event: Event) -> (Self, Vec<Effect>) {
        let mut out = Output::default();
        match event {
            Event::RefreshDue => self.begin_refresh(&mut out),
            Event::Refreshed { result, stats } => {
                self.stats = *stats;
                self.refreshed(result, now, &mut out);
            }
            Event::Validated {
                fingerprint,
                result,
            } => self.rollout.validated(fingerprint, result, now),
            Event::SpawnFailed { generation, reason } => {
                self.supervisor
                    .spawn_failed(generation, reason, now, &mut out);
            }
            Event::Exited { generation, exit } => {
                self.supervisor.exited(generation, &exit, now, &mut out);
            }
            Event::Probed(probe) => self.supervisor.probed(&probe, now, &mut out),
            Event::Drained => self.supervisor.drained(now, &mut out),
            Event::PhaseEnded { id, outcome } => {
                self.rollout.phase_ended(id, outcome, &self.supervisor, now);
            }
            // No process reads the folder any more.
            Event::FilesReplaced(_) | Event::FolderInspected { .. } if self.stopping => {}
            Event::FilesReplaced(result) => {
                self.rollout
                    .files_replaced(result, now, &mut self.supervisor, &mut out);
            }
            Event::FolderInspected { missing, lost } => {
                self.rollout
                    .folder_inspected(&missing, lost, now, &self.supervisor, &mut out);
            }
            Event::Secrets(report) => self.secrets.report(report),
            Event::DeadlinePassed => self.supervisor.deadline_passed(now, &mut out),
            Event::Stop(reason) => self.stop(&reason, now, &mut out),
        }
        self.process_events(now, &mut out);
        (self, out.effects)
    }

    /// Passes the supervisor's events on, and does what can be done now.
    fn process_events(&mut self, now: Instant, out: &mut Output) {
        loop {
            let events = std::mem::take(&mut out.events);
            for event in events {
                match event {
                    SupervisorEvent::GaveUp => self.fail("envoy cannot be kept running", now, out),
                    SupervisorEvent::Ended => out
                        .effects
                        .push(Effect::Exit(self.failed.take().map_or(Ok(()), Err))),
                    // The rollout is over.
                    _ if self.stopping => {}
                    event => self.rollout.supervisor_event(event, now, out),
                }
            }
            if !self.stopping {
                self.rollout.advance(now, &mut self.supervisor, out);
                self.secrets.follow(self.rollout.in_force(), out);
                self.count_outcomes(now, out);
            }
            if out.events.is_empty() {
                return;
            }
        }
    }

    /// Counts the outcomes of refreshes.
    fn count_outcomes(&mut self, now: Instant, out: &mut Output) {
        for (outcome, reason) in self.rollout.take_outcomes() {
            if outcome == RefreshOutcome::Failed {
                self.progress.failed = reason;
            }
            self.count_outcome(outcome, now);
            if self.options.exit_on_failure
                && matches!(outcome, RefreshOutcome::Failed | RefreshOutcome::Refused)
            {
                self.fail(EXIT_ON_FAILURE, now, out);
            }
        }
    }

    fn fail(&mut self, reason: &str, now: Instant, out: &mut Output) {
        if self.failed.is_none() && !self.stopping {
            self.failed = Some(reason.to_owned());
            self.begin_stop(now, out);
        }
    }

    fn stop(&mut self, reason: &str, now: Instant, out: &mut Output) {
        if !self.stopping {
            tracing::info!("stopping: {reason}");
            self.begin_stop(now, out);
        }
    }

    fn begin_stop(&mut self, now: Instant, out: &mut Output) {
        self.stopping = true;
        self.progress.stopping = true;
        out.effects.push(Effect::CancelPhase);
        self.supervisor.stop(now, out);
    }

    fn begin_refresh(&mut self, out: &mut Output) {
        match &mut self.refresh_state {
            _ if self.stopping => {}
            RefreshState::Fetching { again } => *again = true,
            RefreshState::Idle => {
                self.refresh_state = RefreshState::Fetching { again: false };
                self.progress.next_refresh = None;
                out.effects.push(Effect::Refresh {
                    accepted_templates: self.rollout.accepted_templates(),
                });
                out.effects.push(Effect::InspectFolder);
            }
        }
    }

    fn refreshed(&mut self, result: Result<Refreshed, String>, now: Instant, out: &mut Output) {
        let again = self.refresh_state == RefreshState::Fetching { again: true };
        self.refresh_state = RefreshState::Idle;
        if self.stopping {
            return;
        }
        let failed = match result {
            Ok(refreshed) => {
                self.progress.map_version = refreshed.map_version;
                self.progress.empty_map = refreshed.empty_map;
                self.rollout
                    .set_templates_unavailable(refreshed.templates_failed);
                match refreshed.not_built {
                    Some(not_built) if not_built.failed => Some(not_built.reason),
                    Some(not_built) => {
                        self.rollout.reject_unreadable(not_built.reason);
                        self.rollout
                            .refreshed(refreshed.candidate, &self.supervisor);
                        None
                    }
                    None => {
                        if !self
                            .rollout
                            .refreshed(refreshed.candidate, &self.supervisor)
                        {
                            self.count_outcome(RefreshOutcome::Unchanged, now);
                        }
                        None
                    }
                }
            }
            Err(reason) => {
                self.rollout.refreshed(None, &self.supervisor);
                Some(reason)
            }
        };
        let Some(reason) = failed else {
            let pause = self.options.pauses.refresh_time;
            self.schedule_refresh(if again { Duration::ZERO } else { pause }, now, out);
            return;
        };
        tracing::error!("refresh failed: {reason}");
        self.progress.failed = Some(reason);
        self.count_outcome(RefreshOutcome::Failed, now);
        if self.options.exit_on_failure {
            return self.fail(EXIT_ON_FAILURE, now, out);
        }
        let failures = self.progress.failures();
        let pause = self
            .options
            .pauses
            .after(failures, self.rollout.is_configured());
        RefreshTimer::log_next(pause);
        self.schedule_refresh(if again { Duration::ZERO } else { pause }, now, out);
    }

    fn schedule_refresh(&mut self, pause: Duration, now: Instant, out: &mut Output) {
        self.progress.next_refresh = Some((now + pause).into_std());
        out.effects.push(Effect::ScheduleRefresh(pause));
    }

    fn count_outcome(&mut self, outcome: RefreshOutcome, now: Instant) {
        if let Some(recovery) = self.progress.count(outcome, wall_clock(now)) {
            tracing::info!("{recovery}");
        }
    }
}

const EXIT_ON_FAILURE: &str = "a refresh failed, and EXIT_ON_GENERATION_FAILURE is set";

/// An instant with the time of day, which only metrics need.
fn wall_clock(now: Instant) -> Now {
    Now {
        instant: now.into_std(),
        ..Now::read()
    }
}

/// A time for the log.
pub(crate) fn seconds(time: Duration) -> String {
    let tenths = (time.as_secs_f64() * 10.0).round() / 10.0;
    format!("{tenths} s")
}

#[cfg(test)]
mod tests;
