//! Which instances are in the map, where, and in which color.

use super::{Registry, Service, only, told};
use e2e::extension::Ending;
use serde_json::Value;

const SHOP: [(&str, &str); 1] = [("NJ_ROUTE_1", "/shop/")];
const COLOR: &str = "NJ_DMCM_COLOR_ATTRIBUTE";

fn lines(ending: &Ending) -> Vec<String> {
    told(
        ending
            .document
            .as_ref()
            .unwrap_or_else(|| panic!("{ending:?}")),
    )
}

/// Registers an instance with a track of its own.
fn on_track(service: &Service<'_>, id: &str, ipv4: &str, track: &str) {
    service.register_with(
        id,
        &[
            ("AWS_INSTANCE_IPV4", ipv4),
            ("AWS_INSTANCE_PORT", "3000"),
            ("track", track),
        ],
    );
}

/// As answers of AWS look: health is `UNKNOWN` without a check, an alias has no address, and a service
/// of ECS may register no port.
#[test]
fn health_unknown_without_a_check_unhealthy_with_one_and_all_of_240() {
    let registry = Registry::new();
    let nodejs = registry.service(
        "nodejs",
        &[("NJ_ROUTE_1", "/node/"), ("NJ_ROUTE_PORT", "3000")],
    );
    for host in 1..=3 {
        let ipv4 = format!("10.1.0.{host}");
        nodejs.register_with(
            &format!("n{host}"),
            &[("AWS_INSTANCE_IPV4", &ipv4), ("ECS_SERVICE_NAME", "nodejs")],
        );
    }
    let api = registry.judged_service("api", &[("NJ_ROUTE_1", "/api/")]);
    api.register("d", "10.1.1.1", 8080);
    api.register("e", "10.1.1.2", 8080);
    api.judge("e", "UNHEALTHY");
    let deploying = registry.judged_service("deploying", &[("NJ_ROUTE_1", "/dep/")]);
    deploying.register("f", "10.1.2.1", 32771);
    deploying.judge("f", "UNHEALTHY");
    let alias = [(
        "AWS_ALIAS_DNS_NAME",
        "internal-lb-1.eu-central-1.elb.amazonaws.com",
    )];
    registry
        .service("alias", &[("NJ_ROUTE_1", "/alias/")])
        .register_with("lb", &alias);
    let many = registry.service("many", &[("NJ_ROUTE_1", "/many/")]);
    for number in 0..240 {
        let ipv4 = format!("10.2.0.{}", number + 1);
        many.register(&format!("m{number}"), &ipv4, 9000);
    }
    let found = registry.discovery().call(&[]);
    let mut lines = lines(&found);
    let many = lines.remove(3);
    let expected = [
        "n1/alias/default 0: /alias/*1 at ",
        "n1/api/default 0: /api/*1 at 10.1.1.1:8080",
        "n1/deploying/default 0: /dep/*1 at ",
        "n1/nodejs/default 3000: /node/*1 at 10.1.0.1:3000 10.1.0.2:3000 10.1.0.3:3000",
    ];
    assert_eq!(lines, expected);
    assert_eq!(many.matches(":9000").count(), 240, "{many}");
    assert_eq!(found.stderr.matches("WARN").count(), 1, "{}", found.stderr);
    assert!(
        found.stderr.contains(r#"instance "lb" is left out"#),
        "{}",
        found.stderr
    );
}

#[test]
fn addresses_that_no_other_machine_reaches_are_left_out() {
    let registry = Registry::new();
    let shop = registry.service(
        "shop",
        &[("NJ_ROUTE_1", "/shop/"), ("NJ_ROUTE_PORT", "3000")],
    );
    for (id, name, value) in [
        ("good", "AWS_INSTANCE_IPV4", "10.0.0.1"),
        ("loop-4", "AWS_INSTANCE_IPV4", "127.0.0.1"),
        ("loop-6", "AWS_INSTANCE_IPV6", "::1"),
        ("name", "AWS_INSTANCE_CNAME", "localhost"),
        ("any-4", "AWS_INSTANCE_IPV4", "0.0.0.0"),
        ("any-6", "AWS_INSTANCE_IPV6", "::"),
        ("link-4", "AWS_INSTANCE_IPV4", "169.254.169.254"),
        ("link-6", "AWS_INSTANCE_IPV6", "fe80::1"),
        ("many-4", "AWS_INSTANCE_IPV4", "224.0.0.1"),
        ("all-4", "AWS_INSTANCE_IPV4", "255.255.255.255"),
    ] {
        shop.register_with(id, &[(name, value)]);
    }
    let found = registry.discovery().call(&[]);
    assert_eq!(
        only(&found),
        "n1/shop/default 3000: /shop/*1 at 10.0.0.1:3000"
    );
    assert_eq!(found.stderr.matches("WARN").count(), 9, "{}", found.stderr);
    let reason = "instance \"link-4\" is left out: its AWS_INSTANCE_IPV4 is 169.254.169.254, a link-local \
                  address, which no other machine reaches\n  hint: register an address that other machines \
                  reach, or set NJ_DMCM_ALLOW_LOOPBACK=true for a mesh on one machine";
    assert!(found.stderr.contains(reason), "{}", found.stderr);
    let lenient = registry.discovery().env("NJ_DMCM_ALLOW_LOOPBACK", "true");
    let found = lenient.call(&[]);
    assert_eq!(
        only(&found),
        "n1/shop/default 3000: /shop/*1 at 10.0.0.1:3000 127.0.0.1:3000 ::1:3000 localhost:3000"
    );
    assert_eq!(found.stderr.matches("WARN").count(), 6, "{}", found.stderr);
}

#[test]
fn an_attribute_of_instances_tells_colors_apart() {
    let registry = Registry::new();
    let shop = registry.judged_service("shop", &[("NJ_ROUTE_1", "/shop/"), ("NJ_COLOR", "blue")]);
    shop.register("i-1", "10.0.0.1", 3000);
    on_track(&shop, "i-2", "10.0.0.2", "green");
    on_track(&shop, "i-3", "10.0.0.3", " green ");
    on_track(&shop, "i-4", "10.0.0.4", "very green");
    let discovery = registry.discovery();
    let plain = discovery.call(&[]);
    let all = "n1/shop/blue 0: /shop/*1 at 10.0.0.1:3000 10.0.0.2:3000 10.0.0.3:3000 10.0.0.4:3000";
    assert_eq!((only(&plain).as_str(), plain.stderr.as_str()), (all, ""));

    // In the same folder, where nothing was kept of that attribute.
    let discovery = discovery.env(COLOR, "track");
    let found = discovery.call(&[]);
    let blue = "n1/shop/blue 0: /shop/*1 at 10.0.0.1:3000 10.0.0.4:3000";
    let green = "n1/shop/green 0: /shop/*1 at 10.0.0.2:3000 10.0.0.3:3000";
    assert_eq!(lines(&found), [blue, green]);
    assert_eq!(
        registry.told(&found).split_once("(n1/shop): ").unwrap().1,
        "track of instance \"i-4\" is \"very green\", which is not a name; the instance counts as blue\n  \
         hint: give it 1 to 128 letters, digits, dots, underscores and hyphens\n"
    );
    shop.judge("i-2", "UNHEALTHY");
    shop.judge("i-3", "UNHEALTHY");
    let found = discovery.call(&[]);
    assert_eq!(lines(&found), [blue, "n1/shop/green 0: /shop/*1 at "]);
    for id in ["i-1", "i-4"] {
        shop.deregister(id);
    }
    // What the service itself declares stays.
    let blue = "n1/shop/blue 0: /shop/*1 at ";
    assert_eq!(
        lines(&discovery.call(&[])),
        [blue, "n1/shop/green 0: /shop/*1 at "]
    );
    for id in ["i-2", "i-3"] {
        shop.deregister(id);
    }
    assert_eq!(lines(&discovery.call(&[])), [blue]);
}

#[test]
fn colors_of_a_service_that_only_calls_others_are_in_the_map() {
    let registry = Registry::new();
    let caller = registry.service("caller", &[("NJ_NAMESPACE_PORT_1", "n2:3001")]);
    on_track(&caller, "i-1", "10.0.0.1", "green");
    on_track(&caller, "i-2", "10.0.0.2", "blue");
    let found = registry.discovery().env(COLOR, "track").call(&[]);
    let map = found.document.as_ref().unwrap();
    let groups = map["namespaces"][0]["service-colors"].as_array().unwrap();
    let colors: Vec<&Value> = groups.iter().map(|group| &group["color"]).collect();
    assert_eq!(colors, ["blue", "default", "green"]);
    let egress = |group: &Value| group["namespace-egress"][0]["interface"]["port"] == 3001;
    assert!(groups.iter().all(egress), "{map}");
}

#[test]
fn an_attribute_with_too_many_values_is_not_a_color() {
    let registry = Registry::new();
    let shop = registry.service("shop", &SHOP);
    for host in 1..=21 {
        let ipv4 = format!("10.0.0.{host}");
        on_track(&shop, &format!("i-{host}"), &ipv4, &format!("task-{host}"));
    }
    let discovery = registry.discovery().env(COLOR, "track");
    let found = discovery.call(&[]);
    assert_eq!(only(&found).matches(":3000").count(), 21);
    assert!(
        found
            .stderr
            .contains("its instances have 21 different values of track, and 20 are allowed"),
        "{}",
        found.stderr
    );
    shop.deregister("i-21");
    let lines = lines(&discovery.call(&[]));
    assert_eq!(lines.len(), 21, "20, and the service's own: {lines:?}");
}

/// Whoever registers an instance names its color. That must not take away what the service of that
/// color declares, even if there is a mistake in it.
#[test]
fn a_color_of_an_instance_opens_nothing_that_the_color_s_own_service_closes() {
    let registry = Registry::new();
    let wide = registry.service("a-shop", &[("NJ_SERVICE", "shop"), ("NJ_ROUTE_1", "/")]);
    on_track(&wide, "i-1", "10.0.0.1", "blue");
    let closing = [
        ("NJ_SERVICE", "shop"),
        ("NJ_COLOR", "blue"),
        ("NJ_ROUTE_1", "/shop/"),
        ("NJ_ROUTE_2", "-/shop/admin/"),
    ];
    let blue = registry.service("shop-blue", &closing);
    blue.register("i-2", "10.0.0.2", 3000);
    let discovery = registry
        .discovery()
        .env(COLOR, "track")
        .env("NJ_DMCM_ATTRIBUTES_CACHE_SECONDS", "0");
    let found = discovery.call(&[]);
    assert_eq!(
        lines(&found),
        [
            "n1/shop/blue 0: /shop/*1 /shop/admin/*1 at 10.0.0.1:3000 10.0.0.2:3000",
            "n1/shop/default 0: /*1 at "
        ]
    );
    blue.set(&[("NJ_ROUTE_PORT_2", "app:1")]);
    let found = discovery.call(&[]);
    let paths = |line: &String| line.contains("/shop/admin/*0");
    assert!(lines(&found).iter().any(paths), "{:?}", lines(&found));
}

const OPEN: &str = "/shop/*1";
const BOTH: &str = "/shop/*1 /shop/admin/*1";

/// Two services of two colors, of which blue alone closes a path below what both open.
fn blue_closes(registry: &Registry) -> [Service<'_>; 2] {
    let shop = |name: &str, color: &str, more: &[(&str, &str)]| {
        let common = [
            ("NJ_SERVICE", "shop"),
            ("NJ_COLOR", color),
            ("NJ_ROUTE_1", "/shop/"),
        ];
        registry.service(name, &[&common[..], more].concat())
    };
    let blue = shop("shop-1", "blue", &[("NJ_ROUTE_2", "-/shop/admin/")]);
    [blue, shop("shop-2", "green", &[])]
}

#[test]
fn a_service_whose_instances_all_have_the_color_of_another_one_goes_on_closing_its_paths() {
    let registry = Registry::new();
    let [blue, green] = blue_closes(&registry);
    on_track(&blue, "i-1", "10.0.0.1", "green");
    green.register("i-2", "10.0.0.2", 3000);
    let found = registry.discovery().env(COLOR, "track").call(&[]);
    assert_eq!(
        lines(&found),
        [
            format!("n1/shop/blue 0: {BOTH} at "),
            format!("n1/shop/green 0: {OPEN} at 10.0.0.1:3000 10.0.0.2:3000")
        ]
    );
}

#[test]
fn two_services_that_bring_in_one_color_go_on_closing_their_paths() {
    let registry = Registry::new();
    let [blue, green] = blue_closes(&registry);
    on_track(&blue, "i-1", "10.0.0.1", "red");
    on_track(&green, "i-2", "10.0.0.2", "red");
    let found = registry.discovery().env(COLOR, "track").call(&[]);
    let lines = lines(&found);
    assert_eq!(lines[0], format!("n1/shop/blue 0: {BOTH} at "));
    assert_eq!(lines[1], format!("n1/shop/green 0: {OPEN} at "));
    // Of what they say of red, only the one that both say is sure to be there.
    assert!(
        lines[2].starts_with("n1/shop/red 0: /shop/*1 ")
            && lines[2].ends_with("10.0.0.1:3000 10.0.0.2:3000"),
        "{lines:?}"
    );
    let admin = |route: &&Value| route["path-match"]["value"] == "/shop/admin/";
    let map = found.document.unwrap();
    let groups = map["namespaces"][0]["service-colors"].as_array().unwrap();
    let routes = groups.iter().filter_map(|group| group["routes"].as_array());
    let closed: Vec<&Value> = routes.flatten().filter(admin).collect();
    assert!(
        !closed.is_empty() && closed.iter().all(|route| route["default-access"] == false),
        "{map}"
    );
}
