//! Routes as people declare them.

use super::{IDENTITY, read, service, tags, told};
use insta::assert_json_snapshot;
use nightjar_core::document::discovery_map::Route;

/// What a route costs that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    Nothing,
    Route,
    Workload,
}

/// What becomes of a route, beside one that is good.
fn cost(route: &str) -> (Cost, Vec<String>) {
    let pairs = [("NJ_ROUTE_1", "/shop/"), ("NJ_ROUTE_2", route)];
    let (workload, warnings) = read(&tags(&[&IDENTITY[..], &pairs].concat()));
    let cost = match workload {
        None => Cost::Workload,
        Some(nightjar_core::workload::Workload::Service(service)) => {
            let is_there = service.routes.len() == 2;
            assert_eq!(service.has_errors, !is_there);
            if is_there { Cost::Nothing } else { Cost::Route }
        }
        Some(other) => panic!("no service: {other:?}"),
    };
    (cost, warnings)
}

/// The JSON form of a route with further members.
fn with(members: &str) -> String {
    format!(r#"{{"path-match": {{"match-type": "prefix", "value": "/a/"}}, {members}}}"#)
}

#[test]
fn a_path_says_what_it_matches_and_who_may_ask() {
    let cases: [(&str, &[&str]); 12] = [
        ("/shop", &["exact /shop 1 public", "prefix /shop/ 1 public"]),
        (
            "+/shop",
            &["exact /shop 1 public", "prefix /shop/ 1 public"],
        ),
        (
            "!/shop",
            &["exact /shop 1 private", "prefix /shop/ 1 private"],
        ),
        (
            "-/shop",
            &["exact /shop 1 private", "prefix /shop/ 1 private"],
        ),
        ("/shop/", &["prefix /shop/ 1 public"]),
        ("!/shop/", &["prefix /shop/ 1 private"]),
        ("/", &["prefix / 1 public"]),
        ("-/", &["prefix / 1 private"]),
        (
            "  /a.b/c~d ",
            &["exact /a.b/c~d 1 public", "prefix /a.b/c~d/ 1 public"],
        ),
        ("//a/./b%2Fc%7e/..", &["prefix /a/b/ 1 public"]),
        (
            "!/caf\u{e9}",
            &["exact /caf%C3%A9 1 private", "prefix /caf%C3%A9/ 1 private"],
        ),
        ("/a/%2e%2E", &["prefix / 1 public"]),
    ];
    for (value, expected) in cases {
        let (service, warnings) = service(&[("NJ_ROUTE_1", value)]);
        assert_eq!(warnings, [""; 0], "{value}");
        assert_eq!(told(&service.routes[0].routes), expected, "{value}");
    }
}

#[test]
fn a_route_in_json_needs_its_path_alone() {
    let (service, warnings) = service(&[
        (
            "NJ_ROUTE_1",
            r#"{"path-match": {"match-type": "regex", "value": "/a/[0-9]+"}}"#,
        ),
        ("NJ_ROUTE_WEIGHT_1", "7"),
        ("NJ_ROUTE_PROP_1_TIMEOUT", "5s"),
        (
            "NJ_ROUTE_2",
            r#"{"path-match": {"match-type": "prefix", "value": "/b/"}, "weight": 3,
                "headers": [{"header-name": "x", "match-type": "exact", "value": "y"}],
                "default-access": false, "namespace-access": [{"namespace": "n2", "access": true}],
                "properties": {"timeout": "1s"}}"#,
        ),
        ("NJ_ROUTE_PROP_2_TIMEOUT", "5s"),
        ("NJ_ROUTE_PROP_2_NUM_RETRIES", "2"),
    ]);
    assert_eq!(warnings, [""; 0]);
    let routes: Vec<&Route> = service.routes.iter().flat_map(|r| &r.routes).collect();
    assert_json_snapshot!(routes);
}

