//! The CloudFormation templates of `examples/aws-ecs-tags`: valid, deployed, discovered, and with no
//! permission too few or too many.
//!
//! ```text
//! template  a template as JSON, and its parameters
//! stack     a template deployed on moto, with its tasks running
//! policy    what a role may do, and whether that covers what was done
//! roles     the roles of the example, and what the programs do
//! ```

mod policy;
mod roles;
mod stack;
mod template;

use e2e::{aws::Aws, root};
use nightjar_core::{
    context::{ProxyConfig, ProxyRole, proxy_input},
    document::{self, discovery_map::DiscoveryMap},
};
use serde_json::{Value, json};
use stack::Stack;
use std::{fs, process::Command};
use template::Template;

const WITHOUT_CENTRAL: &str = "00-mesh-without-central.yaml";
const WITH_CENTRAL: &str = "01-mesh-with-central.yaml";
const FETCH: [&str; 2] = ["--document=discovery-map", "--action=fetch"];
const COMMIT: [&str; 2] = ["--document=discovery-map", "--action=commit"];

#[test]
fn cfn_lint_has_nothing_to_say() {
    for name in [WITHOUT_CENTRAL, WITH_CENTRAL] {
        let lint = Command::new(root().join(".venv/bin/cfn-lint"))
            .arg("--include-checks")
            .arg("I")
            .arg("--")
            .arg(Template::path(name))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&lint.stdout);
        assert_eq!((said.as_ref(), lint.status.code()), ("", Some(0)), "{name}");
        let text = fs::read_to_string(Template::path(name)).unwrap();
        assert!(!text.contains("ignore_checks"), "{name}");
    }
}

/// The proxy is there before the app and after it, and has time to drain.
#[test]
fn apps_lean_on_their_proxies() {
    for name in [WITHOUT_CENTRAL, WITH_CENTRAL] {
        let template = Template::read(name);
        let mut proxies = 0;
        for (task, properties) in template.of_type("AWS::ECS::TaskDefinition") {
            let containers = properties["ContainerDefinitions"].as_array().unwrap();
            let proxy = containers.iter().find(|one| one["Name"] == "proxy");
            let app = containers.iter().find(|one| one["Name"] == "app");
            if let Some(proxy) = proxy {
                proxies += 1;
                let check = json!(["CMD", "nightjar-standalone", "--check-ready"]);
                assert_eq!(proxy["HealthCheck"]["Command"], check, "{name}: {task}");
                // ENVOY_DRAIN_TIME and ENVOY_KILL_WAIT_TIME are 20 s and 60 s.
                assert!(proxy["StopTimeout"].as_u64() > Some(80), "{name}: {task}");
            }
            if let (Some(_), Some(app)) = (proxy, app) {
                let wanted = json!([{"ContainerName": "proxy", "Condition": "HEALTHY"}]);
                assert_eq!(app["DependsOn"], wanted, "{name}: {task}");
            }
        }
        assert_eq!(proxies, 2, "{name}");
    }
}

/// Fargate tells every container its region. Not every ECS agent does.
#[test]
fn proxies_on_instances_are_told_their_region() {
    let template = Template::read(WITHOUT_CENTRAL);
    let tasks = template.of_type("AWS::ECS::TaskDefinition");
    let containers = tasks
        .into_iter()
        .flat_map(|(_, task)| task["ContainerDefinitions"].as_array().unwrap());
    let wanted = json!({"Name": "AWS_REGION", "Value": {"Ref": "AWS::Region"}});
    let proxies = containers.filter(|container| container["Name"] == "proxy");
    let told = proxies.map(|proxy| proxy["Environment"].as_array().unwrap().contains(&wanted));
    assert_eq!(told.collect::<Vec<_>>(), [true, true]);
}

#[test]
fn the_mesh_without_central_is_what_its_tasks_declare() {
    let aws = Aws::start();
    let stack = Stack::deploy(&aws, WITHOUT_CENTRAL);
    let discovery = stack.extension(&aws, "ext-discovery-ecs", "gateway", "proxy");
    let found = discovery.call(&[]);
    assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""));
    insta::assert_json_snapshot!("without_central", without_version(found.document));
}

