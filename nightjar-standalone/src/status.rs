//! What the outside may know of this process: whether it serves, and how it came to that.

use nightjar_core::daemon::{self, Outcome, Page, Progress, Readiness, metrics::count};

/// Whether Envoy serves what it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Served {
    /// It is not known yet.
    #[default]
    Unknown,
    Yes,
    /// It does not, for this reason.
    No(String),
}

/// All that is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) progress: Progress,
    /// Whether Envoy runs and has initialised.
    pub(crate) envoy_live: bool,
    /// That it has not answered for too long, and how that showed.
    pub(crate) silent: Option<String>,
    /// Whether it took its files.
    pub(crate) served: Served,
    /// Whether a complete set of files has been written.
    pub(crate) configured: bool,
    /// Why the newest configuration is not in force, if it is not.
    pub(crate) refused: Option<String>,
    pub(crate) rollouts: u64,
    pub(crate) rollout_seconds: f64,
    pub(crate) envoy_starts: u64,
    pub(crate) envoy_exits: u64,
}

/// The facts, shared between the program and its status port.
pub(crate) type Status = daemon::Status<Facts>;

impl Facts {
    /// Whether it is known that Envoy took its files.
    pub(crate) fn is_served(&self) -> bool {
        self.served == Served::Yes
    }

    /// Whether it is known that Envoy does not serve its files.
    pub(crate) fn is_not_served(&self) -> bool {
        matches!(self.served, Served::No(_))
    }
}

impl daemon::Facts for Facts {
    /// Whether traffic can be sent here.
    fn readiness(&self) -> Readiness {
        let obstacle = match &self.served {
            _ if self.progress.stopping => Some("stopping"),
            _ if !self.configured => Some("no complete configuration yet"),
            _ if !self.envoy_live => Some("envoy is not live"),
            _ if self.silent.is_some() => self.silent.as_deref(),
            Served::Unknown => Some("envoy has just started"),
            Served::No(reason) => Some(reason.as_str()),
            Served::Yes => None,
        };
        Readiness::new(
            obstacle,
            &[
                ("refused", self.refused.as_deref()),
                ("failed", self.progress.failed.as_deref()),
            ],
        )
    }

    fn metrics(&self, page: &mut Page) {
        const OUTCOMES: [Outcome; 4] = [
            Outcome::Unchanged,
            Outcome::Changed,
            Outcome::Failed,
            Outcome::Refused,
        ];
        let ready = self.readiness().ready;
        page.flag("ready", "1 if traffic can be sent here.", ready);
        let live = self.envoy_live && self.silent.is_none();
        page.flag("envoy_live", "1 if Envoy serves.", live);
        page.flag(
            "configuration_refused",
            "1 if the newest configuration was refused and an older one is in force.",
            self.refused.is_some(),
        );
        self.progress.refreshes(page, &OUTCOMES);
        page.metric(
            "rollout_seconds",
            "summary",
            "The time from writing a configuration until Envoy had taken it.",
            &[
                ("_sum", self.rollout_seconds),
                ("_count", count(self.rollouts)),
            ],
        );
        page.counter(
            "envoy_starts_total",
            "Envoy processes started.",
            self.envoy_starts,
        );
        page.counter(
            "envoy_exits_total",
            "Envoy processes that ended by themselves.",
            self.envoy_exits,
        );
        self.progress.map(page);
    }
}
