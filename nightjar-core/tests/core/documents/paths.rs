//! The one form in which paths are kept.

use super::{ROUTE, full, said_of, with};
use nightjar_core::document::{
    self,
    discovery_map::{DiscoveryMap, PathMatchType, PathValue},
};
use serde_json::{Value, json};

/// A map whose route has a path, and is public or not.
fn map(match_type: &str, path: &str, is_public: bool) -> Value {
    let path_match = json!({"match-type": match_type, "value": path, "case-sensitive": true});
    let map = with(full(), &format!("{ROUTE}/path-match"), path_match);
    with(map, &format!("{ROUTE}/default-access"), json!(is_public))
}

/// The path that is kept, with the map as it is written.
fn read(map: &Value) -> (PathValue, Value) {
    let map: DiscoveryMap = document::read(map.to_string().as_bytes()).unwrap();
    let value = map.namespaces[0].service_colors[0].routes[0]
        .path_match
        .value
        .clone();
    (value, serde_json::to_value(map).unwrap())
}

#[test]
fn a_path_is_written_in_one_form() {
    for (kind, declared, kept) in [
        ("exact", "/shop", "/shop"),
        ("exact", "//shop/./a/..//b%2Fc", "/shop/b/c"),
        ("exact", "/%7e%41%2d", "/~A-"),
        (
            "exact",
            "/gr\u{f6}\u{df}e%c3%a9 x",
            "/gr%C3%B6%C3%9Fe%C3%A9%20x",
        ),
        ("exact", "/a+b%2b(c)", "/a+b%2B(c)"),
        ("prefix", "", ""),
        ("prefix", "/a/.", "/a/."),
        ("prefix", "/a%5Cb/", "/a/b/"),
        ("regex", "/a/../%7e", "/a/../%7e"),
    ] {
        for is_public in [true, false] {
            let (value, written) = read(&map(kind, declared, is_public));
            let text = match &value {
                PathValue::Exact(path) if kind == "exact" => path.as_str(),
                PathValue::Prefix(path) if kind == "prefix" => path.as_str(),
                PathValue::Regex(pattern) if kind == "regex" => pattern,
                other => panic!("{kind} {declared:?} became {other:?}"),
            };
            assert_eq!(text, kept, "{kind} {declared:?}");
            assert_eq!(written, map(kind, kept, is_public));
        }
    }
}

#[test]
fn a_path_that_no_request_has_is_kept_as_it_is_where_it_is_public() {
    let pointer = format!("{ROUTE}/path-match/value");
    for (kind, path, reason) in [
        ("exact", "shop", "\"shop\" does not start with /"),
        ("exact", "", "\"\" does not start with /"),
        (
            "exact",
            "/a?b=c",
            "\"/a?b=c\" contains '?', which no path can contain",
        ),
        ("prefix", "*", "\"*\" does not start with /"),
        (
            "prefix",
            "/a#b",
            "\"/a#b\" contains '#', which no path can contain",
        ),
        (
            "prefix",
            "/a;v=1",
            "\"/a;v=1\" contains ';', which no path can contain",
        ),
        (
            "prefix",
            "/a\\b",
            "\"/a\\\\b\" contains '\\\\', which no path can contain",
        ),
        (
            "prefix",
            "/a/../../b",
            "\"/a/../../b\" leads above the root",
        ),
    ] {
        let public = map(kind, path, true);
        let (value, written) = read(&public);
        let dead = PathValue::Unmatchable {
            match_type: if kind == "exact" {
                PathMatchType::Exact
            } else {
                PathMatchType::Prefix
            },
            text: path.parse().unwrap(),
            reason: reason.to_owned(),
        };
        assert_eq!(value, dead);
        assert_eq!(written, public);
        assert_eq!(
            said_of(&map(kind, path, false)),
            [format!("{pointer}: {reason}")]
        );
        // One namespace that may not call it makes it private.
        let closed = with(
            public,
            &format!("{ROUTE}/namespace-access"),
            json!([{"namespace": "n2", "access": true}, {"namespace": "n3", "access": false}]),
        );
        assert_eq!(said_of(&closed), [format!("{pointer}: {reason}")]);
    }
}

#[test]
fn a_route_is_private_however_long_its_list_of_namespaces_is() {
    let open = |index| json!({"namespace": format!("n{index}"), "access": true});
    let mut access: Vec<Value> = (0..3000).map(open).collect();
    access.push(json!({"namespace": "x", "access": false}));
    let pointer = format!("{ROUTE}/path-match/value");
    let public = map("exact", "shop", true);
    let closed = with(public, &format!("{ROUTE}/namespace-access"), json!(access));
    assert_eq!(
        said_of(&closed),
        [format!("{pointer}: \"shop\" does not start with /")]
    );
}
