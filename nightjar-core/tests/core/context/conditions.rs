//! Conditions on headers and paths, and how they hold whatever the caller writes.

mod hosts;

use super::{gateway_routes, map, namespace, private, route, service_color};
use nightjar_core::document::proxy_input::{Filter, Route};
use regex::Regex;
use serde_json::{Value, json};

fn condition(name: &str, kind: &str, value: &str) -> Value {
    json!({ "headers": [{ "header-name": name, "match-type": kind, "value": value }] })
}

fn routes(given: &[Value]) -> Vec<Route> {
    gateway_routes(&map(&[namespace(
        "n1",
        &[service_color("shop", "blue", given, &json!({}))],
    )]))
}

/// The only condition of the first of some routes.
fn filter(given: &[Value]) -> Filter {
    routes(given).remove(0).header_filters.remove(0)
}

/// Whether Envoy takes a value for one that meets a regular expression.
fn takes(filter: &Filter, value: &str) -> bool {
    assert!(
        filter.is_regex_match
            && !filter.is_exact_match
            && !filter.is_prefix_match
            && !filter.is_suffix_match
    );
    let case = if filter.case_sensitive { "" } else { "(?i)" };
    Regex::new(&format!("^{case}(?:{})$", filter.value))
        .unwrap()
        .is_match(value)
}

#[test]
fn a_denied_condition_holds_in_a_list_too() {
    let cases: [(&str, &str, &[&str], &[&str]); 4] = [
        (
            "exact",
            "1.0",
            &["1.0", "1.0,2", "2, 1.0", "2 ,\t1.0 ,3", ", 1.0"],
            &["11.0", "1x0", "2,11.0", "1.0 2", ""],
        ),
        (
            "prefix",
            "a",
            &["abc", "x, abc", "abc,x"],
            &["xa", "x,ya", ""],
        ),
        ("suffix", "a", &["xa", "xa,b", "b,xa"], &["ab", "b,ax", ""]),
        (
            "regex",
            "a|b",
            &["a", "b", "c, b", "a,c"],
            &["ab", "c,ab", ""],
        ),
    ];
    for (kind, value, taken, left) in cases {
        let filter = filter(&[
            private("/a/", &condition("x", kind, value)),
            route("/", &json!({})),
        ]);
        assert_eq!((filter.name.as_str(), filter.invert_match), ("x", false));
        for text in taken {
            assert!(
                takes(&filter, text),
                "{kind} {value} as {} and {text:?}",
                filter.value
            );
        }
        for text in left {
            assert!(
                !takes(&filter, text),
                "{kind} {value} as {} and {text:?}",
                filter.value
            );
        }
    }
}

#[test]
fn other_conditions_stay_as_they_are() {
    let served = filter(&[route("/", &condition("X-A", "exact", "1"))]);
    let inverted = json!({ "headers": [
        { "header-name": "x", "match-type": "exact", "value": "1", "invert": true }
    ] });
    let denied = |extra: &Value| filter(&[private("/a/", extra), route("/", &json!({}))]);
    let plain = |name: &str, value: &str| Filter {
        name: name.to_owned(),
        value: value.to_owned(),
        is_exact_match: true,
        is_regex_match: false,
        is_present_match: false,
        is_prefix_match: false,
        is_suffix_match: false,
        invert_match: false,
        case_sensitive: true,
        is_first: true,
        is_last: true,
    };
    assert_eq!(served, plain("X-A", "1"));
    assert_eq!(
        denied(&inverted),
        Filter {
            invert_match: true,
            ..plain("x", "1")
        }
    );
    let scheme = condition(":scheme", "exact", "https");
    assert_eq!(denied(&scheme), plain(":scheme", "https"));
    // Services take `get` for GET.
    let method = condition(":method", "exact", "GET");
    assert_eq!(
        denied(&method),
        Filter {
            case_sensitive: false,
            ..plain(":method", "GET")
        }
    );
    assert_eq!(filter(&[route("/", &method)]), plain(":method", "GET"));
    let present = Filter {
        is_exact_match: false,
        is_present_match: true,
        ..plain("x", "")
    };
    assert_eq!(denied(&condition("x", "present", "any")), present);
    let query = json!({ "query-parameters": [
        { "parameter-name": "q", "match-type": "exact", "value": "1" }
    ] });
    let routes = routes(&[private("/a/", &query), route("/", &json!({}))]);
    assert_eq!(routes[0].query_filters, [plain("q", "1")]);
}

#[test]
fn a_served_path_keeps_its_kind_beside_a_pattern_for_its_spellings() {
    for (kind, path, expected) in [
        ("exact", "/a.b", ("/a.b", false, r"/a\.b")),
        (
            "prefix",
            "/a+b/",
            ("/a+b/", true, r"/a(?:%2[Bb]|\+)b(?:;[^/]*)?/"),
        ),
        (
            "exact",
            "/\u{e9}",
            ("/%C3%A9", true, "/(?:%[Cc]3)(?:%[Aa]9)"),
        ),
        ("prefix", "/100%", ("/100%25", true, "/100(?:%25|%)")),
        ("regex", "/a+b", ("/a+b", false, "/a+b")),
        ("prefix", "", ("", false, "")),
    ] {
        let path_match = json!({ "path-match": { "match-type": kind, "value": path } });
        let routes = routes(&[route("", &path_match)]);
        let [route] = &routes[..] else {
            panic!("{routes:?}");
        };
        let seen = (
            route.route_path.as_str(),
            route.has_spellings,
            route.path_pattern.as_str(),
        );
        assert_eq!(seen, expected);
        let kinds = (
            route.path_is_exact,
            route.path_is_prefix,
            route.path_is_regex,
        );
        assert_eq!(kinds, (kind == "exact", kind == "prefix", kind == "regex"));
    }
}

#[test]
fn a_method_is_denied_in_any_case_however_its_name_is_written() {
    let public = route("/", &json!({}));
    for name in [":method", ":Method"] {
        let denied = private("/m/", &condition(name, "exact", "GET"));
        let filter = filter(&[denied, public.clone()]);
        assert_eq!((&*filter.name, filter.case_sensitive), (":method", false));
    }
}
