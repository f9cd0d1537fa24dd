//! What the map holds.

use super::{Registry, namespace, only, service, told};
use e2e::{aws::Fault, extension::Ending};
use insta::{assert_json_snapshot, assert_snapshot};
use nightjar_core::{
    document::{self, discovery_map::DiscoveryMap},
    extension::args::{EXIT_DONE, EXIT_UNCHANGED},
};
use serde_json::json;

const SHOP: [(&str, &str); 1] = [("NJ_ROUTE_1", "/shop/")];

#[test]
fn a_service_needs_a_route_alone() {
    let registry = Registry::new();
    let shop = registry.service("shop", &SHOP);
    shop.register("i-1", "10.0.0.1", 3000);
    shop.register("i-2", "10.0.0.2", 3001);
    registry
        .service("unrelated", &[])
        .register("i-3", "10.0.0.3", 80);
    registry.service("not/a/name", &[("team", "x")]);
    let found = registry.discovery().call(&[]);
    assert_eq!(
        (found.code, registry.told(&found).as_str()),
        (Some(EXIT_DONE.into()), "")
    );
    assert_eq!(
        only(&found),
        "n1/shop/default 0: /shop/*1 at 10.0.0.1:3000 10.0.0.2:3001"
    );
}

#[test]
fn all_settings_and_addresses() {
    let registry = Registry::new();
    let shop = registry.service(
        "shop-green",
        &[
            ("NJ_NAMESPACE", "store"),
            ("NJ_SERVICE", "shop"),
            ("NJ_COLOR", "green"),
            ("NJ_PROTOCOL", "HTTP2"),
            ("NJ_PROP_TIMEOUT", "5s"),
            ("NJ_ROUTE_1", "/shop"),
            ("NJ_ROUTE_WEIGHT_1", "9"),
            (
                "NJ_ROUTE_2",
                r#"{"path-match": {"match-type": "regex", "value": "/x/[0-9]+"}, "default-access": false}"#,
            ),
            ("NJ_ROUTE_PORT_2", "9000"),
            ("NJ_NAMESPACE_PORT_1", "bank:3001"),
        ],
    );
    shop.register("i-1", "10.0.0.1", 32768);
    shop.register_with(
        "i-2",
        &[
            ("AWS_INSTANCE_IPV6", "fd00::2"),
            ("AWS_INSTANCE_PORT", "3000"),
        ],
    );
    shop.register_with(
        "i-3",
        &[
            ("AWS_INSTANCE_CNAME", "shop.internal"),
            ("AWS_INSTANCE_PORT", "3000"),
        ],
    );
    let entrance = registry.service(
        "entrance",
        &[
            ("NJ_PROXY_MODE", "Gateway"),
            ("NJ_NAMESPACE", "store"),
            ("NJ_PREFER_GATEWAY", "true"),
        ],
    );
    entrance.register("g-1", "10.0.0.9", 8080);
    let caller = registry.service("caller", &[("NJ_NAMESPACE_PORT_1", "store:3001")]);
    caller.register("c-1", "10.0.0.8", 80);
    registry.service("out", &[("NJ_PROXY_MODE", "none"), ("NJ_ROUTE_1", "/out/")]);
    let found = registry.discovery().call(&[]);
    assert_eq!(
        registry.told(&found),
        " WARN the mesh: shop/green in store: \"bank\" is not a namespace of this map\n"
    );
    let map = found.document.unwrap();
    assert!(document::read::<DiscoveryMap>(map.to_string().as_bytes()).is_ok());
    assert_json_snapshot!(map);
}

#[test]
fn namespaces_go_by_name_id_and_arn() {
    let registry = Registry::new();
    let (aws, n1) = (&registry.aws, &registry.namespace);
    for (name, path) in [("n2", "/b/"), ("n3", "/c/"), ("n4", "/d/")] {
        let id = namespace(aws, name);
        service(aws, &id, &json!({"Name": "shop"}), &[("NJ_ROUTE_1", path)]);
    }
    registry.service("shop", &[("NJ_ROUTE_1", "/a/")]);
    let arn = format!(
        "arn:aws:servicediscovery:eu-central-1:{}:namespace/{n1}",
        aws.account()
    );
    let found = |names: &str| {
        let found = registry
            .discovery()
            .env("NJ_DMCM_NAMESPACES", names)
            .call(&[]);
        told(&found.document.unwrap())
    };
    assert_eq!(found("n2"), ["n2/shop/default 0: /b/*1 at "]);
    let two = [
        "n1/shop/default 0: /a/*1 at ",
        "n3/shop/default 0: /c/*1 at ",
    ];
    assert_eq!(found(&format!(" n3 ,{n1},, n1")), two);
    assert_eq!(found(&format!("{arn},n3")), two);
}

