//! Host and path as a service sees them. `/echo` says what it saw.

use super::{gateway, gateway_of, having, service};
use e2e::{
    http::Answer,
    maps::{namespace, prefix, service_color, with},
    mesh::{Backend, Proxy},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the service saw: `shop-blue: inside.test /echo?x=1`.
fn echoed(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    let echo: Value = serde_json::from_str(&answer.body).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (host, path, query) = (
        text(&echo["headers"]["host"]),
        text(&echo["path"]),
        text(&echo["query"]),
    );
    format!("{}: {host} {path}?{query}", answer.by())
}

fn all_echoed<const N: usize>(proxy: &Proxy, paths: [&str; N]) -> [String; N] {
    paths.map(|path| echoed(&proxy.get(path)))
}

#[test]
fn a_prefix_and_a_whole_path_are_replaced_and_a_regular_expression_is_not() {
    let shop = Backend::start_with("shop", "blue", &[("PATH_PREFIX", "/in")]);
    let route = |match_type: &str, path: &str, rewrite: &str| {
        let matched = json!({"match-type": match_type, "value": path});
        let route = with(prefix(""), json!({ "path-match": matched }));
        having(route, json!({ "prefix-rewrite": rewrite }))
    };
    let proxy = gateway(&[service(
        "shop",
        &[shop.port],
        &[
            prefix("/"),
            route("prefix", "/out/", "/in/"),
            route("exact", "/one", "/in/echo"),
            route("regex", "/in/[e]cho", "/elsewhere"),
        ],
    )]);
    assert_eq!(
        all_echoed(&proxy, ["/in/echo?x=1", "/out/echo?x=1", "/one?x=1"]),
        ["shop-blue: mesh.test /in/echo?x=1"; 3]
    );
}

#[test]
fn a_host_is_replaced_by_the_one_of_the_color_that_answers() {
    let backends = ["blue", "green"].map(|color| Backend::start("shop", color));
    let [blue, green] = &backends;
    let as_host = |host: &str| json!({ "host-rewrite": host });
    let proxy = gateway(&[
        having(
            service_color("shop", "blue", &[blue.port], &[prefix("/echo")]),
            as_host("blue.test"),
        ),
        having(
            service_color("shop", "green", &[green.port], &[prefix("/echo")]),
            as_host("green.test:8080"),
        ),
    ]);
    let got: BTreeSet<String> = (0..40).map(|_| echoed(&proxy.get("/echo"))).collect();
    let expected = [
        "shop-blue: blue.test /echo?",
        "shop-green: green.test:8080 /echo?",
    ];
    assert_eq!(got, expected.map(str::to_owned).into());
}

#[test]
fn a_route_s_property_counts_before_the_service_s_and_that_before_the_namespace_s() {
    let shop = Backend::start("shop", "blue");
    let ports = [shop.port];
    let as_host = |host: &str| json!({ "host-rewrite": host });
    let route = |path: &str, host: Option<&str>| {
        let host = host.map_or(json!({}), as_host);
        super::mounted(path, host)
    };
    let own = having(
        service(
            "own",
            &ports,
            &[
                route("/service/", None),
                route("/route/", Some("route.test")),
                // A value that Envoy would refuse counts as none.
                route("/bad/", Some("a b")),
            ],
        ),
        as_host("service.test"),
    );
    let other = service("other", &ports, &[route("/namespace/", None)]);
    let namespace = namespace("n1", &[own, other]);
    let proxy = gateway_of(&having(namespace, as_host("namespace.test")));
    let got = all_echoed(
        &proxy,
        [
            "/namespace/echo",
            "/service/echo",
            "/route/echo",
            "/bad/echo",
        ],
    );
    let hosts = ["namespace", "service", "route", "service"];
    assert_eq!(
        got,
        hosts.map(|host| format!("shop-blue: {host}.test /echo?"))
    );
}
