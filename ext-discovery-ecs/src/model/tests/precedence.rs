//! What is said in several places.

use super::{
    BLUE, blue, bridge, container, declared, definition, on_host, overridden, pairs, shop, task,
};
use crate::resources::{NetworkMode, TaskDefinition};

const ROUTE: &str = "NJ_ROUTE_1";

#[test]
fn the_first_place_that_says_a_setting_counts() {
    let all = TaskDefinition {
        tags: pairs(&[(ROUTE, "/by-definition-tag/")]),
        containers: vec![declared("app", &[80], &[(ROUTE, "/by-environment/")])],
        ..bridge("shop")
    };
    let tagged = shop("a", 32768, &[(ROUTE, "/by-tag/")]);
    let told = on_host().with(all.clone(), [tagged]).told();
    assert_eq!(told, ["n1 shop-blue-80 /by-tag/ @ 10.0.0.1:32768"]);

    let override_too = || overridden(shop("a", 32768, &[]), "app", &[(ROUTE, "/by-override/")]);
    let told = on_host().with(all.clone(), [override_too()]).told();
    assert_eq!(
        told,
        ["n1 shop-blue-80 /by-definition-tag/ @ 10.0.0.1:32768"]
    );

    let untagged = TaskDefinition {
        tags: Vec::new(),
        ..all
    };
    let told = on_host().with(untagged.clone(), [override_too()]).told();
    assert_eq!(told, ["n1 shop-blue-80 /by-override/ @ 10.0.0.1:32768"]);

    let told = on_host().with(untagged, [shop("a", 32768, &[])]).told();
    assert_eq!(told, ["n1 shop-blue-80 /by-environment/ @ 10.0.0.1:32768"]);
}

#[test]
fn what_a_container_says_of_itself_goes_with_its_own_ports() {
    let containers = vec![
        declared("proxy", &[9000], &BLUE),
        declared("shop", &[80], &[(ROUTE, "/shop/")]),
        declared(
            "cart",
            &[80, 8080],
            &[(ROUTE, "/cart/"), ("NJ_ROUTE_PORT", "8080")],
        ),
    ];
    let running = vec![
        container("cart", &[("0.0.0.0", 80, 3), ("0.0.0.0", 8080, 4)]),
        container("shop", &[("0.0.0.0", 80, 2)]),
        container("proxy", &[("0.0.0.0", 9000, 1)]),
    ];
    let mesh = on_host().with(
        definition("shop", NetworkMode::Bridge, containers),
        [task("a", running, &[])],
    );
    assert_eq!(
        mesh.told(),
        [
            "n1 shop-blue-80 /shop/ @ 10.0.0.1:2",
            "n1 shop-blue-8080 /cart/ @ 10.0.0.1:4",
        ]
    );
    assert_eq!(mesh.warned(), [""; 0]);
}

#[test]
fn a_task_without_a_mode_is_not_in_the_mesh_and_not_mentioned() {
    let mesh = on_host().with(bridge("other"), [task("a", Vec::new(), &[(ROUTE, "/x/")])]);
    assert_eq!((mesh.told(), mesh.warned()), (vec![], vec![]));
    assert_eq!(mesh.asked_for(), [""; 0]);
}

#[test]
fn only_tasks_with_the_required_tag_are_looked_at() {
    let mut mesh = on_host().with(
        bridge("shop"),
        [
            shop("a", 1, &[(ROUTE, "/shop/"), ("team", "web")]),
            shop("b", 2, &[(ROUTE, "/shop/"), ("team", "data")]),
            shop("c", 3, &[(ROUTE, "/shop/")]),
        ],
    );
    mesh.rules.required_tag = Some(("team".to_owned(), None));
    assert_eq!(
        mesh.told(),
        ["n1 shop-blue-80 /shop/ @ 10.0.0.1:1 10.0.0.1:2"]
    );
    mesh.rules.required_tag = Some(("team".to_owned(), Some("web".to_owned())));
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ 10.0.0.1:1"]);
}

