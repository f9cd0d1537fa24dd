//! What every subscription file has to look like, whatever is in its resources.
//!
//! Envoy's validation sees resources that were taken out of their files, so that it cannot say what
//! is wrong with a file itself. Envoy would refuse such a file when it is live, and might have
//! taken a part of it by then.

use super::layout::{Role, Subscribed, member};
use serde_json::Value;
use std::collections::HashSet;

/// The type that a resource has inside a wrapper, which is left to Envoy to judge.
const WRAPPER: &str = "type.googleapis.com/envoy.service.discovery.v3.Resource";

/// What is wrong with a file, if anything is.
pub(super) fn fault(file: &Subscribed) -> Option<String> {
    let (kind, named, wanted) = match &file.role {
        Role::Bootstrap => return None,
        Role::Clusters => ("envoy.config.cluster.v3.Cluster", "name", None),
        Role::Listeners => ("envoy.config.listener.v3.Listener", "name", None),
        Role::Routes(name) => (
            "envoy.config.route.v3.RouteConfiguration",
            "name",
            Some(name),
        ),
        Role::Endpoints(name) => (
            "envoy.config.endpoint.v3.ClusterLoadAssignment",
            "cluster_name",
            Some(name),
        ),
    };
    let Some(members) = file.value.as_object() else {
        return Some("it is not an object with `version_info` and `resources`".to_owned());
    };
    if let Some(version) = member(&file.value, "version_info").filter(|it| !it.is_string()) {
        return Some(format!(
            "`version_info` is {version}, and has to be a string"
        ));
    }
    let resources = match members.get("resources") {
        Some(Value::Array(resources)) => resources,
        Some(_) => return Some("`resources` is not a list".to_owned()),
        None => return Some("it has no list `resources`".to_owned()),
    };
    if let (Some(name), count) = (wanted, resources.len())
        && count != 1
    {
        return Some(format!(
            "it has {count} resources, and has to have the one of name {name:?}"
        ));
    }
    let kind = format!("type.googleapis.com/{kind}");
    let mut seen = HashSet::new();
    for (index, resource) in resources.iter().enumerate() {
        let given = resource
            .get("@type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if given == WRAPPER {
            continue;
        }
        if given != kind {
            return Some(format!(
                "resource {index} has the `@type` {given:?} and not {kind:?}"
            ));
        }
        let name = member(resource, named)
            .and_then(Value::as_str)
            .unwrap_or_default();
        if wanted.is_some_and(|wanted| wanted != name) {
            return Some(format!(
                "resource {index} has the name {name:?} and not {:?}, by which it is asked for",
                wanted.map_or("", String::as_str)
            ));
        }
        if !seen.insert(name) {
            return Some(format!("two of its resources have the name {name:?}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(role: Role, value: Value) -> Option<String> {
        fault(&Subscribed { role, value })
    }

    fn listener(name: &str) -> Value {
        json!({"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": name})
    }

    fn routes(name: &str) -> Value {
        let kind = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
        json!({"@type": kind, "name": name})
    }

    #[test]
    fn proper_files_have_no_fault() {
        let file = json!({"version_info": "1", "resources": [listener("a"), listener("b")]});
        assert_eq!(of(Role::Listeners, file), None);
        let file = json!({"versionInfo": "1", "resources": [routes("r")]});
        assert_eq!(of(Role::Routes("r".to_owned()), file), None);
        assert_eq!(of(Role::Clusters, json!({"resources": []})), None);
    }

    #[test]
    fn every_other_file_has_one() {
        let asked = || Role::Routes("r".to_owned());
        for (role, file, told) in [
            (
                Role::Clusters,
                json!([]),
                "it is not an object with `version_info` and `resources`",
            ),
            (
                Role::Clusters,
                json!({"resource": []}),
                "it has no list `resources`",
            ),
            (
                Role::Clusters,
                json!({"version_info": 3, "resources": []}),
                "`version_info` is 3, and has to be a string",
            ),
            (
                Role::Listeners,
                json!({"resources": [listener("a"), listener("a")]}),
                "two of its resources have the name \"a\"",
            ),
            (
                Role::Listeners,
                json!({"resources": [{"name": "a"}]}),
                "resource 0 has the `@type` \"\" and not \
                 \"type.googleapis.com/envoy.config.listener.v3.Listener\"",
            ),
            (
                asked(),
                json!({"resources": []}),
                "it has 0 resources, and has to have the one of name \"r\"",
            ),
            (
                asked(),
                json!({"resources": [routes("s")]}),
                "resource 0 has the name \"s\" and not \"r\", by which it is asked for",
            ),
        ] {
            assert_eq!(of(role, file).as_deref(), Some(told));
        }
    }
}
