//! What Envoy is known to have, what it is to have, and why it has not: the rollout as a state.
//!
//! A rollout is a way from what is known to a configuration, step by step ([`crate::plan`]). Going back
//! is the same way to another configuration, so there is one road in both directions. What Envoy did
//! not confirm is unknown: the proxy is not ready, and it is written and confirmed anew.

mod aim;
mod outcomes;

pub(crate) use aim::{Aim, Candidate, Direction};

use super::{
    CheckFailure, Effect, PhaseOrder, Rules,
    life::{Life, News, Out, Stage},
};
use crate::{
    ack::{Counters, Unbound},
    launch::RestartMode,
    plan::{self, Knowledge, Known, Phase, Running, Step},
};
use nightjar_core::{
    daemon::Outcome,
    envoy::{File, Role},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How often a configuration that the live Envoy refuses and its check took gets a hot restart.
const RESCUE_PERIOD: Duration = Duration::from_mins(10);
/// When Envoy is asked again, if it could not be asked about what it has.
const CONFIRM_PAUSE: Duration = Duration::from_secs(1);

/// Whether Envoy serves what it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Served {
    /// It is not known yet.
    #[default]
    Unknown,
    Yes,
    /// It does not, or it is not known what it serves, for this reason.
    No(String),
}

/// Why the newest set of files is not in force, and will not be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    print: u64,
    pub(crate) reason: String,
}

/// The newest set of files that is not in force.
#[derive(Debug, Clone, Default)]
enum Newest {
    #[default]
    None,
    Fresh(Candidate),
    /// Something stood in the way; the next refresh tries again.
    Tried(Candidate),
}

/// What is under way.
#[derive(Debug, Clone, Default)]
enum Work {
    #[default]
    Idle,
    /// An Envoy that has started is asked for what it has; then the aim is gone for, if there is one.
    Confirming { id: u64, aim: Option<Aim> },
    /// Files are written, and Envoy is asked whether it has them.
    Writing {
        id: u64,
        aim: Aim,
        files: Vec<Arc<File>>,
    },
    /// A bootstrap is written.
    WritingBootstrap {
        id: u64,
        aim: Aim,
        bootstrap: Arc<File>,
        purpose: Purpose,
    },
    /// A new process has to come.
    MustRestart { aim: Aim, leads: bool },
    /// A new process comes.
    Restarting { aim: Aim },
    /// The aim waits for Envoy.
    Held(Aim),
    /// A whole set is written that nobody reads.
    Replacing { aim: Aim, then: AfterReplace },
}

/// What a bootstrap is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A new process reads it; `leads`: clusters and routes wait for that.
    Restart { leads: bool },
    /// It is the one that the live process has read.
    PutBack,
}

/// What follows a set that was written as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterReplace {
    /// Whoever starts reads it.
    Nothing,
    /// What was there before could not start, and this does.
    StartEarly,
    /// The starting process began with another bootstrap.
    RestartAtOnce,
    /// The live process watches a folder that is gone.
    Restart,
}

/// What the process that comes for a changed bootstrap reads.
#[derive(Debug, Clone)]
struct Successor {
    aim: Aim,
    /// The same with the bootstrap before.
    before: Option<Candidate>,
}

/// What is known of the files and of Envoy's opinion of them.
#[derive(Debug, Clone)]
pub(crate) struct Rollout {
    update_timeout: Duration,
    validate: bool,
    restart_mode: RestartMode,
    listen_port: u16,
    config_dir: String,
    known: Knowledge,
    running: Option<Running>,
    /// What a process reads that starts now.
    on_disk: Option<Running>,
    counters: Counters,
    given_up: u64,
    /// What is meant to be in force.
    base: Option<Candidate>,
    served: Served,
    /// Whether a process serves that has not been asked yet what it has.
    unconfirmed: bool,
    ever_served: bool,
    unbound: Vec<Unbound>,
    newest: Newest,
    checking: Option<Candidate>,
    /// Whether the check has to be ordered yet.
    check_due: bool,
    checked: Option<Candidate>,
    work: Work,
    /// Whether something in force has to be written anew.
    repair: bool,
    refused: Option<Refusal>,
    /// The set of files that Envoy died of, or only with.
    suspect: Option<u64>,
    rescued: Option<Instant>,
    /// Whether the replaced process watches other files of clusters and listeners.
    reshaped: bool,
    pending_bootstrap: bool,
    /// The process that comes for a changed bootstrap alone, while clusters and routes go on changing.
    successor: Option<Successor>,
    /// Whether another may be started.
    may_restart: bool,
    /// The bootstrap with which no process came to serve.
    refused_bootstrap: Option<u64>,
    confirm_after: Option<Instant>,
    /// Why newer templates are not to be had, or make no files.
    templates_missing: Option<String>,
    /// Why newer templates were refused.
    templates_refused: Option<String>,
    accepted_templates: Option<u64>,
    outcomes: Vec<(Outcome, Option<String>)>,
    last_id: u64,
    pub(crate) rollouts: u64,
    pub(crate) rollout_seconds: f64,
    pub(crate) validations: u64,
}

