//! Routes that people declare: in variables of ECS tasks, and in attributes of Cloud Map services.

use super::says;
use crate::cloudmap::Registry;
use e2e::{
    aws::{Aws, Task, TaskDefinition},
    extension::{Ending, Extension},
};
use serde_json::{Value, json};

/// The address of the workload that a mistake may cost.
const ADDRESS: &str = "10.1.0.8";

/// What discovery finds of `n1/shop/blue` with these settings, and what it says.
pub(super) struct Found {
    ending: Ending,
    told: String,
}

/// A way to declare routes.
pub(super) type Discovery = fn(&[(&str, &str)]) -> Found;

pub(super) const BOTH: [(&str, Discovery); 2] = [("ECS", of_ecs), ("Cloud Map", of_cloud_map)];

fn of_ecs(settings: &[(&str, &str)]) -> Found {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let definition = TaskDefinition::awsvpc("shop").container("app", &[3000]);
    let declare = |definition: TaskDefinition, (name, value): &(&str, &str)| {
        definition.environment(name, value)
    };
    let definition = cluster.register(settings.iter().fold(definition, declare));
    let task = Task::of(&definition).service_color("n1", "shop", "blue");
    cluster.run(task.at(ADDRESS));
    let ending = Extension::new("ext-discovery-ecs")
        .envs(aws.env())
        .env("NJ_DMECS_AWS_CLUSTERS", "mesh")
        .call(&[]);
    let told = ending.stderr.clone();
    Found { ending, told }
}

fn of_cloud_map(settings: &[(&str, &str)]) -> Found {
    let registry = Registry::new();
    let identity = [("NJ_SERVICE", "shop"), ("NJ_COLOR", "blue")];
    let shop = registry.service("shop", &[&identity[..], settings].concat());
    shop.register("i-1", ADDRESS, 3000);
    let ending = registry.discovery().call(&[]);
    let told = registry.told(&ending);
    Found { ending, told }
}

impl Found {
    pub(super) fn map(&self) -> &Value {
        assert_eq!(self.ending.code, Some(0), "{:?}", self.ending);
        self.ending.document.as_ref().unwrap()
    }

    /// The paths of routes, and whether anybody is sent to the workload.
    fn seen(&self) -> (Vec<String>, bool) {
        let map = self.map();
        let values = super::all_of(map, "path-match").into_iter();
        let mut paths: Vec<String> = values
            .map(|path| path["value"].as_str().unwrap().to_owned())
            .collect();
        paths.sort();
        (paths, map.to_string().contains(ADDRESS))
    }

    /// Whether one warning, hint and all, holds these words.
    fn warns(&self, words: &[&str]) -> bool {
        let mut warnings = self.told.split("WARN ").skip(1);
        warnings.any(|text| words.iter().all(|word| text.contains(word)))
    }
}