#[test]
fn an_unknown_namespace_is_fatal_and_says_what_there_is() {
    let registry = Registry::new();
    let found = registry
        .discovery()
        .env("NJ_DMCM_NAMESPACES", "n1,n9")
        .call(&[]);
    assert_eq!((found.code, &found.document), (Some(1), &None));
    assert_snapshot!(registry.told(&found), @"
    ext-discovery-cloudmap: Cloud Map has no namespace n9 in eu-central-1; it has n1
      hint: NJ_DMCM_NAMESPACES takes names and ids of this account's namespaces, and ARNs; one that another account shares needs its ARN
    ");
}

#[test]
fn settings_are_checked_before_any_call() {
    let registry = Registry::new();
    let found = registry
        .discovery()
        .env("NJ_DMCM_NAMESPACES", " , ")
        .env("NJ_DMCM_INCLUDE_UNHEALTHY", "perhaps")
        .env("NJ_DMCM_ATTRIBUTES_CACHE_SECONDS", "-1")
        .call(&[]);
    assert_eq!(found.code, Some(64));
    assert!(registry.aws.wire.requests().is_empty());
    assert_snapshot!(registry.told(&found));
}

#[test]
fn unhealthy_instances_are_left_out_unless_asked_for() {
    let registry = Registry::new();
    let shop = registry.judged_service("shop", &SHOP);
    shop.register("i-1", "10.0.0.1", 3000);
    shop.register("i-2", "10.0.0.2", 3000);
    let discovery = registry.discovery();
    let all = discovery.call(&[]);
    assert_eq!(
        only(&all),
        "n1/shop/default 0: /shop/*1 at 10.0.0.1:3000 10.0.0.2:3000"
    );
    shop.judge("i-1", "UNHEALTHY");
    let healthy = discovery.call_after(all.version(), &[]);
    assert_eq!(
        only(&healthy),
        "n1/shop/default 0: /shop/*1 at 10.0.0.2:3000"
    );
    shop.judge("i-2", "UNHEALTHY");
    assert_eq!(
        only(&discovery.call(&[])),
        "n1/shop/default 0: /shop/*1 at "
    );
    shop.judge("i-1", "HEALTHY");
    assert_eq!(
        only(&discovery.call(&[])),
        "n1/shop/default 0: /shop/*1 at 10.0.0.1:3000"
    );
    let lenient = registry
        .discovery()
        .env("NJ_DMCM_INCLUDE_UNHEALTHY", "true");
    assert_eq!(lenient.call(&[]).document, all.document);
}

#[test]
fn without_a_health_check_the_health_of_instances_does_not_matter() {
    let registry = Registry::new();
    let shop = registry.service("shop", &SHOP);
    shop.register("i-1", "10.0.0.1", 3000);
    shop.register("i-2", "10.0.0.2", 3000);
    shop.judge("i-2", "UNHEALTHY");
    let unknown = json!({
        "Instances": [
            {"InstanceId": "i-1", "HealthStatus": "UNKNOWN",
             "Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "3000"}},
            {"InstanceId": "i-2", "HealthStatus": "UNKNOWN",
             "Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.2", "AWS_INSTANCE_PORT": "3000"}}],
        "InstancesRevision": 1});
    let both = "n1/shop/default 0: /shop/*1 at 10.0.0.1:3000 10.0.0.2:3000";
    assert_eq!(only(&registry.discovery().call(&[])), both);
    // As AWS answers.
    registry.aws.wire.fail(
        "servicediscovery:DiscoverInstances",
        Fault::Answer {
            status: 200,
            headers: Vec::new(),
            body: unknown.to_string(),
        },
    );
    assert_eq!(only(&registry.discovery().call(&[])), both);
}

#[test]
fn the_version_is_that_of_the_content() {
    let registry = Registry::new();
    let shop = registry.service("shop", &SHOP);
    shop.register("i-1", "10.0.0.1", 3000);
    let first = registry.discovery().call(&[]);
    // Another folder, so nothing is known from before.
    let again = registry.discovery().call_after(first.version(), &[]);
    assert_eq!(
        (again.code, again.document),
        (Some(EXIT_UNCHANGED.into()), None)
    );
    shop.register("i-2", "10.0.0.2", 3000);
    let other = registry.discovery().call_after(first.version(), &[]);
    assert_ne!(other.version(), first.version());
    shop.deregister("i-2");
    assert_eq!(
        registry
            .discovery()
            .call_after(other.version(), &[])
            .document,
        first.document
    );
}

#[test]
fn mistakes_are_told_and_cost_only_themselves() {
    let registry = Registry::new();
    let shop = registry.service(
        "shop",
        &[
            ("NJ_ROUTE_1", "/shop/"),
            ("NJ_ROUTE_2", "shop"),
            ("NJ_ROUTE_3", "/heavy/"),
            ("NJ_ROUTE_WEIGHT_3", "heavy"),
            ("NJ_ROUTE_4", "/elsewhere/"),
            ("NJ_ROUTE_PORT_4", "app:80"),
            ("NJ_ROUTE_5", "-/closed/"),
            ("NJ_ROUTE_PORT_5", "10.0.0.1:80"),
            ("NJ_PROP_TIMEOUT", "soon"),
        ],
    );
    shop.register("good", "10.0.0.1", 3000);
    shop.register_with("no port", &[("AWS_INSTANCE_IPV4", "10.0.0.2")]);
    shop.register_with("no address", &[("AWS_INSTANCE_PORT", "80")]);
    shop.register("not an address", "10.0.0", 3000);
    shop.register_with(
        "bad port",
        &[
            ("AWS_INSTANCE_IPV4", "10.0.0.2"),
            ("AWS_INSTANCE_PORT", "0"),
        ],
    );
    shop.register_with(
        "bad name",
        &[
            ("AWS_INSTANCE_CNAME", "a b\nforged line"),
            ("AWS_INSTANCE_PORT", "80"),
        ],
    );
    registry.service(
        "nameless",
        &[("NJ_ROUTE_1", "/x/"), ("NJ_COLOR", "very blue")],
    );
    registry.service(
        "odd",
        &[("NJ_ROUTE_1", "/x/"), ("NJ_PROXY_MODE", "sidecar")],
    );
    let discovery = registry.discovery();
    let found = discovery.call(&[]);
    assert_eq!(
        told(found.document.as_ref().unwrap()),
        [
            // No one has a share of the private one, whose port is not to be found.
            "n1/shop/default 0: /shop/*1 at 10.0.0.1:3000",
            "n1/shop/default 65536: /closed/*0 at ",
        ]
    );
    // They are sorted by ids that differ from run to run.
    let text = registry.told(&found);
    let mut warnings: Vec<&str> = text.split("WARN ").map(str::trim_end).collect();
    warnings.sort_unstable();
    assert_snapshot!(warnings.join("\n"));
    // They are not told again with every refresh, but at once when they change.
    assert_eq!(discovery.call(&[]).stderr, "");
    shop.register_with("another", &[("AWS_INSTANCE_PORT", "80")]);
    assert!(
        discovery
            .call(&[])
            .stderr
            .contains("instance \"another\" is left out")
    );
}

#[test]
fn instances_that_do_not_fit_in_an_answer_are_missed() {
    let registry = Registry::new();
    let shop = registry.service("shop", &SHOP);
    let register = |number: u16| shop.register(&format!("i-{number}"), "10.0.0.1", 1000 + number);
    (0..1000).for_each(register);
    let count = |found: &Ending| {
        let groups = &found.document.as_ref().unwrap()["namespaces"][0]["service-colors"];
        groups[0]["instances"].as_array().unwrap().len()
    };
    let found = registry.discovery().call(&[]);
    assert_eq!((count(&found), found.stderr.as_str()), (1000, ""));
    // AWS does not allow this, and so its answers have no room for it.
    register(1000);
    let found = registry.discovery().call(&[]);
    assert_eq!(count(&found), 1000);
    assert_snapshot!(registry.told(&found), @"
    WARN arn:aws:servicediscovery:eu-central-1:ACCOUNT:service/srv-ID (n1/shop): it has 1001 instances, and DiscoverInstances names 1000 at the most; the others are missing in the map
     hint: spread the instances over several services of the same NJ_SERVICE and NJ_COLOR
    ");
}