#[test]
fn what_replaces_a_path_replaces_what_is_below_it_too() {
    for (path, rewrite, expected) in [
        ("/shop", "/new", vec!["/new", "/new/"]),
        ("/shop", "/", vec!["/", "/"]),
        ("/shop", "/new/", vec!["/new/", "/new/"]),
        ("/shop/", "/new", vec!["/new"]),
        ("/shop", "none", vec!["none", "none"]),
    ] {
        let (service, warnings) = service(&[
            ("NJ_ROUTE_1", path),
            ("NJ_ROUTE_PROP_1_PREFIX_REWRITE", rewrite),
        ]);
        assert_eq!(warnings, [""; 0]);
        let routes = service.routes[0].routes.iter();
        let rewrites: Vec<&str> = routes
            .map(|route| &*route.properties["prefix-rewrite"])
            .collect();
        assert_eq!(rewrites, expected, "{path} to {rewrite}");
    }
    for (redirect, below) in [
        ("https:", "https:"),
        ("none", "none"),
        ("308 /new", "308 /new/"),
        ("https://shop.example/new", "https://shop.example/new/"),
    ] {
        let (service, warnings) = service(&[
            ("NJ_ROUTE_1", "/shop"),
            ("NJ_ROUTE_PROP_1_REDIRECT_TO", redirect),
        ]);
        assert_eq!(warnings, [""; 0]);
        let routes = service.routes[0].routes.iter();
        let redirects: Vec<&str> = routes
            .map(|route| &*route.properties["redirect-to"])
            .collect();
        assert_eq!(redirects, [redirect, below]);
    }
}

