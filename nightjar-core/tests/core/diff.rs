//! What changed between two maps, in words.

use nightjar_core::{
    diff,
    document::{self, discovery_map::DiscoveryMap},
};
use serde_json::{Value, json};
use test_kit::maps;

fn stock(color: &str, endpoints: u8, weight: u16) -> Value {
    let instances =
        (0..endpoints).map(|last| json!({"ipv4": format!("10.0.0.{last}"), "port": 80}));
    let instances = json!({"instances": instances.collect::<Vec<_>>()});
    let route = maps::with(maps::prefix("/stock/"), json!({"weight": weight}));
    maps::with(
        maps::service_color("stock", color, &[], &[route]),
        instances,
    )
}

fn map(entries: &[Value]) -> Value {
    maps::map(&[maps::namespace("store", entries)])
}

fn told(old: &Value, new: &Value) -> Vec<String> {
    let read =
        |map: &Value| -> DiscoveryMap { document::read(map.to_string().as_bytes()).unwrap() };
    let changes = diff::changes(&read(old), &read(new));
    let texts = changes
        .iter()
        .map(|change| format!("{:?} {change}", change.effect));
    texts.collect()
}

/// What changes if one member of the map becomes another value.
fn told_of(pointer: &str, value: Value) -> Vec<String> {
    let old = map(&[stock("blue", 4, 9), stock("green", 2, 1)]);
    let mut new = old.clone();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = new.pointer_mut(parent).unwrap();
    parent[member] = value;
    told(&old, &new)
}

#[test]
fn endpoints_and_shares_are_told_with_what_was_lost_first() {
    let old = map(&[stock("blue", 10, 9), stock("green", 2, 1)]);
    let new = map(&[stock("blue", 5, 7), stock("green", 2, 3)]);
    assert_eq!(
        told(&old, &new),
        [
            "Lost store/stock: endpoints of blue 10 -> 5",
            "Changed store/stock: blue 90 % -> 70 % on prefix /stock/",
            "Changed store/stock: green 10 % -> 30 % on prefix /stock/",
        ]
    );
    assert!(told(&old, &old).is_empty());
}

#[test]
fn what_comes_and_goes_is_told() {
    let old = map(&[stock("blue", 1, 1)]);
    let new = map(&[stock("green", 2, 1)]);
    assert_eq!(
        told(&old, &new),
        [
            "Lost store/stock: blue is gone: 1 endpoint",
            "Changed store/stock: blue 100 % -> 0 % on prefix /stock/",
            "Changed store/stock: green is new: 2 endpoints",
            "Changed store/stock: green 0 % -> 100 % on prefix /stock/",
        ]
    );
    let empty = map(&[]);
    assert_eq!(
        told(&old, &empty),
        [
            "Lost store: prefix /stock/ is gone: stock/blue 100 %",
            "Lost store/stock: blue is gone: 1 endpoint",
        ]
    );
    assert_eq!(
        told(&empty, &old),
        [
            "Changed store: prefix /stock/ is new: stock/blue 100 %",
            "Changed store/stock: blue is new: 1 endpoint",
        ]
    );
}

#[test]
fn every_member_of_a_map_is_told_of() {
    const BLUE: &str = "/namespaces/0/service-colors/0";
    let of = |member: &str, value: Value| told_of(&format!("{BLUE}{member}"), value);
    let one = |told: Vec<String>| {
        assert_eq!(told.len(), 1, "{told:?}");
        told.into_iter().next().unwrap()
    };
    for (told, expected) in [
        (
            of("/routes/0/default-access", json!(false)),
            "Changed store/stock: access of blue public -> private on prefix /stock/",
        ),
        (
            of(
                "/routes/0/namespace-access",
                json!([{"namespace": "bank", "access": false}]),
            ),
            "Changed store/stock: access from bank of blue yes -> no on prefix /stock/",
        ),
        (
            of("/routes/0/properties", json!({"timeout": "5s"})),
            "Changed store/stock: property timeout of blue is new: 5s on prefix /stock/",
        ),
        (
            of("/properties", json!({"timeout": "5s"})),
            "Changed store/stock: property timeout of blue is new: 5s",
        ),
        (
            of("/protocol", json!("HTTP2")),
            "Changed store/stock: protocol of blue HTTP1.1 -> HTTP2",
        ),
        (
            of("/index", json!(7)),
            "Changed store/stock: index of blue 1 -> 7",
        ),
        (
            of(
                "/namespace-egress",
                json!([{"namespace": "bank", "interface": {"ipv4": "127.0.0.1", "port": 4000}}]),
            ),
            "Changed store/stock: egress to bank of blue is new: 127.0.0.1:4000",
        ),
        (
            of("/instances/0/ipv4", json!("10.9.9.9")),
            "Changed store/stock: endpoints of blue 4 -> 4, 1 of them new",
        ),
        (
            told_of("/namespaces/0/network-id", json!("x")),
            "Changed store: network id store -> x",
        ),
        (
            told_of("/namespaces/0/properties", json!({"timeout": "5s"})),
            "Changed store: property timeout is new: 5s",
        ),
        (
            told_of(
                "/namespaces/0/gateways",
                json!({"instances": [], "prefer-gateway": true}),
            ),
            "Changed store: preference for its gateways false -> true",
        ),
        (
            told_of(
                "/namespaces/0/gateways",
                json!({"instances": [], "protocol": "HTTP2"}),
            ),
            "Changed store: protocol of its gateways HTTP1.1 -> HTTP2",
        ),
        (
            told_of(
                "/namespaces/0/gateways/instances",
                json!([{"ipv4": "10.0.0.1", "port": 1}]),
            ),
            "Changed store: endpoints of its gateways 0 -> 1",
        ),
    ] {
        assert_eq!(one(told), expected);
    }
    assert_eq!(
        of("/instances", json!([])),
        [
            "Lost store/stock: endpoints of blue 4 -> 0",
            "Changed store/stock: blue 90 % -> 0 % on prefix /stock/",
            "Changed store/stock: green 10 % -> 100 % on prefix /stock/",
        ]
    );
    let private = told_of(
        "/namespaces/0/service-colors/0/routes/0/default-access",
        json!(false),
    );
    assert!(private.first().unwrap().starts_with("Changed"));
    let old = map(&[stock("blue", 1, 1)]);
    let mut closed = old.clone();
    closed["namespaces"][0]["service-colors"][0]["routes"][0]["default-access"] = json!(false);
    assert_eq!(
        told(&closed, &old),
        ["Opened store/stock: access of blue private -> public on prefix /stock/"]
    );
}
