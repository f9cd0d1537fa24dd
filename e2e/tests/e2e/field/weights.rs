//! A weight of 0 is no share, and the path stays closed to whom it is closed.

use super::{GATEWAY, Tool, by, gateway, private, says, service, weighing};
use e2e::{
    maps::{map, namespace, prefix, service_color},
    mesh::{Backend, Plan, Proxy},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Who answers so many requests.
fn answering(proxy: &Proxy, path: &str) -> BTreeSet<String> {
    (0..50).map(|_| by(&proxy.get(path))).collect()
}

fn only(name: &str) -> BTreeSet<String> {
    [name.to_owned()].into()
}

#[test]
fn a_color_with_weight_0_gets_nothing() {
    let backends = [("rest", "blue"), ("stock", "blue"), ("stock", "canary")]
        .map(|(name, color)| Backend::start(name, color));
    let [rest, blue, canary] = &backends;
    let cases = [
        ([None, Some(0)], "stock-blue"),
        ([Some(100), Some(0)], "stock-blue"),
        ([Some(0), Some(3)], "stock-canary"),
        ([Some(0), Some(0)], "503"),
    ];
    let of = |name: &str, route: &Value, weights: [Option<u32>; 2]| {
        let one = |color, port, weight: Option<u32>| {
            let route = weight.map_or(route.clone(), |weight| weighing(route.clone(), weight));
            service_color(name, color, &[port], &[route])
        };
        [
            one("blue", blue.port, weights[0]),
            one("canary", canary.port, weights[1]),
        ]
    };
    let mut services = vec![service("rest", &[rest.port], &[prefix("/")])];
    for (number, (weights, _)) in cases.iter().enumerate() {
        let open = prefix(&format!("/open/{number}/"));
        services.extend(of(&format!("open-{number}"), &open, *weights));
        let closed = private(prefix(&format!("/closed/{number}/")));
        services.extend(of(&format!("closed-{number}"), &closed, *weights));
    }
    let map = map(&[namespace("n1", &services)]);
    let gateway = Plan::gateway("n1", &map).start();
    let sidecar = Plan::sidecar("n1", "rest", "blue", &map).start();
    for (number, (weights, name)) in cases.iter().enumerate() {
        let open = format!("/open/{number}/x");
        let closed = format!("/closed/{number}/x");
        let seen = [
            answering(&sidecar, &open),
            answering(&gateway, &open),
            answering(&sidecar, &closed),
            answering(&gateway, &closed),
        ];
        assert_eq!(seen, [name, name, name, "404"].map(only), "{weights:?}");
    }
}

#[test]
fn a_color_with_weight_0_does_not_stand_in_for_one_without_endpoints() {
    let canary = Backend::start("stock", "canary");
    let rest = Backend::start("rest", "blue");
    let proxy = gateway(&[
        service("rest", &[rest.port], &[prefix("/")]),
        service_color("stock", "blue", &[], &[prefix("/stock/")]),
        service_color(
            "stock",
            "canary",
            &[canary.port],
            &[weighing(prefix("/stock/"), 0)],
        ),
    ]);
    assert_eq!(answering(&proxy, "/stock/x"), only("503"));
}

#[test]
fn the_same_route_twice_counts_once_with_the_greater_weight() {
    let twice = |weights: [u32; 2]| {
        let blue = weights.map(|weight| weighing(prefix("/who"), weight));
        let tool = Tool::with(&map(&[namespace(
            "n1",
            &[
                service_color("shop", "blue", &[4000], &blue),
                service_color("shop", "green", &[4001], &[prefix("/who")]),
            ],
        )]));
        let (context, told) = tool.context(&GATEWAY);
        let route = context["listeners"][0]["routes"][0].clone();
        let clusters = route["clusters"].as_array().unwrap().iter();
        let shares: Vec<(String, u64)> = clusters
            .map(|cluster| {
                let name = cluster["cluster_name"].as_str().unwrap();
                (name.to_owned(), cluster["route_weight"].as_u64().unwrap())
            })
            .collect();
        (shares, told)
    };
    let shares = |blue| {
        vec![
            ("c-shop-blue-1".to_owned(), blue),
            ("c-shop-green-1".to_owned(), 1),
        ]
    };
    let (found, told) = twice([1, 3]);
    assert_eq!(found, shares(3));
    assert!(says(&told, &["warning", "shop/blue", "/who"]), "{told}");
    assert_eq!(twice([2, 2]), (shares(2), String::new()));
}
