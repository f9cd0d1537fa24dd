//! Clusters old and new together: what Envoy must hold while routes move from one set to the other.

use super::layout::{camel, member};
use serde_json::{Value, json};
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// The cluster file for the time between two: all that is new, and of the old what the new lacks.
///
/// A cluster that is in both is taken from `new`, unless it lost its last endpoint: routes that
/// are still in force send requests to the old ones. `None` if `new` lacks nothing.
pub fn union_of_clusters(old: &Value, new: &Value) -> Option<Value> {
    let mut union = new.clone();
    let list = member_mut(&mut union, "resources")?.as_array_mut()?;
    if !keep(resources(old), list) {
        return None;
    }
    let version = format!("union-{:016x}", xxh3_64(union.to_string().as_bytes()));
    let members = union.as_object_mut()?;
    members.remove("versionInfo");
    members.insert("version_info".to_owned(), version.into());
    Some(union)
}

/// The same for the clusters that stand in a bootstrap.
pub fn union_of_static_clusters(old: &Value, new: &Value) -> Option<Value> {
    let clusters =
        |bootstrap| member(member(bootstrap, "static_resources")?, "clusters")?.as_array();
    let old = clusters(old).map_or(&[][..], Vec::as_slice);
    let mut union = new.clone();
    let root = union.as_object_mut()?;
    let key = if root.contains_key("staticResources") {
        "staticResources"
    } else {
        "static_resources"
    };
    let fixed = root
        .entry(key)
        .or_insert_with(|| json!({}))
        .as_object_mut()?;
    let list = fixed
        .entry("clusters")
        .or_insert_with(|| json!([]))
        .as_array_mut()?;
    keep(old, list).then_some(union)
}

/// Adds what `new` lacks; says whether that was anything.
fn keep(old: &[Value], new: &mut Vec<Value>) -> bool {
    let places: HashMap<String, usize> = new
        .iter()
        .enumerate()
        .filter_map(|(index, cluster)| Some((name(cluster)?.to_owned(), index)))
        .collect();
    let mut kept = false;
    for cluster in old {
        let Some(name) = name(cluster) else { continue };
        match places.get(name).and_then(|index| new.get_mut(*index)) {
            None => {
                new.push(cluster.clone());
                kept = true;
            }
            Some(successor) if has_endpoints(cluster) && lost_endpoints(successor) => {
                *successor = cluster.clone();
                kept = true;
            }
            Some(_) => {}
        }
    }
    kept
}

fn resources(file: &Value) -> &[Value] {
    member(file, "resources")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn name(cluster: &Value) -> Option<&str> {
    cluster.get("name")?.as_str()
}

fn endpoint_count(cluster: &Value) -> Option<usize> {
    let localities = member(cluster, "load_assignment")?
        .get("endpoints")?
        .as_array()?;
    let count = |locality| member(locality, "lb_endpoints")?.as_array().map(Vec::len);
    Some(localities.iter().filter_map(count).sum())
}

fn has_endpoints(cluster: &Value) -> bool {
    endpoint_count(cluster).is_some_and(|count| count > 0)
}

/// Whether a cluster lists its endpoints itself, and lists none.
fn lost_endpoints(cluster: &Value) -> bool {
    member(cluster, "eds_cluster_config").is_none() && !has_endpoints(cluster)
}

fn member_mut<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let name = if value.get(name).is_some() {
        name.to_owned()
    } else {
        camel(name)
    };
    value.get_mut(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str, ports: &[u16]) -> Value {
        let endpoints: Vec<Value> = ports.iter().map(|port| json!({"endpoint": port})).collect();
        json!({"name": name, "load_assignment": {"endpoints": [{"lb_endpoints": endpoints}]}})
    }

    fn names_and_sizes(file: &Value) -> Vec<(String, usize)> {
        let clusters = resources(file).iter();
        clusters
            .map(|cluster| {
                (
                    name(cluster).unwrap().to_owned(),
                    endpoint_count(cluster).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn keeps_what_the_new_lacks() {
        let old =
            json!({"version_info": "1", "resources": [cluster("a", &[1]), cluster("b", &[1, 2])]});
        let new =
            json!({"version_info": "2", "resources": [cluster("b", &[3]), cluster("c", &[])]});
        let union = union_of_clusters(&old, &new).unwrap();
        assert_eq!(
            names_and_sizes(&union),
            [
                ("b".to_owned(), 1),
                ("c".to_owned(), 0),
                ("a".to_owned(), 1)
            ]
        );
        assert_ne!(union["version_info"], "2");
    }

    #[test]
    fn keeps_the_endpoints_of_a_cluster_that_lost_its_last() {
        let old = json!({"resources": [cluster("a", &[1, 2])]});
        let new = json!({"version_info": "2", "resources": [cluster("a", &[])]});
        let union = union_of_clusters(&old, &new).unwrap();
        assert_eq!(names_and_sizes(&union), [("a".to_owned(), 2)]);
    }

    #[test]
    fn is_nothing_when_the_new_lacks_nothing() {
        let old = json!({"resources": [cluster("a", &[1, 2])]});
        let new = json!({"resources": [cluster("a", &[3]), cluster("b", &[1])]});
        assert_eq!(union_of_clusters(&old, &new), None);
        let old = json!({"static_resources": {"clusters": [cluster("a", &[1])]}});
        assert_eq!(union_of_static_clusters(&old, &old), None);
    }

    #[test]
    fn keeps_static_clusters_too() {
        let old = json!({"static_resources": {"clusters": [cluster("a", &[1])]}});
        let new = json!({"admin": {}});
        let union = union_of_static_clusters(&old, &new).unwrap();
        assert_eq!(
            union,
            json!({"admin": {}, "static_resources": {"clusters": [cluster("a", &[1])]}})
        );
    }
}
