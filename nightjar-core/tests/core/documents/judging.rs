//! How much is said of a faulty document, about whom, and what is said of members that nobody knows.

use super::{NAMESPACE, ROUTE, SERVICE_COLOR, full, with, without};
use nightjar_core::document::{
    self, DocumentError, Finding, MAX_FINDINGS, discovery_map::DiscoveryMap, templates::Templates,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn refusal(map: &Value) -> DocumentError {
    document::read::<DiscoveryMap>(map.to_string().as_bytes()).unwrap_err()
}

fn lines(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

/// The members that no version knows of a map that is good otherwise.
fn unknown(map: &Value) -> Vec<String> {
    let (read, unknown) = document::inspect::<DiscoveryMap>(map.to_string().as_bytes());
    assert_eq!(read.err(), None);
    lines(&unknown)
}

#[test]
fn of_many_faults_every_kind_is_told_and_how_many_more_there_are() {
    let port = |_| json!({"ipv4": "10.0.0.1", "port": 0});
    let mut map = with(
        full(),
        &format!("{SERVICE_COLOR}/instances"),
        (0..4990).map(port).collect::<Value>(),
    );
    for (pointer, value) in [
        ("/document-version", json!("a\nb")),
        ("/namespaces/1/gateways", json!([])),
        ("/namespaces/1/namespace", json!("n1")),
        ("/namespaces/1/properties", json!({"": "x"})),
        (&format!("{SERVICE_COLOR}/protocol"), json!("HTTP3")),
        (&format!("{ROUTE}/path-match/value"), json!("(")),
        (
            &format!("{ROUTE}/query-parameters/0/match-type"),
            json!("like"),
        ),
        (
            &format!("{SERVICE_COLOR}/namespace-egress/0/interface/ipv4"),
            json!("::1"),
        ),
        (&format!("{SERVICE_COLOR}/service"), json!("a b")),
    ] {
        map = with(map, pointer, value);
    }
    let map = without(map, "/namespaces/1/network-id");
    let refused = refusal(&map);
    assert_eq!(
        (refused.faults.len(), refused.unlisted),
        (MAX_FINDINGS, 4000)
    );
    let mut kinds = BTreeMap::<&str, usize>::new();
    for fault in &refused.faults {
        *kinds.entry(&fault.message).or_default() += 1;
    }
    assert_eq!(
        kinds,
        BTreeMap::from([
            ("\"(\" is not a regular expression: unclosed group", 1),
            ("\"::1\" is not an IPv4 address", 1),
            ("\"HTTP3\" is neither HTTP1.1 nor HTTP2", 1),
            (
                "\"a b\" is not a name: 1 to 128 letters, digits, dots, underscores and hyphens",
                1
            ),
            ("\"a\\nb\" contains the control character U+000A", 1),
            (
                "\"like\" is not one of \"exact\", \"regex\", \"prefix\", \"suffix\", \"present\"",
                1
            ),
            (
                "\"n1\" is already the name of /namespaces/0; a namespace must appear only once",
                1
            ),
            ("\"network-id\" is missing", 1),
            ("0 is not between 1 and 65535", 990),
            ("a list is not of type \"object\"", 1),
            ("the name of a property is empty", 1),
        ])
    );
    let message = refused.to_string();
    assert_eq!(message.lines().count(), 52);
    assert!(message.ends_with("\n  and 4950 more"), "{message}");
}

#[test]
fn a_fault_says_whom_it_means() {
    let at = |pointer: &str, value: Value| lines(&refusal(&with(full(), pointer, value)).faults);
    let name = "is not a name: 1 to 128 letters, digits, dots, underscores and hyphens";
    let long = "x".repeat(1000);
    for (pointer, value, expected) in [
        (
            "/document-version",
            json!(1),
            "/document-version: 1 is not of type \"string\"".to_owned(),
        ),
        (
            "/namespaces/1",
            json!([]),
            "/namespaces/1: a list is not of type \"object\"".to_owned(),
        ),
        (
            "/namespaces/1/network-id",
            json!(1),
            "/namespaces/1/network-id (n2): 1 is not of type \"string\"".to_owned(),
        ),
        (
            &format!("{ROUTE}/weight"),
            json!(-1),
            format!("{ROUTE}/weight (shop/blue in n1): -1 is not between 0 and 32767"),
        ),
        (
            "/namespaces/0/namespace",
            json!(""),
            format!("/namespaces/0/namespace: \"\" {name}"),
        ),
        (
            &format!("{SERVICE_COLOR}/color"),
            json!("\u{1b}[31m"),
            format!("{SERVICE_COLOR}/color (shop/\\u{{1b}}[31m in n1): \"\\u{{1b}}[31m\" {name}"),
        ),
        (
            &format!("{SERVICE_COLOR}/service"),
            json!(long),
            format!(
                "{SERVICE_COLOR}/service ({}…/blue in n1): \"{}…\" {name}",
                &long[..128],
                &long[..119]
            ),
        ),
        (
            &format!("{SERVICE_COLOR}/service"),
            json!(1),
            format!("{SERVICE_COLOR}/service (n1): 1 is not of type \"string\""),
        ),
    ] {
        assert_eq!(at(pointer, value), [expected]);
    }
}

#[test]
fn unknown_members_are_named_with_the_nearest_known_one() {
    let mut map = full();
    for (place, name) in [
        ("", "Namespaces"),
        (NAMESPACE, "networkid"),
        ("/namespaces/0/gateways", "preferGateway"),
        (SERVICE_COLOR, "colour"),
        (&format!("{SERVICE_COLOR}/instances/0"), "address"),
        (ROUTE, "default_access"),
        (&format!("{ROUTE}/path-match"), "type"),
        (&format!("{ROUTE}/headers/0"), "inverted"),
        (&format!("{ROUTE}/query-parameters/0"), "name"),
    ] {
        map = with(map, &format!("{place}/{name}"), json!({"x": 1}));
        map = with(map, &format!("{place}/x-{name}"), json!({"port": 0}));
    }
    // Names here are people's own.
    map = with(
        map,
        &format!("{SERVICE_COLOR}/properties/weight"),
        json!("1"),
    );
    let shop = "(shop/blue in n1)";
    let nobody = "is not a known member";
    assert_eq!(
        unknown(&map),
        [
            format!("/Namespaces: \"Namespaces\" {nobody}; did you mean \"namespaces\"?"),
            format!(
                "/namespaces/0/gateways/preferGateway (n1): \"preferGateway\" {nobody}; did you mean \"prefer-gateway\"?"
            ),
            format!(
                "/namespaces/0/networkid (n1): \"networkid\" {nobody}; did you mean \"network-id\"?"
            ),
            format!("{SERVICE_COLOR}/colour {shop}: \"colour\" {nobody}; did you mean \"color\"?"),
            format!("{SERVICE_COLOR}/instances/0/address {shop}: \"address\" {nobody}"),
            format!(
                "{ROUTE}/default_access {shop}: \"default_access\" {nobody}; did you mean \"default-access\"?"
            ),
            format!(
                "{ROUTE}/headers/0/inverted {shop}: \"inverted\" {nobody}; did you mean \"invert\"?"
            ),
            format!("{ROUTE}/path-match/type {shop}: \"type\" {nobody}"),
            format!("{ROUTE}/query-parameters/0/name {shop}: \"name\" {nobody}"),
        ]
    );
    let templates = json!({
        "schema-version": "v1", "document-version": "1", "templates": [],
        "gateway-templates": [{"purpose": "a", "template": "", "name-space": "n"}],
        "service-templates": [],
    });
    let (read, unknown) = document::inspect::<Templates>(templates.to_string().as_bytes());
    assert_eq!(read.err(), None);
    assert_eq!(
        lines(&unknown),
        [
            format!(
                "/gateway-templates/0/name-space: \"name-space\" {nobody}; did you mean \"namespace\"?"
            ),
            format!("/templates: \"templates\" {nobody}"),
        ]
    );
}

#[test]
fn a_value_that_a_present_condition_does_not_need_is_named() {
    let mut map = full();
    for list in ["headers", "query-parameters"] {
        let kind = format!("{ROUTE}/{list}/0/match-type");
        map = with(map, &kind, json!("present"));
    }
    assert_eq!(
        unknown(&map),
        [
            format!(
                "{ROUTE}/headers/0/value (shop/blue in n1): \"1\" has no effect with match-type present"
            ),
            format!(
                "{ROUTE}/query-parameters/0/value (shop/blue in n1): \"z\" has no effect with match-type present"
            ),
        ]
    );
    for list in ["headers", "query-parameters"] {
        map = with(map, &format!("{ROUTE}/{list}/0/value"), Value::Null);
    }
    assert_eq!(unknown(&map), [""; 0]);
}
