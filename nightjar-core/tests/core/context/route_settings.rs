//! What the properties of a route say, as templates get it.

use super::{gateway, gateway_routes, map, namespace, route, service_color, warnings, with};
use nightjar_core::document::{discovery_map::DiscoveryMap, proxy_input::Route};
use serde_json::{Value, json};

/// A map with one route `/shop/` of `shop/blue`, with properties on each level.
fn mesh(route_says: &Value, service_color_says: &Value, namespace_says: &Value) -> DiscoveryMap {
    let shop = route("/shop/", &json!({ "properties": route_says }));
    let says = |properties: &Value| json!({ "properties": properties });
    let shop = service_color("shop", "blue", &[shop], &says(service_color_says));
    // Without a share, for copies.
    let idle = route("/copy/", &json!({ "weight": 0 }));
    let copy = service_color("copy", "blue", &[idle], &json!({}));
    map(&[with(namespace("n1", &[shop, copy]), &says(namespace_says))])
}

/// The route `/shop/` at the gateway.
fn shop_route(map: &DiscoveryMap) -> Route {
    let mut routes = gateway_routes(map).into_iter();
    routes.find(|route| route.route_path == "/shop/").unwrap()
}

/// What templates get of a route's properties.
fn settings(route: &Route) -> Value {
    let mut all = json!(route);
    let names = [
        "request_headers",
        "response_headers",
        "redirect",
        "has_filter_config",
        "cors",
        "fault",
        "rate_limit",
        "mirror",
        "has_retry_statuses",
        "retry_statuses",
        "retry_back_off",
    ];
    let object = all.as_object_mut().unwrap();
    object.retain(|name, _| names.contains(&name.as_str()));
    all
}

/// The same of the route `/shop/` that says these properties, of which nothing is told.
fn taken_apart(properties: &Value) -> Value {
    let map = mesh(properties, &json!({}), &json!({}));
    assert_eq!(warnings(&map, &gateway()), [""; 0], "{properties}");
    settings(&shop_route(&map))
}

#[test]
fn a_route_that_says_nothing_is_no_longer_than_it_was() {
    assert_eq!(taken_apart(&json!({ "timeout": "5s" })), json!({}));
}

#[test]
fn properties_come_taken_apart() {
    for (properties, expected) in [
        (
            json!({ "rate-limit": "5/m" }),
            json!({
                "has_filter_config": true,
                "rate_limit": { "max_tokens": 5, "tokens_per_fill": 5, "fill_interval": "60s" },
            }),
        ),
        (
            json!({ "cors-origins": "https://A.example:443, *" }),
            json!({
                "has_filter_config": true,
                "cors": { "origins": [
                    { "origin": "https://a.example", "is_first": true, "is_last": false },
                    { "origin": "*", "is_first": false, "is_last": true },
                ] },
            }),
        ),
        (
            json!({ "abort-status": "503", "abort-percent": "0.5" }),
            json!({
                "has_filter_config": true,
                "fault": {
                    "has_abort": true, "abort_status": 503, "abort_per_million": 5000,
                    "has_delay": false, "delay": "", "delay_per_million": 0,
                },
            }),
        ),
        (
            json!({ "delay": "1500ms" }),
            json!({
                "has_filter_config": true,
                "fault": {
                    "has_abort": false, "abort_status": 0, "abort_per_million": 0,
                    "has_delay": true, "delay": "1.5s", "delay_per_million": 1_000_000,
                },
            }),
        ),
        (
            json!({ "retry-statuses": "502, 503", "retry-back-off": "100ms..2s" }),
            json!({
                "has_retry_statuses": true,
                "retry_statuses": [
                    { "status": 502, "is_first": true, "is_last": false },
                    { "status": 503, "is_first": false, "is_last": true },
                ],
                "retry_back_off": { "base": "0.1s", "has_max": true, "max": "2s" },
            }),
        ),
        (
            json!({ "redirect-to": "308 https://a.example:8443/new/" }),
            json!({ "redirect": {
                "status": 308, "response_code": "PERMANENT_REDIRECT", "has_scheme": true, "scheme": "https",
                "has_host": true, "host": "a.example:8443", "has_path": true, "path": "/new/",
            } }),
        ),
        (
            json!({
                "request-header-set-X-Team": " 100% red ", "request-header-remove": "X-A,x-b",
                "response-header-remove": "x-c",
            }),
            json!({
                "request_headers": {
                    "has_set": true,
                    "set": [{ "name": "x-team", "value": "100%% red", "is_first": true, "is_last": true }],
                    "has_remove": true,
                    "remove": [
                        { "name": "x-a", "is_first": true, "is_last": false },
                        { "name": "x-b", "is_first": false, "is_last": true },
                    ],
                },
                "response_headers": {
                    "has_set": false, "set": [], "has_remove": true,
                    "remove": [{ "name": "x-c", "is_first": true, "is_last": true }],
                },
            }),
        ),
    ] {
        assert_eq!(taken_apart(&properties), expected, "{properties}");
    }
}

