//! What a nearer level switches off with `none`.

use super::{
    gateway, gateway_routes, map, namespace, route, service_color, sidecar, warnings, with,
};
use nightjar_core::{
    context::{properties::DOCUMENTED_PROPERTIES, proxy_input},
    document::discovery_map::DiscoveryMap,
    template::{TemplateSet, shipped},
};
use serde_json::{Map, Value, json};

const SHOP: &str = "namespace `n1`, service-color `shop/blue`, index 3000";

fn says(properties: &Value) -> Value {
    json!({ "properties": properties })
}

/// A map with a route `/shop/` of `shop/blue`, and one for copies, with properties on each level.
fn mesh(route_says: &Value, service_color_says: &Value, namespace_says: &Value) -> DiscoveryMap {
    let shop = route("/shop/", &says(route_says));
    let shop = service_color("shop", "blue", &[shop], &says(service_color_says));
    let copy = route("/copy/", &json!({}));
    let copy = service_color("copy", "blue", &[copy], &says(service_color_says));
    map(&[with(namespace("n1", &[shop, copy]), &says(namespace_says))])
}

/// A value of every property that can be switched off.
fn all_on() -> Value {
    json!({
        "per-try-timeout": "1s", "prefix-rewrite": "/x/", "hash-on": "source-ip",
        "retry-statuses": "503", "redirect-to": "https:", "cors-origins": "*", "rate-limit": "1/h",
        "abort-status": "503", "delay": "1s", "mirror-to": "copy/blue", "health-check-path": "/up",
        "health-check-protocol": "tcp", "slow-start": "30s",
    })
}

/// `none` for every property that can be switched off.
fn all_off() -> Value {
    let can = DOCUMENTED_PROPERTIES.iter().filter(|it| it.can_be_none);
    let off: Map<String, Value> = can
        .map(|property| (property.name.to_owned(), json!("none")))
        .collect();
    assert_eq!(off.len(), all_on().as_object().unwrap().len());
    off.into()
}

#[test]
fn what_a_service_color_switches_off_is_as_if_nobody_set_it() {
    let none = json!({});
    let plain = mesh(&none, &none, &none);
    let off = mesh(&none, &all_off(), &all_on());
    let shipped = shipped();
    for proxy in [gateway(), sidecar("shop", "blue")] {
        let made = |map: &DiscoveryMap| {
            let mut input = proxy_input(map, &proxy).unwrap().input;
            // What holds for the proxy is the namespace's word.
            input.properties.clear();
            input.proxy.properties.clear();
            let set = TemplateSet::for_proxy(&shipped, &input).unwrap();
            (json!(input), set.render(&input).unwrap())
        };
        assert_eq!(made(&off), made(&plain));
        assert_eq!(warnings(&off, &proxy), warnings(&plain, &proxy));
    }
}

#[test]
fn a_route_switches_off_what_is_said_of_routes() {
    let of_routes = |properties: Value| -> Value {
        let Value::Object(mut properties) = properties else {
            unreachable!("an object")
        };
        properties.retain(|name, _| !name.starts_with("health") && name != "slow-start");
        properties.into()
    };
    let none = json!({});
    let plain = gateway_routes(&mesh(&none, &none, &none));
    for (service_color_says, namespace_says) in [(&all_on(), &none), (&none, &all_on())] {
        let map = mesh(&of_routes(all_off()), service_color_says, namespace_says);
        let routes = gateway_routes(&map);
        let shop = |routes: &[nightjar_core::document::proxy_input::Route]| {
            let mut routes = routes.iter();
            let shop = routes.find(|route| route.route_path == "/shop/");
            let mut shop = shop.unwrap().clone();
            // A cluster's properties flow on.
            let clusters = shop
                .clusters
                .iter_mut()
                .map(|cluster| &mut cluster.properties);
            for properties in clusters.chain([&mut shop.properties]) {
                properties.retain(|name, _| !name.starts_with("health") && name != "slow-start");
            }
            shop
        };
        assert_eq!(shop(&routes), shop(&plain));
    }
}

#[test]
fn none_of_a_property_that_holds_anyway_is_left_out() {
    for (name, form) in [
        ("timeout", "a duration"),
        ("retry-on", "a comma-separated list"),
        ("abort-percent", "a number"),
    ] {
        let map = mesh(&json!({ name: "none" }), &json!({}), &json!({}));
        let told = warnings(&map, &gateway());
        let expected =
            format!("{SHOP}, route `/shop/`: property `{name}` is left out: `none` is not {form}");
        assert!(told[0].starts_with(&expected), "{told:?}");
    }
    // A header and a host can be called so.
    let said = json!({
        "request-header-set-x-team": "none", "response-header-remove": "none", "host-rewrite": "none",
    });
    let map = mesh(&said, &json!({}), &json!({}));
    let routes = gateway_routes(&map);
    let shop = routes.iter().find(|route| route.route_path == "/shop/");
    let shop = shop.unwrap();
    assert_eq!(shop.request_headers.as_ref().unwrap().set[0].value, "none");
    assert_eq!(
        shop.response_headers.as_ref().unwrap().remove[0].name,
        "none"
    );
    assert_eq!(shop.properties["host-rewrite"], "none");
}

/// Colors that share a route share this too.
#[test]
fn the_greatest_weight_decides_whether_a_property_is_off() {
    let member = |color: &str, weight: u16, properties: &Value| {
        let shared = with(says(properties), &json!({ "weight": weight }));
        service_color("shop", color, &[route("/shop/", &shared)], &json!({}))
    };
    let limit = json!({ "rate-limit": "5/m" });
    let off = json!({ "rate-limit": "None" });
    let mesh = |members: &[Value], namespace_says: &Value| {
        let map = map(&[with(namespace("n1", members), &says(namespace_says))]);
        let limited = gateway_routes(&map)[0].rate_limit.is_some();
        (limited, warnings(&map, &gateway()))
    };
    let both = |blue: &Value, green: &Value| [member("blue", 9, blue), member("green", 1, green)];
    let (is_limited, told) = mesh(&both(&off, &limit), &json!({}));
    assert!(!is_limited);
    assert_eq!(
        told,
        [
            "namespace `n1`: route `/shop/` has different values for property `rate-limit`: `none` from `shop/blue`, \
          `5/m` from `shop/green`; `none` from `shop/blue`, which has the greatest weight, is used for all"
        ]
    );
    // A canary switches it off for all.
    let (is_limited, told) = mesh(&both(&json!({}), &off), &limit);
    assert!(!is_limited);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("holds for all of its requests"),
        "{told:?}"
    );
    // There is nothing to switch off.
    let (is_limited, told) = mesh(&both(&json!({}), &off), &json!({}));
    assert_eq!((is_limited, told), (false, vec![]));
}
