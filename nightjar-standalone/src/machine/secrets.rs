//! Problems with secrets that Envoy reads by itself, as reported.

use super::{Candidate, Effect, supervisor::Output};
use crate::secrets::{Remaining, SecretProblem, SecretReport, shared_names};
use nightjar_core::envoy::Secret;

/// The secrets of the configuration in force.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets {
    /// The configuration that names them.
    fingerprint: Option<u64>,
    watched: Vec<Secret>,
    /// Whether Envoy once had them all.
    ever_had_all: bool,
    problems: Vec<SecretProblem>,
}

impl Secrets {
    /// Watches the secrets of the configuration in force.
    pub(super) fn follow(&mut self, in_force: Option<&Candidate>, out: &mut Output) {
        let fingerprint = in_force.map(Candidate::fingerprint);
        if self.fingerprint == fingerprint {
            return;
        }
        self.fingerprint = fingerprint;
        let secrets = in_force.map(|candidate| candidate.configuration.secrets());
        let secrets = secrets.unwrap_or_default();
        if self.watched != secrets {
            self.problems
                .retain(|problem| secrets.contains(&problem.secret));
            for shared in shared_names(&secrets) {
                tracing::warn!("{shared}");
            }
            self.watched.clone_from(&secrets);
            out.effects.push(Effect::WatchSecrets(secrets));
        }
    }

    /// Records the problems, and logs new ones and those that are over.
    pub(super) fn report(&mut self, report: SecretReport) {
        for problem in &report.problems {
            if !self.problems.contains(problem) {
                tracing::error!("{problem}; see the lines \"envoy:\" for its reason");
            }
        }
        let is_over = |problem: &&SecretProblem| {
            let mut still = report.problems.iter();
            still.all(|still| still.secret != problem.secret)
        };
        for problem in self.problems.iter().filter(is_over) {
            tracing::info!("envoy has accepted secret {:?}", problem.secret.name);
        }
        self.ever_had_all |= report.has_all;
        self.problems = report.problems;
    }

    pub(super) fn problems(&self) -> &[SecretProblem] {
        &self.problems
    }

    /// A secret that Envoy lacks, so that clients cannot connect to its listener: one that Envoy had and lost, or
    /// any one as long as Envoy never had all. A bad secret that is added later does not make the proxy not ready.
    pub(super) fn unready_secret(&self) -> Option<&SecretProblem> {
        let blocks = |problem: &&SecretProblem| match problem.remaining {
            _ if problem.secret.is_of_cluster => false,
            Remaining::Previous | Remaining::PreviousKeys => false,
            Remaining::Nothing => !self.ever_had_all,
            Remaining::Lost => true,
        };
        self.problems.iter().find(blocks)
    }
}
