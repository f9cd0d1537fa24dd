//! What a viewer may not reach, and which of it must stand in the way of wider routes.

use super::{gateway, map, namespace, private, route, service_color, sidecar, warnings, with};
use nightjar_core::document::proxy_input::Route;
use serde_json::{Value, json};

/// What the gateway makes of the given routes of one service-color.
fn gateway_routes(given: &[Value]) -> Vec<Route> {
    let map = map(&[namespace(
        "n1",
        &[service_color("shop", "blue", given, &json!({}))],
    )]);
    super::gateway_routes(&map)
}

fn path(match_type: &str, value: &str, case_sensitive: bool) -> Value {
    json!({ "path-match": {
        "match-type": match_type, "value": value, "case-sensitive": case_sensitive
    } })
}

fn header(name: &str, value: &str) -> Value {
    json!({ "headers": [{ "header-name": name, "match-type": "exact", "value": value }] })
}

#[test]
fn a_private_route_is_denied_only_where_a_public_one_would_take_its_requests() {
    // The first of each pair is private, the second public; then whether the first is denied.
    let exact = |value: &str| path("exact", value, true);
    let regex = |value: &str| path("regex", value, true);
    let prefix = |value: &str| path("prefix", value, true);
    let any_case = |value: &str| path("prefix", value, false);
    let headed =
        |value: &str, name: &str, content: &str| with(prefix(value), &header(name, content));
    let x = |extra: &Value| {
        let exact = json!({ "header-name": "x", "match-type": "exact", "value": "A" });
        json!({ "headers": [with(exact, extra)] })
    };
    let any_case_header = x(&json!({ "case-sensitive": false }));
    let inverted_header = x(&json!({ "invert": true }));
    let asked = |value: &str| {
        json!({ "query-parameters": [
            { "parameter-name": "x", "match-type": "exact", "value": value }
        ] })
    };
    let cases = [
        (exact("/shop/admin"), prefix("/shop/"), true),
        (exact("/shop/admin"), prefix("/shop/admin/"), false),
        (exact("/shop/admin"), regex("/shop/.*"), true),
        (exact("/shop/admin"), regex("/shop/[0-9]+"), false),
        (exact("/shop/admin"), regex("/shop/adm"), false),
        (exact("/shop/admin"), regex("/shop/[a-z]{4}"), false),
        (exact("/shop/admin"), regex("/shop/[a-z]{5}"), true),
        (
            exact("/shop/admin"),
            path("exact", "/SHOP/ADMIN", false),
            true,
        ),
        (exact("/shop/admin"), path("regex", "/SHOP/.*", false), true),
        (regex("/shop/[0-9]+"), prefix("/shop/"), true),
        (regex("/shop/[0-9]+"), prefix("/cart/"), false),
        (regex("/shop/[0-9]+"), prefix("/shop/list/"), false),
        (regex("/shop/[a-z]+/x"), prefix("/shop/list/"), true),
        (regex("/shop/(a|b)"), prefix("/shop/abc/"), false),
        (regex(".*/admin"), prefix("/cart/"), true),
        (regex("/shop/[0-9]+"), regex("/[a-z]+/1"), true),
        (regex("/shop/[0-9]+"), regex("/cart/1"), false),
        (
            path("regex", "/shop/[0-9]+", false),
            any_case("/SHOP/"),
            true,
        ),
        (prefix("/shop/admin/"), prefix("/shop/"), true),
        (prefix("/shop/"), prefix("/shop/admin/"), false),
        (prefix("/shop/"), prefix("/cart/"), false),
        (prefix("/Shop/a/"), prefix("/shop/"), false),
        (any_case("/Shop/a/"), prefix("/shop/"), true),
        (prefix("/Shop/a/"), any_case("/shop/"), true),
        (headed("/shop/", "x", "1"), prefix("/shop/"), true),
        (prefix("/shop/"), headed("/shop/", "x", "1"), false),
        (prefix("/shop/a/"), headed("/shop/", "x", "1"), true),
        (
            headed("/shop/a/", "X", "2"),
            headed("/shop/", "x", "1"),
            true,
        ),
        (
            headed("/shop/a/", ":method", "POST"),
            headed("/shop/", ":method", "GET"),
            false,
        ),
        (
            headed("/shop/a/", "y", "2"),
            headed("/shop/", "x", "1"),
            true,
        ),
        (
            with(prefix("/shop/a/"), &asked("a")),
            with(prefix("/shop/"), &asked("b")),
            false,
        ),
        (prefix("/a%2Bb/c/"), prefix("/a+b/"), true),
        // They are one route, which is public.
        (prefix("/a%2Bb/"), prefix("/a+b/"), false),
        (exact("/a+b"), regex("/a%2Bb"), true),
        (
            headed("/shop/a/", "x", "A"),
            with(prefix("/shop/"), &any_case_header),
            true,
        ),
        (
            headed("/shop/a/", "x", "a"),
            with(prefix("/shop/"), &inverted_header),
            true,
        ),
        (
            headed("/shop/a/", "x", "a"),
            with(prefix("/shop/"), &asked("b")),
            true,
        ),
    ];
    for (hidden, shown, is_denied) in cases {
        let routes = gateway_routes(&[private("/", &hidden), route("/", &shown)]);
        let seen = routes.iter().any(|route| route.is_denied);
        assert_eq!(seen, is_denied, "{hidden} before {shown}");
        assert_eq!(routes.len(), if is_denied { 2 } else { 1 });
    }
}