#[test]
fn the_newest_definition_leads_whatever_family_it_is_of() {
    let route = |name: &str, registered: i64, path: &str| TaskDefinition {
        registered,
        tags: pairs(&[(ROUTE, path)]),
        ..bridge(name)
    };
    let told = on_host()
        .with(route("shop:9", 1_000, "/old/"), [shop("a", 1, &[])])
        .with(route("shop:10", 1_000, "/new/"), [shop("b", 2, &[])])
        .told();
    assert_eq!(told, ["n1 shop-blue-80 /new/ @ 10.0.0.1:1 10.0.0.1:2"]);

    let told = on_host()
        .with(route("shop:10", 1_000, "/old/"), [shop("a", 1, &[])])
        .with(route("store:1", 2_000, "/renamed/"), [shop("b", 2, &[])])
        .told();
    assert_eq!(told, ["n1 shop-blue-80 /renamed/ @ 10.0.0.1:1 10.0.0.1:2"]);
}

#[test]
fn a_cluster_named_twice_counts_once() {
    let mut mesh = on_host().with(bridge("shop"), [shop("a", 1, &[(ROUTE, "/shop/")])]);
    let first = mesh.tasks.clone();
    mesh.tasks.extend(first);
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ 10.0.0.1:1"]);
}

#[test]
fn a_gateway_is_where_it_says_that_it_listens() {
    let tags = [("NJ_PROXY_MODE", "Gateway"), ("NJ_NAMESPACE", "n1")];
    let containers = || vec![declared("envoy", &[80, 9901], &[("NJ_LISTEN_PORT", "80")])];
    let running = || {
        vec![container(
            "envoy",
            &[("0.0.0.0", 80, 1), ("0.0.0.0", 9901, 2)],
        )]
    };
    let edge = definition("edge", NetworkMode::Bridge, containers());
    let mesh = on_host().with(edge.clone(), [task("a", running(), &tags)]);
    assert_eq!(
        (mesh.told(), mesh.warned()),
        (vec!["n1 @ 10.0.0.1:1".to_owned()], vec![])
    );

    let told_otherwise = [tags.as_slice(), &[("NJ_ROUTE_PORT", "envoy:9901")]].concat();
    let mesh = on_host().with(edge.clone(), [task("a", running(), &told_otherwise)]);
    assert_eq!(mesh.told(), ["n1 @ 10.0.0.1:2"]);

    let nowhere = [tags.as_slice(), &[("NJ_ROUTE_PORT", "81")]].concat();
    let mesh = on_host().with(edge, [task("a", running(), &nowhere)]);
    assert_eq!(mesh.told(), [""; 0]);
    assert_eq!(
        mesh.warned(),
        [
            "task/a (edge:1): NJ_ROUTE_PORT=\"81\" (task tag): the task does not publish this port; the gateway is \
          left out\n  hint: set it to one of envoy:80, envoy:9901, or publish the port in \
          portMappings of the task definition"
        ]
    );
}

#[test]
fn a_service_that_only_calls_others_needs_no_address() {
    let mesh = on_host().with(bridge("shop"), [task("a", Vec::new(), &blue(&[]))]);
    assert_eq!(mesh.told(), ["n1 shop-blue-0  @ "]);
    assert_eq!(mesh.asked_for(), [""; 0]);
}

#[test]
fn a_task_tag_that_hides_another_value_of_its_definition_is_told() {
    let tagged = TaskDefinition {
        tags: pairs(&[
            ("NJ_PROXY_MODE", "SERVICE"),
            ("NJ_COLOR", " blue "),
            ("NJ_ROUTE_1", "/old/"),
            ("NJ_ROUTE_WEIGHT_1", "5"),
            ("team", "web"),
        ]),
        ..bridge("shop")
    };
    let tags = [
        (ROUTE, "/new/"),
        ("NJ_ROUTE_WEIGHT_1", ""),
        ("team", "data"),
    ];
    let mesh = on_host().with(tagged, [shop("a", 1, &tags)]);
    assert_eq!(
        mesh.warned(),
        [
            "task/a (shop:1): NJ_ROUTE_1=\"/new/\" (task tag): hides another value of the task-definition tag: \
             \"/old/\"\n  hint: remove one of the tags, or give both the same value"
        ]
    );
}
