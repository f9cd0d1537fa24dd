//! Which file is what to Envoy.

use super::{Files, shape};
use serde_json::Value;
use std::collections::BTreeMap;

/// What Envoy uses a file for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The file given to Envoy at its start.
    Bootstrap,
    /// Clusters (CDS).
    Clusters,
    /// The endpoints of the named cluster (EDS).
    Endpoints(String),
    /// The route configuration of this name (RDS).
    Routes(String),
    /// Listeners (LDS).
    Listeners,
}

/// A file that Envoy has a subscription to, or its bootstrap, as parsed.
#[derive(Debug, Clone)]
pub struct Subscribed {
    /// What Envoy uses it for.
    pub role: Role,
    /// Its content.
    pub value: Value,
}

impl Subscribed {
    /// The `version_info` of a subscription file, if it has one.
    pub fn version_info(&self) -> Option<&str> {
        member(&self.value, "version_info")?.as_str()
    }

    /// The resources of a subscription file, or the static clusters of a bootstrap.
    pub fn resources(&self) -> &[Value] {
        member(&self.value, "resources")
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

/// The files that Envoy reads, with what it reads them as. Any other file has no role.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    files: BTreeMap<String, Subscribed>,
}

/// Why files make no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The bootstrap is not among the files.
    #[error(
        "no template makes the bootstrap {name:?}; the templates make {made}\n\
         hint: name one of them in ENVOY_CONFIGURATION_TEMPLATE, or add a template of that purpose"
    )]
    NoBootstrap {
        /// The file that was looked for.
        name: String,
        /// The files there are.
        made: String,
    },
    /// A file that Envoy would read is not what its name says.
    #[error("the rendered file {file:?} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// The parser's message.
        reason: String,
    },
    /// A file that Envoy would subscribe to is not what it has to be.
    #[error("envoy would refuse the rendered file {file:?}: {reason}")]
    Unfit {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file is named by another one, and no template makes it.
    #[error("the rendered file {by:?} names the file {path:?}, which no template makes")]
    Missing {
        /// The file that names.
        by: String,
        /// The path that is named.
        path: String,
    },
}

impl Layout {
    /// Finds the role of every file.
    ///
    /// `bootstrap` is the name of the bootstrap among the files; `config_dir` is the folder that
    /// they will stand in, as the files themselves spell it.
    ///
    /// # Errors
    /// [`LayoutError`] if the bootstrap is missing, a file with a role does not parse, or a file
    /// inside the configuration folder is named that is not made.
    pub fn read(files: &Files, bootstrap: &str, config_dir: &str) -> Result<Self, LayoutError> {
        if !files.contains_key(bootstrap) {
            let made = files
                .keys()
                .map(|name| format!("{name:?}"))
                .collect::<Vec<_>>();
            let made = if made.is_empty() {
                "no file".to_owned()
            } else {
                made.join(", ")
            };
            return Err(LayoutError::NoBootstrap {
                name: bootstrap.to_owned(),
                made,
            });
        }
        let mut layout = Self::default();
        let mut open = vec![(bootstrap.to_owned(), Role::Bootstrap, bootstrap.to_owned())];
        while let Some((name, role, by)) = open.pop() {
            if layout.files.contains_key(&name) {
                continue;
            }
            let Some(text) = files.get(&name) else {
                return Err(LayoutError::Missing {
                    by,
                    path: format!("{config_dir}/{name}"),
                });
            };
            let value = parse(&name, text)?;
            let mut found = Vec::new();
            if role == Role::Bootstrap {
                references_of_bootstrap(&value, &mut found);
            }
            references_of_resources(&value, &mut found);
            open.extend(found.into_iter().filter_map(|(path, role)| {
                let inside = path.strip_prefix(config_dir)?.strip_prefix('/')?;
                Some((
                    inside.trim_start_matches('/').to_owned(),
                    role,
                    name.clone(),
                ))
            }));
            let subscribed = Subscribed { role, value };
            if let Some(reason) = shape::fault(&subscribed) {
                return Err(LayoutError::Unfit { file: name, reason });
            }
            layout.files.insert(name, subscribed);
        }
        Ok(layout)
    }

