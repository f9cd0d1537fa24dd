//! One typing error in every name that people write into a map: none is silent.

use super::{Tool, finds};
use e2e::maps::{map, namespace};
use serde_json::{Map, Value, json};

/// A map with every member that there is.
fn whole() -> Value {
    let port = |port: u16| json!({"ipv4": "127.0.0.1", "port": port});
    let header = json!({
        "header-name": "x", "match-type": "exact", "value": "1", "invert": false,
        "case-sensitive": true,
    });
    let parameter = json!({
        "parameter-name": "q", "match-type": "exact", "value": "1", "case-sensitive": true,
    });
    let route = json!({
        "path-match": {"match-type": "prefix", "value": "/shop/", "case-sensitive": true},
        "weight": 1, "headers": [header], "query-parameters": [parameter],
        "default-access": true, "namespace-access": [{"namespace": "n2", "access": false}],
        "properties": {},
    });
    let shop = json!({
        "service": "shop", "color": "blue", "index": 1, "protocol": "HTTP1.1", "properties": {},
        "instances": [port(4000)], "routes": [route],
        "namespace-egress": [{"namespace": "n2", "interface": port(4100)}],
    });
    let n1 = json!({
        "namespace": "n1", "network-id": "n1", "properties": {},
        "gateways": {"prefer-gateway": false, "protocol": "HTTP1.1", "instances": [port(4200)]},
        "service-colors": [shop],
    });
    map(&[n1, namespace("n2", &[])])
}

/// Typing errors in a name: a letter that is missing, two that changed places, a wrong hyphen.
fn misspelt(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let middle = letters.len() / 2;
    let mut missing = letters.clone();
    missing.remove(middle);
    let mut swapped = letters.clone();
    let other = (middle..letters.len()).find(|at| letters[*at] != letters[middle - 1]);
    swapped.swap(middle - 1, other.unwrap());
    let mut slips: Vec<String> = [missing, swapped]
        .map(|letters| letters.into_iter().collect())
        .into();
    if name.contains('-') {
        slips.push(name.replace('-', "_"));
    }
    slips
}

/// Every member of every object but in `properties`: the object's pointer, and the name.
fn members(value: &Value, pointer: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                found.extend(members(item, &format!("{pointer}/{index}")));
            }
        }
        Value::Object(object) => {
            for (name, value) in object {
                found.push((pointer.to_owned(), name.clone()));
                if name != "properties" {
                    found.extend(members(value, &format!("{pointer}/{name}")));
                }
            }
        }
        _ => {}
    }
    found
}

/// Each slip is added beside the right name, so that the map stays valid; all of them at once.
#[test]
fn no_slip_in_a_member_is_silent() {
    let plain = whole();
    assert_eq!(Tool::with(&plain).report()["warnings"], json!([]));
    // `namespaces/1` is there to be named by others.
    let mut all = members(&plain, "");
    all.retain(|(pointer, _)| !pointer.starts_with("/namespaces/1"));
    let slips: Vec<(&str, &str, String)> = all
        .iter()
        .flat_map(|(pointer, name)| {
            let slips = misspelt(name).into_iter();
            slips.map(|slip| (pointer.as_str(), name.as_str(), slip))
        })
        .collect();
    assert!(slips.len() > 80, "{slips:?}");
    let mut map = plain.clone();
    for (pointer, name, slip) in &slips {
        let object = map.pointer_mut(pointer).unwrap();
        let value = object[*name].clone();
        object.as_object_mut().unwrap().insert(slip.clone(), value);
    }
    let report = Tool::with(&map).report();
    assert_eq!(report["valid"], true, "{report:#}");
    let silent: Vec<_> = slips
        .iter()
        .filter(|(pointer, name, slip)| {
            let words = [format!("\"{slip}\""), format!("\"{name}\"")];
            !finds(
                &report["warnings"],
                pointer,
                &words.each_ref().map(String::as_str),
            )
        })
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

/// Of a route, and of whom it belongs to.
const OF_ROUTES: [(&str, &str); 23] = [
    ("timeout", "5s"),
    ("idle-timeout", "5s"),
    ("retry-on", "5xx"),
    ("num-retries", "1"),
    ("per-try-timeout", "4s"),
    ("host-rewrite", "inside.test"),
    ("prefix-rewrite", "/in/"),
    ("hash-on", "source-ip"),
    ("retry-statuses", "502,503"),
    ("retry-back-off", "100ms"),
    ("mirror-to", "shop/blue"),
    ("mirror-percent", "10"),
    ("request-header-set-x-a", "1"),
    ("response-header-set-x-a", "1"),
    ("request-header-remove", "x-b"),
    ("response-header-remove", "x-b"),
    ("redirect-to", "/there"),
    ("cors-origins", "https://shop.test"),
    ("rate-limit", "100/s"),
    ("abort-status", "503"),
    ("abort-percent", "1"),
    ("delay", "1s"),
    ("delay-percent", "1"),
];

/// Of the connections to a service, and so of no single route.
const OF_SERVICES: [(&str, &str); 17] = [
    ("connect-timeout", "1s"),
    ("max-connections", "10"),
    ("max-pending-requests", "10"),
    ("max-requests", "10"),
    ("max-retries", "10"),
    ("outlier-consecutive-5xx", "3"),
    ("outlier-base-ejection-time", "3s"),
    ("health-check-path", "/who"),
    ("health-check-interval", "5s"),
    ("lb-policy", "LEAST_REQUEST"),
    ("upstream-idle-timeout", "4s"),
    ("outlier-connect-failures", "5"),
    ("outlier-interval", "1s"),
    ("outlier-max-ejection-percent", "50"),
    ("health-check-protocol", "http"),
    ("health-check-timeout", "2s"),
    ("slow-start", "30s"),
];

/// Of the whole proxy, where a map may say them.
const OF_PROXIES: [(&str, &str); 5] = [
    ("trace-percent", "1"),
    ("underscore-headers", "allow"),
    ("request-headers-timeout", "5s"),
    ("request-timeout", "5s"),
    ("access-log", "json"),
];

/// What the map says with these properties at a place.
fn with_properties(pointer: &str, properties: Map<String, Value>) -> Value {
    let mut map = whole();
    map.pointer_mut(pointer).unwrap()["properties"] = properties.into();
    Tool::with(&map).report()
}

const SHOP: &str = "/namespaces/0/service-colors/0";
const ROUTE: &str = "/namespaces/0/service-colors/0/routes/0";

/// Every documented property that a map may hold.
fn documented() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let all = OF_ROUTES.iter().chain(&OF_SERVICES).chain(&OF_PROXIES);
    all.filter(|(name, _)| is_documented(name))
}