impl Rollout {
    pub(crate) fn new(rules: &Rules) -> Self {
        Self {
            update_timeout: rules.update_timeout,
            validate: rules.validate,
            restart_mode: rules.life.restart_mode,
            listen_port: rules.listen_port,
            config_dir: rules.config_dir.clone(),
            known: Knowledge::new(),
            running: None,
            on_disk: None,
            counters: Counters::default(),
            given_up: 0,
            base: None,
            served: Served::Unknown,
            unconfirmed: true,
            ever_served: false,
            unbound: Vec::new(),
            newest: Newest::None,
            checking: None,
            check_due: false,
            checked: None,
            work: Work::Idle,
            repair: false,
            refused: None,
            suspect: None,
            rescued: None,
            reshaped: false,
            pending_bootstrap: false,
            successor: None,
            may_restart: true,
            refused_bootstrap: None,
            confirm_after: None,
            templates_missing: None,
            templates_refused: None,
            accepted_templates: None,
            outcomes: Vec::new(),
            last_id: 0,
            rollouts: 0,
            rollout_seconds: 0.0,
            validations: 0,
        }
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.base.is_some()
    }

    pub(crate) fn served(&self) -> &Served {
        &self.served
    }

    /// Why the newest set of files is not in force, once the one before is again.
    pub(crate) fn refused(&self) -> Option<&Refusal> {
        let goes_back = self.aim().is_some_and(|aim| !aim.is_forward());
        let is_back = self.base.is_none() || (!goes_back && self.served == Served::Yes);
        self.refused.as_ref().filter(|_| is_back)
    }

    pub(crate) fn unbound(&self) -> &[Unbound] {
        &self.unbound
    }

    pub(crate) fn pending_bootstrap(&self) -> bool {
        self.pending_bootstrap
    }

    pub(crate) fn templates_failed(&self) -> Option<&str> {
        let failed = self.templates_missing.as_deref();
        failed.or(self.templates_refused.as_deref())
    }

    pub(crate) fn accepted_templates(&self) -> Option<u64> {
        self.accepted_templates
    }

    /// What is meant to be in force.
    pub(crate) fn base(&self) -> Option<&Candidate> {
        self.base.as_ref()
    }

    /// The endpoints of its clusters.
    pub(crate) fn endpoints(&self) -> usize {
        let files = self.base.iter().flat_map(|base| base.configuration.iter());
        files
            .flat_map(|file| file.resources())
            .filter_map(nightjar_core::envoy::Resource::endpoints)
            .sum()
    }

    /// Files could be made, and Envoy cannot read them.
    pub(crate) fn refuse_unmade(&mut self, reason: String) {
        tracing::error!("the new configuration is not in force: {reason}");
        self.refused = Some(Refusal {
            print: 0,
            reason: reason.clone(),
        });
        self.outcomes.push((Outcome::Refused, Some(reason)));
    }

    /// Whether a listener that cannot bind stands against readiness.
    pub(crate) fn unbound_in_the_way(&self) -> Option<&Unbound> {
        let main = |unbound: &&Unbound| unbound.port == Some(self.listen_port);
        let main = self.unbound.iter().find(main);
        main.or_else(|| self.unbound.first().filter(|_| !self.ever_served))
    }

    pub(crate) fn set_templates_missing(&mut self, reason: Option<String>) {
        self.templates_missing = reason;
    }