#[test]
fn a_header_is_set_by_a_setting_in_upper_case() {
    let (service, warnings) = service(&[
        ("NJ_ROUTE_1", "/shop/"),
        ("NJ_ROUTE_PROP_1_REQUEST_HEADER_SET_X_TEAM", "red"),
        ("NJ_PROP_RESPONSE_HEADER_SET_CACHE_CONTROL", "no-store"),
        ("NJ_ROUTE_PROP_1_REQUEST_HEADER_SET_HOST", "elsewhere"),
        ("NJ_ROUTE_PROP_1_REQUEST_HEADER_SETT_X", "1"),
    ]);
    let route = &service.routes[0].routes[0];
    assert_eq!(&*route.properties["request-header-set-x-team"], "red");
    assert_eq!(
        &*service.properties["response-header-set-cache-control"],
        "no-store"
    );
    assert!(!route.properties.contains_key("request-header-set-host"));
    let said = warnings.join("\n");
    for told in [
        "is left out: `host` is the host that was asked, which property `host-rewrite` replaces",
        "did you mean `request-header-set-x`?",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
}

#[test]
fn a_pattern_in_a_path_is_taken_literally_and_warned_of() {
    for (path, kept, what) in [
        ("/orders/*", "/orders/*", "*"),
        ("/users/{id}", "/users/%7Bid%7D", "{…}"),
        ("/items/:id", "/items/:id", ":name"),
        ("/v[0-9]", "/v%5B0-9%5D", "[…]"),
    ] {
        let (service, warnings) = service(&[("NJ_ROUTE_1", path)]);
        assert_eq!(service.routes[0].routes[0].path_match.text(), kept);
        assert_eq!(
            warnings,
            [format!(
                "…: NJ_ROUTE_1={path:?} (task tag): {path:?} contains {what}, which is matched literally, not as a \
                 wildcard\n  hint: write a pattern in the JSON form, with match-type regex"
            )]
        );
    }
}

#[test]
fn an_unknown_member_costs_the_route_and_is_named_with_the_nearest() {
    let nobody = "is not a known member";
    let match_of = |members: &str| {
        format!(r#"{{"path-match": {{"match-type": "prefix", "value": "/a/", {members}}}}}"#)
    };
    let header = |members: &str| {
        with(&format!(
            r#""headers": [{{"header-name": "x", "match-type": "present", {members}}}]"#
        ))
    };
    for (route, expected) in [
        (
            with(r#""header": []"#),
            format!("\"header\" {nobody}; did you mean \"headers\"?"),
        ),
        (with(r#""comment": 1"#), format!("\"comment\" {nobody}")),
        (
            with(r#""prefix-rewrite": "/""#),
            format!("\"prefix-rewrite\" {nobody}"),
        ),
        (
            match_of(r#""case-sensitiv": true"#),
            format!("\"case-sensitiv\" {nobody}; did you mean \"case-sensitive\"?"),
        ),
        (
            header(r#""inverted": true"#),
            format!("\"inverted\" {nobody}; did you mean \"invert\"?"),
        ),
        (
            with(r#""a": 1, "wieght": 2"#),
            format!("\"a\" {nobody}; \"wieght\" {nobody}; did you mean \"weight\"?"),
        ),
    ] {
        let (cost, warnings) = cost(&route);
        assert_eq!(cost, Cost::Route, "{route}");
        let reason = warnings.join("\n");
        let reason = reason
            .split("(task tag): ")
            .nth(1)
            .unwrap()
            .split("; the route")
            .next();
        assert_eq!(reason, Some(&*expected));
    }
    // People's own, and properties, which have any name.
    for route in [
        with(r#""x-comment": 1"#),
        with(r#""properties": {"mine": "1"}"#),
    ] {
        assert_eq!(cost(&route), (Cost::Nothing, Vec::new()), "{route}");
    }
}

#[test]
fn a_mistake_in_what_may_be_private_costs_the_workload() {
    for (route, expected) in [
        ("shop/admin".to_owned(), Cost::Route),
        ("/shop/admin?x".to_owned(), Cost::Route),
        ("+shop".to_owned(), Cost::Route),
        ("-shop/admin".to_owned(), Cost::Workload),
        ("!/shop/admin?x".to_owned(), Cost::Workload),
        ("!/shop admin".to_owned(), Cost::Workload),
        ("-/..".to_owned(), Cost::Workload),
        ("{".to_owned(), Cost::Route),
        (r#"{"default-access": false"#.to_owned(), Cost::Workload),
        (
            r#"{"headers": [] "namespaceAcces": []"#.to_owned(),
            Cost::Workload,
        ),
        (with(r#""default_access": false"#), Cost::Workload),
        (with(r#""Default-Access": true"#), Cost::Workload),
        (with(r#""namespaceAccess": []"#), Cost::Workload),
        (with(r#""access": false"#), Cost::Workload),
        (with(r#""defaultacess": false"#), Cost::Workload),
        (
            with(r#""default-access": false, "weight": 40000"#),
            Cost::Workload,
        ),
        (with(r#""default-access": "false""#), Cost::Workload),
        (
            with(r#""default-access": true, "weight": 40000"#),
            Cost::Route,
        ),
        (
            with(r#""namespace-access": [{"namespace": "n2", "access": false}], "weight": -1"#),
            Cost::Workload,
        ),
        (
            with(r#""namespace-access": [{"namespace": "n2"}]"#),
            Cost::Workload,
        ),
        (with(r#""namespace-access": {}"#), Cost::Workload),
        (
            with(r#""namespace-access": [{"namespace": "n2", "access": true}], "weight": -1"#),
            Cost::Route,
        ),
        (
            r#"{"path-match": {"match-type": "exact", "value": "a"}, "default-access": false}"#
                .to_owned(),
            Cost::Workload,
        ),
        (
            r#"{"path-match": {"match-type": "exact", "value": "a"}}"#.to_owned(),
            Cost::Route,
        ),
    ] {
        let (cost, warnings) = cost(&route);
        assert_eq!(cost, expected, "{route}");
        let what = match expected {
            Cost::Workload => {
                "; the workload is left out, because a wider route could expose what this one keeps private\n"
            }
            _ => "; the route is left out\n",
        };
        assert!(
            warnings.len() == 1 && warnings[0].contains(what),
            "{warnings:?}"
        );
    }
}

/// The value has no effect, and the route no other meaning without it.
#[test]
fn a_value_that_a_present_condition_does_not_need_costs_nothing() {
    let route = with(r#""headers": [{"header-name": "x", "match-type": "present", "value": "1"}]"#);
    assert_eq!(cost(&route).0, Cost::Nothing);
}

#[test]
fn a_member_that_is_there_twice_is_a_mistake_and_opens_nothing() {
    let with = |members: &str| {
        format!(r#"{{"path-match": {{"match-type": "prefix", "value": "/x/"}}, {members}}}"#)
    };
    for (members, expected) in [
        (
            r#""default-access": false, "default-access": true"#,
            Cost::Workload,
        ),
        (r#""weight": 1, "weight": 2"#, Cost::Route),
    ] {
        let (found, warnings) = cost(&with(members));
        assert_eq!(found, expected, "{members}");
        assert!(
            warnings.iter().any(|line| line.contains("duplicate field")),
            "{warnings:?}"
        );
    }
}

#[test]
fn a_path_so_long_that_nothing_below_it_can_be_a_route_closes_nothing_silently() {
    let path = format!("/{}", "a".repeat(8191));
    for (text, expected) in [
        (format!("!{path}"), Cost::Workload),
        (path.clone(), Cost::Route),
        (format!("{}/", &path[..8191]), Cost::Nothing),
    ] {
        assert_eq!(cost(&text).0, expected, "{} characters", text.len());
    }
}
