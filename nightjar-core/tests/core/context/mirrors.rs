//! Copies of requests: who gets them, and that they reach nothing that is private.

use super::{gateway, map, namespace, private, route, service_color, sidecar, warnings, with};
use nightjar_core::context::{ProxyConfig, proxy_input};
use serde_json::{Value, json};

/// Whom the route `/shop/` of `shop/blue` mirrors to, for one viewer, and what is told of it.
fn mirrored(says: &Value, others: &[Value], viewer: &ProxyConfig) -> (Option<String>, Vec<String>) {
    let says = json!({ "properties": with(json!({ "mirror-to": "shop/green" }), says) });
    let shop = service_color("shop", "blue", &[route("/shop/", &says)], &json!({}));
    let map = map(&[namespace("n1", &[&[shop], others].concat())]);
    let input = proxy_input(&map, viewer).unwrap().input;
    let mut routes = input.listeners[0].routes.iter();
    let route = routes.find(|route| route.route_path == "/shop/" && !route.is_denied);
    let route = route.unwrap();
    let name = route.mirror.as_ref();
    let name = name.map(|mirror| mirror.cluster_name.clone());
    let is_known = |name: &String| input.clusters.iter().any(|known| known.name == *name);
    assert!(name.iter().all(is_known), "{name:?}");
    assert_eq!(route.properties.contains_key("mirror-to"), name.is_some());
    let subject =
        "namespace `n1`, service-color `shop/blue`, index 3000: property `mirror-to` is left out: ";
    let told = warnings(&map, viewer);
    let told = told
        .iter()
        .map(|told| told.strip_prefix(subject).unwrap_or(told).to_owned());
    (name, told.collect())
}

/// A port of `shop/green`.
fn green(index: u16, routes: &[Value]) -> Value {
    service_color("shop", "green", routes, &json!({ "index": index }))
}

fn no_route() -> String {
    "`shop/green` has no route in namespace `n1`; name a service-color that has one".to_owned()
}

fn closed(path: &str) -> String {
    format!(
        "the copies of route `/shop/` could reach route `{path}` of `shop/green`, which the proxy may not reach; name a \
         service-color whose routes it may all reach"
    )
}

#[test]
fn copies_go_to_one_port_of_the_target() {
    let none = json!({});
    let idle = json!({ "weight": 0 });
    let (gateway, sidecar) = (gateway(), sidecar("shop", "blue"));
    for (others, viewer, expected) in [
        // Without a share of any route, it has its cluster all the same.
        (
            vec![green(1, &[route("/shop/", &idle)])],
            &gateway,
            Ok("c-shop-green-1"),
        ),
        (
            vec![green(1, &[route("/x/", &none)])],
            &sidecar,
            Ok("local-shop-green-1"),
        ),
        // The port that shares the route, else the lowest index with a route.
        (
            vec![
                green(1, &[route("/x/", &none)]),
                green(2, &[route("/shop/", &idle)]),
            ],
            &gateway,
            Ok("c-shop-green-2"),
        ),
        (
            vec![
                green(3, &[route("/x/", &none)]),
                green(2, &[route("/y/", &none)]),
                green(1, &[]),
            ],
            &gateway,
            Ok("c-shop-green-2"),
        ),
        (vec![green(1, &[])], &sidecar, Err(no_route())),
        (vec![], &sidecar, Err(no_route())),
    ] {
        let (found, told) = mirrored(&none, &others, viewer);
        assert_eq!(
            found.as_deref(),
            expected.as_ref().ok().copied(),
            "{others:?}"
        );
        assert_eq!(told, Vec::from_iter(expected.err()));
    }
}