    pub(crate) fn take_outcomes(&mut self) -> Vec<(Outcome, Option<String>)> {
        std::mem::take(&mut self.outcomes)
    }

    /// When there is something to do without an event.
    pub(crate) fn deadline(&self, life: &Life, now: Instant) -> Option<Instant> {
        let start = match (&self.work, life.stage()) {
            (Work::Held(_), Stage::Starting { since, .. }) => Some(*since + self.update_timeout),
            _ => None,
        };
        [start, self.confirm_after]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    /// Takes in what a refresh brought. `false`: there is nothing to do about it.
    pub(crate) fn refreshed(&mut self, candidate: Option<Candidate>, life: &Life) -> bool {
        match (candidate, std::mem::take(&mut self.newest)) {
            (Some(candidate), _) | (None, Newest::Tried(candidate) | Newest::Fresh(candidate)) => {
                self.newest = Newest::Fresh(candidate);
            }
            (None, Newest::None) => {}
        }
        self.may_restart = true;
        if life.live().is_some() && matches!(self.work, Work::Idle) && self.is_amiss() {
            self.repair = true;
        }
        self.consider()
    }

    fn is_amiss(&self) -> bool {
        let unsure = |known: &Known| matches!(known, Known::Unsure(_));
        !self.unbound.is_empty()
            || matches!(self.served, Served::No(_))
            || (self.served == Served::Yes && self.known.values().any(unsure))
    }

    /// Decides what becomes of the newest set of files. `false`: nothing.
    fn consider(&mut self) -> bool {
        let Newest::Fresh(newest) = &self.newest else {
            return false;
        };
        let print = newest.print();
        if let Some(base) = &self.base
            && base.configuration.is_same(&newest.configuration)
            && !self.aim().is_some_and(Aim::is_forward)
        {
            if !newest.is_fallback {
                self.refused = None;
                self.accepted_templates = Some(newest.templates);
                self.templates_refused = None;
            }
            self.newest = Newest::None;
            self.checked = None;
            return false;
        }
        if self
            .refused
            .as_ref()
            .is_some_and(|refused| refused.print == print)
        {
            let Some(fallback) = newest.fallback.clone() else {
                self.newest = Newest::None;
                return false;
            };
            self.newest = Newest::Fresh(*fallback);
            return self.consider();
        }
        let is_it = |candidate: &Candidate| candidate.print() == print;
        if self.checking.is_some()
            || self.checked.as_ref().is_some_and(is_it)
            || self
                .aim()
                .is_some_and(|aim| aim.is_forward() && is_it(&aim.candidate))
        {
            return true;
        }
        let newest = newest.clone();
        let known_good = self.served == Served::Yes
            && self.base.as_ref().is_some_and(|base| {
                newest
                    .configuration
                    .differs_only_in_endpoints(&base.configuration)
            });
        if known_good {
            self.checked = Some(newest);
        } else {
            self.checking = Some(newest);
            self.check_due = true;
            self.validations += 1;
        }
        true
    }

    /// What is gone for.
    fn aim(&self) -> Option<&Aim> {
        match &self.work {
            Work::Confirming { aim, .. } => aim.as_ref(),
            Work::Writing { aim, .. }
            | Work::WritingBootstrap { aim, .. }
            | Work::MustRestart { aim, .. }
            | Work::Restarting { aim, .. }
            | Work::Held(aim)
            | Work::Replacing { aim, .. } => Some(aim),
            Work::Idle => None,
        }
    }

    /// The verdict of a check.
    pub(crate) fn checked(&mut self, print: u64, result: Result<(), CheckFailure>, now: Instant) {
        let Some(candidate) = self.checking.take_if(|checking| checking.print() == print) else {
            return;
        };
        let newer = matches!(&self.newest, Newest::Fresh(newest) if newest.print() != print);
        let refused = self.refused.as_ref();
        match result {
            // It was refused meanwhile: Envoy died of it.
            Ok(()) if refused.is_some_and(|refused| refused.print == print) => {}
            Ok(()) => self.checked = Some(candidate),
            Err(CheckFailure::Refused(reason)) => {
                let aim = Aim::forward(candidate, now);
                self.refuse(&aim, reason);
            }
            Err(CheckFailure::Failed(_)) if newer => {}
            Err(CheckFailure::Failed(reason)) => self.failed(candidate, reason),
        }
    }

    /// Does what can be done now, until there is something to wait for.
    pub(crate) fn advance(&mut self, now: Instant, life: &mut Life, out: &mut Out) {
        loop {
            self.consider();
            if let Some(checking) = &self.checking
                && std::mem::take(&mut self.check_due)
            {
                out.effects
                    .push(Effect::Check(checking.configuration.clone()));
            }
            if !self.advance_once(now, life, out) {
                return;
            }
        }
    }

    /// One decision. `false`: there is something to wait for.
    fn advance_once(&mut self, now: Instant, life: &mut Life, out: &mut Out) -> bool {
        if let Work::MustRestart { .. } = self.work {
            return self.begin_restart(now, life, out);
        }
        if !matches!(self.work, Work::Idle | Work::Held(_)) {
            return false;
        }
        let held = match std::mem::take(&mut self.work) {
            Work::Held(aim) => Some(aim),
            _ => None,
        };
        let aim = match (self.checked.take(), held) {
            (Some(candidate), _) => Some(Aim::forward(candidate, now)),
            (None, Some(held)) => Some(held),
            (None, None) if self.repair => self
                .base
                .clone()
                .map(|base| Aim::back(base, now, "what is in force is written anew".to_owned())),
            (None, None) => None,
        };
        match life.stage().clone() {
            Stage::Live { .. } if self.running.is_some() => self.advance_live(aim, now, life, out),
            Stage::Idle | Stage::Waiting { .. } => {
                let Some(aim) = aim else { return false };
                if self.suspect == Some(aim.candidate.print()) {
                    // The old files first: it may be the new ones that Envoy dies of.
                    self.work = Work::Held(aim);
                    return false;
                }
                self.replace(aim, AfterReplace::Nothing, out);
                false
            }
            Stage::Starting { since, .. } => {
                let Some(aim) = aim else { return false };
                if now < since + self.update_timeout || self.suspect == Some(aim.candidate.print())
                {
                    self.work = Work::Held(aim);
                    return false;
                }
                let wanted = aim.candidate.configuration.bootstrap();
                let same = self
                    .running
                    .as_ref()
                    .is_some_and(|running| running.bootstrap.hash() == wanted.hash());
                let then = if same {
                    AfterReplace::Nothing
                } else {
                    AfterReplace::RestartAtOnce
                };
                self.replace(aim, then, out);
                false
            }
            // The one that serves goes on being changed, as long as it can be asked.
            Stage::HandingOver {
                old_answers: true, ..
            } if self.successor.is_some() => self.advance_live(aim, now, life, out),
            Stage::HandingOver { .. } | Stage::Ending { .. } | Stage::Live { .. } => {
                self.work = aim.map_or(Work::Idle, Work::Held);
                false
            }
            Stage::GaveUp | Stage::Ended => false,
        }
    }

    /// The same while an Envoy serves.
    fn advance_live(
        &mut self,
        aim: Option<Aim>,
        now: Instant,
        life: &mut Life,
        out: &mut Out,
    ) -> bool {
        if self.unconfirmed {
            if self.confirm_after.is_some_and(|at| now < at) {
                self.work = aim.map_or(Work::Idle, Work::Held);
                return false;
            }
            self.confirm_after = None;
            self.confirm(aim, out);
            return false;
        }
        if life.unresponsive().is_some() {
            // It could not confirm what it takes, and would read half of a change when it wakes.
            self.work = aim.map_or(Work::Idle, Work::Held);
            return false;
        }
        if self.undo_bootstrap(aim.as_ref(), now, out) {
            return false;
        }
        let aim = match aim {
            Some(aim) => aim,
            None if self.pending_bootstrap
                && self.may_restart
                && !life.is_handing_over()
                && self.restart_mode != RestartMode::None =>
            {
                let Some(base) = self.base.clone() else {
                    return false;
                };
                Aim::back(base, now, "the changed bootstrap takes effect".to_owned())
            }
            None => return false,
        };
        if std::mem::take(&mut self.repair) {
            self.distrust();
        }
        let Some(running) = &self.running else {
            return false;
        };
        match plan::next(&self.known, running, &aim.candidate.configuration) {
            Step::Done => {
                self.pending_bootstrap &= self.restart_mode == RestartMode::None;
                self.in_force(aim, now, out);
                true
            }
            Step::Write(Phase::Switch, _) if self.reshaped && life.has_parents() => {
                // The replaced process still takes changes of the routes, and none of the clusters
                // that they lead to any more.
                self.work = Work::Held(aim);
                false
            }
            Step::Write(phase, files) => {
                self.write(aim, phase, files, now, out);
                false
            }
            Step::Restart { leads: false, .. }
                if self.refused_bootstrap
                    == Some(aim.candidate.configuration.bootstrap().hash()) =>
            {
                self.in_force(aim, now, out);
                self.keep_running_bootstrap();
                true
            }
            Step::Restart { leads, .. } if life.is_handing_over() || !self.may_restart => {
                if leads {
                    self.work = Work::Held(aim);
                    return false;
                }
                // Envoy hands over from one process to the next: an earlier hand-over has to be complete.
                self.pending_bootstrap = true;
                self.in_force(aim, now, out);
                true
            }
            Step::Restart { bootstrap, leads } => {
                self.write_bootstrap(aim, bootstrap, Purpose::Restart { leads }, out);
                false
            }
        }
    }

    /// Lets a new process take over, once it may. `false`: there is something to wait for.
    fn begin_restart(&mut self, now: Instant, life: &mut Life, out: &mut Out) -> bool {
        let Work::MustRestart { aim, leads } = std::mem::take(&mut self.work) else {
            return false;
        };
        if life.live().is_none() {
            self.work = Work::Held(aim);
            return true;
        }
        if life.is_handing_over() {
            if let Some(reason) = aim.rescue.clone() {
                self.go_back(aim, reason, true, now);
                return true;
            }
            self.work = Work::MustRestart { aim, leads };
            return false;
        }
        if life.restart(now, out) {
            if leads {
                self.work = Work::Restarting { aim };
                return false;
            }
            self.pending_bootstrap = true;
            self.successor = Some(Successor {
                before: self.with_running_bootstrap(&aim.candidate),
                aim: aim.clone(),
            });
            self.settle(aim, out);
            return true;
        }
        tracing::warn!(
            "the bootstrap changed; ENVOY_RESTART_MODE is none, so it takes effect when envoy \
             starts the next time"
        );
        self.pending_bootstrap = true;
        if let (Some(running), Some(on_disk)) = (&mut self.running, &self.on_disk) {
            running.bootstrap = Arc::clone(&on_disk.bootstrap);
        }
        self.work = Work::Held(aim);
        true
    }

    /// Puts the bootstrap back that the live process has read, if another one is in its place.
    fn undo_bootstrap(&mut self, aim: Option<&Aim>, now: Instant, out: &mut Out) -> bool {
        let (Some(running), Some(on_disk)) = (&self.running, &self.on_disk) else {
            return false;
        };
        if running.bootstrap.hash() == on_disk.bootstrap.hash() || self.successor.is_some() {
            return false;
        }
        let Some(base) = &self.base else { return false };
        let bootstrap = Arc::clone(&running.bootstrap);
        let aim = aim.cloned().unwrap_or_else(|| {
            Aim::back(base.clone(), now, "the bootstrap is put back".to_owned())
        });
        self.write_bootstrap(aim, bootstrap, Purpose::PutBack, out);
        true
    }

    /// Nothing that Envoy watches counts as confirmed any more.
    fn distrust(&mut self) {
        let all = matches!(self.served, Served::No(_));
        for known in self.known.values_mut() {
            if let Known::Confirmed(file) = known
                && (all || file.role() == Some(&Role::Listeners))
                && file.role().is_some_and(|role| *role != Role::Bootstrap)
                && (all || !self.unbound.is_empty())
            {
                *known = Known::Unsure(vec![Arc::clone(file)]);
            }
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn order(&mut self, writes: Vec<Arc<File>>, awaited: Vec<Arc<File>>) -> PhaseOrder {
        PhaseOrder {
            id: self.next_id(),
            writes,
            awaited,
            counters: self.counters.clone(),
            given_up: self.given_up,
        }
    }

    /// Asks an Envoy that has started for what it has.
    fn confirm(&mut self, aim: Option<Aim>, out: &mut Out) {
        let files: Vec<Arc<File>> = self
            .known
            .values()
            .filter_map(|known| known.last())
            .filter(|file| self.running.as_ref().is_some_and(|it| it.watches(file)))
            .cloned()
            .collect();
        let order = self.order(Vec::new(), files);
        self.work = Work::Confirming { id: order.id, aim };
        out.effects.push(Effect::Phase(Box::new(order)));
    }

    fn write(
        &mut self,
        mut aim: Aim,
        phase: Phase,
        files: Vec<Arc<File>>,
        now: Instant,
        out: &mut Out,
    ) {
        aim.enter(phase, now);
        let awaited = self.awaited(phase, &files);
        for file in &files {
            let mut texts = match self.known.remove(file.name()) {
                Some(Known::Confirmed(old)) => vec![old],
                Some(Known::Unsure(old)) => old,
                None => Vec::new(),
            };
            texts.retain(|old| old.hash() != file.hash());
            texts.push(Arc::clone(file));
            self.known
                .insert(file.name().to_owned(), Known::Unsure(texts));
        }
        let order = self.order(files, awaited);
        self.work = Work::Writing {
            id: order.id,
            aim,
            files: order.writes.clone(),
        };
        out.effects.push(Effect::Phase(Box::new(order)));
    }

    /// The files of a phase that Envoy has to report.
    fn awaited(&self, phase: Phase, files: &[Arc<File>]) -> Vec<Arc<File>> {
        let watched = |file: &&Arc<File>| self.running.as_ref().is_some_and(|it| it.watches(file));
        let is_top = |file: &File| matches!(file.role(), Some(Role::Clusters | Role::Listeners));
        let leads = files.iter().any(|file| is_top(file) && watched(&file));
        // Nothing leads to what is new before listeners and clusters do.
        let is_led_to = |file: &&Arc<File>| {
            let known = self.known.get(file.name()).and_then(Known::last);
            let is_known = known.is_some_and(|known| known.role() == file.role());
            match file.role() {
                Some(Role::Routes(_)) => is_known || phase != Phase::Make,
                _ => is_known || leads || is_top(file),
            }
        };
        let files = files.iter().filter(watched).filter(is_led_to);
        files.cloned().collect()
    }

    fn write_bootstrap(&mut self, aim: Aim, bootstrap: Arc<File>, purpose: Purpose, out: &mut Out) {
        let order = self.order(vec![Arc::clone(&bootstrap)], Vec::new());
        self.work = Work::WritingBootstrap {
            id: order.id,
            aim,
            bootstrap,
            purpose,
        };
        out.effects.push(Effect::Phase(Box::new(order)));
    }

    fn replace(&mut self, aim: Aim, then: AfterReplace, out: &mut Out) {
        out.effects
            .push(Effect::Replace(aim.candidate.configuration.clone()));
        self.work = Work::Replacing { aim, then };
    }

    /// A whole set was written, or not.
    pub(crate) fn replaced(
        &mut self,
        result: Result<(), String>,
        now: Instant,
        life: &mut Life,
        out: &mut Out,
    ) {
        let Work::Replacing { aim, then } = std::mem::take(&mut self.work) else {
            return;
        };
        if let Err(reason) = result {
            match aim.direction {
                Direction::Forward => self.failed(aim.candidate, reason),
                Direction::Back { .. } => {
                    tracing::error!(
                        "the files that are meant to be in force are not written: {reason}"
                    );
                    self.served = Served::No(reason);
                    self.repair = true;
                }
            }
            return;
        }
        self.known = aim
            .candidate
            .configuration
            .iter()
            .filter(|file| file.role() != Some(&Role::Bootstrap))
            .map(|file| {
                (
                    file.name().to_owned(),
                    Known::Unsure(vec![Arc::clone(file)]),
                )
            })
            .collect();
        self.on_disk = Some(Running::with(&aim.candidate.configuration));
        let is_idle = *life.stage() == Stage::Idle;
        let forward = aim.is_forward();
        if forward {
            self.count_in_force(&aim, now);
        }
        self.base = Some(aim.candidate.clone());
        match then {
            AfterReplace::Nothing if is_idle => life.start(now, out),
            // A new configuration is a reason not to wait any longer.
            AfterReplace::Nothing if forward => life.start_early(now, out),
            AfterReplace::StartEarly => life.start_early(now, out),
            AfterReplace::Nothing => {}
            AfterReplace::RestartAtOnce => life.restart_at_once(now, out),
            AfterReplace::Restart => self.work = Work::MustRestart { aim, leads: true },
        }
    }

    /// Somebody else has been at the folder.
    pub(crate) fn folder_looked(
        &mut self,
        missing: &[String],
        lost: bool,
        now: Instant,
        life: &Life,
        out: &mut Out,
    ) {
        if !matches!(self.work, Work::Idle) {
            return;
        }
        let Some(base) = self.base.clone() else {
            return;
        };
        let ours = |name: &&String| base.configuration.get(name).is_some();
        let missing: Vec<&String> = missing.iter().filter(ours).collect();
        if !lost && missing.is_empty() {
            return;
        }
        if lost {
            tracing::error!("the configuration folder is gone: its files are written again");
        } else {
            tracing::error!(
                "gone or changed by another hand, and written again: {}",
                names(&missing)
            );
        }
        let aim = Aim::back(base.clone(), now, "files were gone".to_owned());
        let then = if lost && life.live().is_some() {
            AfterReplace::Restart
        } else {
            AfterReplace::Nothing
        };
        if lost || life.live().is_none() {
            self.replace(aim, then, out);
            return;
        }
        for name in missing {
            if let Some(known) = self.known.get_mut(name)
                && let Some(file) = known.last().cloned()
            {
                *known = Known::Unsure(vec![file]);
            }
            if base.configuration.bootstrap().name() == name {
                self.on_disk = None;
            }
        }
        self.repair = true;
        if self.on_disk.is_none() {
            let bootstrap = Arc::clone(base.configuration.bootstrap());
            self.write_bootstrap(aim, bootstrap, Purpose::PutBack, out);
        }
    }

    /// News of Envoy's life.
    pub(crate) fn heard(&mut self, news: News, now: Instant, out: &mut Out) {
        match news {
            News::Started => {
                self.running.clone_from(&self.on_disk);
                self.served = Served::Unknown;
                self.reset_envoy();
            }
            News::Live => {
                self.pending_bootstrap = false;
                self.succeeded(now);
                if let Work::Restarting { aim, .. } = std::mem::take(&mut self.work) {
                    self.work = Work::Held(aim);
                }
            }
            News::HandedOver => self.handed_over(now, out),
            News::HandOverFailed { reason, retry } => self.hand_over_failed(reason, retry, now),
            News::Died { start_failed } => self.died(start_failed, now, out),
            News::ParentsGone => {
                self.reshaped = false;
                self.may_restart = true;
            }
            News::GaveUp | News::Ended => {}
        }
    }

    fn reset_envoy(&mut self) {
        self.counters = Counters::default();
        self.given_up = 0;
        self.unbound.clear();
        self.reshaped = false;
        self.confirm_after = None;
        self.unconfirmed = true;
        for known in self.known.values_mut() {
            if let Some(file) = known.last().cloned() {
                *known = Known::Unsure(vec![file]);
            }
        }
    }

    fn handed_over(&mut self, now: Instant, out: &mut Out) {
        self.succeeded(now);
        let before = self.running.take();
        self.running.clone_from(&self.on_disk);
        self.reshaped = match (&before, &self.running) {
            (Some(before), Some(now)) => before.top_level != now.top_level,
            _ => false,
        };
        self.pending_bootstrap = false;
        let reshaped = self.reshaped;
        let aim = match std::mem::take(&mut self.work) {
            Work::Restarting { aim, .. } | Work::Held(aim) => Some(aim),
            Work::Writing { aim, .. } | Work::WritingBootstrap { aim, .. } => {
                // It was meant for the process before.
                out.effects.push(Effect::CancelPhase);
                Some(aim)
            }
            _ => None,
        };
        self.reset_envoy();
        self.reshaped = reshaped;
        // Until it is asked, the new process counts as serving what the old one did.
        self.work = aim.map_or(Work::Idle, Work::Held);
    }
}

impl Known {
    /// The text that was written last.
    fn last(&self) -> Option<&Arc<File>> {
        match self {
            Self::Confirmed(file) => Some(file),
            Self::Unsure(files) => files.last(),
        }
    }
}

fn names(names: &[&String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    quoted.join(", ")
}

#[cfg(test)]
pub(super) mod tests;
