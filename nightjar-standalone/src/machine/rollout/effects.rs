//! Effects of a rollout: phases, bootstraps and whole sets to write.

use super::{Activity, AfterReplace, KnownFile, Purpose, Rollout, Target};
use crate::{
    machine::{Effect, PhaseRequest, supervisor::Output},
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

    pub(super) fn phase_request(
        &mut self,
        writes: Vec<Arc<File>>,
        awaited: Vec<Arc<File>>,
    ) -> PhaseRequest {
        PhaseRequest {
            id: self.next_id(),
            writes,
            awaited,
            counters: self.counters.clone(),
            warming_tolerated: self.warming_tolerated,
            is_closed: !self.unbound.is_empty(),
        }
    }

    /// Asks an Envoy that has started for the files that it has, as far as is known what it was given.
    pub(super) fn confirm(&mut self, target: Option<Target>, out: &mut Output) {
        let files: Vec<Arc<File>> = self
            .known
            .iter()
            .filter(|(name, _)| !self.writes_in_flight.contains(*name))
            .filter_map(|(_, known)| known.only())
            .filter(|file| self.running.as_ref().is_some_and(|it| it.watches(file)))
            .cloned()
            .collect();
        let request = self.phase_request(Vec::new(), files);
        self.activity = Activity::Confirming {
            id: request.id,
            target,
        };
        out.effects.push(Effect::Phase(Box::new(request)));
    }

    pub(super) fn write(
        &mut self,
        mut target: Target,
        phase: Phase,
        files: Vec<Arc<File>>,
        now: Instant,
        out: &mut Output,
    ) {
        target.enter(phase, now);
        if phase == Phase::Switch {
            self.want_clusters(&target.candidate.configuration);
        }
        let awaited = self.awaited(phase, &files);
        for file in &files {
            let mut texts = match self.known.remove(file.name()) {
                Some(KnownFile::Confirmed(old)) => vec![old],
                Some(KnownFile::Unconfirmed(old)) => old,
                None => Vec::new(),
            };
            texts.retain(|old| old.hash() != file.hash());
            texts.push(Arc::clone(file));
            self.writes_in_flight.insert(file.name().to_owned());
            self.known
                .insert(file.name().to_owned(), KnownFile::Unconfirmed(texts));
        }
        let request = self.phase_request(files, awaited);
        self.activity = Activity::Writing {
            id: request.id,
            target,
            files: request.writes.clone(),
        };
        out.effects.push(Effect::Phase(Box::new(request)));
    }

    /// The files of a phase that Envoy has to report.
    pub(super) fn awaited(&self, phase: Phase, files: &[Arc<File>]) -> Vec<Arc<File>> {
        let watched = |file: &&Arc<File>| self.running.as_ref().is_some_and(|it| it.watches(file));
        let is_top =
            |file: &File| matches!(file.role(), Some(FileRole::Clusters | FileRole::Listeners));
        let blocking = files.iter().any(|file| is_top(file) && watched(&file));
        // Nothing refers to new files before listeners and clusters do.
        let is_led_to = |file: &&Arc<File>| {
            let known = self.known.get(file.name()).and_then(KnownFile::last);
            let is_known = known.is_some_and(|known| known.role() == file.role());
            match file.role() {
                Some(FileRole::Routes(_)) => is_known || phase != Phase::Make,
                _ => is_known || blocking || is_top(file),
            }
        };
        let files = files.iter().filter(watched).filter(is_led_to);
        files.cloned().collect()
    }

    pub(super) fn write_bootstrap(
        &mut self,
        target: Target,
        bootstrap: Arc<File>,
        purpose: Purpose,
        out: &mut Output,
    ) {
        let request = self.phase_request(vec![Arc::clone(&bootstrap)], Vec::new());
        self.activity = Activity::WritingBootstrap {
            id: request.id,
            target,
            bootstrap,
            purpose,
        };
        out.effects.push(Effect::Phase(Box::new(request)));
    }

    pub(super) fn replace(&mut self, target: Target, then: AfterReplace, out: &mut Output) {
        let written = self.without_rejected_bootstrap(&target.candidate);
        // All files are written.
        self.repair = false;
        out.effects
            .push(Effect::ReplaceFiles(written.configuration.clone()));
        self.activity = Activity::Replacing {
            target,
            written,
            then,
        };
    }
}
