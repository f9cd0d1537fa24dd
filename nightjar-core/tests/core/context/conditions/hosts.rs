//! Conditions on the host.

use super::{condition, filter, private, route, routes, takes};
use serde_json::{Value, json};

/// Conditions, with hosts that meet each and hosts that do not.
const CASES: [(&str, &str, &[&str], &[&str]); 9] = [
    (
        "exact",
        "shop.example",
        &[
            "shop.example",
            "SHOP.Example",
            "shop.example.",
            "shop.example:8080",
            "shop.example.:80",
        ],
        &[
            "ashop.example",
            "shopxexample",
            "shop.example.org",
            "shop.example:",
            "shop.example:x",
            "",
        ],
    ),
    (
        "exact",
        "Shop.Example.",
        &["shop.example", "shop.example:80"],
        &["shop.example.org"],
    ),
    (
        "exact",
        "shop.example:8443",
        &["shop.example:8443", "shop.example.:8443"],
        &["shop.example", "shop.example:443", "shop.example:84430"],
    ),
    (
        "exact",
        "[fd00::1]",
        &["[fd00::1]", "[FD00::1]:80"],
        &["fd00::1", "[fd00::2]"],
    ),
    (
        "exact",
        "[fd00::1]:80",
        &["[fd00::1]:80"],
        &["[fd00::1]", "[fd00::1]:81"],
    ),
    (
        "suffix",
        ".Example",
        &["a.example", "a.b.example.", "a.example:80"],
        &["example", "a.example.org"],
    ),
    (
        "suffix",
        ".example:80",
        &["a.example:80"],
        &["a.example", "a.example:8080"],
    ),
    (
        "prefix",
        "Shop.",
        &["shop.example", "shop.x:80"],
        &["a.shop.example", "shop"],
    ),
    (
        "regex",
        "(?:shop|cart)[.]example$",
        &["shop.example", "cart.example.:80", "CART.example"],
        &["a.shop.example", "shop.example.org"],
    ),
];

#[test]
fn a_condition_on_the_host_holds_whatever_case_port_and_dot_the_caller_sends() {
    for (kind, value, taken, left) in CASES {
        for name in ["host", "Host", ":authority", ":AUTHORITY"] {
            // Whether the route is served or denied.
            let served = filter(&[route("/", &condition(name, kind, value))]);
            let denied = filter(&[
                private("/a/", &condition(name, kind, value)),
                route("/", &json!({})),
            ]);
            for filter in [served, denied] {
                assert_eq!(
                    (filter.name.as_str(), filter.case_sensitive),
                    (":authority", false)
                );
                for host in taken {
                    assert!(
                        takes(&filter, host),
                        "{kind} {value} as {} and {host}",
                        filter.value
                    );
                }
                for host in left {
                    assert!(
                        !takes(&filter, host),
                        "{kind} {value} as {} and {host}",
                        filter.value
                    );
                }
            }
        }
    }
    let present = filter(&[route("/", &condition("Host", "present", ""))]);
    assert_eq!(
        (present.name.as_str(), present.is_present_match),
        (":authority", true)
    );
}

#[test]
fn conditions_on_one_host_merge() {
    let merged = |conditions: &[(&str, &str, &str)]| {
        let given: Vec<Value> = conditions
            .iter()
            .map(|(name, kind, value)| route("/", &condition(name, kind, value)))
            .collect();
        routes(&given).len()
    };
    let shop = |name, value| (name, "exact", value);
    assert_eq!(
        merged(&[
            shop("host", "shop.example"),
            shop("Host", "SHOP.example"),
            shop(":authority", "shop.example."),
        ]),
        1
    );
    assert_eq!(
        merged(&[
            shop("host", "shop.example"),
            shop("host", "shop.example:80")
        ]),
        2
    );
    assert_eq!(
        merged(&[("host", "suffix", ".a"), ("host", "suffix", ".A.")]),
        1
    );
    assert_eq!(
        merged(&[("host", "prefix", "a."), ("host", "prefix", "a")]),
        2
    );
    assert_eq!(merged(&[shop("x", "a"), shop("X", "a"), shop("x", "A")]), 2);
}

#[test]
fn a_host_with_and_one_without_a_port_can_meet() {
    let is_denied = |hidden: &str, shown: &str| {
        let routes = routes(&[
            private("/a/", &condition("host", "exact", hidden)),
            route("/", &condition("host", "exact", shown)),
        ]);
        routes[0].is_denied
    };
    assert!(is_denied("shop.example", "Shop.Example:80"));
    assert!(is_denied("shop.example:80", "shop.example."));
    assert!(!is_denied("shop.example", "cart.example"));
}
