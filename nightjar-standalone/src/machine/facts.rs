//! What the outside is told: derived from the state, never read back.

use super::{
    Effort, State,
    life::Stage,
    rollout::{Served, Tally},
};
use crate::inotify;
use nightjar_core::{
    daemon::{self, MetricsPage, Readiness, RefreshOutcome, RefreshProgress, metrics::count},
    timing::Timing,
};
use std::time::Instant;

/// What the status port, the ready file and the metrics tell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    progress: RefreshProgress,
    /// What stands against readiness.
    obstacle: Option<String>,
    is_live: bool,
    refused: Option<String>,
    templates_failed: Option<String>,
    unbound: Vec<String>,
    secrets: Vec<String>,
    pending_bootstrap: bool,
    map_in_force: Option<String>,
    templates_in_force: Option<String>,
    print: Option<u64>,
    endpoints: usize,
    tally: Tally,
    effort: Effort,
    envoy_starts: u64,
    envoy_exits: u64,
    inotify_left: inotify::Left,
}

/// The facts, shared between the program and its status port.
pub(crate) type Status = daemon::SharedStatus<Facts>;

impl State {
    /// What the outside may know.
    pub(crate) fn facts(&self) -> Facts {
        let rollout = &self.rollout;
        let in_force = rollout.base();
        Facts {
            progress: self.progress.clone(),
            obstacle: self.obstacle(),
            is_live: self.is_live() && self.life.unresponsive().is_none(),
            refused: rollout.refused().map(|refused| refused.reason.clone()),
            templates_failed: rollout.templates_failed().map(ToOwned::to_owned),
            unbound: rollout.unbound().iter().map(ToString::to_string).collect(),
            secrets: self
                .secrets
                .troubles()
                .iter()
                .map(ToString::to_string)
                .collect(),
            pending_bootstrap: rollout.pending_bootstrap(),
            map_in_force: in_force.and_then(|candidate| candidate.map_version.clone()),
            templates_in_force: in_force.map(super::Candidate::templates_version),
            print: in_force.map(super::Candidate::print),
            endpoints: rollout.endpoints(),
            tally: rollout.tally(),
            effort: self.effort,
            envoy_starts: self.life.starts,
            envoy_exits: self.life.exits,
            inotify_left: self.inotify_left.clone(),
        }
    }

    /// Whether a process serves: during a hand-over the old one does.
    fn is_live(&self) -> bool {
        matches!(
            self.life.stage(),
            Stage::Live { .. } | Stage::HandingOver { .. }
        )
    }

    /// What stands against sending traffic here.
    fn obstacle(&self) -> Option<String> {
        let served = self.rollout.served();
        let text = match served {
            _ if self.stopping => "stopping".to_owned(),
            _ if !self.rollout.is_configured() => "no complete configuration yet".to_owned(),
            _ if !self.is_live() => "envoy is not live".to_owned(),
            _ if self.life.unresponsive().is_some() => self.life.unresponsive()?.to_owned(),
            Served::Unknown => "envoy has just started".to_owned(),
            Served::No(reason) => reason.clone(),
            Served::Yes => match self.rollout.unbound_in_the_way() {
                Some(unbound) => unbound.to_string(),
                None => self.secrets.in_the_way()?.to_string(),
            },
        };
        Some(text)
    }
}

impl daemon::StatusReport for Facts {
    /// Whether traffic can be sent here.
    fn readiness(&self) -> Readiness {
        let now = Instant::now();
        let next_refresh = self.progress.describe_retry(now);
        let empty_map = self.progress.describe_empty_map(now);
        let closed = (!self.unbound.is_empty()).then(|| self.unbound.join("; "));
        let secrets = (!self.secrets.is_empty()).then(|| self.secrets.join("; "));
        let pending = self.pending_bootstrap.then_some(
            "the changed bootstrap takes effect when envoy starts the next time, or when the \
             process that was replaced last has ended",
        );
        Readiness::new(
            self.obstacle.as_deref(),
            &[
                ("refused", self.refused.as_deref()),
                ("failed", self.progress.failed.as_deref()),
                ("next refresh", next_refresh.as_deref()),
                ("templates", self.templates_failed.as_deref()),
                ("listeners", closed.as_deref()),
                ("secrets", secrets.as_deref()),
                ("bootstrap", pending),
                ("empty map", empty_map.as_deref()),
            ],
        )
    }

