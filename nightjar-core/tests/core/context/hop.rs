//! The way to a namespace that prefers to be called through its gateways.

use super::{map, namespace, private, route, service_color, sidecar, warnings, with};
use nightjar_core::{context::proxy_input, document::discovery_map::DiscoveryMap};
use serde_json::{Value, json};

/// `n1`, which calls `n2` on port 3001, and `n2`, which prefers its gateways.
fn mesh(service_colors: &[Value], extra: &Value) -> DiscoveryMap {
    let egress = json!([{ "namespace": "n2", "interface": { "ipv4": "127.0.0.1", "port": 3001 } }]);
    let caller = service_color("me", "me", &[], &json!({ "namespace-egress": egress }));
    let gateways = json!({ "gateways": {
        "prefer-gateway": true, "instances": [{ "ipv4": "10.0.0.9", "port": 80 }]
    } });
    let other = with(with(namespace("n2", service_colors), &gateways), extra);
    map(&[namespace("n1", &[caller]), other])
}

/// The routes to `n2`, each with its cluster.
fn routes(map: &DiscoveryMap) -> Vec<(String, String)> {
    let mut listeners = proxy_input(map, &sidecar("me", "me"))
        .unwrap()
        .input
        .listeners;
    let routes = listeners.remove(1).routes.into_iter();
    routes
        .map(|route| (route.route_path, route.clusters[0].cluster_name.clone()))
        .collect()
}

#[test]
fn a_merged_route_is_reachable_only_if_all_its_public_members_are() {
    let closed = json!({ "namespace-access": [{ "namespace": "n1", "access": false }] });
    let open_to_us = json!({ "namespace-access": [{ "namespace": "n1", "access": true }] });
    let one = |color: &str, route: Value| service_color("bank", color, &[route], &json!({}));
    let gateway = ("/".to_owned(), "remote-n2-gateway".to_owned());
    let denied = ("/pay/".to_owned(), "nightjar-denied".to_owned());
    let public = || route("/pay/", &json!({}));
    let said = "namespace `n2`, service-color `bank/blue`, index 3000: route `/pay/` is denied: requests for it go \
                through the gateways, which do not know the caller, and not every service-color that shares it is open to namespace `n1`";
    for (blue, green, is_denied, is_told) in [
        (public(), public(), false, false),
        (public(), route("/pay/", &closed), true, true),
        (
            route("/pay/", &closed),
            route("/pay/", &closed),
            true,
            false,
        ),
        // What is not public the gateways do not serve.
        (public(), private("/pay/", &json!({})), false, false),
        (public(), private("/pay/", &open_to_us), false, false),
    ] {
        // Something is open to us in any case.
        let wide = service_color("wide", "blue", &[route("/", &json!({}))], &json!({}));
        let map = mesh(&[one("blue", blue), one("green", green), wide], &json!({}));
        let mut expected = vec![gateway.clone()];
        if is_denied {
            expected.insert(0, denied.clone());
        }
        assert_eq!(routes(&map), expected);
        let expected: &[&str] = if is_told { &[said] } else { &[] };
        assert_eq!(warnings(&map, &sidecar("me", "me")), expected);
    }
}

/// The properties of the way to `n2` that has these and these routes.
fn hop(namespace: &Value, routes: &[Value]) -> Value {
    let map = mesh(
        &[service_color("bank", "blue", routes, &json!({}))],
        &json!({ "properties": namespace }),
    );
    let input = proxy_input(&map, &sidecar("me", "me")).unwrap().input;
    let route = &input.listeners[1].routes[0];
    let mut clusters = input.clusters.iter();
    let cluster = clusters.find(|cluster| cluster.is_gateway).unwrap();
    assert_eq!(route.properties, cluster.properties);
    json!(route.properties)
}

fn says(path: &str, properties: &Value) -> Value {
    route(path, &json!({ "properties": properties }))
}

#[test]
fn what_the_gateways_do_is_neither_done_before_them_too_nor_cut_off() {
    for (namespace, routes, expected) in [
        (
            json!({
                "request-header-set-x-a": "1", "response-header-set-x-a": "1", "request-header-remove": "x-b",
                "response-header-remove": "x-b", "redirect-to": "https:", "cors-origins": "*",
                "rate-limit": "1/s", "abort-status": "503", "abort-percent": "1", "delay-percent": "1",
                "mirror-to": "bank/blue", "mirror-percent": "1", "retry-statuses": "503",
                "retry-back-off": "1s", "retry-on": "5xx", "request-header-free": "1",
            }),
            vec![says("/a/", &json!({}))],
            json!({ "retry-on": "5xx", "request-header-free": "1" }),
        ),
        // They begin to count when the longest delay is over.
        (
            json!({ "delay": "1s" }),
            vec![
                says(
                    "/a/",
                    &json!({ "delay": "2500ms", "per-try-timeout": "1s" }),
                ),
                says("/b/", &json!({ "timeout": "16s", "per-try-timeout": "1s" })),
            ],
            json!({ "timeout": "18.5s", "idle-timeout": "302.5s", "per-try-timeout": "3.5s" }),
        ),
    ] {
        assert_eq!(hop(&namespace, &routes), expected, "{namespace} {routes:?}");
    }
}

