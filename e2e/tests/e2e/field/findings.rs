//! Every kind of finding in a map, as `nightjar validate` tells it.

use super::{
    Tool, exact, finds, having, if_header, matching, private,
    validate::{ROUTE, SHOP, added, routed},
    weighing,
};
use e2e::maps::{prefix, with};
use serde_json::{Value, json};

/// The member `properties` with one property.
fn property(name: &str, value: &str) -> Value {
    json!({"properties": {name: value}})
}

/// A map, where a warning about it points, and what it has to say.
type Case = (Value, &'static str, &'static [&'static str]);

/// Checks that each is valid, that the warning is told in both formats, and that `--strict` turns
/// it into a failure.
fn all_warned_of(cases: Vec<Case>) {
    for (map, at, words) in cases {
        let tool = Tool::with(&map);
        let report = tool.report();
        assert_eq!(report["valid"], true, "{words:?}: {report:#}");
        assert_eq!(report["faults"], json!([]), "{words:?}");
        assert!(
            finds(&report["warnings"], at, words),
            "{words:?}: {report:#}"
        );

        let outcome = tool.run(&["validate", "map.json"]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(
            outcome.stdout.starts_with("map.json: discovery-map, valid"),
            "{outcome:?}"
        );
        let line = outcome.stdout.lines().find(|line| {
            line.starts_with(&format!("map.json: {at}"))
                && line.contains("warning: ")
                && words.iter().all(|word| line.contains(word))
        });
        let line = line.unwrap_or_else(|| panic!("{at} {words:?}: {outcome:?}"));
        if at.starts_with(SHOP) {
            assert!(line.contains(" (shop/blue in store): warning: "), "{line}");
        }
        let strict = tool.run(&["validate", "--strict", "map.json"]);
        assert_eq!(strict.code, Some(1), "{words:?}: {strict:?}");
    }
}

#[test]
fn what_a_reader_does_not_know_is_named_with_what_it_may_mean() {
    let header = |members: Value| {
        let route = if_header(prefix("/shop/"), "x", "exact", "1");
        let header = with(route["headers"][0].clone(), members);
        routed(with(route, json!({"headers": [header]})))
    };
    let query = |name: &str| {
        let parameter = json!({"parameter-name": "q", "match-type": "exact", "value": "1"});
        let parameter = with(parameter, json!({name: false}));
        routed(with(
            prefix("/shop/"),
            json!({"query-parameters": [parameter]}),
        ))
    };
    let canary = json!([{"header-name": "x-canary", "match-type": "exact", "value": "yes"}]);
    all_warned_of(vec![
        (
            added(ROUTE, json!({"headres": canary})),
            ROUTE,
            &["\"headres\"", "\"headers\""],
        ),
        (
            added(ROUTE, json!({"query_parameters": []})),
            ROUTE,
            &["\"query_parameters\"", "\"query-parameters\""],
        ),
        (
            added(
                "/namespaces/0/service-colors/0/routes/0/path-match",
                json!({"case-sensitve": false}),
            ),
            "/namespaces/0/service-colors/0/routes/0/path-match",
            &["\"case-sensitve\"", "\"case-sensitive\""],
        ),
        (
            header(json!({"inverted": true})),
            "/namespaces/0/service-colors/0/routes/0/headers/0",
            &["\"inverted\"", "\"invert\""],
        ),
        (
            query("case_sensitive"),
            "/namespaces/0/service-colors/0/routes/0/query-parameters/0",
            &["\"case_sensitive\"", "\"case-sensitive\""],
        ),
        (
            added("/namespaces/0/gateways", json!({"prefer_gateway": true})),
            "/namespaces/0/gateways",
            &["\"prefer_gateway\"", "\"prefer-gateway\""],
        ),
        (
            added(SHOP, json!({"protocl": "HTTP2"})),
            SHOP,
            &["\"protocl\"", "\"protocol\""],
        ),
        (
            added("/namespaces/0", json!({"network-ID": "n"})),
            "/namespaces/0",
            &["\"network-ID\"", "\"network-id\""],
        ),
        // Near nothing, and named all the same.
        (added(SHOP, json!({"replicas": 3})), SHOP, &["\"replicas\""]),
        (added("", json!({"comment": "ours"})), "", &["\"comment\""]),
    ]);
}

#[test]
fn properties_that_do_nothing_are_named() {
    let of_route = |name: &str, value: &str| added(ROUTE, property(name, value));
    let of_service = |name: &str, value: &str| added(SHOP, property(name, value));
    all_warned_of(vec![
        (of_route("time-out", "3s"), ROUTE, &["time-out", "timeout"]),
        (
            of_service("max-conections", "5"),
            SHOP,
            &["max-conections", "max-connections"],
        ),
        (of_route("timeout", "5"), ROUTE, &["timeout", "5"]),
        (
            of_service("num-retries", "many"),
            SHOP,
            &["num-retries", "many"],
        ),
        (
            of_service("lb-policy", "FAIREST"),
            SHOP,
            &["lb-policy", "FAIREST"],
        ),
        // They are of the connections to a service, which all of its routes share.
        (
            of_route("connect-timeout", "1s"),
            ROUTE,
            &["connect-timeout"],
        ),
        (of_route("max-requests", "1"), ROUTE, &["max-requests"]),
        (
            of_route("outlier-connect-failures", "1"),
            ROUTE,
            &["outlier-connect-failures"],
        ),
    ]);
}

#[test]
fn what_a_proxy_takes_from_its_own_environment_alone_is_named() {
    for (name, value) in [
        ("trusted-hops", "1"),
        ("stats-port", "9902"),
        ("trace-to", "otlp://collector.test:4317"),
        ("statsd-to", "statsd.test:8125"),
        ("access-log-format", "%PATH%"),
        ("access-log", "none"),
    ]
    .into_iter()
    .filter(|(name, _)| nightjar_core::context::properties::documented(name).is_some())
    {
        for at in ["/namespaces/0", SHOP] {
            let tool = Tool::with(&added(at, property(name, value)));
            let report = tool.report();
            assert_eq!(report["valid"], true, "{report:#}");
            assert!(
                finds(&report["warnings"], at, &[name]),
                "{name}: {report:#}"
            );
        }
    }
    let json_log = added("/namespaces/0", property("access-log", "json"));
    assert_eq!(Tool::with(&json_log).report()["warnings"], json!([]));
}

#[test]
fn namespaces_that_the_map_does_not_have_are_named() {
    let access = |is_open: bool| {
        let entry = json!([{"namespace": "bnak", "access": is_open}]);
        let members = json!({"default-access": !is_open, "namespace-access": entry});
        routed(with(prefix("/shop/"), members))
    };
    let interface = json!({"ipv4": "127.0.0.1", "port": 4100});
    let egress = json!({"namespace-egress": [{"namespace": "bnak", "interface": interface}]});
    let at = "/namespaces/0/service-colors/0/routes/0/namespace-access/0";
    all_warned_of(vec![
        (access(true), at, &["bnak", "bank"]),
        (access(false), at, &["bnak", "bank"]),
        (
            added(SHOP, egress),
            "/namespaces/0/service-colors/0/namespace-egress/0",
            &["bnak", "bank"],
        ),
    ]);
}

#[test]
fn conditions_that_do_not_mean_what_they_say_are_named() {
    let parameter = json!({"query-parameters": [
        {"parameter-name": "q", "match-type": "present", "value": "yes"}
    ]});
    all_warned_of(vec![
        (
            routed(if_header(prefix("/shop/"), "x-canary", "present", "yes")),
            "/namespaces/0/service-colors/0/routes/0/headers/0",
            &["present", "yes"],
        ),
        (
            routed(with(prefix("/shop/"), parameter)),
            "/namespaces/0/service-colors/0/routes/0/query-parameters/0",
            &["present", "yes"],
        ),
    ]);
}

#[test]
fn paths_that_do_not_mean_what_they_say_are_named() {
    let at = "/namespaces/0/service-colors/0/routes/0/path-match";
    all_warned_of(vec![
        // No request has these.
        (routed(prefix("shop/")), at, &["shop/"]),
        (routed(exact("/s?x=1")), at, &["/s?x=1"]),
        (routed(prefix("/f#x")), at, &["/f#x"]),
        (routed(prefix("/a;b/")), at, &["/a;b/"]),
        (routed(prefix("/../up/")), at, &["/../up/"]),
        (routed(prefix(" /space/")), at, &[" /space/"]),
        // People mean a pattern.
        (routed(prefix("/orders/*")), at, &["/orders/*"]),
        (routed(prefix("/users/{id}/")), at, &["/users/{id}/"]),
        (routed(exact("/items/:id")), at, &["/items/:id"]),
        (routed(prefix("/v[0-9]+/")), at, &["/v[0-9]+/"]),
        (routed(private(prefix("/internal/*"))), at, &["/internal/*"]),
        // It cannot begin with a slash.
        (routed(matching("regex", "shop/.*")), at, &["shop/.*"]),
    ]);
}

#[test]
fn what_is_in_order_is_not_warned_of() {
    for route in [
        prefix("/"),
        prefix(""),
        prefix("/größen//x/../y/"),
        prefix("/a+b/%40/~c/"),
        exact("/time/12:30"),
        matching("regex", "/orders/[0-9]+(/.*)?"),
        matching("regex", ".*/x"),
        matching("regex", "(?i)/shop/.*"),
        matching("regex", "(/a|/b)/.*"),
        weighing(prefix("/shop/"), 0),
        weighing(prefix("/shop/"), 32767),
        if_header(prefix("/shop/"), "x", "present", ""),
        having(
            prefix("/shop/"),
            json!({"timeout": "5s", "our-own-property": "x"}),
        ),
    ] {
        let tool = Tool::with(&routed(route.clone()));
        let report = tool.report();
        let found = (&report["valid"], &report["faults"], &report["warnings"]);
        assert_eq!(found, (&json!(true), &json!([]), &json!([])), "{route}");
        for arguments in [
            &["validate", "map.json"][..],
            &["validate", "--strict", "map.json"],
        ] {
            let outcome = tool.run(arguments);
            let told = "map.json: discovery-map, valid\n";
            assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), told));
        }
    }
}
