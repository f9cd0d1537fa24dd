//! How much work refreshes have been since the start.

use nightjar_core::{daemon::MetricsPage, extension::RunStats, timing::Timing};

/// How much work refreshes have been since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Effort {
    /// Sets of files that were made of map and templates, or could not be.
    pub(crate) builds: Timing,
    pub(crate) discovery: RunStats,
    /// `None` without a template store.
    pub(crate) store: Option<RunStats>,
}

impl Effort {
    pub(super) fn tell(&self, page: &mut MetricsPage) {
        page.timings(
            "build_seconds",
            "The time to make files of map and templates.",
            &[("", self.builds)],
        );
        let store = self.store.map(|store| ("store", store));
        let extensions = [("discovery", self.discovery)].into_iter().chain(store);
        page.extension_runs(&extensions.collect::<Vec<_>>());
    }
}
