//! What becomes of a rollout: in force, refused, failed.

use super::{
    AfterReplace, Aim, Candidate, Direction, End, Newest, REPAIR, Refusal, RefusedBootstrap,
    Rollout, Served, Successor, Work,
};
use crate::machine::{Effect, life::Out};
use nightjar_core::{
    daemon::RefreshOutcome,
    envoy::{Configuration, File, Files, changes},
};
use std::sync::Arc;
use tokio::time::Instant;

impl Rollout {
    /// The new process did not come to serve.
    pub(super) fn hand_over_failed(&mut self, reason: String, retry: bool, now: Instant) {
        if let Some(Successor { aim, .. }) = self.successor.take() {
            self.may_restart = false;
            if retry {
                let reason = format!("the changed bootstrap is not in force: {reason}");
                tracing::error!("refresh failed: {reason}");
                self.tally.end(End::Failed);
                self.outcomes.push((RefreshOutcome::Failed, Some(reason)));
                return;
            }
            let bootstrap = self.running.as_ref().map(|it| Arc::clone(&it.bootstrap));
            self.refuse_bootstrap(aim, bootstrap.as_ref(), reason);
            return;
        }
        if let Work::Restarting { aim, .. } = std::mem::take(&mut self.work) {
            self.go_back(aim, reason, !retry, now);
        }
    }

    /// No process came to serve with the bootstrap of `aim`, and the one before stays. Clusters and
    /// routes that changed meanwhile stay too, and so does a newer bootstrap, which is yet to be tried.
    fn refuse_bootstrap(&mut self, mut aim: Aim, before: Option<&Arc<File>>, reason: String) {
        let refused = aim.candidate.bootstrap();
        if let Some(base) = self.base.clone().filter(|base| base.bootstrap() == refused) {
            self.pending_bootstrap = false;
            if let Some(before) = before {
                self.keep_bootstrap(before);
            }
            if matches!(self.newest, Newest::None) {
                self.newest = Newest::Fresh(base.clone());
            }
            aim.candidate = base;
        }
        self.refused_bootstrap = Some(RefusedBootstrap {
            bootstrap: refused,
            print: aim.candidate.print(),
        });
        self.refuse(&aim, reason, End::Refused);
    }

    /// Clusters and routes are in force, and the bootstrap is the one that the live process has read.
    pub(super) fn keep_running_bootstrap(&mut self) {
        if let Some(running) = &self.running {
            let bootstrap = Arc::clone(&running.bootstrap);
            self.keep_bootstrap(&bootstrap);
        }
    }

    /// What is meant to be in force is the same with this bootstrap.
    fn keep_bootstrap(&mut self, bootstrap: &File) {
        let base = self.base.as_ref();
        let kept = base.and_then(|base| self.with_bootstrap(base, bootstrap));
        if let Some(kept) = kept {
            self.base = Some(kept);
        }
    }

    /// A candidate with the bootstrap that is meant to be in force, if no process came to serve with
    /// its own.
    pub(super) fn without_refused_bootstrap(&self, candidate: &Candidate) -> Candidate {
        let is_refused = self
            .refused_bootstrap
            .is_some_and(|refused| refused.bootstrap == candidate.bootstrap());
        let base = self.base.as_ref().filter(|_| is_refused);
        base.and_then(|base| self.with_bootstrap(candidate, base.configuration.bootstrap()))
            .unwrap_or_else(|| candidate.clone())
    }

    fn with_bootstrap(&self, candidate: &Candidate, bootstrap: &File) -> Option<Candidate> {
        let files: Files = candidate
            .configuration
            .iter()
            .map(|file| {
                let is_bootstrap = file.name() == bootstrap.name();
                let file = if is_bootstrap { bootstrap } else { file };
                (file.name().to_owned(), file.text().to_owned())
            })
            .collect();
        let before = Some(&candidate.configuration);
        let read = Configuration::read(files, bootstrap.name(), &self.config_dir, before);
        read.ok().map(|configuration| Candidate {
            configuration,
            ..candidate.clone()
        })
    }

