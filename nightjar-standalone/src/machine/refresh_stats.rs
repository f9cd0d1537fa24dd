//! Statistics of refreshes since the start.

use nightjar_core::{daemon::MetricsPage, extension::RunStats, timing::Timing};

/// How often refreshes built files and ran extensions since the start, and how long that took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct RefreshStats {
    /// Builds of files from map and templates, failed ones included.
    pub(crate) builds: Timing,
    pub(crate) discovery: RunStats,
    /// `None` without a template store.
    pub(crate) store: Option<RunStats>,
}

impl RefreshStats {
    pub(super) fn add_to(&self, page: &mut MetricsPage) {
        page.timings(
            "build_seconds",
            "The time to build files from map and templates.",
            &[("", self.builds)],
        );
        let store = self.store.map(|store| ("store", store));
        let extensions = [("discovery", self.discovery)].into_iter().chain(store);
        page.extension_runs(&extensions.collect::<Vec<_>>());
    }
}
