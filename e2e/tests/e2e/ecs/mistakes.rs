//! Wrong tags, and tasks that are not well: the rest of the mesh is published.

use super::{blue, discovery, route, said, told};
use e2e::aws::{Aws, Cluster, Task, TaskDefinition};
use serde_json::json;

const GOOD: &str = "n1 shop-green-3000 /shop/ @ 10.1.0.7 3000";

/// A mesh with one good service-color.
fn mesh(aws: &Aws) -> (Cluster, String) {
    let cluster = aws.cluster("mesh");
    let definition = cluster.register(route(TaskDefinition::awsvpc("shop"), "/shop/"));
    let green = Task::of(&definition).service_color("n1", "shop", "green");
    cluster.run(green.at("10.1.0.7"));
    (cluster, definition)
}

/// Runs a task beside the good ones. Returns the map, and what was said with the task's ARN as `ARN`.
fn beside(task: impl FnOnce(Task) -> Task) -> (Vec<String>, String) {
    let aws = Aws::start();
    let (cluster, definition) = mesh(&aws);
    let arn = cluster.run(task(blue(&definition).at("10.1.0.8"))).arn;
    let found = discovery(&aws).call(&[]);
    assert_eq!(found.code, Some(0), "{found:?}");
    (told(&found), said(&found).replace(&arn, "ARN"))
}

#[test]
fn a_route_that_is_not_json_costs_that_route_alone() {
    let (map, said) = beside(|task| {
        task.tag("NJ_ROUTE_1", "{\"path-match\": ")
            .tag("NJ_ROUTE_2", "/cart/")
    });
    assert_eq!(map, ["n1 shop-blue-3000 /cart/ @ 10.1.0.8 3000", GOOD]);
    for part in [
        " WARN ARN (shop:1): NJ_ROUTE_1=",
        "(task tag)",
        "path-match",
        "\n  hint: ",
    ] {
        assert!(said.contains(part), "{part:?} in {said}");
    }
}

#[test]
fn a_wrong_weight_is_told_with_its_value() {
    for weight in ["32768", "heavy", "-1", "+1"] {
        let (map, said) = beside(|task| task.tag("NJ_ROUTE_WEIGHT_1", weight));
        assert!(map.contains(&GOOD.to_owned()), "{map:?}");
        let told = format!(" WARN ARN (shop:1): NJ_ROUTE_WEIGHT_1=\"{weight}\" (task tag): ");
        assert!(said.starts_with(&told), "{said}");
        assert!(said.contains("\n  hint: "), "{said}");
    }
}

#[test]
fn a_wrong_port_is_told_with_its_value() {
    for port in ["0", "99999", "app:", "a b:3000"] {
        let (map, said) = beside(|task| task.tag("NJ_ROUTE_PORT_1", port));
        assert!(map.contains(&GOOD.to_owned()), "{map:?}");
        let told = format!(" WARN ARN (shop:1): NJ_ROUTE_PORT_1=\"{port}\" (task tag): ");
        assert!(said.starts_with(&told), "{said}");
        assert!(said.contains("\n  hint: write 3000, container-name:3000 or bound-ip:3000"));
    }
}

#[test]
fn an_unknown_mode_keeps_the_task_out() {
    let (map, said) = beside(|task| {
        task.with(json!({"tags": [
            {"key": "NJ_PROXY_MODE", "value": "SIDECAR"}, {"key": "NJ_NAMESPACE", "value": "n1"},
        ]}))
    });
    assert_eq!(map, [GOOD]);
    assert_eq!(
        said,
        " WARN ARN (shop:1): NJ_PROXY_MODE=\"SIDECAR\" (task tag): is neither SERVICE nor GATEWAY; the workload \
         is left out of the mesh\n  hint: set it to SERVICE or GATEWAY, or to NONE to stay out\n"
    );
}

#[test]
fn a_port_that_is_not_published_costs_its_route() {
    let (map, said) = beside(|task| {
        task.tag("NJ_ROUTE_PORT_1", "8080")
            .tag("NJ_ROUTE_2", "/cart/")
    });
    assert_eq!(map, ["n1 shop-blue-3000 /cart/ @ 10.1.0.8 3000", GOOD]);
    assert_eq!(
        said,
        " WARN ARN (shop:1): NJ_ROUTE_PORT_1=\"8080\" (task tag): the task does not publish this port; the route is \
         left out\n  hint: set it to one of app:3000, or publish the port in portMappings of the task \
         definition\n"
    );
}

#[test]
fn duplicate_namespace_ports_are_told() {
    let (map, said) = beside(|task| {
        task.tag("NJ_NAMESPACE_PORT_1", "n2:3001")
            .tag("NJ_NAMESPACE_PORT_2", "n3:3001")
    });
    assert_eq!(map, ["n1 shop-blue-3000 /shop/ @ 10.1.0.8 3000", GOOD]);
    for part in [
        " WARN ARN (shop:1): NJ_NAMESPACE_PORT_2=\"n3:3001\" (task tag): ",
        "\n  hint: ",
    ] {
        assert!(said.contains(part), "{part:?} in {said}");
    }
}

