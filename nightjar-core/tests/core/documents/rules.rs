//! The rules for a discovery map, each with a map that breaks it.

use super::{NAMESPACE, ROUTE, SERVICE_COLOR, breaks, full, keeps, said_of, with, without};
use nightjar_core::document::{self, discovery_map::DiscoveryMap};
use serde_json::{Value, json};

#[test]
fn the_schema_version_is_v1() {
    breaks(
        "/schema-version",
        json!("v2"),
        "\"v2\" is not one of \"v1\"",
    );
    breaks("/schema-version", json!(1), "1 is not of type \"string\"");
}

#[test]
fn members_that_have_to_be_there() {
    for (place, members) in [
        (
            "",
            &["schema-version", "document-version", "namespaces"][..],
        ),
        (
            NAMESPACE,
            &["namespace", "network-id", "gateways", "service-colors"],
        ),
        ("/namespaces/0/gateways", &["instances"]),
        (
            SERVICE_COLOR,
            &[
                "service",
                "color",
                "index",
                "instances",
                "routes",
                "namespace-egress",
            ],
        ),
        (
            ROUTE,
            &["path-match", "weight", "default-access", "namespace-access"],
        ),
        (&format!("{ROUTE}/path-match"), &["match-type", "value"]),
        (
            &format!("{ROUTE}/headers/0"),
            &["header-name", "match-type"],
        ),
        (
            &format!("{ROUTE}/query-parameters/0"),
            &["parameter-name", "match-type"],
        ),
        (
            &format!("{ROUTE}/namespace-access/0"),
            &["namespace", "access"],
        ),
        (
            &format!("{SERVICE_COLOR}/namespace-egress/0"),
            &["namespace", "interface"],
        ),
        (&format!("{SERVICE_COLOR}/instances/0"), &["port"]),
    ] {
        for member in members {
            let map = without(full(), &format!("{place}/{member}"));
            let place = if place.is_empty() {
                "(document)"
            } else {
                place
            };
            assert_eq!(said_of(&map), [format!("{place}: {member:?} is missing")]);
        }
    }
}

#[test]
fn members_of_a_wrong_type() {
    let object = "is not of type \"object\"";
    let list = "is not of type \"array\"";
    let text = "is not of type \"string\"";
    let truth = "is not of type \"boolean\"";
    for (pointer, value, message) in [
        ("/document-version", json!(1), format!("1 {text}")),
        ("/document-version", Value::Null, format!("null {text}")),
        ("/namespaces", json!({}), format!("an object {list}")),
        ("/namespaces/0", json!([1]), format!("a list {object}")),
        (
            "/namespaces/0/network-id",
            json!([]),
            format!("a list {text}"),
        ),
        (
            "/namespaces/0/properties",
            json!("x"),
            format!("\"x\" {object}"),
        ),
        (
            "/namespaces/0/properties",
            Value::Null,
            format!("null {object}"),
        ),
        (
            "/namespaces/0/properties/timeout",
            json!(5),
            format!("5 {text}"),
        ),
        (
            "/namespaces/0/gateways",
            Value::Null,
            format!("null {object}"),
        ),
        (
            "/namespaces/0/gateways/prefer-gateway",
            json!("yes"),
            format!("\"yes\" {truth}"),
        ),
        (
            "/namespaces/0/gateways/instances",
            json!({}),
            format!("an object {list}"),
        ),
        (
            "/namespaces/0/service-colors/0",
            json!(true),
            format!("true {object}"),
        ),
        (
            &format!("{ROUTE}/default-access"),
            json!(1),
            format!("1 {truth}"),
        ),
        (
            &format!("{ROUTE}/headers/0/value"),
            json!(1),
            format!("1 {text}"),
        ),
    ] {
        breaks(pointer, value, &message);
    }
}

#[test]
fn words_with_a_fixed_meaning() {
    let path = &format!("{ROUTE}/path-match/match-type");
    breaks(
        path,
        json!("suffix"),
        "\"suffix\" is not one of \"exact\", \"regex\", \"prefix\"",
    );
    let header = &format!("{ROUTE}/headers/0/match-type");
    breaks(
        header,
        json!("PREFIX"),
        "\"PREFIX\" is not one of \"exact\", \"regex\", \"prefix\", \"suffix\", \"present\"",
    );
    // What the value has to be cannot be known then.
    let map = without(
        with(full(), header, json!("like")),
        &format!("{ROUTE}/headers/0/value"),
    );
    assert_eq!(said_of(&map).len(), 1);
}

#[test]
fn weights_are_from_0_to_32767() {
    let place = &format!("{ROUTE}/weight");
    for weight in [32768, 65536, -1] {
        breaks(
            place,
            json!(weight),
            &format!("{weight} is not between 0 and 32767"),
        );
    }
    keeps(place, json!(0));
    keeps(place, json!(1));
    keeps(place, json!(32767));
}

