//! Progress of a phase: which of its files Envoy has, as far as is known.

use crate::{
    ack::{Counters, Unbound, Versions},
    machine::{PhaseOutcome, PhaseRequest},
};
use nightjar_core::envoy::{File, FileRole};
use std::{collections::BTreeSet, sync::Arc};
use tokio::time::Instant;

/// How far a phase is.
pub(super) struct PhaseProgress<'a> {
    pub(super) request: &'a PhaseRequest,
    pub(super) deadline: Instant,
    pub(super) before: Counters,
    /// Whether counters have to be asked, as the version is the same before and after.
    pub(super) by_counter: Vec<bool>,
    pub(super) done: Vec<bool>,
    /// How many clusters and listeners may still warm.
    pub(super) warming_tolerated: u64,
    /// When listeners were in error that were so before the phase.
    pub(super) old_errors: BTreeSet<String>,
    pub(super) unbound: Option<Vec<Unbound>>,
}

impl PhaseProgress<'_> {
    /// A file that Envoy has not accepted yet.
    pub(super) fn missing_file(&self) -> Option<&Arc<File>> {
        let missing = self.done.iter().position(|done| !done)?;
        self.request.awaited.get(missing)
    }

    pub(super) fn is_by_counter(&self, index: usize) -> bool {
        self.by_counter.get(index).copied().unwrap_or_default()
    }

    pub(super) fn is_done(&self, index: usize) -> bool {
        self.done.get(index).copied().unwrap_or_default()
    }

    pub(super) fn finish(&mut self, index: usize) {
        if let Some(done) = self.done.get_mut(index) {
            *done = true;
        }
        if let Some(by_counter) = self.by_counter.get_mut(index) {
            *by_counter = false;
        }
    }

    /// Once listeners and clusters are there, Envoy does not read a file that they do not name.
    pub(super) fn leave_out_unread(&mut self, versions: &Versions) {
        let is_top =
            |file: &File| matches!(file.role(), Some(FileRole::Clusters | FileRole::Listeners));
        let request = self.request;
        let files = request.awaited.iter().enumerate();
        if files
            .clone()
            .any(|(index, file)| is_top(file) && !self.is_done(index))
        {
            return;
        }
        for (index, file) in files {
            if file.role().is_some_and(|role| versions.of(role).is_none()) {
                self.finish(index);
            }
        }
    }

    /// Whether a listener is closed, by what this phase has found out or the ones before.
    pub(super) fn has_closed_listener(&self) -> bool {
        let mut awaited = self.request.awaited.iter();
        match &self.unbound {
            Some(unbound) => !unbound.is_empty(),
            None => {
                self.request.is_closed
                    && !awaited.any(|file| file.role() == Some(&FileRole::Listeners))
            }
        }
    }

    /// Whether its files have something in them that Envoy has to warm.
    pub(super) fn can_warm(&self) -> bool {
        self.request.awaited.iter().any(|file| {
            matches!(
                file.role(),
                Some(FileRole::Clusters | FileRole::Listeners | FileRole::Endpoints { .. })
            )
        })
    }

    pub(super) fn accepted(&mut self) -> PhaseOutcome {
        let listeners = |file: &Arc<File>| file.role() == Some(&FileRole::Listeners);
        let unbound = match self.unbound.take() {
            None if self.request.awaited.iter().any(listeners) => Some(Vec::new()),
            unbound => unbound,
        };
        PhaseOutcome::Accepted {
            counters: Arc::clone(&self.before),
            unbound,
            warming_tolerated: self.warming_tolerated,
        }
    }
}
