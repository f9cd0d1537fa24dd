//! Secrets that Envoy reads from files which no template makes.

use super::{Configuration, Role, message::inside};

/// A secret whose file is outside the configuration folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    /// The name that Envoy asks for.
    pub name: String,
    /// The file.
    pub path: String,
    /// The rendered file that names it.
    pub named_by: String,
}

impl Configuration {
    /// The secrets that come from files outside the configuration folder, in order, each once.
    pub fn outside_secrets(&self) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for file in self.iter() {
            for reference in &file.references {
                if let Role::Secrets(name) = &reference.role
                    && inside(&reference.path, self.config_dir()).is_none()
                {
                    secrets.push(Secret {
                        name: name.clone(),
                        path: reference.path.to_string(),
                        named_by: file.name().to_owned(),
                    });
                }
            }
        }
        secrets.sort();
        secrets.dedup();
        secrets
    }
}