#[test]
fn a_namespace_appears_once() {
    breaks(
        "/namespaces/1/namespace",
        json!("n1"),
        "\"n1\" is already the name of /namespaces/0; a namespace must appear only once",
    );
}

#[test]
fn names_are_plain() {
    let rule = "is not a name: 1 to 128 letters, digits, dots, underscores and hyphens";
    let access = &format!("{ROUTE}/namespace-access/0/namespace");
    let egress = &format!("{SERVICE_COLOR}/namespace-egress/0/namespace");
    let service = &format!("{SERVICE_COLOR}/service");
    let color = &format!("{SERVICE_COLOR}/color");
    for place in ["/namespaces/0/namespace", service, color, access, egress] {
        for name in [
            "", "a b", "a/b", "a\n", "a\tb", "a: b", "\"a\"", "{a}", "#", "é", "a\u{0}",
        ] {
            breaks(place, json!(name), &format!("{name:?} {rule}"));
        }
        let long = "x".repeat(129);
        breaks(
            place,
            json!(long),
            &format!("\"{}…\" {rule}", "x".repeat(119)),
        );
        keeps(place, json!("x".repeat(128)));
        keeps(place, json!("A-z_0.9"));
    }
}

#[test]
fn no_string_holds_control_characters() {
    for place in [
        "/document-version",
        "/namespaces/0/network-id",
        "/namespaces/0/properties/timeout",
        &format!("{SERVICE_COLOR}/properties/lb-policy"),
        &format!("{ROUTE}/path-match/value"),
        &format!("{ROUTE}/headers/0/header-name"),
        &format!("{ROUTE}/headers/0/value"),
        &format!("{ROUTE}/query-parameters/0/parameter-name"),
        &format!("{ROUTE}/query-parameters/0/value"),
        &format!("{ROUTE}/properties/a~1b~0c"),
    ] {
        for (character, code) in [
            ('\n', "000A"),
            ('\0', "0000"),
            ('\u{7f}', "007F"),
            ('\u{85}', "0085"),
        ] {
            let text = format!("a{character}b");
            let mut map = full();
            *map.pointer_mut(place).unwrap() = json!(text);
            let message = format!("{place}: {text:?} contains the control character U+{code}");
            assert_eq!(said_of(&map), [message]);
        }
    }
    let map = with(
        full(),
        "/namespaces/0/properties",
        json!({"a\tb": "c", "": "d"}),
    );
    assert_eq!(
        said_of(&map),
        [
            "/namespaces/0/properties/: the name of a property is empty",
            "/namespaces/0/properties/a\\tb: \"a\\tb\" contains the control character U+0009",
        ]
    );
}

#[test]
fn every_fault_is_listed_and_in_order() {
    let mut map = full();
    for (pointer, value) in [
        ("/schema-version", json!("v9")),
        ("/document-version", json!("a\nb")),
        ("/namespaces/0/gateways/instances/0", json!({"port": 0})),
        (&format!("{SERVICE_COLOR}/service"), json!("a b")),
        (&format!("{SERVICE_COLOR}/index"), json!("x")),
        (&format!("{ROUTE}/weight"), json!(70000)),
        (&format!("{ROUTE}/path-match/value"), json!("(")),
        (&format!("{ROUTE}/headers/0"), json!("x")),
        (&format!("{ROUTE}/properties/a~1b~0c"), json!(1)),
        ("/namespaces/1/namespace", json!("n1")),
    ] {
        *map.pointer_mut(pointer).unwrap() = value;
    }
    let map = without(map, "/namespaces/1/network-id").to_string();
    let refused = document::read::<DiscoveryMap>(map.as_bytes()).unwrap_err();
    let said: Vec<String> = refused.faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "/document-version: \"a\\nb\" contains the control character U+000A",
            "/namespaces/0/gateways/instances/0 (n1): needs exactly one of ipv4, ipv6 and hostname",
            "/namespaces/0/gateways/instances/0/port (n1): 0 is not between 1 and 65535",
            "/namespaces/0/service-colors/0/index (a b/blue in n1): \"x\" is not of type \"integer\"",
            "/namespaces/0/service-colors/0/routes/0/headers/0 (a b/blue in n1): \"x\" is not of type \"object\"",
            "/namespaces/0/service-colors/0/routes/0/path-match/value (a b/blue in n1): \"(\" is not a regular expression: unclosed group",
            "/namespaces/0/service-colors/0/routes/0/properties/a~1b~0c (a b/blue in n1): 1 is not of type \"string\"",
            "/namespaces/0/service-colors/0/routes/0/weight (a b/blue in n1): 70000 is not between 0 and 32767",
            "/namespaces/0/service-colors/0/service (a b/blue in n1): \"a b\" is not a name: 1 to 128 letters, digits, dots, underscores and hyphens",
            "/namespaces/1 (n1): \"network-id\" is missing",
            "/namespaces/1/namespace (n1): \"n1\" is already the name of /namespaces/0; a namespace must appear only once",
            "/schema-version: \"v9\" is not one of \"v1\"",
        ]
    );
}
