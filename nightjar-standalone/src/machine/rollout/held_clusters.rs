//! Clusters that stay for a while after the last route to them went, for the requests that Envoy holds back.

use super::{Activity, KnownFile, Purpose, RETRY_DELAY, Rollout, Target};
use crate::{
    machine::supervisor::{Output, Supervisor},
    plan::Phase,
};
use nightjar_core::envoy::{
    Configuration, File, FileRole, longest_hold, lose_all_endpoints, removed_clusters,
    union_of_kept_clusters,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// When a removal that failed is tried again.
const PAUSE: Duration = Duration::from_secs(30);

/// Until when clusters stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HeldClusters {
    /// Until when Envoy may hold requests back that took a route which has been replaced since.
    until: Option<Instant>,
    /// The same for each cluster that is not wanted any more: no later change of routes counts for it.
    clusters: BTreeMap<String, Instant>,
}

impl HeldClusters {
    /// When the first of them may go.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.clusters.values().min().copied()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.clusters.is_empty() && self.until.is_none()
    }

    /// Routes lead to these clusters again: when they go next, the time begins anew.
    fn want(&mut self, configuration: &Configuration) {
        let clusters = |file: &&Arc<File>| file.role() == Some(&FileRole::Clusters);
        let files = configuration.iter().filter(clusters);
        for resource in files.flat_map(|file| file.resources()) {
            self.clusters.remove(resource.name());
        }
    }

    /// The clusters that have to stay, of these that are not wanted any more.
    fn held(&mut self, removed: &BTreeSet<&str>, now: Instant) -> BTreeSet<&str> {
        self.clusters
            .retain(|name, _| removed.contains(name.as_str()));
        for name in removed {
            if let Some(until) = self.until
                && !self.clusters.contains_key(*name)
            {
                self.clusters.insert((*name).to_owned(), until);
            }
        }
        let held = self.clusters.iter().filter(|(_, until)| now < **until);
        held.map(|(name, _)| name.as_str()).collect()
    }
}

impl Rollout {
    /// Routes are written that lead to the clusters of this configuration.
    pub(super) fn want_clusters(&mut self, configuration: &Configuration) {
        self.held_clusters.want(configuration);
    }

    /// They cannot be removed, which costs nothing but their room.
    pub(super) fn clear_again(&mut self, target: Target, reason: &str, now: Instant) {
        tracing::error!("clusters that no route leads to any more cannot be removed: {reason}");
        for until in self.held_clusters.clusters.values_mut() {
            *until = now + PAUSE;
        }
        self.retry_at = Some(now + RETRY_DELAY);
        self.activity = Activity::Waiting(target);
    }

    /// Once nothing is to be removed.
    pub(super) fn forget_held_clusters(&mut self, now: Instant) {
        if matches!(self.activity, Activity::Idle) {
            self.held_clusters.clusters.clear();
            self.held_clusters.until.take_if(|until| *until <= now);
        }
    }

    /// Keeps clusters for as long as Envoy may hold requests back that took a route which is replaced now, by
    /// these files or with them.
    pub(super) fn hold_clusters(&mut self, written: &[Arc<File>], now: Instant) {
        let is_listeners = |file: &Arc<File>| file.role() == Some(&FileRole::Listeners);
        let is_routes = |file: &Arc<File>| matches!(file.role(), Some(FileRole::Routes(_)));
        let is_clusters = |file: &Arc<File>| file.role() == Some(&FileRole::Clusters);
        if !written
            .iter()
            .any(|file| is_listeners(file) || is_routes(file))
        {
            return;
        }
        let is_new = |file: &Arc<File>| written.iter().any(|new| new.hash() == file.hash());
        // What a listener asks or delays applies to routes in files of their own.
        let before = |wanted: &dyn Fn(&Arc<File>) -> bool| -> Vec<&str> {
            let texts = self.known.values().flat_map(KnownFile::texts);
            let texts = texts.filter(|file| wanted(file) && !is_new(file));
            texts.map(|file| file.text()).collect()
        };
        let longest = longest_hold(
            &before(&is_routes),
            &before(&is_listeners),
            &before(&is_clusters),
        );
        if !longest.is_zero() {
            let until = &mut self.held_clusters.until;
            *until = (*until).max(Some(now + longest));
        }
    }

    /// What can be written of these files of the last phase now: `None` if all as they are. Clusters that have to
    /// stay remain in their file, with their endpoints; others that lose their endpoints lose them.
    pub(super) fn held_finish(
        &mut self,
        files: &[Arc<File>],
        target: &Configuration,
        now: Instant,
    ) -> Option<Vec<Arc<File>>> {
        let is_clusters = |file: &&Arc<File>| file.role() == Some(&FileRole::Clusters);
        let running = self.running.as_ref()?;
        // What an earlier process watched does not count.
        let counts = |file: &&Arc<File>| running.watches(file) || target.get(file.name()).is_some();
        let known = self.known.values().flat_map(KnownFile::texts);
        let known: Vec<Arc<File>> = known.filter(is_clusters).filter(counts).cloned().collect();
        let wanted: Vec<&Arc<File>> = target.iter().filter(is_clusters).collect();
        let removed = removed_clusters(&known, &wanted);
        let held = self.held_clusters.held(&removed, now);
        if held.is_empty() {
            return None;
        }
        let others = files.iter().filter(|file| !is_clusters(file)).cloned();
        let mut writable: Vec<Arc<File>> = others.collect();
        if held != removed || lose_all_endpoints(&known, &wanted) {
            let kept = wanted
                .into_iter()
                .map(|file| union_of_kept_clusters(&known, file, |name| held.contains(name)));
            writable.extend(kept.filter(|file| {
                let known = self.known.get(file.name());
                !known.is_some_and(|known| known.is(file))
            }));
        }
        Some(writable)
    }

    /// Clusters have to stay. Writes what can be written of the last phase now; then all but their removal is done.
    /// `false`: there is something to wait for.
    pub(super) fn clear_later(
        &mut self,
        target: Target,
        writable: Vec<Arc<File>>,
        supervisor: &Supervisor,
        now: Instant,
        out: &mut Output,
    ) -> bool {
        if !writable.is_empty() {
            self.write(target, Phase::Finish, writable, now, out);
            return false;
        }
        let bootstrap = target.candidate.configuration.bootstrap();
        let running = self.running.as_ref();
        let is_changed = running.is_some_and(|it| it.bootstrap.hash() != bootstrap.hash());
        let rejected = self.rejected_bootstrap;
        let is_rejected = rejected.is_some_and(|it| it.bootstrap == bootstrap.hash());
        if is_changed && !is_rejected && self.may_restart && !supervisor.is_handing_over() {
            let purpose = Purpose::Restart { blocking: false };
            let bootstrap = Arc::clone(bootstrap);
            self.write_bootstrap(target, bootstrap, purpose, out);
            return false;
        }
        if target.is_clearing() {
            self.confirm_all();
            self.activity = Activity::Waiting(target);
            return false;
        }
        self.announce(&target, now);
        self.pending_bootstrap |= is_changed && !is_rejected;
        self.commit_before_clearing(target, now);
        if is_rejected {
            self.keep_running_bootstrap();
        }
        true
    }

    /// Clusters and routes of a configuration are in force, but for clusters that have to be removed.
    pub(super) fn commit_before_clearing(&mut self, target: Target, now: Instant) {
        self.confirm_all();
        self.forget_pending(&target.candidate);
        if !target.is_clearing() {
            self.in_force = Some(target.candidate.clone());
        }
        self.activity = Activity::Waiting(Target::clear(target.candidate, now));
    }
}