#[test]
fn no_neighbor_in_the_order_hides_a_wider_route_from_a_denied_one() {
    // The wider route is found past one that is longer yet leads elsewhere, and past one that
    // has the right path yet cannot take the request.
    let elsewhere = gateway_routes(&[
        private("/shop/b/", &json!({})),
        route("/shop/a", &json!({})),
        route("/", &json!({})),
    ]);
    let excluded = gateway_routes(&[
        private("/shop/b/", &header("x", "1")),
        route("/shop/", &header("x", "2")),
        route("/", &json!({})),
    ]);
    let denied = |routes: &[Route]| -> Vec<String> {
        let denied = routes.iter().filter(|route| route.is_denied);
        denied.map(|route| route.route_path.clone()).collect()
    };
    assert_eq!(denied(&elsewhere), ["/shop/b/"]);
    assert_eq!(denied(&excluded), ["/shop/b/"]);
}

#[test]
fn a_denied_route_takes_every_spelling_of_its_path() {
    let cases = [
        ("prefix", "/a.b/", "/a.b/", "prefix"),
        (
            "prefix",
            "/a+b/",
            r"/a(?:%2[Bb]|\+)b(?:;[^/]*)?/.*",
            "regex",
        ),
        ("exact", "/a%c3%A9", "/a(?:%[Cc]3)(?:%[Aa]9)", "regex"),
        ("regex", "/a@b/.+", "/a@b/.+", "regex"),
    ];
    for (match_type, value, expected, expected_type) in cases {
        for case_sensitive in [true, false] {
            let hidden = path(match_type, value, case_sensitive);
            let routes = gateway_routes(&[private("/", &hidden), route("/", &json!({}))]);
            let [denied, _] = routes.as_slice() else {
                panic!("{routes:?}");
            };
            let kind = match denied {
                Route {
                    path_is_exact: true,
                    path_is_prefix: false,
                    path_is_regex: false,
                    ..
                } => "exact",
                Route {
                    path_is_exact: false,
                    path_is_prefix: true,
                    path_is_regex: false,
                    ..
                } => "prefix",
                Route {
                    path_is_exact: false,
                    path_is_prefix: false,
                    path_is_regex: true,
                    ..
                } => "regex",
                _ => "none",
            };
            assert_eq!(
                (denied.route_path.as_str(), kind),
                (expected, expected_type)
            );
            assert!(denied.is_denied && denied.path_is_case_sensitive == case_sensitive);
        }
    }
}

/// A regular expression is tried before every prefix.
#[test]
fn a_public_regular_expression_that_opens_a_part_of_a_private_prefix_is_warned_of() {
    let cases = [
        (
            path("prefix", "/shop/admin/", true),
            path("regex", "/shop/.*", true),
            true,
        ),
        (
            path("prefix", "/shop/", true),
            path("regex", "/shop/[a-z]+/x", true),
            true,
        ),
        (
            path("prefix", "/cart/", true),
            path("regex", "/shop/.*", true),
            false,
        ),
        // These come before it.
        (
            path("exact", "/shop/admin", true),
            path("regex", "/shop/.*", true),
            false,
        ),
        (
            path("regex", "/shop/admin/.*", true),
            path("regex", "/shop/.*", true),
            false,
        ),
        (
            path("prefix", "/shop/admin/", true),
            path("prefix", "/shop/", true),
            false,
        ),
    ];
    for (closed, open, is_opened) in cases {
        let given = [private("/", &closed), route("/", &open)];
        let map = map(&[namespace(
            "n1",
            &[service_color("shop", "blue", &given, &json!({}))],
        )]);
        let text = |path: &Value| path["path-match"]["value"].as_str().unwrap().to_owned();
        let expected = format!(
            "namespace `n1`: the regular expression `{}` is tried before `{}` and may match requests for that private route; \
             make the expression narrower, or the private route an exact path",
            text(&open),
            text(&closed)
        );
        let expected = if is_opened {
            vec![expected]
        } else {
            Vec::new()
        };
        assert_eq!(warnings(&map, &gateway()), expected, "{closed} and {open}");
        // Whoever may reach both has nothing to fear.
        assert_eq!(warnings(&map, &sidecar("shop", "blue")), [""; 0]);
    }
}
