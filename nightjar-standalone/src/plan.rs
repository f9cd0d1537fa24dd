//! The order in which files change, so that no request meets a route to a missing cluster.
//!
//! Pure: it compares two sets of files and says what to write when. Carrying it out, and waiting
//! for Envoy between the phases, is [`crate::rollout`].

use nightjar_core::envoy::{Files, Layout, Role, union_of_clusters, union_of_static_clusters};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// A file to write, and how Envoy will show that it took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) name: String,
    pub(crate) text: String,
    /// `None` for a file without a role: Envoy says nothing about it.
    pub(crate) role: Option<Role>,
    /// The version that Envoy will report, if the file states one.
    pub(crate) version: Option<String>,
}

/// A rollout in its phases. A bootstrap among a phase's files means that Envoy must restart then.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Clusters old and new together; listeners as before.
    pub(crate) make: Vec<Write>,
    /// The new listeners and routes.
    pub(crate) switch: Vec<Write>,
    /// The new clusters alone.
    pub(crate) finish: Vec<Write>,
}

/// A set of files, understood.
#[derive(Clone, Default)]
pub(crate) struct Configuration {
    pub(crate) files: Files,
    pub(crate) layout: Layout,
}

impl Configuration {
    /// Its files, each with how Envoy will show that it took it.
    pub(crate) fn writes(&self) -> impl Iterator<Item = Write> {
        self.files.iter().map(|(name, text)| {
            let subscribed = self.layout.get(name);
            Write {
                name: name.clone(),
                text: text.clone(),
                role: subscribed.map(|file| file.role.clone()),
                version: subscribed
                    .and_then(|file| file.version_info())
                    .map(ToOwned::to_owned),
            }
        })
    }
}

impl Plan {
    /// Plans the way from one configuration to another.
    pub(crate) fn between(old: &Configuration, new: &Configuration) -> Self {
        let mut plan = Self::default();
        let listeners_stay = old
            .layout
            .iter()
            .any(|(_, file)| matches!(file.role, Role::Listeners | Role::Routes(_)));
        let changed = |write: &Write| old.files.get(&write.name) != Some(&write.text);
        let restarts = new
            .writes()
            .filter(changed)
            .any(|write| write.role == Some(Role::Bootstrap));
        let was_there = |write: &Write| {
            let before = old.layout.get(&write.name).map(|file| &file.role);
            before == write.role.as_ref()
        };
        for write in new.writes().filter(changed) {
            let union = new
                .layout
                .get(&write.name)
                .and_then(|file| match file.role {
                    Role::Clusters => union_of_clusters(&all_clusters(&old.layout), &file.value),
                    Role::Bootstrap if listeners_stay => {
                        union_of_static_clusters(&old.layout.bootstrap()?.1.value, &file.value)
                    }
                    _ => None,
                });
            match (&write.role, union) {
                // A new process needs it, and the old one does not know it.
                (Some(Role::Routes(_) | Role::Listeners), _) if restarts && !was_there(&write) => {
                    plan.make.push(write);
                }
                (Some(Role::Routes(_) | Role::Listeners), _) => plan.switch.push(write),
                (_, None) => plan.make.push(write),
                (_, Some(union)) => {
                    plan.make.push(interim(&write, &union));
                    plan.finish.push(write);
                }
            }
        }
        let is_new = |write: &Write| !old.files.contains_key(&write.name);
        plan.make.sort_by_key(make_order);
        plan.switch
            .sort_by_key(|write| (write.role == Some(Role::Listeners), !is_new(write)));
        plan
    }
}

/// What others name is written before what names it; the bootstrap, which restarts Envoy, is last.
fn make_order(write: &Write) -> u8 {
    match write.role {
        None => 0,
        Some(Role::Endpoints(_) | Role::Routes(_)) => 1,
        Some(Role::Bootstrap) => 3,
        Some(_) => 2,
    }
}

fn interim(write: &Write, union: &Value) -> Write {
    let mut text = serde_json::to_string_pretty(union).unwrap_or_default();
    text.push('\n');
    let version = match write.role {
        Some(Role::Bootstrap) => None,
        _ => union
            .get("version_info")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned),
    };
    Write {
        text,
        version,
        ..write.clone()
    }
}

/// The clusters of every cluster file of a layout, as one file.
fn all_clusters(layout: &Layout) -> Value {
    let clusters: Vec<&Value> = layout
        .iter()
        .filter(|(_, file)| file.role == Role::Clusters)
        .flat_map(|(_, file)| file.resources())
        .collect();
    serde_json::json!({ "resources": clusters })
}

