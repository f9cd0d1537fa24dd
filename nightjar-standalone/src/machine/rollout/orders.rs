//! What a rollout orders: phases, bootstraps, whole sets.

use super::{AfterReplace, Aim, Known, Purpose, Rollout, Work};
use crate::{
    machine::{Effect, PhaseOrder, life::Out},
    plan::Phase,
};
use nightjar_core::envoy::{File, FileRole};
use std::sync::Arc;
use tokio::time::Instant;

impl Rollout {
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn order(&mut self, writes: Vec<Arc<File>>, awaited: Vec<Arc<File>>) -> PhaseOrder {
        PhaseOrder {
            id: self.next_id(),
            writes,
            awaited,
            counters: self.counters.clone(),
            given_up: self.given_up,
            is_closed: !self.unbound.is_empty(),
        }
    }

    /// Asks an Envoy that has started for what it has, as far as it is known what it was given.
    pub(super) fn confirm(&mut self, aim: Option<Aim>, out: &mut Out) {
        let files: Vec<Arc<File>> = self
            .known
            .iter()
            .filter(|(name, _)| !self.in_doubt.contains(*name))
            .filter_map(|(_, known)| known.only())
            .filter(|file| self.running.as_ref().is_some_and(|it| it.watches(file)))
            .cloned()
            .collect();
        let order = self.order(Vec::new(), files);
        self.work = Work::Confirming { id: order.id, aim };
        out.effects.push(Effect::Phase(Box::new(order)));
    }

    pub(super) fn write(
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
            self.in_doubt.insert(file.name().to_owned());
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
    pub(super) fn awaited(&self, phase: Phase, files: &[Arc<File>]) -> Vec<Arc<File>> {
        let watched = |file: &&Arc<File>| self.running.as_ref().is_some_and(|it| it.watches(file));
        let is_top =
            |file: &File| matches!(file.role(), Some(FileRole::Clusters | FileRole::Listeners));
        let leads = files.iter().any(|file| is_top(file) && watched(&file));
        // Nothing leads to what is new before listeners and clusters do.
        let is_led_to = |file: &&Arc<File>| {
            let known = self.known.get(file.name()).and_then(Known::last);
            let is_known = known.is_some_and(|known| known.role() == file.role());
            match file.role() {
                Some(FileRole::Routes(_)) => is_known || phase != Phase::Make,
                _ => is_known || leads || is_top(file),
            }
        };
        let files = files.iter().filter(watched).filter(is_led_to);
        files.cloned().collect()
    }

    pub(super) fn write_bootstrap(
        &mut self,
        aim: Aim,
        bootstrap: Arc<File>,
        purpose: Purpose,
        out: &mut Out,
    ) {
        let order = self.order(vec![Arc::clone(&bootstrap)], Vec::new());
        self.work = Work::WritingBootstrap {
            id: order.id,
            aim,
            bootstrap,
            purpose,
        };
        out.effects.push(Effect::Phase(Box::new(order)));
    }

    pub(super) fn replace(&mut self, aim: Aim, then: AfterReplace, out: &mut Out) {
        let written = self.without_refused_bootstrap(&aim.candidate);
        out.effects
            .push(Effect::Replace(written.configuration.clone()));
        self.work = Work::Replacing { aim, written, then };
    }
}