/// Some of them come with later versions of the shipped templates.
fn is_documented(name: &str) -> bool {
    nightjar_core::context::properties::documented(name).is_some()
}

#[test]
fn no_slip_in_a_property_is_silent() {
    for pointer in [SHOP, "/namespaces/0"] {
        let slips: Vec<(&str, &str, String)> = documented()
            .flat_map(|(name, value)| {
                let slips = misspelt(name).into_iter();
                slips.map(|slip| (*name, *value, slip))
            })
            .collect();
        let properties = slips
            .iter()
            .map(|(_, value, slip)| (slip.clone(), json!(value)));
        let report = with_properties(pointer, properties.collect());
        assert_eq!(report["valid"], true, "{report:#}");
        let silent: Vec<_> = slips
            .iter()
            .filter(|(name, _, slip)| {
                // What comes after it is the user's own name.
                let nearest = name.trim_end_matches("x-a");
                !finds(&report["warnings"], pointer, &[slip, nearest])
            })
            .collect();
        assert!(silent.is_empty(), "{pointer}: {silent:#?}");
    }
}

#[test]
fn no_property_on_the_wrong_level_is_silent() {
    let mut misplaced: Vec<_> = OF_SERVICES.iter().chain(&OF_PROXIES).collect();
    misplaced.retain(|(name, _)| is_documented(name));
    let properties = misplaced
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)));
    let report = with_properties(ROUTE, properties.collect());
    let silent: Vec<_> = misplaced
        .iter()
        .filter(|(name, _)| !finds(&report["warnings"], ROUTE, &[name]))
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn no_property_out_of_its_form_is_silent() {
    const WRONG: &str = "a b\u{e9}?";
    // Any text is allowed for these.
    let is_free = |name: &str| name.contains("-set-");
    let names: Vec<&str> = documented()
        .map(|(name, _)| *name)
        .filter(|name| !is_free(name))
        .collect();
    let properties = names
        .iter()
        .map(|name| ((*name).to_owned(), json!(WRONG)))
        .collect();
    let report = with_properties(SHOP, properties);
    let silent: Vec<_> = names
        .iter()
        .filter(|name| !finds(&report["warnings"], SHOP, &[name]))
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn documented_properties_at_their_place_are_not_warned_of() {
    // One excludes the rest, and these go together with other settings, routes or service-colors alone.
    const WITH_OTHERS: [&str; 6] = [
        "redirect-to",
        "prefix-rewrite",
        "hash-on",
        "cors-origins",
        "mirror-to",
        "mirror-percent",
    ];
    let stands_alone = |name: &str| !WITH_OTHERS.contains(&name);
    let of = |list: &[(&str, &str)]| {
        let pairs = list.iter().filter(|(name, _)| stands_alone(name));
        let pairs = pairs.map(|(name, value)| ((*name).to_owned(), json!(value)));
        pairs.collect::<Map<String, Value>>()
    };
    for (pointer, properties) in [
        (ROUTE, of(&OF_ROUTES)),
        (SHOP, of(&OF_SERVICES)),
        (SHOP, of(&OF_ROUTES)),
        (SHOP, of(&OF_PROXIES)),
        ("/namespaces/0", of(&OF_ROUTES)),
        ("/namespaces/0", of(&OF_PROXIES)),
    ] {
        let report = with_properties(pointer, properties);
        assert_eq!(report["warnings"], json!([]), "{pointer}");
    }
}
