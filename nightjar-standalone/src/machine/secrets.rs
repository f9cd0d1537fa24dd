//! What is amiss with secrets that Envoy reads by itself, as far as it was told.

use super::{Candidate, Effect, life::Out};
use crate::secrets::{Left, SecretReport, SecretTrouble, shared_names};
use nightjar_core::envoy::Secret;

/// The secrets of the configuration in force.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets {
    /// The configuration that they were read of.
    print: Option<u64>,
    watched: Vec<Secret>,
    /// Whether Envoy once had them all.
    ever_had_all: bool,
    troubles: Vec<SecretTrouble>,
}

impl Secrets {
    /// Has the secrets watched of what is in force now.
    pub(super) fn follow(&mut self, in_force: Option<&Candidate>, out: &mut Out) {
        let print = in_force.map(Candidate::print);
        if self.print == print {
            return;
        }
        self.print = print;
        let secrets = in_force.map(|candidate| candidate.configuration.secrets());
        let secrets = secrets.unwrap_or_default();
        if self.watched != secrets {
            self.troubles
                .retain(|trouble| secrets.contains(&trouble.secret));
            for shared in shared_names(&secrets) {
                tracing::warn!("{shared}");
            }
            self.watched.clone_from(&secrets);
            out.effects.push(Effect::WatchSecrets(secrets));
        }
    }

    /// Notes what is amiss, and tells what is new of it.
    pub(super) fn report(&mut self, report: SecretReport) {
        for trouble in &report.troubles {
            if !self.troubles.contains(trouble) {
                tracing::error!("{trouble}; see the lines \"envoy:\" for its reason");
            }
        }
        let is_over = |trouble: &&SecretTrouble| {
            let mut still = report.troubles.iter();
            still.all(|still| still.secret != trouble.secret)
        };
        for trouble in self.troubles.iter().filter(is_over) {
            tracing::info!("envoy has taken secret {:?}", trouble.secret.name);
        }
        self.ever_had_all |= report.has_all;
        self.troubles = report.troubles;
    }

    pub(super) fn troubles(&self) -> &[SecretTrouble] {
        &self.troubles
    }

    /// The secret of a listener for want of which clients cannot connect: one that Envoy has lost, or any
    /// as long as it never had them all. One more that comes later and is bad takes nobody's proxy away.
    pub(super) fn in_the_way(&self) -> Option<&SecretTrouble> {
        let stands = |trouble: &&SecretTrouble| match trouble.left {
            _ if trouble.secret.is_of_cluster => false,
            Left::Old | Left::OldKeys => false,
            Left::Nothing => !self.ever_had_all,
            Left::Lost => true,
        };
        self.troubles.iter().find(stands)
    }
}
