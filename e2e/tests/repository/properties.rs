//! The documented properties, each held to a test that sends requests through a real Envoy.

use e2e::root;
use nightjar_core::context::properties::DOCUMENTED_PROPERTIES;
use std::{fs, path::Path};

/// What sends a request, one of which a test has to contain.
const REQUESTS: [&str; 6] = [
    ".get(\"/",
    ".get(path)",
    ".get_with(",
    "in_turn(",
    "http::get(",
    "Connection::open(",
];

/// The texts of all end-to-end tests that send requests.
fn requesting(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            requesting(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            if REQUESTS.iter().any(|request| text.contains(request)) {
                found.push(text);
            }
        }
    }
}

/// Whether a text sets a property, in a map or as a setting.
fn sets(text: &str, name: &str) -> bool {
    let setting = name.to_uppercase().replace('-', "_");
    [format!("\"{name}\":"), format!("PROP_{setting}\"")]
        .iter()
        .any(|wanted| text.contains(wanted))
}

#[test]
fn every_documented_property_is_tried_with_requests() {
    let mut texts = Vec::new();
    requesting(&root().join("e2e/tests/e2e"), &mut texts);
    assert!(texts.len() > 50, "{}", texts.len());
    let untried = DOCUMENTED_PROPERTIES.iter().filter(|property| {
        let tries = |text: &String| match property.family() {
            // Whatever its name is.
            Some(family) => text.contains(&format!("\"{family}")),
            None => sets(text, property.name),
        };
        !texts.iter().any(tries)
    });
    let untried: Vec<&str> = untried.map(|property| property.name).collect();
    assert_eq!(
        untried, [""; 0],
        "no test in e2e/tests/e2e sets these properties and sends a request"
    );
}

#[test]
fn a_property_counts_only_where_it_is_set() {
    let text = r#"json!({"idle-timeout": "1s"}); .env("NJ_PROXY_PROP_TRUSTED_HOPS", "1")"#;
    for (name, expected) in [
        ("idle-timeout", true),
        ("trusted-hops", true),
        ("timeout", false),
        ("idle", false),
        ("hops", false),
    ] {
        assert_eq!(sets(text, name), expected, "{name}");
    }
}
