//! Secrets that Envoy reads from files of their own.

use super::{configuration::Configuration, proto_json::inside, role::FileRole};

/// A secret that Envoy reads from a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    /// The name that Envoy asks for.
    pub name: String,
    /// The file.
    pub path: String,
    /// The rendered file that names it.
    pub named_by: String,
    /// Whether that file is not of listeners, so that the secret is for calls that Envoy makes.
    pub is_of_cluster: bool,
}

impl Configuration {
    /// The secrets that files name, in order, each once.
    pub fn secrets(&self) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for file in self.iter() {
            for reference in &file.references {
                if let FileRole::Secrets(name) = &reference.role {
                    secrets.push(Secret {
                        name: name.clone(),
                        path: reference.path.to_string(),
                        named_by: file.name().to_owned(),
                        is_of_cluster: file.role() != Some(&FileRole::Listeners),
                    });
                }
            }
        }
        secrets.sort();
        secrets.dedup();
        secrets
    }

    /// Those of [`Self::secrets`] whose files are outside the configuration folder: no template makes
    /// them.
    pub fn outside_secrets(&self) -> Vec<Secret> {
        let mut secrets = self.secrets();
        secrets.retain(|secret| inside(&secret.path, self.config_dir()).is_none());
        secrets
    }
}
