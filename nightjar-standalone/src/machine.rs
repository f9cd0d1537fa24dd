//! The sidecar as a state: everything that is known, and what follows from each event.
//!
//! [`State::step`] does no I/O and never waits. What has to be done comes out as [`Effect`]s, which
//! [`crate::drive`] carries out, each in a task of its own that reports back with an [`Event`]. So
//! nothing waits for anything else: an Envoy that dies while a discovery hangs is seen at once.
//!
//! ```text
//! life      which Envoy serves, which one comes, which ones go
//! rollout   what Envoy is known to have, what it is to have, and why it has not
//! refresh   when the mesh and the templates are looked at
//! effort    how much work refreshes have been
//! facts     what of all this the outside is told
//! ```

mod effort;
mod facts;
pub(crate) mod life;
pub(crate) mod rollout;
mod secrets;

pub(crate) use effort::Effort;
pub(crate) use facts::Status;
pub(crate) use rollout::Candidate;

use crate::{
    ack::{Counters, Unbound},
    inotify,
    secrets::SecretReport,
};
use life::{Life, News, Out};
use nightjar_core::{
    daemon::{EmptyMap, Now, Pauses, RefreshOutcome, RefreshProgress, RefreshTimer},
    envoy::{Configuration, File, Secret},
};
use rollout::Rollout;
use rustix::process::Signal;
use secrets::Secrets;
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Counts the processes that were started.
pub(crate) type Generation = u64;

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exit {
    /// For people.
    pub(crate) reason: String,
    /// What its log complained of last.
    pub(crate) said: Option<String>,
    /// Whether somebody else ended it.
    pub(crate) by_signal: bool,
}

impl Exit {
    fn because(reason: String) -> Self {
        Self {
            reason,
            said: None,
            by_signal: false,
        }
    }

    fn says(&self, words: &str) -> bool {
        self.said.as_ref().is_some_and(|said| said.contains(words))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        self.said
            .as_ref()
            .map_or(Ok(()), |said| write!(f, ": {said}"))
    }
}

/// What asking Envoy's admin interface gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Probe {
    Answered {
        live: bool,
        /// Its state in Envoy's word, such as `INITIALIZING`.
        state: String,
        epoch: u64,
        config_path: String,
    },
    Silent(String),
}

/// What a refresh brought.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refreshed {
    /// The set of files to be in force, if it may differ from the one before.
    pub(crate) candidate: Option<Candidate>,
    /// The version of the last good discovery map.
    pub(crate) map_version: Option<String>,
    /// Why the newest templates are not used, if they are not.
    pub(crate) templates_failed: Option<String>,
    /// The map without endpoints that is not accepted yet.
    pub(crate) empty_map: Option<EmptyMap>,
    /// Why no set of files can be made of map and templates.
    pub(crate) unfit: Option<Unfit>,
}

/// Why no set of files can be made of a map and templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) reason: String,
    /// Whether nothing was made at all; else something that Envoy cannot read.
    pub(crate) failed: bool,
}

/// Why a set of files did not pass its check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CheckFailure {
    /// Envoy would not take it.
    Refused(String),
    /// It could not be asked.
    Failed(String),
}

/// How a phase ended.
#[derive(Debug, Clone)]
pub(crate) enum Acked {
    /// Envoy has all of it.
    Accepted {
        counters: Counters,
        /// Listeners that it could not bind, `None` if the phase had none.
        unbound: Option<Vec<Unbound>>,
        /// How many clusters and listeners may go on warming.
        given_up: u64,
    },
    /// Envoy said no.
    Rejected { reason: String, counters: Counters },
    /// Envoy did not say.
    TimedOut { reason: String },
    /// The folder could not be written.
    NotWritten { reason: String, partly: bool },
}

/// What happens.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A refresh is due, or asked for.
    RefreshDue,
    Refreshed {
        result: Result<Refreshed, String>,
        /// With this refresh and all before it.
        effort: Box<Effort>,
    },
    Checked {
        print: u64,
        result: Result<(), CheckFailure>,
    },
    SpawnFailed {
        generation: Generation,
        reason: String,
    },
    Exited {
        generation: Generation,
        exit: Exit,
    },
    Probed(Probe),
    Drained,
    Acked {
        id: u64,
        outcome: Acked,
    },
    /// A whole set was written, or not.
    Replaced(Result<(), String>),
    /// What somebody else has done to the folder.
    FolderLooked {
        /// Files that are gone or changed.
        missing: Vec<String>,
        /// The folder itself was replaced: Envoy watches one that is gone.
        lost: bool,
    },
    /// What is amiss with secrets that Envoy reads by itself.
    Secrets(SecretReport),
    /// A deadline may be over.
    Tick,
    Stop(String),
}