/// Tells one set of files from another.
pub(crate) fn fingerprint(files: &Files) -> u64 {
    let mut all = Vec::new();
    for (name, text) in files {
        for part in [name, text] {
            all.extend_from_slice(&part.len().to_le_bytes());
            all.extend_from_slice(part.as_bytes());
        }
    }
    xxh3_64(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TYPES: &str = "type.googleapis.com/envoy.config";

    fn cluster(name: &str) -> Value {
        json!({"@type": format!("{TYPES}.cluster.v3.Cluster"), "name": name})
    }

    fn configuration(
        clusters: &[&str],
        routes: &[(&str, &str)],
        bootstrap_extra: &str,
    ) -> Configuration {
        let mut files = Files::new();
        let bootstrap = json!({
            "extra": bootstrap_extra,
            "dynamic_resources": {
                "cds_config": {"path_config_source": {"path": "/c/cds.json"}},
                "lds_config": {"path_config_source": {"path": "/c/lds.json"}},
            }
        });
        let clusters: Vec<Value> = clusters.iter().map(|name| cluster(name)).collect();
        let listeners: Vec<Value> = routes
            .iter()
            .map(|(name, _)| {
                let path = format!("/c/rds-{name}.json");
                json!({"@type": format!("{TYPES}.listener.v3.Listener"), "name": name, "rds": {
                    "route_config_name": name,
                    "config_source": {"path_config_source": {"path": path}}
                }})
            })
            .collect();
        files.insert("envoy.json".to_owned(), bootstrap.to_string());
        for (name, resources) in [("cds.json", clusters), ("lds.json", listeners)] {
            let version = format!("{:x}", xxh3_64(json!(resources).to_string().as_bytes()));
            let file = json!({"version_info": version, "resources": resources});
            files.insert(name.to_owned(), file.to_string());
        }
        for (name, text) in routes {
            let kind = format!("{TYPES}.route.v3.RouteConfiguration");
            let routes = json!({"@type": kind, "name": name});
            let file = json!({"version_info": text, "resources": [routes]});
            files.insert(format!("rds-{name}.json"), file.to_string());
        }
        let layout = Layout::read(&files, "envoy.json", "/c").unwrap();
        Configuration { files, layout }
    }

    fn names(writes: &[Write]) -> Vec<&str> {
        writes.iter().map(|write| write.name.as_str()).collect()
    }

    #[test]
    fn swapping_a_cluster_takes_three_phases() {
        let old = configuration(&["a"], &[("r", "1")], "");
        let new = configuration(&["b"], &[("r", "2")], "");
        let plan = Plan::between(&old, &new);
        assert_eq!(names(&plan.make), ["cds.json"]);
        assert_eq!(names(&plan.switch), ["rds-r.json"]);
        assert_eq!(names(&plan.finish), ["cds.json"]);
        assert_eq!(plan.finish[0].text, new.files["cds.json"]);
        let union: Value = serde_json::from_str(&plan.make[0].text).unwrap();
        assert_eq!(union["resources"], json!([cluster("b"), cluster("a")]));
        assert_eq!(
            plan.make[0].version.as_deref(),
            union["version_info"].as_str()
        );
    }

    #[test]
    fn adding_a_cluster_takes_no_interim_file() {
        let old = configuration(&["a"], &[("r", "1")], "");
        let new = configuration(&["a", "b"], &[("r", "2")], "");
        let plan = Plan::between(&old, &new);
        assert_eq!(names(&plan.make), ["cds.json"]);
        assert_eq!(plan.make[0].text, new.files["cds.json"]);
        assert_eq!(names(&plan.finish), [""; 0]);
    }

    #[test]
    fn new_routes_come_before_changed_ones_and_listeners_last() {
        let old = configuration(&["a"], &[("r", "1")], "");
        let new = configuration(&["a"], &[("r", "2"), ("s", "1")], "");
        let plan = Plan::between(&old, &new);
        assert_eq!(
            names(&plan.switch),
            ["rds-s.json", "rds-r.json", "lds.json"]
        );
    }

    #[test]
    fn a_bootstrap_changes_after_the_clusters_and_before_the_routes() {
        let old = configuration(&["a"], &[("r", "1")], "");
        let new = configuration(&["a", "b"], &[("r", "2")], "x");
        let plan = Plan::between(&old, &new);
        assert_eq!(names(&plan.make), ["cds.json", "envoy.json"]);
    }

    #[test]
    fn a_file_of_a_new_name_is_there_before_the_process_that_reads_it() {
        let old = configuration(&["a"], &[("r", "1")], "");
        let mut files = old.files.clone();
        let listeners = files.remove("lds.json").unwrap();
        files.insert("listeners.json".to_owned(), listeners);
        let bootstrap = files["envoy.json"].replace("lds.json", "listeners.json");
        files.insert("envoy.json".to_owned(), bootstrap);
        let layout = Layout::read(&files, "envoy.json", "/c").unwrap();
        let plan = Plan::between(&old, &Configuration { files, layout });
        assert_eq!(names(&plan.make), ["listeners.json", "envoy.json"]);
        assert_eq!((names(&plan.switch), names(&plan.finish)), (vec![], vec![]));
    }

    #[test]
    fn nothing_changed_is_nothing_to_do() {
        let old = configuration(&["a"], &[("r", "1")], "");
        assert_eq!(Plan::between(&old, &old), Plan::default());
    }
}