#[test]
fn the_mesh_with_central_is_the_same_at_other_addresses() {
    let aws = Aws::start();
    let stack = Stack::deploy(&aws, WITH_CENTRAL);
    let discovery = stack.extension(&aws, "ext-discovery-ecs", "central", "central");
    let found = discovery.call(&[]);
    assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""));
    let map = found.document.clone().unwrap();
    insta::assert_json_snapshot!("with_central", without_version(found.document));

    let central = stack.extension(&aws, "ext-store-s3", "central", "central");
    assert_eq!(central.give(&map, &COMMIT).code, Some(0));
    let proxy = stack.extension(&aws, "ext-store-s3", "shop", "proxy");
    let fetched = proxy.call(&FETCH);
    assert_eq!((fetched.code, fetched.stderr.as_str()), (Some(0), ""));
    let without = |map| without_version(Some(map));
    assert_eq!(without(fetched.document.unwrap()), without(map));
}

/// What the walk-through says of requests.
#[test]
fn requests_go_where_the_readme_says() {
    let aws = Aws::start();
    for (name, task, container) in [
        (WITHOUT_CENTRAL, "gateway", "proxy"),
        (WITH_CENTRAL, "central", "central"),
    ] {
        let stack = Stack::deploy(&aws, name);
        let discovery = stack.extension(&aws, "ext-discovery-ecs", task, container);
        let map = discovery.call(&[]).document.unwrap();
        assert_eq!(
            view(&map, ProxyRole::Gateway),
            [
                "gateway: /stock/cost/ denied",
                "gateway: /stock/ -> stock-blue 9 of 10, stock-green 1 of 10",
                "gateway: /shop/ -> shop-blue",
            ],
            "{name}"
        );
        assert_eq!(
            view(&map, sidecar("shop", "blue")),
            [
                "local: /stock/cost/ -> stock-blue 9 of 10, stock-green 1 of 10",
                "local: /stock/ -> stock-blue 9 of 10, stock-green 1 of 10",
                "local: /shop/ -> shop-blue",
                "egress-bank: /rates/ -> rates-blue",
            ],
            "{name}"
        );
    }
}

/// The programs take the very environment of their containers, and Envoy takes what they make.
#[test]
fn proxies_start_with_what_their_containers_give_them() {
    let aws = Aws::start();
    for name in [WITHOUT_CENTRAL, WITH_CENTRAL] {
        let stack = Stack::deploy(&aws, name);
        if name == WITH_CENTRAL {
            let once = stack.once(&aws, "nightjar-central", "central", "central");
            assert_eq!(once.0, Some(0), "{name}: {}", once.1);
        }
        for (family, listeners) in [("gateway", &["8080"][..]), ("shop", &["3100", "3101"])] {
            let (code, said, files) = stack.once(&aws, "nightjar-standalone", family, "proxy");
            assert_eq!(code, Some(0), "{name}: {family}: {said}");
            let routes = listeners.iter().map(|port| format!("rds-{port}.json"));
            let others = ["cds.json", "envoy-config.yaml", "lds.json"];
            let wanted: Vec<String> = others
                .map(ToOwned::to_owned)
                .into_iter()
                .chain(routes)
                .collect();
            assert_eq!(files, wanted, "{name}: {family}");
        }
    }
}

/// ECS calls a task RUNNING when its last container has started, and the app waits for its proxy: the
/// proxy of a service's first task has to get ready while its task is PENDING, and gets no requests.
#[test]
fn the_first_task_of_a_service_gets_ready() {
    let aws = Aws::start();
    let stack = Stack::deploy(&aws, WITHOUT_CENTRAL);
    for task in stack.tasks("shop") {
        task.set(json!({"lastStatus": "PENDING"}));
        task.set_container(
            "app",
            json!({"lastStatus": "PENDING", "networkBindings": []}),
        );
    }
    let discovery = stack.extension(&aws, "ext-discovery-ecs", "gateway", "proxy");
    let found = discovery.call(&[]);
    assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""));
    let map = found.document.unwrap();
    assert_eq!(
        view(&map, ProxyRole::Gateway),
        [
            "gateway: /stock/cost/ denied",
            "gateway: /stock/ -> stock-blue 9 of 10, stock-green 1 of 10",
        ]
    );
    let (code, said, files) = stack.once(&aws, "nightjar-standalone", "shop", "proxy");
    assert_eq!(code, Some(0), "{said}");
    assert!(files.contains(&"rds-3101.json".to_owned()), "{files:?}");
}