    /// What Envoy uses a file for; `None` for a file without a role.
    pub fn get(&self, file: &str) -> Option<&Subscribed> {
        self.files.get(file)
    }

    /// Every file with a role.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Subscribed)> {
        self.files
            .iter()
            .map(|(name, subscribed)| (name.as_str(), subscribed))
    }

    /// The bootstrap.
    pub fn bootstrap(&self) -> Option<(&str, &Subscribed)> {
        self.iter()
            .find(|(_, subscribed)| subscribed.role == Role::Bootstrap)
    }
}

/// Parses a file as Envoy does, by its ending.
pub(super) fn parse(name: &str, text: &str) -> Result<Value, LayoutError> {
    let unreadable = |reason| LayoutError::Unreadable {
        file: name.to_owned(),
        reason,
    };
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("json") => serde_json::from_str(text).map_err(|error| unreadable(error.to_string())),
        Some("yaml" | "yml") => {
            serde_norway::from_str(text).map_err(|error| unreadable(error.to_string()))
        }
        _ => Err(unreadable(
            "its name ends in none of .json, .yaml and .yml".to_owned(),
        )),
    }
}

/// A member of a message, whose name may be spelt `in_snake_case` or `inCamelCase`.
pub(super) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.get(name).or_else(|| value.get(camel(name)))
}

pub(super) fn camel(name: &str) -> String {
    let mut upper = false;
    let mut camel = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '_' => upper = true,
            _ if upper => {
                camel.push(character.to_ascii_uppercase());
                upper = false;
            }
            _ => camel.push(character),
        }
    }
    camel
}

/// The path of a file-based configuration source.
pub(super) fn source_path(source: &Value) -> Option<&str> {
    let path = member(source, "path_config_source")
        .and_then(|source| member(source, "path"))
        .or_else(|| member(source, "path"))?;
    path.as_str()
}

pub(super) fn references_of_bootstrap(bootstrap: &Value, found: &mut Vec<(String, Role)>) {
    let Some(dynamic) = member(bootstrap, "dynamic_resources") else {
        return;
    };
    for (name, role) in [
        ("cds_config", Role::Clusters),
        ("lds_config", Role::Listeners),
    ] {
        if let Some(path) = member(dynamic, name).and_then(source_path) {
            found.push((path.to_owned(), role));
        }
    }
}

/// Finds route and endpoint files, however deep the message that names them.
fn references_of_resources(value: &Value, found: &mut Vec<(String, Role)>) {
    match value {
        Value::Array(items) => {
            for item in items {
                references_of_resources(item, found);
            }
        }
        Value::Object(members) => {
            if let Some((path, name)) = routes_reference(value) {
                found.push((path.to_owned(), Role::Routes(name.to_owned())));
            }
            if let Some((path, name)) = endpoints_reference(value) {
                found.push((path.to_owned(), Role::Endpoints(name.to_owned())));
            }
            for item in members.values() {
                references_of_resources(item, found);
            }
        }
        _ => {}
    }
}

/// The file and the name of the route configuration that an HTTP connection manager subscribes to.
pub(super) fn routes_reference(manager: &Value) -> Option<(&str, &str)> {
    let rds = manager.get("rds")?;
    let path = source_path(member(rds, "config_source")?)?;
    Some((path, member(rds, "route_config_name")?.as_str()?))
}

/// The file that a cluster's endpoints come from, and the name they go by.
pub(super) fn endpoints_reference(cluster: &Value) -> Option<(&str, &str)> {
    let eds = member(cluster, "eds_cluster_config")?;
    let path = source_path(member(eds, "eds_config")?)?;
    let name = member(eds, "service_name").or_else(|| cluster.get("name"))?;
    Some((path, name.as_str()?))
}