/// A copy has the path of its request, and no route of the target is asked.
#[test]
fn copies_reach_nothing_that_is_private() {
    let none = json!({});
    let idle = json!({ "weight": 0 });
    let (gateway, sidecar) = (gateway(), sidecar("shop", "blue"));
    let public = || route("/pub/", &none);
    let secret = || private("/secret/", &none);
    let by_header = || {
        let asked = json!({ "headers": [{ "header-name": "x-staff", "match-type": "exact", "value": "1" }] });
        private("/shop/", &asked)
    };
    let member = || route("/shop/", &idle);
    let rewrite = json!({ "prefix-rewrite": "/secret/" });
    let header = json!({ "request-header-set-x-staff": "1" });
    let host = json!({ "host-rewrite": "admin.test" });
    for (says, routes, viewer, expected) in [
        (&none, vec![secret()], &gateway, Some("/secret/")),
        (&none, vec![public(), secret()], &gateway, Some("/secret/")),
        // The route itself is private there.
        (
            &none,
            vec![public(), private("/shop/", &none)],
            &gateway,
            Some("/shop/"),
        ),
        (
            &rewrite,
            vec![public(), secret()],
            &gateway,
            Some("/secret/"),
        ),
        (
            &rewrite,
            vec![member(), secret()],
            &gateway,
            Some("/secret/"),
        ),
        (
            &header,
            vec![member(), by_header()],
            &gateway,
            Some("/shop/"),
        ),
        (&host, vec![member(), by_header()], &gateway, Some("/shop/")),
        // Who shares the route gets what it may get anyway.
        (&none, vec![member(), secret()], &gateway, None),
        (&none, vec![member(), by_header()], &gateway, None),
        (&header, vec![member(), secret()], &gateway, None),
        // Nothing is private, or not for this proxy.
        (&rewrite, vec![public()], &gateway, None),
        (&rewrite, vec![secret()], &sidecar, None),
    ] {
        let (found, told) = mirrored(says, &[green(1, &routes)], viewer);
        assert_eq!(found.is_none(), expected.is_some(), "{says} {routes:?}");
        assert_eq!(
            told,
            Vec::from_iter(expected.map(closed)),
            "{says} {routes:?}"
        );
    }
    // Another port of the target counts too.
    let ports = [green(1, &[public()]), green(2, &[secret()])];
    let (found, told) = mirrored(&none, &ports, &gateway);
    assert_eq!((found, told), (None, vec![closed("/secret/")]));
}

#[test]
fn another_namespace_s_private_routes_stay_closed_to_copies() {
    let only_us = json!({ "namespace-access": [{ "namespace": "n1", "access": true }] });
    let says = json!({ "properties": { "mirror-to": "stock/blue" } });
    for (extra, is_copied) in [(&only_us, true), (&json!({}), false)] {
        let stock = service_color("stock", "blue", &[private("/x/", extra)], &json!({}));
        let shop = service_color("shop", "blue", &[route("/shop/", &says)], &json!({}));
        let egress = json!({ "namespace-egress": [
            { "namespace": "n2", "interface": { "ipv4": "127.0.0.1", "port": 3001 } }
        ] });
        let caller = service_color("me", "me", &[], &egress);
        let map = map(&[namespace("n1", &[caller]), namespace("n2", &[shop, stock])]);
        let input = proxy_input(&map, &sidecar("me", "me")).unwrap().input;
        let mut routes = input.listeners[1].routes.iter();
        let shop = routes.find(|route| route.route_path == "/shop/").unwrap();
        assert_eq!(shop.mirror.is_some(), is_copied);
    }
}

#[test]
fn who_is_alone_on_a_route_gets_no_copies_of_its_requests() {
    let says = json!({ "mirror-to": "shop/blue" });
    let (none, idle) = (json!({}), json!({ "weight": 0 }));
    let told = "only `shop/blue` has route `/shop/`, and gets each request anyway; name another service-color";
    let (found, said) = mirrored(&says, &[], &gateway());
    assert_eq!((found, said), (None, vec![told.to_owned()]));
    let other = green(1, &[route("/shop/", &none)]);
    let (found, said) = mirrored(&says, &[other], &gateway());
    assert_eq!((found.as_deref(), said), (Some("c-shop-blue-3000"), vec![]));
    // A namespace means its other routes.
    let shop = service_color("shop", "blue", &[route("/shop/", &none)], &none);
    let copy = service_color("copy", "blue", &[route("/shop/", &idle)], &none);
    let copies = json!({ "properties": { "mirror-to": "copy/blue" } });
    let alone = service_color(
        "copy",
        "blue",
        &[route("/copy/", &none)],
        &json!({ "index": 1 }),
    );
    let map = map(&[with(namespace("n1", &[shop, copy, alone]), &copies)]);
    assert_eq!(warnings(&map, &gateway()), [""; 0]);
}
