//! What the outside may know of this process: whether the map is published, and since when.

use nightjar_core::daemon::{self, Outcome, Page, Progress, Readiness, metrics::count};
use std::time::SystemTime;

/// All that is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) progress: Progress,
    /// Whether the store has held this program's map since it started.
    pub(crate) published: bool,
    /// Whether there is a map that the store has not taken yet.
    pub(crate) pending: bool,
    pub(crate) commits: u64,
    pub(crate) failed_commits: u64,
    pub(crate) last_commit: Option<SystemTime>,
}

/// The facts, shared between the program and its status port.
pub(crate) type Status = daemon::Status<Facts>;

impl daemon::Facts for Facts {
    /// Whether proxies find this program's map in the store.
    fn readiness(&self) -> Readiness {
        let obstacle = if self.progress.stopping {
            Some("stopping")
        } else if self.published {
            None
        } else {
            Some("no map is published yet")
        };
        Readiness::new(obstacle, &[("failed", self.progress.failed.as_deref())])
    }

    fn metrics(&self, page: &mut Page) {
        const OUTCOMES: [Outcome; 3] = [Outcome::Unchanged, Outcome::Changed, Outcome::Failed];
        let ready = self.readiness().ready;
        page.flag("ready", "1 if a map is published.", ready);
        self.progress.refreshes(page, &OUTCOMES);
        page.metric(
            "commits_total",
            "counter",
            "Commits to the data store, by how they ended.",
            &[
                ("{result=\"done\"}", count(self.commits)),
                ("{result=\"failed\"}", count(self.failed_commits)),
            ],
        );
        page.time(
            "last_commit_timestamp_seconds",
            "When the store last took a map, in seconds since 1970; 0 if it has not.",
            self.last_commit,
        );
        page.flag(
            "commit_pending",
            "1 if the store has not taken the newest map yet.",
            self.pending,
        );
        self.progress.map(page);
    }
}
