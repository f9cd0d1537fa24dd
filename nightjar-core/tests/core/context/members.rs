//! The service-colors that share a route: who answers, and what holds for the route.

use super::{
    gateway, gateway_routes, map, namespace, route, service_color, sidecar, warnings, with,
};
use nightjar_core::{context::proxy_input, document::discovery_map::DiscoveryMap};
use serde_json::{Value, json};

/// A service-color `shop/<color>` that shares the route `/shop/`.
fn member(color: &str, weight: u16, properties: &Value) -> Value {
    let shared = route(
        "/shop/",
        &json!({ "weight": weight, "properties": properties }),
    );
    service_color("shop", color, &[shared], &json!({}))
}

fn mesh(service_colors: &[Value]) -> DiscoveryMap {
    map(&[namespace("n1", service_colors)])
}

/// The clusters of the gateway's only route, with their weights.
fn shares(map: &DiscoveryMap) -> Vec<(String, u64)> {
    let mut routes = gateway_routes(map);
    assert_eq!(routes.len(), 1);
    let clusters = routes.remove(0).clusters.into_iter();
    clusters
        .map(|cluster| (cluster.cluster_name, cluster.route_weight))
        .collect()
}

fn pairs(shares: &[(&str, u64)]) -> Vec<(String, u64)> {
    shares
        .iter()
        .map(|(name, weight)| ((*name).to_owned(), *weight))
        .collect()
}

#[test]
fn who_has_no_weight_or_no_endpoints_has_no_share_while_another_can_answer() {
    let none = json!({});
    let empty =
        |color: &str, weight| with(member(color, weight, &none), &json!({ "instances": [] }));
    let (blue, green) = ("c-shop-blue-3000", "c-shop-green-3000");
    for (members, expected) in [
        (
            vec![member("blue", 2, &none), member("green", 0, &none)],
            vec![(blue, 2)],
        ),
        (
            vec![empty("blue", 2), member("green", 3, &none)],
            vec![(green, 3)],
        ),
        // Nobody can answer: the route stays with those who have a weight.
        (
            vec![empty("blue", 2), member("green", 0, &none)],
            vec![(blue, 2)],
        ),
        (
            vec![empty("blue", 2), empty("green", 3)],
            vec![(blue, 2), (green, 3)],
        ),
        (
            vec![member("blue", 0, &none), empty("green", 0)],
            vec![("nightjar-unavailable", 1)],
        ),
        (
            vec![member("blue", 0, &none)],
            vec![("nightjar-unavailable", 1)],
        ),
    ] {
        assert_eq!(shares(&mesh(&members)), pairs(&expected));
    }
    // A wider route does not get what it had.
    let wide = service_color("wide", "blue", &[route("/", &none)], &none);
    let map = mesh(&[member("blue", 0, &none), wide]);
    let input = proxy_input(&map, &gateway()).unwrap().input;
    let seen: Vec<_> = input.listeners[0]
        .routes
        .iter()
        .map(|route| (&*route.route_path, &*route.clusters[0].cluster_name))
        .collect();
    assert_eq!(
        seen,
        [
            ("/shop/", "nightjar-unavailable"),
            ("/", "c-wide-blue-3000")
        ]
    );
    let clusters: Vec<_> = input
        .clusters
        .iter()
        .map(|cluster| (&*cluster.name, cluster.has_endpoints))
        .collect();
    assert_eq!(
        clusters,
        [
            ("c-shop-blue-3000", true),
            ("c-wide-blue-3000", true),
            ("nightjar-unavailable", false)
        ]
    );
}

#[test]
fn the_same_route_twice_in_one_group_counts_once() {
    let twice = |left: &Value, right: &Value| {
        let routes = [route("/shop/", left), route("/shop/", right)];
        mesh(&[service_color("shop", "blue", &routes, &json!({}))])
    };
    let said = "namespace `n1`, service-color `shop/blue`, index 3000: route `/shop/` appears twice with different weights \
                or properties; it counts once, with the greatest weight";
    let timeout = |weight: u16, timeout: &str| json!({ "weight": weight, "properties": { "timeout": timeout } });
    for (left, right, weight, holds, is_told) in [
        (timeout(2, "1s"), timeout(2, "1s"), 2, "1s", false),
        (timeout(2, "1s"), timeout(5, "1s"), 5, "1s", true),
        (timeout(2, "1s"), timeout(5, "9s"), 5, "9s", true),
        (timeout(2, "9s"), timeout(2, "1s"), 2, "1s", true),
        (timeout(0, "9s"), timeout(2, "1s"), 2, "1s", true),
    ] {
        for (left, right) in [(&left, &right), (&right, &left)] {
            let map = twice(left, right);
            assert_eq!(shares(&map), pairs(&[("c-shop-blue-3000", weight)]));
            assert_eq!(gateway_routes(&map)[0].properties["timeout"], holds);
            let expected = if is_told {
                vec![said.to_owned()]
            } else {
                Vec::new()
            };
            assert_eq!(warnings(&map, &gateway()), expected);
        }
    }
}

