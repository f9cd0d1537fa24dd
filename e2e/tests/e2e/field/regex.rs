//! A regular expression that Envoy refuses for its compiled size.

use super::{Tool, finds, if_header, matching, private, service};
use crate::{central::scene::Scene, cloudmap::Registry};
use e2e::{
    aws::{Aws, Task, TaskDefinition},
    extension::{Ending, Extension},
    maps::{map, namespace, prefix, with},
};
use serde_json::{Value, json};

/// How a message begins to show it.
const BEGIN: &str = "[ab]{1,1000}[ab]{1,1000}";

/// It compiles elsewhere, and is far too much for Envoy.
fn too_large() -> String {
    format!("/{}", "[ab]{1,1000}".repeat(60))
}

/// A map with a good service, and this route of another one.
fn with_route(route: Value) -> Value {
    map(&[namespace(
        "n1",
        &[
            service("shop", &[4000], &[prefix("/")]),
            service("evil", &[4001], &[route]),
        ],
    )])
}

#[test]
fn validate_tells_it_wherever_it_is() {
    let expression = too_large();
    let parameter = json!({"query-parameters": [
        {"parameter-name": "q", "match-type": "regex", "value": expression}
    ]});
    for route in [
        matching("regex", &expression),
        private(matching("regex", &expression)),
        if_header(prefix("/x/"), "x", "regex", &expression),
        with(prefix("/x/"), parameter),
    ] {
        let tool = Tool::with(&with_route(route));
        assert_eq!(tool.run(&["validate", "map.json"]).code, Some(1));
        let report = tool.report();
        let at = "/namespaces/0/service-colors/1/routes/0";
        assert!(finds(&report["faults"], at, &[BEGIN]), "{report:#}");
    }
    // Large, and Envoy takes it.
    let large = format!("/{}", "[ab]{1,100}".repeat(5));
    let tool = Tool::with(&with_route(matching("regex", &large)));
    let outcome = tool.run(&["validate", "--strict", "map.json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[test]
fn a_store_does_not_take_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("map.json");
    let store =
        Extension::new("ext-store-local").env("NJ_DSLOCAL_FILE_DISCOVERY_MAP", file.display());
    let commit = ["--document=discovery-map", "--action=commit"];
    let ending = store.give(&with_route(matching("regex", &too_large())), &commit);
    assert!(!matches!(ending.code, Some(0 | 30 | 31)), "{ending:?}");
    assert!(ending.stderr.contains(BEGIN), "{ending:?}");
    assert!(!file.exists());
}

#[test]
fn central_does_not_publish_it() {
    let good = map(&[namespace("n1", &[service("shop", &[4000], &[prefix("/")])])]);
    let scene = Scene::new(&good);
    let central = scene.central().start();
    scene.wait_published(&good);
    scene.set_source(&with_route(matching("regex", &too_large())));
    e2e::eventually("central tells it", || {
        central.log().contains(BEGIN).then_some(())
    });
    central.wait_refreshes(2);
    assert_eq!(scene.published().unwrap()["namespaces"], good["namespaces"]);
}

fn declared(private: bool) -> String {
    let route = json!({
        "path-match": {"match-type": "regex", "value": too_large()}, "default-access": !private,
    });
    route.to_string()
}

/// The paths of `shop/blue`, and whether anybody sends requests to its task.
fn found(ending: &Ending) -> (String, bool) {
    assert_eq!(ending.code, Some(0), "{ending:?}");
    let text = ending.document.as_ref().unwrap().to_string();
    (text.clone(), text.contains("10.1.0.8"))
}

#[test]
fn discovery_of_ecs_leaves_it_out() {
    // A task's tag is too short for it, a variable is not.
    for is_private in [false, true] {
        let aws = Aws::start();
        let cluster = aws.cluster("mesh");
        let definition = TaskDefinition::awsvpc("shop")
            .container("app", &[3000])
            .environment("NJ_ROUTE_1", "/shop/")
            .environment("NJ_ROUTE_2", &declared(is_private));
        let definition = cluster.register(definition);
        let task = Task::of(&definition).service_color("n1", "shop", "blue");
        cluster.run(task.at("10.1.0.8"));
        let ending = Extension::new("ext-discovery-ecs")
            .envs(aws.env())
            .env("NJ_DMECS_AWS_CLUSTERS", "mesh")
            .call(&[]);
        let (map, has_task) = found(&ending);
        assert!(!map.contains(BEGIN), "{map}");
        assert_eq!(has_task, !is_private, "{map}");
        assert!(is_private || map.contains("/shop/"), "{map}");
        let told = ending.stderr.lines();
        let told = told.filter(|line| line.contains("WARN") && line.contains("NJ_ROUTE_2"));
        assert_eq!(told.count(), 1, "{}", ending.stderr);
        assert!(ending.stderr.contains(BEGIN), "{}", ending.stderr);
    }
}

#[test]
fn discovery_of_cloud_map_leaves_it_out() {
    for is_private in [false, true] {
        let registry = Registry::new();
        let route = declared(is_private);
        let shop = registry.service("shop", &[("NJ_ROUTE_1", "/shop/"), ("NJ_ROUTE_2", &route)]);
        shop.register("i-1", "10.1.0.8", 3000);
        let ending = registry.discovery().call(&[]);
        let (map, has_task) = found(&ending);
        assert!(!map.contains(BEGIN), "{map}");
        assert_eq!(has_task, !is_private, "{map}");
        assert!(is_private || map.contains("/shop/"), "{map}");
        let told = registry.told(&ending);
        assert!(
            told.contains("NJ_ROUTE_2") && told.contains(BEGIN),
            "{told}"
        );
    }
}

/// `make campaigns` tries a thousand; each costs Envoy some seconds.
#[test]
fn envoy_refuses_no_random_expression_that_is_taken() {
    let verdict = e2e::program("examples/regex_verdict");
    let output = std::process::Command::new(e2e::root().join("e2e/campaigns/regex_size.py"))
        .args(["--count", "20", "--envoy"])
        .arg(e2e::envoy())
        .arg(verdict)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("law 1, taken, and Envoy refuses: 0 of 20"),
        "{said}"
    );
    assert!(
        said.contains("law 2, refused, and below half: 0 of 20"),
        "{said}"
    );
}
