//! Status of the proxy: readiness and metrics, derived from the state and never read back.

use super::{
    ProxyIdentity, RefreshStats, State,
    rollout::{Confirmation, RolloutMetrics},
    supervisor::Stage,
};
use crate::inotify;
use nightjar_core::{
    daemon::{self, MetricsPage, Readiness, RefreshOutcome, RefreshProgress, metrics::count},
    timing::Timing,
};
use std::time::Instant;

/// The content of the status port, the ready file and the metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxyStatus {
    progress: RefreshProgress,
    /// Why the proxy is not ready.
    identity: ProxyIdentity,
    obstacle: Option<String>,
    is_live: bool,
    rejection: Option<String>,
    templates_failed: Option<String>,
    unbound: Vec<String>,
    secrets: Vec<String>,
    pending_bootstrap: bool,
    map_in_force: Option<String>,
    templates_in_force: Option<String>,
    fingerprint: Option<u64>,
    endpoints: usize,
    rollout: RolloutMetrics,
    stats: RefreshStats,
    envoy_starts: u64,
    envoy_exits: u64,
    inotify_left: inotify::InstancesLeft,
}

/// The status, shared between the program and its status port.
pub(crate) type SharedStatus = daemon::SharedStatus<ProxyStatus>;

impl State {
    /// The status as it is now.
    pub(crate) fn status(&self) -> ProxyStatus {
        let rollout = &self.rollout;
        let in_force = rollout.in_force();
        ProxyStatus {
            progress: self.progress.clone(),
            identity: self.options.identity.clone(),
            obstacle: self.obstacle(),
            is_live: self.is_live() && self.supervisor.unresponsive().is_none(),
            rejection: rollout
                .rejection()
                .map(|rejection| rejection.reason.clone()),
            templates_failed: rollout.templates_failed().map(ToOwned::to_owned),
            unbound: rollout.unbound().iter().map(ToString::to_string).collect(),
            secrets: self
                .secrets
                .problems()
                .iter()
                .map(ToString::to_string)
                .collect(),
            pending_bootstrap: rollout.pending_bootstrap(),
            map_in_force: in_force.and_then(|candidate| candidate.map_version.clone()),
            templates_in_force: in_force.map(super::Candidate::templates_version),
            fingerprint: in_force.map(super::Candidate::fingerprint),
            endpoints: rollout.endpoints(),
            rollout: rollout.metrics(),
            stats: self.stats,
            envoy_starts: self.supervisor.starts,
            envoy_exits: self.supervisor.exits,
            inotify_left: self.inotify_left.clone(),
        }
    }

    /// Whether a process serves: during a hand-over the old one does.
    fn is_live(&self) -> bool {
        matches!(
            self.supervisor.stage(),
            Stage::Live { .. } | Stage::HandingOver { .. }
        )
    }

    /// Why no traffic should be sent here.
    fn obstacle(&self) -> Option<String> {
        let confirmation = self.rollout.confirmation();
        let text = match confirmation {
            _ if self.stopping => "stopping".to_owned(),
            _ if !self.rollout.is_configured() => "no complete configuration yet".to_owned(),
            _ if !self.is_live() => "envoy is not live".to_owned(),
            _ if self.supervisor.unresponsive().is_some() => {
                self.supervisor.unresponsive()?.to_owned()
            }
            Confirmation::Unknown => "envoy has just started".to_owned(),
            Confirmation::Failed(reason) => reason.clone(),
            Confirmation::Confirmed => match self.rollout.unready_listener() {
                Some(unbound) => unbound.to_string(),
                None => self.secrets.unready_secret()?.to_string(),
            },
        };
        Some(text)
    }
}

impl daemon::StatusReport for ProxyStatus {
    /// Whether traffic can be sent here.
    fn readiness(&self) -> Readiness {
        let now = Instant::now();
        let next_refresh = self.progress.describe_retry(now);
        let empty_map = self.progress.describe_empty_map(now);
        let closed = (!self.unbound.is_empty()).then(|| self.unbound.join("; "));
        let secrets = (!self.secrets.is_empty()).then(|| self.secrets.join("; "));
        let pending = self.pending_bootstrap.then_some(
            "the changed bootstrap takes effect at the next start of envoy, or once the \
             process that was replaced last has ended",
        );
        Readiness::new(
            self.obstacle.as_deref(),
            &[
                ("refused", self.rejection.as_deref()),
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
            self.rejection.is_some(),
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
            "proxy_info",
            "The proxy: namespace/service/color, or gateway:namespace.",
            "proxy",
            &self.identity.name,
        );
        page.info(
            "envoy_info",
            "The version of the Envoy that runs.",
            "version",
            &self.identity.envoy_version,
        );
        page.info(
            "map_in_force_info",
            "The version of the discovery map that Envoy serves.",
            "version",
            self.map_in_force.as_deref().unwrap_or_default(),
        );
        page.info(
            "templates_in_force_info",
            "The version of the templates that Envoy's files were rendered with.",
            "version",
            self.templates_in_force.as_deref().unwrap_or_default(),
        );
        let fingerprint = self
            .fingerprint
            .map_or(String::new(), |fingerprint| format!("{fingerprint:016x}"));
        page.info(
            "configuration_info",
            "A hash of the files that Envoy serves.",
            "hash",
            &fingerprint,
        );
        page.gauge(
            "endpoints",
            "Endpoints in the clusters that Envoy serves.",
            count(u64::try_from(self.endpoints).unwrap_or(u64::MAX)),
        );
        self.progress.add_refreshes(page, &OUTCOMES);
        self.stats.add_to(page);
        self.rollout.add_to(page);
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
            "Inotify instances that this user has left, as far as this process can see.",
            self.inotify_left.get().map(count),
        );
        self.progress.add_map(page);
    }
}

impl RolloutMetrics {
    fn add_to(&self, page: &mut MetricsPage) {
        page.counter(
            "validations_total",
            "Configurations that were validated before they went live.",
            self.validations,
        );
        let failures = [
            ("{result=\"refused\"}", count(self.validations_rejected)),
            ("{result=\"failed\"}", count(self.validations_unavailable)),
        ];
        page.metric(
            "validation_failures_total",
            "counter",
            "Validations that failed, by whether Envoy rejected the configuration or gave no verdict.",
            &failures,
        );
        page.timings(
            "validation_seconds",
            "The time of a validation.",
            &[("", self.validation_times)],
        );
        let results = self
            .results()
            .map(|(result, number)| (format!("{{result=\"{result}\"}}"), count(number)));
        let results = results
            .each_ref()
            .map(|(label, number)| (label.as_str(), *number));
        page.metric(
            "rollouts_total",
            "counter",
            "New configurations, by the result of their rollout.",
            &results,
        );
        page.timings(
            "rollout_seconds",
            "The time from writing a configuration until Envoy had accepted it.",
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