/// A phase to carry out: write, and wait until Envoy has it.
#[derive(Debug, Clone)]
pub(crate) struct PhaseOrder {
    pub(crate) id: u64,
    /// The files to write, in this order; none to ask about files that are there.
    pub(crate) writes: Vec<Arc<File>>,
    /// The files that Envoy has to report.
    pub(crate) awaited: Vec<Arc<File>>,
    /// Counters as they were last seen.
    pub(crate) counters: Counters,
    pub(crate) given_up: u64,
    /// Whether a listener could not bind, so that nobody may read its routes.
    pub(crate) is_closed: bool,
}

/// What has to be done.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// Fetch what is new. Templates of this number were the last that Envoy accepted.
    Refresh {
        accepted_templates: Option<u64>,
    },
    /// Send [`Event::RefreshDue`] after this time, give or take a little.
    Rest(Duration),
    Check(Configuration),
    Spawn(life::Process),
    Signal {
        generation: Generation,
        signal: Signal,
    },
    Drain,
    /// This process serves now: the kernel had better end others when memory runs out.
    Keep {
        generation: Generation,
    },
    Probe {
        after: Duration,
    },
    /// Write a whole set that nobody reads at this moment.
    Replace(Configuration),
    Phase(Box<PhaseOrder>),
    CancelPhase,
    /// Remove the files that were made before and are not in this set.
    KeepOnly(Configuration),
    LookAtFolder,
    /// Watch these secrets, and no others any more.
    WatchSecrets(Vec<Secret>),
    /// The program ends.
    End(Result<(), String>),
}

/// What has to be known of the settings.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) life: life::Rules,
    pub(crate) pauses: Pauses,
    pub(crate) exit_on_failure: bool,
    pub(crate) update_timeout: Duration,
    pub(crate) validate: bool,
    /// The port without which the proxy is of no use.
    pub(crate) listen_port: u16,
    pub(crate) config_dir: String,
}

/// Where the refreshes are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refreshing {
    Resting,
    Fetching {
        /// Whether another was asked for meanwhile.
        again: bool,
    },
}

/// Everything that is known.
#[derive(Debug, Clone)]
pub(crate) struct State {
    rules: Rules,
    life: Life,
    rollout: Rollout,
    refreshing: Refreshing,
    progress: RefreshProgress,
    secrets: Secrets,
    effort: Effort,
    inotify_left: inotify::Left,
    stopping: bool,
    /// Why the program ends, if not by order.
    failed: Option<String>,
}

