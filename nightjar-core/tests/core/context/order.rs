//! The order in which a proxy tries routes.

use super::{gateway_routes, map, namespace, route, service_color};
use nightjar_core::document::proxy_input::Filter;
use serde_json::{Value, json};

/// The gateway's routes for a service-color with the given ones.
fn ordered(routes: &[Value]) -> Vec<nightjar_core::document::proxy_input::Route> {
    let map = map(&[namespace(
        "n1",
        &[service_color("a", "b", routes, &json!({}))],
    )]);
    gateway_routes(&map)
}

#[test]
fn longer_and_stricter_paths_come_first() {
    let path = |kind: &str, value: &str, case_sensitive: bool| {
        json!({ "path-match": {
            "match-type": kind, "value": value, "case-sensitive": case_sensitive
        } })
    };
    let expected = [
        ("exact", "/A", true),
        ("exact", "/a", true),
        ("exact", "/long", true),
        ("exact", "/a", false),
        ("regex", "/[a-z]+", true),
        ("regex", "/[0-9]", true),
        ("regex", "/[a-c]", true),
        ("prefix", "/long/er/", true),
        ("prefix", "/long/", true),
        ("prefix", "/long/", false),
        ("prefix", "/", true),
    ];
    let given: Vec<Value> = expected
        .iter()
        .rev()
        .map(|(kind, value, case_sensitive)| route("", &path(kind, value, *case_sensitive)))
        .collect();
    let routes = ordered(&given);
    let seen: Vec<(&str, &str, bool)> = routes
        .iter()
        .map(|route| {
            let kind = if route.path_is_exact {
                "exact"
            } else if route.path_is_regex {
                "regex"
            } else {
                "prefix"
            };
            (
                kind,
                route.route_path.as_str(),
                route.path_is_case_sensitive,
            )
        })
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn spellings_of_one_route_merge() {
    let spelling = |path: &str, name: &str, value: &str, extra: Value| {
        route(
            "",
            &json!({
                "path-match": { "match-type": "prefix", "value": path, "case-sensitive": false },
                "headers": [
                    { "header-name": name, "match-type": "exact", "value": value, "case-sensitive": false },
                    { "header-name": "y", "match-type": "present" },
                    extra,
                ],
            }),
        )
    };
    let again = json!({ "header-name": "Y", "match-type": "present", "value": "any", "case-sensitive": false });
    let once = json!({ "header-name": "y", "match-type": "present" });
    let blue = [spelling("/Shop/", "X", "One", again)];
    let green = [spelling("/s%68op/", "x", "one", once)];
    let map = map(&[namespace(
        "n1",
        &[
            service_color("shop", "blue", &blue, &json!({})),
            service_color("shop", "green", &green, &json!({})),
        ],
    )]);
    let routes = gateway_routes(&map);
    let seen: Vec<(&str, usize, u64)> = routes
        .iter()
        .map(|route| {
            (
                route.route_path.as_str(),
                route.header_filters.len(),
                route.total_cluster_weight,
            )
        })
        .collect();
    // Of the spellings, the first in text order is shown.
    assert_eq!(seen, [("/Shop/", 2, 2)]);
}

/// Whether the condition holds for a header's value; no condition but "not present" holds for a
/// header that is missing.
fn holds(filter: &Filter, value: Option<&str>) -> bool {
    let Some(value) = value else {
        return filter.is_present_match && filter.invert_match;
    };
    let fold = |text: &str| {
        if filter.case_sensitive {
            text.to_owned()
        } else {
            text.to_ascii_lowercase()
        }
    };
    let (value, wanted) = (fold(value), fold(&filter.value));
    let found = filter.is_present_match
        || (filter.is_exact_match && value == wanted)
        || (filter.is_prefix_match && value.starts_with(&wanted))
        || (filter.is_suffix_match && value.ends_with(&wanted));
    found != filter.invert_match
}

/// At one path, a condition that holds for some of the requests of another comes before it.
#[test]
fn narrower_conditions_come_first() {
    let mut given = Vec::new();
    for kind in ["exact", "prefix", "suffix", "present"] {
        for value in ["a", "A", "b", "ab", "aB", "bab"] {
            for (invert, case_sensitive) in
                [(false, false), (false, true), (true, false), (true, true)]
            {
                given.push(route(
                    "/",
                    &json!({ "headers": [{
                    "header-name": "x", "match-type": kind, "value": value,
                    "invert": invert, "case-sensitive": case_sensitive,
                }] }),
                ));
            }
        }
    }
    // Every value of up to four letters, and no value.
    let mut values: Vec<Option<String>> = vec![None, Some(String::new())];
    let mut longest = vec![String::new()];
    for _ in 0..4 {
        longest = longest
            .iter()
            .flat_map(|text| ["a", "A", "b", "B"].map(|letter| format!("{text}{letter}")))
            .collect();
        values.extend(longest.iter().cloned().map(Some));
    }
    let routes = ordered(&given);
    let taken: Vec<Vec<bool>> = routes
        .iter()
        .map(|route| {
            let filter = &route.header_filters[0];
            values
                .iter()
                .map(|value| holds(filter, value.as_deref()))
                .collect()
        })
        .collect();
    for (early, early_route) in taken.iter().zip(&routes) {
        let later = taken
            .iter()
            .zip(&routes)
            .skip_while(|(taken, _)| !std::ptr::eq(*taken, early));
        for (late, late_route) in later {
            let is_within = late.iter().zip(early).all(|(late, early)| !late || *early);
            assert!(
                !is_within || late == early,
                "{:?} hides {:?}",
                early_route.header_filters,
                late_route.header_filters
            );
        }
    }
}
