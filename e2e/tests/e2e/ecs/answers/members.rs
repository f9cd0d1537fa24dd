//! Tasks and definitions with members that moto does not have, or without those that are expected.

use super::Scene;
use serde_json::{Map, Value, json};

/// Where a file's tasks and definitions are.
const ACCOUNT: &str = "arn:aws:ecs:eu-central-1:111122223333:";

fn warnings(said: &str) -> Vec<String> {
    let said = said.replace(ACCOUNT, "");
    said.split(" WARN ")
        .skip(1)
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn each_route_has_the_host_port_of_its_own_container_port() {
    let scene = Scene::of(include_str!("two-dynamic-ports.json"));
    let map = [
        "store console-blue-80 /console/ @ 172.16.0.133 32134 172.16.0.133 32137",
        "store console-blue-81 /console-admin/ @ 172.16.0.133 32135 172.16.0.133 32136",
    ];
    assert_eq!(
        scene.found(),
        (map.map(str::to_owned).into(), String::new())
    );
}

#[test]
fn service_connect_beside_the_app_changes_nothing() {
    let scene = Scene::of(include_str!("service-connect.json"));
    let map = [
        "store cart-blue-7000 /cart/ @ 10.0.4.9 7000",
        "store mail-blue-7001 /mail/ @ 10.0.4.200 33003",
    ];
    assert_eq!(
        scene.found(),
        (map.map(str::to_owned).into(), String::new())
    );
}

#[test]
fn machines_outside_aws_are_told_of_and_harm_nobody() {
    let scene = Scene::of(include_str!("anywhere-beside-ec2.json"));
    let (map, said) = scene.found();
    assert_eq!(
        map,
        ["store scan-blue-5000 /scan/ @ 10.0.6.6 32801 192.168.40.7 49161"]
    );
    assert_eq!(
        warnings(&said),
        [
            "task/field/e2 (scan:1): it runs on a machine outside AWS, whose address AWS does not know; the \
          task is left out\n  hint: configure the host's Docker to publish ports on one address (its default \
          bind address), or run the task on EC2 or Fargate\n"
        ]
    );
}

#[test]
fn what_is_known_is_used_and_the_rest_is_told() {
    let scene = Scene::of(include_str!("absent-members.json"));
    let (map, said) = scene.found();
    let known = [
        "store lean-blue-6000 /lean/ @ 10.0.5.5 6000",
        "store leaner-blue-6001 /leaner/ @ 10.0.5.200 6001",
    ];
    assert_eq!(map, known);
    assert_eq!(
        warnings(&said),
        [
            "task/field/l3 (lean:1): its network interface has no address yet; the task is left out\n  hint: \
          this resolves itself when the task has started\n"
        ]
    );
}

/// The same answers, once without each member of each object.
fn without_each_member(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(members) => {
            let less = |name: &String| {
                let mut less: Map<String, Value> = members.clone();
                less.remove(name);
                Value::Object(less)
            };
            let inside = members.iter().flat_map(|(name, value)| {
                let with = |value| {
                    let mut other = members.clone();
                    other.insert(name.clone(), value);
                    Value::Object(other)
                };
                without_each_member(value)
                    .into_iter()
                    .map(with)
                    .collect::<Vec<_>>()
            });
            members.keys().map(less).chain(inside).collect()
        }
        Value::Array(items) => {
            let inside = items.iter().enumerate().flat_map(|(number, item)| {
                let with = |item| {
                    let mut other = items.clone();
                    other[number] = item;
                    Value::Array(other)
                };
                without_each_member(item)
                    .into_iter()
                    .map(with)
                    .collect::<Vec<_>>()
            });
            inside.collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn no_member_of_an_answer_is_needed_to_end_well() {
    for file in [
        include_str!("absent-members.json"),
        include_str!("two-dynamic-ports.json"),
    ] {
        let whole: Value = serde_json::from_str(file).unwrap();
        let scene = Scene::with(whole.clone());
        let all = without_each_member(&whole["ecs"]);
        assert!(all.len() > 60);
        for less in all {
            scene.answers.change(|all| all["ecs"] = less.clone());
            let discovery = crate::ecs::discovery(&scene.aws).env("NJ_DMECS_AWS_CLUSTERS", "field");
            let ending = discovery.call(&[]);
            let is_whole = (ending.code, ending.document.is_some());
            assert!(
                [(Some(0), true), (Some(31), false)].contains(&is_whole),
                "{less} {ending:?}"
            );
        }
    }
}

#[test]
fn a_private_canary_with_weight_0_has_no_share_and_stays_private() {
    let scene = Scene::of(include_str!("weight-0-private.json"));
    let ending = scene.discovery.call(&[]);
    let map = ending.document.unwrap();
    let groups = map["namespaces"][0]["service-colors"].as_array().unwrap();
    let routes: Vec<Value> = groups
        .iter()
        .flat_map(|group| group["routes"].as_array().unwrap())
        .map(|route| json!([route["weight"], route["default-access"]]))
        .collect();
    assert_eq!(routes, [json!([1, false]), json!([0, false])]);
    assert_eq!(crate::ecs::said(&scene.discovery.call(&[])), "");
}

#[test]
fn paths_that_look_like_patterns_are_warned_of_private_ones_too() {
    let scene = Scene::of(include_str!("wildcard-paths.json"));
    let (_, said) = scene.found();
    let told = warnings(&said);
    for (route, path) in [
        ("NJ_ROUTE_2", "/orders-api/*"),
        ("NJ_ROUTE_3", "/users/{id}/"),
        ("NJ_ROUTE_4", "/items/:id"),
        ("NJ_ROUTE_5", "/v[0-9]+/"),
        ("NJ_ROUTE_6", "!/internal/*"),
    ] {
        let start = format!(
            "task/field/o1 (orders:1): {route}=\"{path}\" (environment of container orders):"
        );
        assert!(
            told.iter().any(|told| told.starts_with(&start)),
            "{path}: {told:?}"
        );
    }
    assert_eq!(told.len(), 5, "{told:?}");
}

#[test]
fn settings_that_the_container_alone_is_told_are_not_seen_and_that_is_said() {
    let scene = Scene::of(include_str!("settings-in-files.json"));
    let (map, said) = scene.found();
    assert_eq!(map, ["store half-blue-0  @"]);
    let hint = "  hint: set it in the environment of the task definition or in a tag; to keep a task out of \
                the mesh, set NJ_PROXY_MODE to NONE\n";
    let filed = "task/field/f1 (filed:1)";
    let of_secret =
        "NJ_ROUTE_1 (secrets of container app): is ignored because secrets are never read\n";
    let of_files = "settings in the environmentFiles of container app are not read\n";
    assert_eq!(
        warnings(&said),
        [
            format!("{filed}: {of_files}{hint}"),
            format!("{filed} (and 1 more): {of_secret}{hint}"),
        ]
    );
    assert!(!said.contains("parameter/"), "{said}");
    // One is meant to stay out, and the other has all that it needs.
    scene.answers.change(|all| {
        let definitions = all["ecs"]["definitions"].as_object_mut().unwrap();
        for definition in definitions.values_mut() {
            let container = &mut definition["containerDefinitions"][0];
            let is_out = container["environment"] == json!([]);
            let [secret, name, value] = if is_out {
                ["NJ_COLOR", "NJ_PROXY_MODE", "none"]
            } else {
                ["PASSWORD", "NJ_ROUTE_1", "/half/"]
            };
            container["secrets"] = json!([{"name": secret, "valueFrom": "parameter/p"}]);
            container["environmentFiles"] = json!([{"type": "s3", "value": "arn:aws:s3:::b/e"}]);
            let variables = container["environment"].as_array_mut().unwrap();
            variables.push(json!({"name": name, "value": value}));
        }
    });
    let scene = Scene {
        discovery: scene.discovery.env("NJ_DMECS_TASKDEF_CACHE_SECONDS", "0"),
        ..scene
    };
    let half = "store half-blue-3000 /half/ @ 10.0.9.2 3000".to_owned();
    assert_eq!(scene.found(), (vec![half.clone()], String::new()));
    // A task that has nothing to do with the mesh is none of its business.
    scene.answers.change(|all| {
        let definitions = all["ecs"]["definitions"].as_object_mut().unwrap();
        for definition in definitions.values_mut() {
            if definition["family"] == "filed" {
                let container = &mut definition["containerDefinitions"][0];
                container["secrets"] = json!([{"name": "PASSWORD", "valueFrom": "parameter/p"}]);
                container["environment"] = json!([]);
            }
        }
    });
    assert_eq!(scene.found(), (vec![half], String::new()));
}