fn paths(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// A declared route with a member that nobody knows, and the member that it may mean.
fn unknown(more: &Value) -> [(String, [&'static str; 2]); 3] {
    let condition = |inverted: &str| json!([{"header-name": "x", "match-type": "exact", "value": "1", inverted: true}]);
    let route = |members: Value| {
        let path = json!({"match-type": "prefix", "value": "/cart/"});
        let route = e2e::maps::with(json!({ "path-match": path }), members);
        e2e::maps::with(route, more.clone()).to_string()
    };
    [
        (
            route(json!({"header": condition("invert")})),
            ["header", "headers"],
        ),
        (
            route(json!({"query_parameters": []})),
            ["query_parameters", "query-parameters"],
        ),
        (
            route(json!({"headers": condition("inverted")})),
            ["inverted", "invert"],
        ),
    ]
}

#[test]
fn a_member_that_nobody_knows_costs_its_public_route() {
    for (name, discovery) in BOTH {
        for (route, [member, nearest]) in unknown(&json!({})) {
            let found = discovery(&[("NJ_ROUTE_1", "/shop/"), ("NJ_ROUTE_2", &route)]);
            assert_eq!(found.seen(), (paths(&["/shop/"]), true), "{name} {route}");
            let words = [
                "NJ_ROUTE_2",
                &format!("\"{member}\""),
                &format!("\"{nearest}\""),
            ];
            assert!(found.warns(&words), "{name} {route}: {}", found.told);
        }
    }
}

#[test]
fn a_member_that_nobody_knows_costs_the_workload_of_a_private_route() {
    let mut routes: Vec<(String, [&str; 2])> = Vec::new();
    routes.extend(unknown(&json!({"default-access": false})));
    // It may have been meant so.
    routes.push((
        json!({
            "path-match": {"match-type": "prefix", "value": "/cart/"}, "default-acess": false,
        })
        .to_string(),
        ["default-acess", "default-access"],
    ));
    routes.push((
        json!({
            "path-match": {"match-type": "prefix", "value": "/cart/"},
            "namespace_access": [{"namespace": "n2", "access": false}],
        })
        .to_string(),
        ["namespace_access", "namespace-access"],
    ));
    for (name, discovery) in BOTH {
        for (route, [member, nearest]) in &routes {
            let found = discovery(&[("NJ_ROUTE_1", "/shop/"), ("NJ_ROUTE_2", route)]);
            let (_, has_workload) = found.seen();
            assert!(!has_workload, "{name} {route}");
            let words = ["NJ_ROUTE_2", member, nearest, "workload"];
            assert!(found.warns(&words), "{name} {route}: {}", found.told);
        }
    }
}

#[test]
fn a_member_of_people_s_own_costs_nothing() {
    let route = json!({
        "path-match": {"match-type": "prefix", "value": "/cart/"}, "x-owner": "carts",
    });
    for (name, discovery) in BOTH {
        let found = discovery(&[("NJ_ROUTE_1", &route.to_string())]);
        assert_eq!(found.seen(), (paths(&["/cart/"]), true), "{name}");
        assert!(!says(&found.told, &["x-owner"]), "{}", found.told);
    }
}

#[test]
fn a_declared_path_is_brought_into_its_one_form() {
    for (name, discovery) in BOTH {
        let found = discovery(&[
            ("NJ_ROUTE_1", "/größen/"),
            ("NJ_ROUTE_2", "!/größen//intern/"),
            ("NJ_ROUTE_3", "/caf%c3%a9/"),
            ("NJ_ROUTE_4", "/%7Eann/"),
            (
                "NJ_ROUTE_5",
                r#"{"path-match": {"match-type": "exact", "value": "/x%2Fy/../z"}}"#,
            ),
        ]);
        let expected = [
            "/caf%C3%A9/",
            "/gr%C3%B6%C3%9Fen/",
            "/gr%C3%B6%C3%9Fen/intern/",
            "/x/z",
            "/~ann/",
        ];
        assert_eq!(found.seen(), (paths(&expected), true), "{name}");
        assert!(!found.told.contains("NJ_ROUTE"), "{name}: {}", found.told);
    }
}

#[test]
fn a_declared_path_that_no_request_has_is_left_out() {
    for (name, discovery) in BOTH {
        for path in ["/s?x=1", "/f#x", "/a;b/", "/../up/"] {
            let public = discovery(&[("NJ_ROUTE_1", "/shop/"), ("NJ_ROUTE_2", path)]);
            assert_eq!(public.seen(), (paths(&["/shop/"]), true), "{name} {path}");
            assert!(public.warns(&["NJ_ROUTE_2", path]), "{}", public.told);
            let closed = format!("!{path}");
            let private = discovery(&[("NJ_ROUTE_1", "/shop/"), ("NJ_ROUTE_2", &closed)]);
            assert!(!private.seen().1, "{name} {path}");
            assert!(
                private.warns(&["NJ_ROUTE_2", "workload"]),
                "{}",
                private.told
            );
        }
    }
}

#[test]
fn a_declared_pattern_is_literal_and_warned_of() {
    let declared = [
        "/orders-api/*",
        "/users/{id}/",
        "/items/:id/",
        "/v[0-9]+/",
        "!/internal/*",
    ];
    for (name, discovery) in BOTH {
        let settings: Vec<(String, &str)> = (1..)
            .zip(declared)
            .map(|(number, path)| (format!("NJ_ROUTE_{number}"), path))
            .collect();
        let settings: Vec<(&str, &str)> = settings
            .iter()
            .map(|(setting, path)| (setting.as_str(), *path))
            .collect();
        let found = discovery(&settings);
        for (setting, path) in &settings {
            assert!(
                found.warns(&[setting, path]),
                "{name} {path}: {}",
                found.told
            );
        }
        // The private one keeps its place, closed.
        let map = found.map();
        let routes: Vec<&Value> = super::all_of(map, "routes")
            .into_iter()
            .flat_map(|routes| routes.as_array().unwrap())
            .collect();
        let is_internal = |route: &&&Value| {
            let path = route["path-match"]["value"].as_str().unwrap();
            path.starts_with("/internal/")
        };
        let internal: Vec<_> = routes.iter().filter(is_internal).collect();
        assert!(!internal.is_empty(), "{name}: {map:#}");
        for route in internal {
            assert_eq!(route["default-access"], false, "{name}: {route:#}");
        }
    }
}

#[test]
fn a_declared_weight_of_0_is_no_share_and_opens_nothing() {
    for (name, discovery) in BOTH {
        for path in ["/stock/", "!/stock/"] {
            let found = discovery(&[("NJ_ROUTE_1", path), ("NJ_ROUTE_WEIGHT_1", "0")]);
            assert_eq!(found.seen(), (paths(&["/stock/"]), true), "{name} {path}");
            let weights = super::all_of(found.map(), "weight");
            assert_eq!(weights, [&json!(0)], "{name} {path}");
            assert!(!found.told.contains("NJ_ROUTE_WEIGHT_1"), "{}", found.told);
        }
        let wrong = discovery(&[("NJ_ROUTE_1", "!/stock/"), ("NJ_ROUTE_WEIGHT_1", "heavy")]);
        assert_eq!(wrong.seen(), (paths(&["/stock/"]), false), "{name}");
        assert!(
            wrong.warns(&["NJ_ROUTE_WEIGHT_1", "heavy"]),
            "{}",
            wrong.told
        );
    }
}