/// What one color says of a route is added to what another says of it, as at the gateways.
#[test]
fn the_delay_of_one_member_is_added_to_the_time_out_of_another() {
    let member = |color: &str, weight: u16, properties: Value| {
        let shared = json!({ "weight": weight, "properties": properties });
        service_color("bank", color, &[route("/pay/", &shared)], &json!({}))
    };
    let members = [
        member("blue", 10, json!({ "timeout": "60s" })),
        member("green", 1, json!({ "delay": "30s" })),
    ];
    let input = proxy_input(&mesh(&members, &json!({})), &sidecar("me", "me"))
        .unwrap()
        .input;
    assert_eq!(
        json!(input.listeners[1].routes[0].properties),
        json!({ "timeout": "90s", "idle-timeout": "330s" })
    );
}

#[test]
fn nothing_on_the_way_rewrites_or_cuts_shorter_than_the_routes_behind() {
    let silent = || says("/a/", &json!({}));
    for (namespace, routes, expected) in [
        (json!({}), vec![silent()], json!({})),
        (
            json!({
                "prefix-rewrite": "/x/", "host-rewrite": "x", "health-check-path": "/up",
                "connect-timeout": "1s", "team": "red"
            }),
            vec![silent()],
            json!({
                "health-check-path": "/___health_check___", "connect-timeout": "1s", "team": "red"
            }),
        ),
        // The longest counts, what nobody says included.
        (
            json!({}),
            vec![
                says("/a/", &json!({ "timeout": "20s" })),
                says("/b/", &json!({ "timeout": "1m" })),
            ],
            json!({ "timeout": "60s" }),
        ),
        (
            json!({}),
            vec![
                says("/a/", &json!({ "timeout": "1s" })),
                says("/b/", &json!({})),
            ],
            json!({ "timeout": "15s" }),
        ),
        (
            json!({ "timeout": "5s" }),
            vec![silent()],
            json!({ "timeout": "5s" }),
        ),
        (
            json!({ "timeout": "5s" }),
            vec![silent(), says("/b/", &json!({ "timeout": "0s" }))],
            json!({ "timeout": "0s" }),
        ),
        (
            json!({}),
            vec![silent(), says("/b/", &json!({ "idle-timeout": "1h" }))],
            json!({ "idle-timeout": "3600s" }),
        ),
        (
            json!({}),
            vec![silent(), says("/b/", &json!({ "idle-timeout": "1s" }))],
            json!({ "idle-timeout": "300s" }),
        ),
        // No try may be cut shorter than the longest, and who says none has no limit.
        (
            json!({}),
            vec![
                says("/a/", &json!({ "per-try-timeout": "1s" })),
                says("/b/", &json!({ "per-try-timeout": "3s" })),
            ],
            json!({ "per-try-timeout": "3s" }),
        ),
        (
            json!({ "per-try-timeout": "1s" }),
            vec![silent()],
            json!({ "per-try-timeout": "1s" }),
        ),
        (
            json!({}),
            vec![silent(), says("/b/", &json!({ "per-try-timeout": "3s" }))],
            json!({}),
        ),
        // What is private does not lead through the gateways.
        (
            json!({}),
            vec![
                silent(),
                private("/b/", &json!({ "properties": { "timeout": "1h" } })),
            ],
            json!({}),
        ),
    ] {
        assert_eq!(hop(&namespace, &routes), expected, "{namespace} {routes:?}");
    }
}

#[test]
fn what_gateways_take_away_from_a_request_leads_past_nothing() {
    // The gateways drop or overwrite these headers, so they see a request that is denied to us.
    for name in ["x_y", "x-forwarded-proto"] {
        let asked =
            json!({ "headers": [{ "header-name": name, "match-type": "exact", "value": "1" }] });
        let closed = json!({ "namespace-access": [{ "namespace": "n1", "access": false }] });
        let one = |color: &str, route: Value| service_color("bank", color, &[route], &json!({}));
        let map = mesh(
            &[
                one("blue", route("/pay/", &asked)),
                one("green", route("/pay/", &closed)),
            ],
            &json!({}),
        );
        let expected = [("/pay/", "nightjar-denied"), ("/", "remote-n2-gateway")];
        let expected = expected.map(|(path, cluster)| (path.to_owned(), cluster.to_owned()));
        assert_eq!(routes(&map), expected, "{name}");
    }
}
