//! Clusters that stay for a while after the last route to them went, for the requests that Envoy holds back.

use super::{Activity, KnownFile, Purpose, Rollout, Target};
use crate::machine::supervisor::{Output, Supervisor};
use nightjar_core::envoy::{File, FileRole, longest_hold};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long clusters stay at most where routes change all the time.
const LONGEST: Duration = Duration::from_mins(10);

/// Since when and until when clusters stay that no route leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeldClusters {
    since: Instant,
    pub(super) until: Instant,
}

impl Rollout {
    pub(super) fn are_clusters_held(&self, now: Instant) -> bool {
        self.held_clusters.is_some_and(|held| now < held.until)
    }

    /// Once none is to be removed.
    pub(super) fn forget_held_clusters(&mut self, now: Instant) {
        if matches!(self.activity, Activity::Idle) {
            self.held_clusters.take_if(|held| held.until <= now);
        }
    }

    /// Keeps clusters for as long as Envoy may hold requests back that took a route which is replaced now, by
    /// these files or with them.
    pub(super) fn hold_clusters(&mut self, written: &[Arc<File>], now: Instant) {
        let is_of_routes = |file: &Arc<File>| {
            matches!(file.role(), Some(FileRole::Routes(_) | FileRole::Listeners))
        };
        if !written.iter().any(is_of_routes) {
            return;
        }
        let is_new = |file: &Arc<File>| written.iter().any(|new| new.hash() == file.hash());
        // What a listener asks or delays applies to routes in files of their own.
        let before = || self.known.values().flat_map(KnownFile::texts);
        let routes: Vec<&str> = before()
            .filter(|file| is_of_routes(file) && !is_new(file))
            .map(|file| file.text())
            .collect();
        let clusters: Vec<&str> = before()
            .filter(|file| file.role() == Some(&FileRole::Clusters))
            .map(|file| file.text())
            .collect();
        let longest = longest_hold(&routes, &clusters);
        if longest.is_zero() {
            return;
        }
        let before = self.held_clusters;
        let since = before.map_or(now, |held| held.since);
        let until = before.map_or(now, |held| held.until).max(now + longest);
        self.held_clusters = Some(HeldClusters {
            since,
            until: until.min(since + LONGEST),
        });
    }

    /// All but the removal of clusters is done, which waits.
    pub(super) fn wait_for_held_clusters(
        &mut self,
        target: Target,
        supervisor: &Supervisor,
        now: Instant,
        out: &mut Output,
    ) {
        let bootstrap = target.candidate.configuration.bootstrap();
        let running = self.running.as_ref();
        let is_changed = running.is_some_and(|it| it.bootstrap.hash() != bootstrap.hash());
        let rejected = self.rejected_bootstrap;
        let is_rejected = rejected.is_some_and(|it| it.bootstrap == bootstrap.hash());
        if is_changed && !is_rejected && self.may_restart && !supervisor.is_handing_over() {
            let purpose = Purpose::Restart { blocking: false };
            let bootstrap = Arc::clone(bootstrap);
            return self.write_bootstrap(target, bootstrap, purpose, out);
        }
        if target.is_clearing() {
            self.activity = Activity::Waiting(target);
            return;
        }
        self.announce(&target, now);
        self.pending_bootstrap |= is_changed && !is_rejected;
        self.commit_before_clearing(target, now);
        if is_rejected {
            self.keep_running_bootstrap();
        }
    }

    /// Clusters and routes of a configuration are in force, but for clusters that have to be removed.
    pub(super) fn commit_before_clearing(&mut self, target: Target, now: Instant) {
        self.confirm_all();
        self.forget_pending(&target.candidate);
        self.in_force = Some(target.candidate.clone());
        self.activity = Activity::Waiting(Target::clear(target.candidate, now));
    }
}