#[test]
fn what_members_say_of_a_route_is_what_the_greatest_weight_says() {
    let says = |timeout: &str| json!({ "timeout": timeout });
    let nothing = json!({});
    let port = |index: u16, weight: u16, properties: &Value| {
        with(
            member("blue", weight, properties),
            &json!({ "index": index }),
        )
    };
    let told = |words: &str, winner: &str| {
        vec![format!(
            "namespace `n1`: route `/shop/` has different values for property `timeout`: {words}; {winner}, \
             which has the greatest weight, is used for all"
        )]
    };
    let (blue, green) = ("`1s` from `shop/blue`", "`2s` from `shop/green`");
    let both = format!("{blue}, {green}");
    for (members, holds, expected) in [
        (
            vec![member("blue", 1, &says("1s")), member("green", 9, &nothing)],
            Some("1s"),
            vec![],
        ),
        (
            vec![
                member("blue", 1, &says("1s")),
                member("green", 9, &says("1s")),
            ],
            Some("1s"),
            vec![],
        ),
        (
            vec![
                member("blue", 1, &says("1s")),
                member("green", 2, &says("2s")),
            ],
            Some("2s"),
            told(&both, green),
        ),
        // Among equals, the first in text order.
        (
            vec![
                member("green", 2, &says("2s")),
                member("blue", 2, &says("1s")),
            ],
            Some("1s"),
            told(&both, blue),
        ),
        // The ports of one service-color together.
        (
            vec![
                port(1, 2, &says("1s")),
                port(2, 2, &nothing),
                member("green", 3, &says("2s")),
            ],
            Some("1s"),
            told(&both, blue),
        ),
        // Without a share there is no word.
        (
            vec![member("blue", 0, &says("1s")), member("green", 1, &nothing)],
            None,
            vec![],
        ),
        (
            vec![
                with(member("blue", 5, &says("1s")), &json!({ "instances": [] })),
                member("green", 1, &says("2s")),
            ],
            Some("2s"),
            vec![],
        ),
        // What a service-color says of all its routes is its word too.
        (
            vec![
                with(
                    member("blue", 1, &nothing),
                    &json!({ "properties": says("1s") }),
                ),
                member("green", 2, &says("2s")),
            ],
            Some("2s"),
            told(&both, green),
        ),
    ] {
        let map = mesh(&members);
        let properties = gateway_routes(&map).remove(0).properties;
        assert_eq!(
            properties.get("timeout").map(String::as_str),
            holds,
            "{members:?}"
        );
        assert_eq!(warnings(&map, &gateway()), expected, "{members:?}");
    }
}

#[test]
fn the_namespace_speaks_where_no_member_does_and_members_keep_their_own() {
    let with_namespace = |members: &[Value]| {
        map(&[with(
            namespace("n1", members),
            &json!({ "properties": { "timeout": "9s", "team": "red" } }),
        )])
    };
    let silent = with_namespace(&[member("blue", 1, &json!({}))]);
    assert_eq!(
        json!(gateway_routes(&silent)[0].properties),
        json!({ "team": "red", "timeout": "9s" })
    );
    // A rewritten host and an lb-policy are of each member by itself.
    let map = with_namespace(&[
        with(
            member("blue", 1, &json!({ "host-rewrite": "a", "timeout": "1s" })),
            &json!({ "properties": { "lb-policy": "random" } }),
        ),
        with(
            member("green", 2, &json!({ "host-rewrite": "b" })),
            &json!({ "properties": { "lb-policy": "maglev", "hash-on": "source-ip" } }),
        ),
    ]);
    assert_eq!(warnings(&map, &gateway()), [""; 0]);
    let route = gateway_routes(&map).remove(0);
    let members: Vec<Value> = route
        .clusters
        .iter()
        .map(|cluster| json!(cluster.properties))
        .collect();
    assert_eq!(
        json!(members),
        json!([
            {
                "hash-on": "source-ip", "host-rewrite": "a", "lb-policy": "RANDOM", "team": "red",
                "timeout": "1s"
            },
            {
                "hash-on": "source-ip", "host-rewrite": "b", "lb-policy": "MAGLEV", "team": "red",
                "timeout": "1s"
            },
        ])
    );
}

#[test]
fn a_path_that_no_request_has_is_left_out_alone() {
    let dead = route("shop", &json!({}));
    let map = mesh(&[service_color(
        "shop",
        "blue",
        &[dead, route("/", &json!({}))],
        &json!({}),
    )]);
    assert_eq!(gateway_routes(&map).len(), 1);
    let expected = [
        "namespace `n1`, service-color `shop/blue`, index 3000: a route is left out: \"shop\" does not \
         start with /",
    ];
    for proxy in [gateway(), sidecar("shop", "blue")] {
        assert_eq!(warnings(&map, &proxy), expected);
    }
}

#[test]
fn a_color_whose_endpoints_are_the_proxy_itself_has_no_share() {
    let here = json!({ "instances": [{ "ipv4": "127.0.0.1", "port": 3000 }] });
    let blue = with(member("blue", 1, &json!({})), &here);
    let map = mesh(&[blue, member("green", 1, &json!({}))]);
    assert_eq!(shares(&map), pairs(&[("c-shop-green-3000", 1)]));
}

#[test]
fn warnings_are_short_and_not_too_many() {
    let routes: Vec<Value> = (0..2000)
        .map(|number| {
            route(
                &format!("/{number}/"),
                &json!({ "properties": { "x": "v".repeat(500) } }),
            )
        })
        .collect();
    let other: Vec<Value> = (0..2000)
        .map(|number| {
            route(
                &format!("/{number}/"),
                &json!({ "properties": { "x": "w".repeat(500) } }),
            )
        })
        .collect();
    let map = mesh(&[
        service_color("shop", "blue", &routes, &json!({})),
        service_color("shop", "green", &other, &json!({})),
    ]);
    let told = proxy_input(&map, &gateway()).unwrap().warnings;
    assert_eq!(told.len(), 1000);
    assert!(told.iter().all(|warning| warning.to_string().len() < 700));
}
