//! A scheduled job as a caller: the task definition of the page.

use super::{ECS, Mesh, Settings, entries, json_block};
use e2e::{
    aws::{Task, TaskDefinition},
    http, maps,
    mesh::{Backend, Plan},
    ports,
};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};

/// Registers a definition as `aws ecs register-task-definition --cli-input-json` does.
fn register(mesh: &Mesh, definition: Value) -> String {
    let made = mesh.aws.call("ecs", "register_task_definition", definition);
    made["taskDefinition"]["taskDefinitionArn"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The environment of a container of the definition.
fn environment(definition: &Value, container: &str) -> Settings {
    let containers = definition["containerDefinitions"].as_array().unwrap();
    let container = containers
        .iter()
        .find(|one| one["name"] == container)
        .unwrap();
    let pairs = container["environment"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    pairs
        .map(|pair| (text(&pair["name"]), text(&pair["value"])))
        .collect()
}

/// A service with a public route for all below `/<service>/`.
fn run_service(mesh: &Mesh, namespace: &str, service: &str) -> Backend {
    let prefix = ("PATH_PREFIX", format!("/{service}"));
    let app = Backend::start_with(service, "blue", &[(prefix.0, &prefix.1)]);
    let definition = TaskDefinition::bridge(service)
        .container("app", &[super::APP_PORT])
        .tag("NJ_ROUTE_1", &format!("/{service}/"));
    let definition = mesh.cluster.register(definition);
    let task = mesh.task(&definition, &app);
    mesh.cluster
        .run(task.service_color(namespace, service, "blue"));
    app
}

#[test]
fn a_job_calls_from_its_start_and_its_proxy_ends_with_it() {
    let mesh = Mesh::begin();
    let _apps = [
        run_service(&mesh, "store", "stock"),
        run_service(&mesh, "bank", "rates"),
    ];
    let page = json_block(ECS, "json task-definition");
    let mut env = environment(&page, "proxy");
    assert_eq!(env["NJ_DMECS_AWS_CLUSTERS"], mesh.cluster.name);
    assert_eq!(env["NJ_NAMESPACE_PORT_1"], "bank:3101");

    // The task starts: its job waits for the proxy, so ECS does not call it RUNNING.
    let definition = register(&mesh, page);
    let egress = ports::free();
    let bank = format!("bank:{egress}");
    let task = Task::of(&definition)
        .at("127.0.0.1")
        .overriding("proxy", &[("NJ_NAMESPACE_PORT_1", &bank)])
        .with(json!({"lastStatus": "PENDING"}));
    let task = mesh.cluster.run(task);

    // Its proxy, with the page's settings and ports of this machine.
    for of_the_machine in [
        "NJ_LISTEN_PORT",
        "NJ_ADMIN_PORT",
        "DISCOVERY_MAP_EXEC",
        "REFRESH_TIME",
    ] {
        env.remove(of_the_machine).unwrap();
    }
    let plan = Plan::sidecar("store", "report", "blue", &maps::map(&[])).envs(env);
    let mut proxy = mesh.follow(plan).start();
    task.set(json!({"lastStatus": "RUNNING"}));
    assert_eq!(proxy.get("/stock/who").by(), "stock-blue");
    let egress: SocketAddr = (Ipv4Addr::LOCALHOST, egress).into();
    assert_eq!(
        http::get(egress, "/rates/who", &[]).unwrap().by(),
        "rates-blue"
    );

    // The job ends: ECS sends SIGTERM to the proxy, and within its stopTimeout it has ended well.
    assert!(proxy.process().stop().success(), "{}", proxy.log());
    task.set_container("job", json!({"lastStatus": "STOPPED", "exitCode": 0}));
    task.stopped();
    let map = mesh.discover().document.unwrap();
    assert_eq!(entries(&map, "report"), [&Value::Null; 0]);
}

#[test]
fn a_job_with_a_borrowed_color_is_not_in_the_map() {
    let mesh = Mesh::begin();
    let _stock = run_service(&mesh, "store", "stock");
    mesh.run_caller();
    let before = mesh.discover();
    let mut page = json_block(ECS, "json task-definition");
    page["tags"] = json!([{"key": "NJ_PROXY_MODE", "value": "NONE"}]);
    let definition = register(&mesh, page);
    mesh.cluster.run(Task::of(&definition).at("127.0.0.1"));
    assert_eq!(mesh.discover().document, before.document);

    // Its proxy has the view of the service that runs all the time.
    let proxy = mesh.sidecar();
    assert_eq!(proxy.get("/stock/who").by(), "stock-blue");
}
