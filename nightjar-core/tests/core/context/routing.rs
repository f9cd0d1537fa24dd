//! Properties of a route that do something only together with others.

use super::{gateway, gateway_routes, map, namespace, route, service_color, warnings, with};
use nightjar_core::document::{discovery_map::DiscoveryMap, proxy_input::HashPolicy};
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

#[test]
fn what_requests_are_hashed_by_comes_taken_apart() {
    let policy = |is: fn(&mut HashPolicy), name: &str, ttl: Option<&str>| {
        let mut policy = HashPolicy {
            name: name.to_owned(),
            has_ttl: ttl.is_some(),
            ttl: ttl.unwrap_or_default().to_owned(),
            is_first: true,
            is_last: true,
            ..HashPolicy::default()
        };
        is(&mut policy);
        vec![policy]
    };
    let header: fn(&mut HashPolicy) = |policy| policy.is_header = true;
    let cookie: fn(&mut HashPolicy) = |policy| policy.is_cookie = true;
    let address: fn(&mut HashPolicy) = |policy| policy.is_source_ip = true;
    for (value, expected) in [
        ("header:X-User", policy(header, "X-User", None)),
        ("header::path", policy(header, ":path", None)),
        ("cookie:id", policy(cookie, "id", None)),
        ("cookie:id:0s", policy(cookie, "id", Some("0s"))),
        ("cookie:id:2m", policy(cookie, "id", Some("120s"))),
        ("source-ip", policy(address, "", None)),
    ] {
        let said = json!({ "properties": { "lb-policy": "RING_HASH" } });
        let map = mesh(&[with(member("blue", 1, &json!({ "hash-on": value })), &said)]);
        let route = gateway_routes(&map).remove(0);
        assert_eq!((route.has_hash_policy, route.hash_policy), (true, expected));
        assert_eq!(warnings(&map, &gateway()), [""; 0]);
    }
    let hashed = |policy: Option<&str>, hash: Option<&str>| {
        let said = json!({ "properties": policy.map_or(json!({}), |policy| json!({ "lb-policy": policy })) });
        let hash = hash.map_or(json!({}), |hash| json!({ "hash-on": hash }));
        let map = mesh(&[with(member("blue", 1, &hash), &said)]);
        let route = gateway_routes(&map).remove(0);
        assert_eq!(route.has_hash_policy, !route.hash_policy.is_empty());
        (route.has_hash_policy, warnings(&map, &gateway()).join("\n"))
    };
    let shop = "namespace `n1`, service-color `shop/blue`, index 3000";
    assert_eq!(
        hashed(Some("maglev"), None),
        (
            false,
            format!(
                "{shop}: property `lb-policy` MAGLEV spreads the requests of route `/shop/` at random; set \
                 property `hash-on` to say what is hashed"
            )
        )
    );
    for policy in [None, Some("random")] {
        let said = format!(
            "{shop}: property `hash-on` has no effect on route `/shop/`; it needs an `lb-policy` of \
             RING_HASH or MAGLEV"
        );
        assert_eq!(hashed(policy, Some("source-ip")), (true, said));
    }
    let (has_policy, said) = hashed(Some("maglev"), Some("query:a"));
    assert!(!has_policy);
    assert_eq!(
        said.lines().last().unwrap(),
        "namespace `n1`, service-color `shop/blue`, index 3000, route `/shop/`: property `hash-on` is left \
         out: `query:a` is not `header:NAME`, `cookie:NAME`, `cookie:NAME:TTL` or `source-ip`"
    );
}

#[test]
fn a_rewrite_fits_the_prefix_that_it_replaces() {
    let shop = "namespace `n1`, service-color `shop/blue`, index 3000";
    let as_text = |path: &str, value: &str| {
        format!(
            "{shop}: property `prefix-rewrite` replaces `{path}` with `{value}` as plain text, but only one of \
             them ends with `/`; end both with `/`, or neither"
        )
    };
    for (kind, path, rewrite, stays, expected) in [
        ("prefix", "/shop/", "/", true, None),
        ("prefix", "/shop", "/new", true, None),
        (
            "prefix",
            "/shop/",
            "/new",
            true,
            Some(as_text("/shop/", "/new")),
        ),
        ("prefix", "/shop", "/", true, Some(as_text("/shop", "/"))),
        ("prefix", "", "/new", true, None),
        ("exact", "/shop", "/", true, None),
        (
            "regex",
            "/shop/.*",
            "/",
            false,
            Some(format!(
                "{shop}: property `prefix-rewrite` is left out on route `/shop/.*`: a regular expression \
                 has no prefix to replace"
            )),
        ),
    ] {
        let rewritten = route(
            "",
            &json!({
                "path-match": { "match-type": kind, "value": path },
                "properties": { "prefix-rewrite": rewrite },
            }),
        );
        let map = mesh(&[service_color("shop", "blue", &[rewritten], &json!({}))]);
        let route = gateway_routes(&map).remove(0);
        assert_eq!(
            route.properties.contains_key("prefix-rewrite"),
            stays,
            "{kind} {path}"
        );
        assert_eq!(
            warnings(&map, &gateway()),
            expected.into_iter().collect::<Vec<_>>()
        );
    }
}