    /// Envoy ended by itself.
    pub(super) fn died(&mut self, start_failed: Option<String>, now: Instant, out: &mut Out) {
        self.running = None;
        self.served = Served::Unknown;
        self.reset_envoy();
        let mut then = AfterReplace::Nothing;
        match (self.successor.take(), &start_failed) {
            (Some(Successor { aim, before }), Some(reason)) => {
                self.refuse_bootstrap(aim, before.as_ref(), reason.clone());
                then = AfterReplace::StartEarly;
            }
            // Whoever starts now reads it.
            (Some(Successor { aim, .. }), None) if aim.is_forward() => {
                self.count_in_force(&aim, now);
            }
            _ => {}
        }
        let restarting = matches!(self.work, Work::Restarting { .. });
        let start_failed = start_failed.filter(|_| restarting);
        let mut took = "these files".to_owned();
        let (aim, under_way) = match std::mem::take(&mut self.work) {
            Work::Writing { aim, files, .. } => {
                if let Some(file) = files.first() {
                    file.name().clone_into(&mut took);
                }
                (Some(aim), true)
            }
            Work::Restarting { aim, .. } | Work::MustRestart { aim, .. } => (Some(aim), true),
            Work::WritingBootstrap { aim, .. } | Work::Held(aim) => {
                let begun = aim.has_begun();
                (Some(aim), begun)
            }
            Work::Confirming { aim, .. } => {
                let begun = aim.as_ref().is_some_and(Aim::has_begun);
                (aim, begun)
            }
            Work::Replacing { aim, .. } => (Some(aim), false),
            Work::Idle => (None, false),
        };
        out.effects.push(Effect::CancelPhase);
        if let Some(aim) = aim.filter(Aim::is_forward) {
            let print = aim.candidate.print();
            let refused = self.end_of(&aim, End::Refused);
            if let Some(reason) = start_failed {
                self.refuse(&aim, reason, refused);
                then = AfterReplace::StartEarly;
            } else if !under_way {
                // It had nothing to do with it.
                if !matches!(self.newest, Newest::Fresh(_)) {
                    self.newest = Newest::Fresh(aim.candidate);
                }
            } else if self.suspect == Some(print) {
                self.refuse(&aim, format!("envoy ended while it took {took}"), refused);
            } else {
                self.suspect = Some(print);
                let failed = self.end_of(&aim, End::Failed);
                let reason = format!("envoy ended while it took {took}");
                self.failed(aim.candidate, reason, failed);
            }
        }
        if let Some(base) = self.base.clone() {
            let aim = Aim::back(base, now, "envoy ended".to_owned());
            self.replace(aim, then, out);
        }
    }

    /// Returns to what was meant to be in force, from wherever the rollout is.
    pub(super) fn go_back(&mut self, aim: Aim, reason: String, refused: bool, now: Instant) {
        let why = reason.clone();
        match &aim.direction {
            Direction::Forward if refused => {
                let end = self.end_of(&aim, End::Refused);
                self.refuse(&aim, reason, end);
            }
            Direction::Forward => {
                let end = self.end_of(&aim, End::Failed);
                self.failed(aim.candidate, reason, end);
            }
            Direction::Back { .. } => {
                tracing::error!("it is not known what envoy serves: {reason}");
                self.served = Served::No(format!(
                    "it is not known what envoy serves: {reason}; it is written again at the next refresh"
                ));
                self.distrust();
                self.work = Work::Idle;
                return;
            }
        }
        self.work = match self.base.clone() {
            Some(base) => Work::Held(Aim::back(base, now, why)),
            None => Work::Idle,
        };
    }

    /// The end of a rollout that does not come into force: if anything was written, it went back.
    fn end_of(&self, aim: &Aim, unbegun: End) -> End {
        if aim.has_begun() && self.base.is_some() {
            End::WentBack
        } else {
            unbegun
        }
    }

    /// Notes that a set of files is not fit to be in force.
    pub(super) fn refuse(&mut self, aim: &Aim, reason: String, end: End) {
        let candidate = &aim.candidate;
        let print = candidate.print();
        let is_newest = match &self.newest {
            Newest::Fresh(newest) | Newest::Tried(newest) => newest.print() == print,
            Newest::None => false,
        };
        let differs = |fallback: &Candidate| {
            let base = self.base.as_ref();
            base.is_none_or(|base| !base.configuration.is_same(&fallback.configuration))
        };
        if let Some(fallback) = candidate.fallback.as_deref().filter(|it| differs(it)) {
            tracing::error!(
                "the new templates are not in force, and the newest map is served with the ones \
                 before: {reason}"
            );
            self.templates_refused = Some(reason.clone());
            if is_newest {
                self.newest = Newest::Fresh(fallback.clone());
            }
        } else {
            tracing::error!("the new configuration is not in force: {reason}");
            if candidate.fallback.is_some() {
                self.templates_refused = Some(reason.clone());
            }
            if is_newest {
                self.newest = Newest::None;
            }
        }
        self.refused = Some(Refusal {
            print,
            reason: reason.clone(),
        });
        self.tally.end(end);
        self.outcomes.push((RefreshOutcome::Refused, Some(reason)));
    }