#[test]
fn a_header_has_no_case_on_any_level() {
    let set = |name: &str, value: &str| json!({ format!("request-header-set-{name}"): value });
    let map = mesh(
        &set("x-team", "route"),
        &set("X-TEAM", "service"),
        &with(set("X-Team", "namespace"), &set("X-Other", "namespace")),
    );
    assert_eq!(warnings(&map, &gateway()), [""; 0]);
    let headers = shop_route(&map).request_headers.unwrap();
    let set: Vec<_> = headers
        .set
        .iter()
        .map(|header| (&*header.name, &*header.value))
        .collect();
    assert_eq!(set, [("x-other", "namespace"), ("x-team", "route")]);

    // On one level, the first in text order counts.
    let twice = json!({ "request-header-set-X-Team": "A", "request-header-set-x-team": "b" });
    let map = mesh(&twice, &json!({}), &json!({}));
    let headers = shop_route(&map).request_headers.unwrap();
    assert_eq!((headers.set.len(), &*headers.set[0].value), (1, "A"));
    assert_eq!(
        warnings(&map, &gateway()),
        [
            "namespace `n1`, service-color `shop/blue`, index 3000, route `/shop/`: property \
             `request-header-set-x-team` is left out: another one sets the same header; remove one of them"
        ]
    );
}

#[test]
fn what_is_not_in_its_form_is_left_out_and_told_and_an_outer_level_holds() {
    let place = "namespace `n1`, service-color `shop/blue`, index 3000, route `/shop/`";
    for (name, bad, good, reason) in [
        (
            "rate-limit",
            "0/s",
            "5/s",
            "`0/s` is not a number of requests with `/s`, `/m` or `/h`, such as `100/s`, at least 1",
        ),
        (
            "cors-origins",
            "https://a.example/",
            "*",
            "`https://a.example/` is not a comma-separated list of origins such as `https://shop.example`, \
             without a path, or `*`",
        ),
        (
            "abort-status",
            "600",
            "500",
            "`600` is not a status from 200 to 599",
        ),
        (
            "delay",
            "0s",
            "1s",
            "`0s` is not a duration of at least 1ms, such as `250ms`, `1.5s`, `2m` or `1h`",
        ),
        (
            "request-header-remove",
            "host",
            "x-a",
            "`host` is not a comma-separated list of header names, without `host`, `server`, `x-envoy-…` and \
             those of one connection, such as `connection`",
        ),
        (
            "response-header-set-x-a",
            "",
            "1",
            "`` is not a text of 1 to 8192 bytes",
        ),
    ] {
        let map = mesh(&json!({ name: bad }), &json!({}), &json!({ name: good }));
        let expected = format!("{place}: property `{name}` is left out: {reason}");
        assert_eq!(warnings(&map, &gateway()), [expected]);
        let route = shop_route(&map);
        assert_eq!(
            settings(&route),
            taken_apart(&json!({ name: good })),
            "{name}"
        );
    }
    for (header, reason) in [
        ("a b", "is not the name of a header"),
        (":path", "is not the name of a header"),
        ("", "is not the name of a header"),
        (
            "Host",
            "is the host that was asked, which property `host-rewrite` replaces",
        ),
        ("x-envoy-retry-on", "is Envoy's own"),
        ("Connection", "belongs to one connection"),
        ("server", "is written by Envoy itself"),
    ] {
        let name = format!("response-header-set-{header}");
        let map = mesh(&json!({ &name: "1" }), &json!({}), &json!({}));
        let expected = format!(
            "{place}: property `{name}` is left out: `{header}` {reason}; name another header"
        );
        assert_eq!(warnings(&map, &gateway()), [expected]);
        assert_eq!(settings(&shop_route(&map)), json!({}));
    }
}