#[test]
fn tasks_that_disagree_go_by_most_of_them() {
    let aws = Aws::start();
    let (cluster, definition) = mesh(&aws);
    let task = |address: &str| blue(&definition).at(address);
    cluster.run(task("10.1.0.1"));
    cluster.run(task("10.1.0.2"));
    let odd = cluster.run(task("10.1.0.3").tag("NJ_ROUTE_1", "/other/"));
    let found = discovery(&aws).call(&[]);
    assert_eq!(
        told(&found),
        [
            "n1 shop-blue-3000 /shop/ @ 10.1.0.1 3000 10.1.0.2 3000 10.1.0.3 3000",
            GOOD
        ]
    );
    let said = said(&found);
    assert!(
        said.contains(&odd.arn) && said.contains("NJ_ROUTE_<n>"),
        "{said}"
    );
}

#[test]
fn an_unhealthy_essential_container_keeps_its_task_out() {
    let aws = Aws::start();
    let (cluster, definition) = mesh(&aws);
    let ill = cluster.run(blue(&definition).at("10.1.0.8"));
    ill.set_health("app", "UNHEALTHY");
    let found = discovery(&aws).call(&[]);
    // Its routes stay, so that no wider route gets their requests.
    assert_eq!(told(&found), ["n1 shop-blue-3000 /shop/ @", GOOD]);
    assert_eq!(
        said(&found).replace(&ill.arn, "ARN"),
        " WARN ARN (shop:1): its essential container app is UNHEALTHY; the task is left out\n  hint: check why \
         the container's health check fails; NJ_DMECS_INCLUDE_UNHEALTHY=true keeps unhealthy tasks in the mesh\n"
    );
    let lenient = discovery(&aws)
        .env("NJ_DMECS_INCLUDE_UNHEALTHY", "yes")
        .call(&[]);
    assert_eq!(
        told(&lenient),
        ["n1 shop-blue-3000 /shop/ @ 10.1.0.8 3000", GOOD]
    );
    // Of a container without a health check, ECS says no more.
    ill.set_health("app", "UNKNOWN");
    assert_eq!(
        told(&discovery(&aws).call(&[])),
        ["n1 shop-blue-3000 /shop/ @ 10.1.0.8 3000", GOOD]
    );
}

#[test]
fn a_color_whose_health_check_has_told_nothing_yet_gets_no_requests_while_another_is_well() {
    let aws = Aws::start();
    let (cluster, _) = mesh(&aws);
    let checked = route(TaskDefinition::awsvpc("checked"), "/cart/").health_check();
    let checked = cluster.register(checked);
    let of = |color: &str, ip: &str| {
        let task = Task::of(&checked).service_color("n1", "cart", color);
        cluster.run(task.at(ip))
    };
    let (blue, red) = (of("blue", "10.1.0.8"), of("red", "10.1.0.9"));
    red.set_health("app", "UNKNOWN");
    let blue_is_in = "n1 cart-blue-3000 /cart/ @ 10.1.0.8 3000";
    let found = discovery(&aws).call(&[]);
    assert_eq!(told(&found), [blue_is_in, "n1 cart-red-0  @", GOOD]);
    assert_eq!(said(&found), "");
    let red_is_in = "n1 cart-red-3000 /cart/ @ 10.1.0.9 3000";
    // ECS knows nothing of anybody: that is no reason to stop.
    blue.set_health("app", "UNKNOWN");
    let found = discovery(&aws).call(&[]);
    assert_eq!(told(&found), [blue_is_in, red_is_in, GOOD]);
    blue.set_health("app", "HEALTHY");
    red.set_health("app", "HEALTHY");
    let found = discovery(&aws).call(&[]);
    assert_eq!(told(&found), [blue_is_in, red_is_in, GOOD]);
}

#[test]
fn tasks_that_come_or_go_get_no_requests() {
    let aws = Aws::start();
    let (cluster, definition) = mesh(&aws);
    for status in ["PROVISIONING", "PENDING", "ACTIVATING"] {
        let coming = blue(&definition)
            .at("10.1.0.8")
            .with(json!({"lastStatus": status}));
        cluster.run(coming);
    }
    cluster.run(blue(&definition).at("10.1.0.8")).draining();
    for status in ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"] {
        let going = cluster.run(blue(&definition).at("10.1.0.8"));
        going.set(json!({"desiredStatus": "STOPPED", "lastStatus": status}));
    }
    let found = discovery(&aws).call(&[]);
    // What is coming is known to its proxies already.
    assert_eq!(told(&found), ["n1 shop-blue-0  @", GOOD]);
    assert_eq!(said(&found), "");
}

#[test]
fn warnings_are_told_again_only_when_they_change() {
    let aws = Aws::start();
    let (cluster, definition) = mesh(&aws);
    let wrong = |task: Task, weight| task.tag("NJ_ROUTE_WEIGHT_1", weight);
    cluster.run(wrong(blue(&definition).at("10.1.0.8"), "none"));
    let discovery = discovery(&aws);
    let found = discovery.call(&[]);
    assert_eq!(said(&found).matches(" WARN ").count(), 1, "{found:?}");
    assert_eq!(said(&discovery.call_after(found.version(), &[])), "");
    let other = Task::of(&definition).service_color("n2", "shop", "blue");
    cluster.run(wrong(other.at("10.1.0.9"), "-1"));
    let changed = discovery.call_after(found.version(), &[]);
    assert_eq!(said(&changed).matches(" WARN ").count(), 2, "{changed:?}");
}