    fn metrics(&self, page: &mut MetricsPage) {
        const OUTCOMES: [RefreshOutcome; 4] = [
            RefreshOutcome::Unchanged,
            RefreshOutcome::Changed,
            RefreshOutcome::Failed,
            RefreshOutcome::Refused,
        ];
        let ready = self.readiness().ready;
        page.flag("ready", "1 if traffic can be sent here.", ready);
        page.flag("envoy_live", "1 if Envoy serves.", self.is_live);
        page.flag(
            "configuration_refused",
            "1 if the newest configuration was refused and an older one is in force.",
            self.refused.is_some(),
        );
        page.flag(
            "templates_failed",
            "1 if the newest map is served with older templates, because the newest ones fail.",
            self.templates_failed.is_some(),
        );
        page.gauge(
            "listeners_closed",
            "Listeners that Envoy could not bind.",
            count(u64::try_from(self.unbound.len()).unwrap_or(u64::MAX)),
        );
        page.gauge(
            "secrets_refused",
            "Secrets of which Envoy refused the newest file, or the files that it names.",
            count(u64::try_from(self.secrets.len()).unwrap_or(u64::MAX)),
        );
        page.flag(
            "bootstrap_pending",
            "1 if a changed bootstrap waits for the next start of Envoy.",
            self.pending_bootstrap,
        );
        page.info(
            "map_in_force_info",
            "The version of the discovery map that Envoy serves.",
            "version",
            self.map_in_force.as_deref().unwrap_or_default(),
        );
        page.info(
            "templates_in_force_info",
            "The version of the templates that Envoy's files were made with.",
            "version",
            self.templates_in_force.as_deref().unwrap_or_default(),
        );
        let print = self
            .print
            .map_or(String::new(), |print| format!("{print:016x}"));
        page.info(
            "configuration_info",
            "A hash of the files that Envoy serves.",
            "hash",
            &print,
        );
        page.gauge(
            "endpoints",
            "Endpoints in the clusters that Envoy serves.",
            count(u64::try_from(self.endpoints).unwrap_or(u64::MAX)),
        );
        self.progress.add_refreshes(page, &OUTCOMES);
        self.effort.tell(page);
        self.tally.tell(page);
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
        page.optional_gauge(
            "inotify_instances_left",
            "Inotify instances that this user may still have, as far as this process sees its others.",
            self.inotify_left.get().map(count),
        );
        self.progress.add_map(page);
    }
}

impl Tally {
    fn tell(&self, page: &mut MetricsPage) {
        page.counter(
            "validations_total",
            "Configurations that were checked before they went live.",
            self.validations,
        );
        let failures = [
            ("{result=\"refused\"}", count(self.checks_refused)),
            ("{result=\"failed\"}", count(self.checks_failed)),
        ];
        page.metric(
            "validation_failures_total",
            "counter",
            "Checks that were not passed, by whether they came to a verdict.",
            &failures,
        );
        page.timings(
            "validation_seconds",
            "The time of a check.",
            &[("", self.checks)],
        );
        let ends = self
            .ends()
            .map(|(end, number)| (format!("{{result=\"{end}\"}}"), count(number)));
        let ends = ends
            .each_ref()
            .map(|(label, number)| (label.as_str(), *number));
        page.metric(
            "rollouts_total",
            "counter",
            "New configurations, by what became of them.",
            &ends,
        );
        page.timings(
            "rollout_seconds",
            "The time from writing a configuration until Envoy had taken it.",
            &[("", self.rollouts)],
        );
        let phases: [(String, Timing); 3] = self
            .phases()
            .map(|(phase, timing)| (format!("{{phase=\"{phase}\"}}"), timing));
        page.timings(
            "phase_seconds",
            "The time of each phase of a rollout.",
            &phases,
        );
    }
}