#[test]
fn a_share_needs_what_it_is_a_share_of() {
    let shop = "namespace `n1`, service-color `shop/blue`, index 3000";
    for (share, partner, value) in [
        ("abort-percent", "abort-status", "503"),
        ("delay-percent", "delay", "1s"),
        ("mirror-percent", "mirror-to", "copy/blue"),
    ] {
        let alone = json!({ share: "5" });
        let expected = format!(
            "{shop}: property `{share}` has no effect on route `/shop/`; it needs property `{partner}`"
        );
        let map = mesh(&alone, &json!({}), &json!({}));
        assert_eq!(warnings(&map, &gateway()), [expected]);
        // One for all routes, of which some have what it is a share of.
        let map = mesh(&json!({}), &json!({}), &alone);
        assert_eq!(warnings(&map, &gateway()), [""; 0]);
        let map = mesh(&json!({ partner: value }), &json!({}), &alone);
        assert_eq!(warnings(&map, &gateway()), [""; 0]);
    }
}

#[test]
fn what_a_redirect_makes_useless_is_told_where_both_are_said() {
    let shop = "namespace `n1`, service-color `shop/blue`, index 3000";
    let useless = |name: &str| {
        format!(
            "{shop}: property `{name}` has no effect on route `/shop/`, whose requests are redirected; \
             remove it, or `redirect-to`"
        )
    };
    let says = json!({
        "redirect-to": "https:", "timeout": "5s", "cors-origins": "*", "mirror-to": "shop/blue", "request-header-set-x": "1",
        // These hold for redirects too.
        "response-header-set-x": "1", "rate-limit": "5/s", "abort-status": "503",
    });
    let map = mesh(
        &says,
        &json!({ "num-retries": "1" }),
        &json!({ "hash-on": "source-ip" }),
    );
    assert_eq!(
        warnings(&map, &gateway()),
        [
            "cors-origins",
            "mirror-to",
            "num-retries",
            "request-header-set-x",
            "timeout"
        ]
        .map(useless)
    );
    assert_eq!(shop_route(&map).mirror, None);
    let map = mesh(&json!({ "redirect-to": "/new" }), &json!({}), &json!({}));
    let joint = "property `redirect-to` replaces `/shop/` with `/new` as plain text, but only one of them ends with \
                 `/`; end both with `/`, or neither";
    assert_eq!(warnings(&map, &gateway()), [format!("{shop}: {joint}")]);
}

#[test]
fn a_nearer_level_that_removes_a_header_takes_the_outer_one_s_value_away() {
    for way in ["request", "response"] {
        let (set, remove) = (
            format!("{way}-header-set-x-team"),
            format!("{way}-header-remove"),
        );
        let (sets, removes) = (json!({ &set: "red" }), json!({ &remove: "X-Team" }));
        let none = json!({});
        for (route_says, service_color_says, namespace_says, is_set, is_removed) in [
            (&removes, &none, &sets, false, true),
            (&removes, &sets, &none, false, true),
            (&none, &removes, &sets, false, true),
            // What is nearer sets it in place of what the caller sent.
            (&sets, &none, &removes, true, true),
            (&sets, &removes, &none, true, true),
        ] {
            let map = mesh(route_says, service_color_says, namespace_says);
            assert_eq!(warnings(&map, &gateway()), [""; 0]);
            let changes = json!(shop_route(&map))[format!("{way}_headers")].take();
            let found = (&changes["has_set"], &changes["has_remove"]);
            assert_eq!(found, (&json!(is_set), &json!(is_removed)), "{changes}");
        }
        let both = with(sets, &removes);
        assert_eq!(
            warnings(&mesh(&both, &none, &none), &gateway()),
            [format!(
                "namespace `n1`, service-color `shop/blue`, index 3000, route `/shop/`: property `{remove}` has no \
                 effect on header `x-team`, which `{set}` sets; remove one of them"
            )]
        );
    }
}
