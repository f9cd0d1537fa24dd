//! What the outside may know of this process, from its state: whether the map is published, and since
//! when.

use crate::publish::State;
use nightjar_core::daemon::{self, MetricsPage, Readiness, RefreshOutcome, metrics::count};
use std::time::Instant;

/// The state, shared between the program and its status port.
pub(crate) type Status = daemon::SharedStatus<State>;

impl daemon::StatusReport for State {
    /// Whether proxies find this program's map in the store.
    fn readiness(&self) -> Readiness {
        let obstacle = if self.is_stopping() {
            Some("stopping")
        } else if self.has_published() {
            None
        } else {
            Some("no map is published yet")
        };
        let (progress, now) = (self.progress(), Instant::now());
        Readiness::new(
            obstacle,
            &[
                ("failed", progress.failed.as_deref()),
                ("next refresh", progress.describe_retry(now).as_deref()),
                ("empty map", progress.describe_empty_map(now).as_deref()),
            ],
        )
    }

    fn metrics(&self, page: &mut MetricsPage) {
        const OUTCOMES: [RefreshOutcome; 3] = [
            RefreshOutcome::Unchanged,
            RefreshOutcome::Changed,
            RefreshOutcome::Failed,
        ];
        let (ready, commits) = (self.readiness().ready, self.commits());
        page.flag("ready", "1 if a map is published.", ready);
        self.progress().add_refreshes(page, &OUTCOMES);
        page.metric(
            "commits_total",
            "counter",
            "Commits to the data store, by how they ended.",
            &[
                ("{result=\"done\"}", count(commits.done)),
                ("{result=\"failed\"}", count(commits.failed)),
                ("{result=\"conflict\"}", count(commits.conflicts)),
            ],
        );
        page.time(
            "last_commit_timestamp_seconds",
            "When the store last took a map, in seconds since 1970; 0 if it has not.",
            commits.last,
        );
        page.flag(
            "commit_pending",
            "1 if the newest map is not known to be in the store.",
            self.is_pending(),
        );
        self.progress().add_map(page);
        let [discovery, store] = self.runs();
        page.extension_runs(&[("discovery", discovery), ("store", store)]);
    }
}
