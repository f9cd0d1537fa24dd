use super::*;
use crate::envoy::test_files::{BOOTSTRAP, cluster, eds_cluster, endpoints, file, files, read};
use proptest::prelude::*;
use serde_json::json;

fn clusters(clusters: &[Value]) -> Arc<File> {
    let mut files = files(clusters);
    for cluster in clusters.iter().filter(|it| it.get("type").is_some()) {
        let name = cluster["eds_cluster_config"]["service_name"]
            .as_str()
            .unwrap();
        files.insert(format!("eds-{name}.json"), file([endpoints(name, &[1])]));
    }
    Arc::clone(read(files).get("cds.json").unwrap())
}

fn names_and_sizes(file: &File) -> Vec<(&str, Option<usize>)> {
    let resources = file.resources().iter();
    resources.map(|it| (it.name(), it.endpoints())).collect()
}

#[test]
fn keeps_what_the_new_lacks() {
    let old = clusters(&[cluster("a", &[1]), cluster("b", &[1, 2])]);
    let new = clusters(&[cluster("b", &[3]), cluster("c", &[])]);
    let union = union_of_clusters(&[old], &new);
    assert_eq!(
        names_and_sizes(&union),
        [("b", Some(1)), ("c", Some(0)), ("a", Some(1))]
    );
    let version = union.version().unwrap();
    assert!(version.starts_with("union-"), "{version}");
}

#[test]
fn keeps_the_endpoints_of_a_cluster_that_lost_its_last() {
    let old = clusters(&[cluster("a", &[1, 2])]);
    let new = clusters(&[cluster("a", &[])]);
    let union = union_of_clusters(&[Arc::clone(&new), old], &new);
    assert_eq!(names_and_sizes(&union), [("a", Some(2))]);
    let by_eds = clusters(&[eds_cluster("a", "svc")]);
    assert!(Arc::ptr_eq(&union_of_clusters(&[union], &by_eds), &by_eds));
}

#[test]
fn is_the_new_itself_when_that_lacks_nothing() {
    let old = clusters(&[cluster("a", &[1, 2])]);
    let new = clusters(&[cluster("a", &[3]), cluster("b", &[1])]);
    assert!(Arc::ptr_eq(&union_of_clusters(&[old], &new), &new));
}

#[test]
fn is_free_of_what_yaml_does_not_know() {
    let mut files = files(&[]);
    let bootstrap = BOOTSTRAP.replace("cds.json", "cds.yaml");
    files.insert("envoy.yaml".to_owned(), bootstrap);
    files.insert("cds.yaml".to_owned(), file([cluster("b", &[1])]));
    let new = Arc::clone(read(files).get("cds.yaml").unwrap());
    let old = clusters(&[cluster("a", &[1])]);
    let union = union_of_clusters(&[old], &new);
    let value: Value = serde_norway::from_str(union.text()).unwrap();
    assert_eq!(
        value["resources"],
        json!([cluster("b", &[1]), cluster("a", &[1])])
    );
    assert!(holds_all_clusters(&[Arc::clone(&union)], &[new]));
}

#[test]
fn covers_tells_what_is_missing() {
    let now = clusters(&[cluster("a", &[1]), cluster("b", &[])]);
    let holds = |new: &[Value]| holds_all_clusters(std::slice::from_ref(&now), &[clusters(new)]);
    assert!(holds(&[cluster("a", &[1])]));
    assert!(holds(&[cluster("a", &[]), cluster("b", &[])]));
    assert!(!holds(&[cluster("a", &[2])]));
    assert!(!holds(&[cluster("b", &[1])]));
    assert!(!holds(&[cluster("c", &[])]));
}

#[test]
fn keeps_static_clusters_too() {
    let of = |bootstrap: Value| {
        let text = bootstrap.to_string();
        Arc::new(File::read("envoy.json", text, Some(FileRole::Bootstrap)).unwrap())
    };
    let fixed = json!({"static_resources": {"clusters": [cluster("a", &[1])]}});
    let old = of(fixed.clone());
    let new = of(json!({"admin": {}}));
    let union = crate::envoy::union_of_bootstraps(&old, &new);
    let value: Value = serde_json::from_str(union.text()).unwrap();
    assert_eq!(
        value,
        json!({"admin": {}, "static_resources": fixed["static_resources"]})
    );
    assert_eq!(names_and_sizes(&union), [("a", Some(1))]);
    let same = crate::envoy::union_of_bootstraps(&old, &union);
    assert!(Arc::ptr_eq(&same, &union));
    let key = |file: &File| crate::envoy::bootstrap_key(file);
    assert_ne!(key(&new), key(&union));
    let mut more = fixed;
    more["admin"] = json!({});
    assert_eq!(key(&of(more)), key(&union));
}

/// The union as trees give it, which is the long way round.
fn by_trees(old: &Value, new: &Value) -> Vec<Value> {
    let count = |cluster: &Value| match cluster.pointer("/load_assignment/endpoints/0/lb_endpoints")
    {
        Some(list) => list.as_array().unwrap().len(),
        None => 0,
    };
    let mut union = new["resources"].as_array().unwrap().clone();
    for cluster in old["resources"].as_array().unwrap() {
        match union.iter_mut().find(|it| it["name"] == cluster["name"]) {
            None => union.push(cluster.clone()),
            Some(successor)
                if count(cluster) > 0
                    && count(successor) == 0
                    && successor.get("eds_cluster_config").is_none() =>
            {
                *successor = cluster.clone();
            }
            Some(_) => {}
        }
    }
    union
}

fn some_clusters() -> impl Strategy<Value = Vec<Value>> {
    let one = prop_oneof![
        3 => proptest::collection::vec(1..9_u16, 0..3).prop_map(Some),
        1 => Just(None),
    ];
    proptest::collection::btree_map("[a-f\"é]", one, 0..5).prop_map(|clusters| {
        let make = |(name, ports): (String, Option<Vec<u16>>)| match ports {
            Some(ports) => cluster(&name, &ports),
            None => eds_cluster(&name, &name.replace('"', "q")),
        };
        clusters.into_iter().map(make).collect()
    })
}

proptest! {
    #[test]
    fn a_union_holds_both(old in some_clusters(), new in some_clusters()) {
        let (old, new) = (clusters(&old), clusters(&new));
        let union = union_of_clusters(&[Arc::clone(&old)], &new);
        let held = [Arc::clone(&union)];
        prop_assert!(holds_all_clusters(&held, &[Arc::clone(&new)]));
        prop_assert!(holds_all_clusters(&held, &held));
        for resource in old.resources() {
            prop_assert!(union.resources().iter().any(|it| it.name() == resource.name()));
        }
        let tree = |file: &File| serde_json::from_str::<Value>(file.text()).unwrap();
        let value = tree(&union);
        prop_assert_eq!(value["resources"].as_array().unwrap(), &by_trees(&tree(&old), &tree(&new)));
        // What is known of it is what reading it again would tell.
        let again = File::read("cds.json", union.text().to_owned(), Some(FileRole::Clusters)).unwrap();
        prop_assert_eq!(&again.resources, &union.resources);
        prop_assert_eq!(again.version(), union.version());
        let repeated = union_of_clusters(&[old, Arc::clone(&union)], &union);
        prop_assert!(Arc::ptr_eq(&repeated, &union));
    }
}