    /// Notes that something stood in the way of a set of files; the next refresh tries again.
    pub(super) fn failed(&mut self, candidate: Candidate, reason: String, end: End) {
        tracing::error!("refresh failed: {reason}");
        if !matches!(&self.newest, Newest::Fresh(newest) if newest.print() != candidate.print()) {
            self.newest = Newest::Tried(candidate);
        }
        self.tally.end(end);
        self.outcomes.push((RefreshOutcome::Failed, Some(reason)));
    }

    /// The process serves that was started for a changed bootstrap alone.
    pub(super) fn succeeded(&mut self, now: Instant) {
        if let Some(Successor { aim, .. }) = self.successor.take() {
            if aim.is_forward() {
                self.count_in_force(&aim, now);
            } else {
                tracing::info!("the changed bootstrap is in force");
                self.forget_refused_bootstrap(aim.candidate.bootstrap());
            }
        }
    }

    /// Another bootstrap is in force than the one that was refused.
    fn forget_refused_bootstrap(&mut self, in_force: u64) {
        let other = |refused: &mut RefusedBootstrap| refused.bootstrap != in_force;
        let gone = self.refused_bootstrap.take_if(other);
        let last = self.refused.as_ref();
        if gone.is_some_and(|gone| last.is_some_and(|last| last.print == gone.print)) {
            self.refused = None;
            self.templates_refused = None;
        }
    }

    /// A configuration is in force.
    pub(super) fn in_force(&mut self, aim: Aim, now: Instant, out: &mut Out) {
        match &aim.direction {
            Direction::Forward => self.count_in_force(&aim, now),
            // A listener that stays closed is tried again at each refresh, which is no news.
            Direction::Back { reason } if reason == REPAIR && self.served == Served::Yes => {}
            Direction::Back { reason } => {
                tracing::info!("what was accepted last is in force again ({reason})");
            }
        }
        self.settle(aim, out);
    }

    /// Clusters and routes of a configuration are in force.
    pub(super) fn settle(&mut self, aim: Aim, out: &mut Out) {
        self.serve();
        let wanted = &aim.candidate.configuration;
        out.effects.push(Effect::KeepOnly(wanted.clone()));
        self.known.retain(|name, _| wanted.get(name).is_some());
        self.forget_newest(&aim.candidate);
        self.base = Some(aim.candidate);
        self.work = Work::Idle;
    }

    fn forget_newest(&mut self, candidate: &Candidate) {
        if matches!(&self.newest, Newest::Fresh(newest) | Newest::Tried(newest)
            if newest.print() == candidate.print())
        {
            self.newest = Newest::None;
        }
    }

    pub(super) fn count_in_force(&mut self, aim: &Aim, now: Instant) {
        let candidate = &aim.candidate;
        self.tally.end(End::InForce);
        self.tally.rollouts.add(now - aim.began);
        let took = (now - aim.began).as_secs_f64();
        let before = self.base.as_ref().map(|base| &base.configuration);
        let what = changes(before, &candidate.configuration);
        let map = candidate
            .map_version
            .as_deref()
            .unwrap_or("without a version");
        let phases = aim.told_phases();
        let phases = if phases.is_empty() {
            phases
        } else {
            format!(" ({phases})")
        };
        if self.running.is_some() {
            tracing::info!(
                "a new configuration is in force, after {took:.3} s{phases}: map {map}; {what}"
            );
        } else {
            tracing::info!(
                "a new configuration is written, and envoy starts with it: map {map}; {what}"
            );
        }
        self.forget_newest(candidate);
        let bootstrap = candidate.bootstrap();
        let refused = self.refused_bootstrap;
        self.refused_bootstrap = refused.filter(|refused| refused.bootstrap == bootstrap);
        if !candidate.is_fallback && self.refused_bootstrap.is_none() {
            self.refused = None;
            self.templates_refused = None;
            self.accepted_templates = Some(candidate.templates);
        }
        self.suspect = None;
        self.outcomes.push((RefreshOutcome::Changed, None));
    }
}