/// Tags change in place: weights move and a color leaves, without a new task.
#[test]
fn a_changed_tag_shifts_and_drains_a_color() {
    let aws = Aws::start();
    let stack = Stack::deploy(&aws, WITHOUT_CENTRAL);
    let discovery = stack
        .extension(&aws, "ext-discovery-ecs", "gateway", "proxy")
        .env("NJ_DMECS_TASKDEF_CACHE_SECONDS", "0");
    let route = || {
        let map = discovery.call(&[]).document.unwrap();
        let gateway = view(&map, ProxyRole::Gateway);
        gateway.into_iter().nth(1).unwrap()
    };
    let before = route();
    assert_eq!(
        before,
        "gateway: /stock/ -> stock-blue 9 of 10, stock-green 1 of 10"
    );
    stack.tag(&aws, "stock-blue", "NJ_ROUTE_WEIGHT_1", "1");
    stack.tag(&aws, "stock-green", "NJ_ROUTE_WEIGHT_1", "99");
    assert_eq!(
        route(),
        "gateway: /stock/ -> stock-blue 1 of 100, stock-green 99 of 100"
    );
    stack.tag(&aws, "stock-blue", "NJ_PROXY_MODE", "NONE");
    assert_eq!(route(), "gateway: /stock/ -> stock-green");
}

fn without_version(document: Option<Value>) -> Value {
    let mut document = document.expect("a document");
    document["document-version"] = json!("VERSION");
    document
}

fn sidecar(service: &str, color: &str) -> ProxyRole {
    ProxyRole::Service {
        service: service.to_owned(),
        color: color.to_owned(),
    }
}

/// What a proxy of the namespace `store` does with requests: a line for each route.
fn view(map: &Value, role: ProxyRole) -> Vec<String> {
    let map: DiscoveryMap = document::read(map.to_string().as_bytes()).unwrap();
    let viewer = ProxyConfig {
        role,
        namespace: "store".to_owned(),
        listen_port: 8080,
        listen_address: [0, 0, 0, 0].into(),
        admin_port: None,
        admin_address: [127, 0, 0, 1].into(),
        status: None,
        properties: std::collections::BTreeMap::new(),
        config_dir: "/tmp/envoy".to_owned(),
    };
    let input = serde_json::to_value(proxy_input(&map, &viewer).unwrap().input).unwrap();
    let mut lines = Vec::new();
    for listener in input["listeners"].as_array().unwrap() {
        for route in listener["routes"].as_array().unwrap() {
            let start = format!(
                "{}: {}",
                listener["name"].as_str().unwrap(),
                route["route_path"].as_str().unwrap()
            );
            lines.push(if route["is_denied"] == true {
                format!("{start} denied")
            } else {
                format!("{start} -> {}", shares(route, &input))
            });
        }
    }
    lines
}

fn shares(route: &Value, input: &Value) -> String {
    let clusters = route["clusters"].as_array().unwrap();
    let share = |cluster: &Value| {
        let known = input["clusters"].as_array().unwrap().iter();
        let known = known
            .filter(|known| known["name"] == cluster["cluster_name"])
            .map(|known| format!("{}-{}", text(&known["service"]), text(&known["color"])))
            .next();
        let name = known.expect("the cluster is there");
        match clusters.len() {
            1 => name,
            _ => format!(
                "{name} {} of {}",
                cluster["route_weight"], route["total_cluster_weight"]
            ),
        }
    };
    clusters.iter().map(share).collect::<Vec<_>>().join(", ")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