impl State {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            life: Life::new(rules.life.clone()),
            rollout: Rollout::new(&rules),
            rules,
            refreshing: Refreshing::Resting,
            progress: RefreshProgress::default(),
            secrets: Secrets::default(),
            effort: Effort::default(),
            inotify_left: inotify::Left::default(),
            stopping: false,
            failed: None,
        }
    }

    /// When [`Event::Tick`] is due at the latest.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let rollout = self.rollout.deadline(&self.life, now);
        [self.life.deadline(), rollout].into_iter().flatten().min()
    }

    /// What follows from an event.
    pub(crate) fn step(mut self, now: Instant, event: Event) -> (Self, Vec<Effect>) {
        let mut out = Out::default();
        match event {
            Event::RefreshDue => self.begin_refresh(&mut out),
            Event::Refreshed { result, effort } => {
                self.effort = *effort;
                self.refreshed(result, now, &mut out);
            }
            Event::Checked { print, result } => self.rollout.checked(print, result, now),
            Event::SpawnFailed { generation, reason } => {
                self.life.spawn_failed(generation, reason, now, &mut out);
            }
            Event::Exited { generation, exit } => {
                self.life.exited(generation, &exit, now, &mut out);
            }
            Event::Probed(probe) => self.life.probed(&probe, now, &mut out),
            Event::Drained => self.life.drained(now, &mut out),
            Event::Acked { id, outcome } => self.rollout.acked(id, outcome, &self.life, now),
            Event::Replaced(result) => {
                self.rollout.replaced(result, now, &mut self.life, &mut out);
            }
            // Nobody reads the folder any more.
            Event::FolderLooked { .. } if self.stopping => {}
            Event::FolderLooked { missing, lost } => {
                self.rollout
                    .folder_looked(&missing, lost, now, &self.life, &mut out);
            }
            Event::Secrets(report) => self.secrets.report(report),
            Event::Tick => self.life.tick(now, &mut out),
            Event::Stop(reason) => self.stop(&reason, now, &mut out),
        }
        self.settle(now, &mut out);
        (self, out.effects)
    }

    /// Passes news of Envoy's life on, and does what can be done now.
    fn settle(&mut self, now: Instant, out: &mut Out) {
        loop {
            let news = std::mem::take(&mut out.news);
            for news in news {
                match news {
                    News::GaveUp => self.fail("envoy cannot be kept running", now, out),
                    News::Ended => out
                        .effects
                        .push(Effect::End(self.failed.take().map_or(Ok(()), Err))),
                    // What was under way is given up already.
                    _ if self.stopping => {}
                    news => self.rollout.heard(news, now, out),
                }
            }
            if !self.stopping {
                self.rollout.advance(now, &mut self.life, out);
                self.secrets.follow(self.rollout.base(), out);
                self.count(now, out);
            }
            if out.news.is_empty() {
                return;
            }
        }
    }

    /// Counts how refreshes ended.
    fn count(&mut self, now: Instant, out: &mut Out) {
        for (outcome, reason) in self.rollout.take_outcomes() {
            if outcome == RefreshOutcome::Failed {
                self.progress.failed = reason;
            }
            self.tally(outcome, now);
            if self.rules.exit_on_failure
                && matches!(outcome, RefreshOutcome::Failed | RefreshOutcome::Refused)
            {
                self.fail(EXIT_ON_FAILURE, now, out);
            }
        }
    }

    fn fail(&mut self, reason: &str, now: Instant, out: &mut Out) {
        if self.failed.is_none() && !self.stopping {
            self.failed = Some(reason.to_owned());
            self.begin_stop(now, out);
        }
    }

    fn stop(&mut self, reason: &str, now: Instant, out: &mut Out) {
        if !self.stopping {
            tracing::info!("stopping: {reason}");
            self.begin_stop(now, out);
        }
    }

    fn begin_stop(&mut self, now: Instant, out: &mut Out) {
        self.stopping = true;
        self.progress.stopping = true;
        out.effects.push(Effect::CancelPhase);
        self.life.stop(now, out);
    }

    fn begin_refresh(&mut self, out: &mut Out) {
        match &mut self.refreshing {
            _ if self.stopping => {}
            Refreshing::Fetching { again } => *again = true,
            Refreshing::Resting => {
                self.refreshing = Refreshing::Fetching { again: false };
                self.progress.next_refresh = None;
                out.effects.push(Effect::Refresh {
                    accepted_templates: self.rollout.accepted_templates(),
                });
                out.effects.push(Effect::LookAtFolder);
            }
        }
    }

    fn refreshed(&mut self, result: Result<Refreshed, String>, now: Instant, out: &mut Out) {
        let again = self.refreshing == Refreshing::Fetching { again: true };
        self.refreshing = Refreshing::Resting;
        if self.stopping {
            return;
        }
        let failed = match result {
            Ok(refreshed) => {
                self.progress.map_version = refreshed.map_version;
                self.progress.empty_map = refreshed.empty_map;
                self.rollout
                    .set_templates_missing(refreshed.templates_failed);
                match refreshed.unfit {
                    Some(unfit) if unfit.failed => Some(unfit.reason),
                    Some(unfit) => {
                        self.rollout.refuse_unmade(unfit.reason);
                        self.rollout.refreshed(refreshed.candidate, &self.life);
                        None
                    }
                    None => {
                        if !self.rollout.refreshed(refreshed.candidate, &self.life) {
                            self.tally(RefreshOutcome::Unchanged, now);
                        }
                        None
                    }
                }
            }
            Err(reason) => {
                self.rollout.refreshed(None, &self.life);
                Some(reason)
            }
        };
        let Some(reason) = failed else {
            let pause = self.rules.pauses.refresh_time;
            self.rest(if again { Duration::ZERO } else { pause }, now, out);
            return;
        };
        tracing::error!("refresh failed: {reason}");
        self.progress.failed = Some(reason);
        self.tally(RefreshOutcome::Failed, now);
        if self.rules.exit_on_failure {
            return self.fail(EXIT_ON_FAILURE, now, out);
        }
        let failures = self.progress.failures();
        let pause = self
            .rules
            .pauses
            .after(failures, self.rollout.is_configured());
        RefreshTimer::log_next(pause);
        self.rest(if again { Duration::ZERO } else { pause }, now, out);
    }

    fn rest(&mut self, pause: Duration, now: Instant, out: &mut Out) {
        self.progress.next_refresh = Some((now + pause).into_std());
        out.effects.push(Effect::Rest(pause));
    }

    fn tally(&mut self, outcome: RefreshOutcome, now: Instant) {
        if let Some(recovery) = self.progress.count(outcome, told(now)) {
            tracing::info!("{recovery}");
        }
    }
}

const EXIT_ON_FAILURE: &str = "a refresh failed, and EXIT_ON_GENERATION_FAILURE is set";

/// An instant with the time of day, which only metrics need.
fn told(now: Instant) -> Now {
    Now {
        instant: now.into_std(),
        ..Now::read()
    }
}

/// A time for people.
pub(crate) fn seconds(time: Duration) -> String {
    let tenths = (time.as_secs_f64() * 10.0).round() / 10.0;
    format!("{tenths} s")
}

#[cfg(test)]
mod tests;
