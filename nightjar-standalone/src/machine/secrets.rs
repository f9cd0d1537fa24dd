//! What is amiss with secrets that Envoy reads by itself, as far as it was told.

use super::{Candidate, Effect, life::Out};
use crate::secrets::SecretTrouble;

/// The secrets of the configuration in force.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets {
    /// The configuration whose secrets are watched.
    print: Option<u64>,
    is_watching: bool,
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
        self.troubles
            .retain(|trouble| secrets.contains(&trouble.secret));
        let was_watching = std::mem::replace(&mut self.is_watching, !secrets.is_empty());
        if was_watching || self.is_watching {
            out.effects.push(Effect::WatchSecrets(secrets));
        }
    }

    /// Notes what is amiss, and tells what is new of it.
    pub(super) fn report(&mut self, troubles: Vec<SecretTrouble>) {
        for trouble in &troubles {
            if !self.troubles.contains(trouble) {
                tracing::error!("{trouble}; see the lines \"envoy:\" for its reason");
            }
        }
        let is_over = |trouble: &&SecretTrouble| {
            let mut still = troubles.iter();
            still.all(|still| still.secret != trouble.secret)
        };
        for trouble in self.troubles.iter().filter(is_over) {
            tracing::info!("envoy has taken secret {:?}", trouble.secret.name);
        }
        self.troubles = troubles;
    }

    pub(super) fn troubles(&self) -> &[SecretTrouble] {
        &self.troubles
    }

    /// The secret for want of which no client can connect.
    pub(super) fn in_the_way(&self) -> Option<&SecretTrouble> {
        self.troubles.iter().find(|trouble| trouble.is_in_the_way())
    }
}
