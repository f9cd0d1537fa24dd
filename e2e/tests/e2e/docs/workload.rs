//! The settings by which workloads declare themselves, as pages write them.

use nightjar_core::context::properties::documented;

/// Settings without a number or name in them.
const PLAIN: [&str; 3] = ["NJ_PROTOCOL", "NJ_PREFER_GATEWAY", "NJ_ROUTE_PORT"];
/// Settings that end with a number, or with `<n>`, at which pages' words end.
const NUMBERED: [&str; 4] = [
    "NJ_ROUTE_",
    "NJ_ROUTE_PORT_",
    "NJ_ROUTE_WEIGHT_",
    "NJ_NAMESPACE_PORT_",
];

/// Whether there is such a setting. A property has to be one that the shipped templates know.
pub(super) fn is_setting(name: &str) -> bool {
    let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit());
    let mut numbered = NUMBERED.iter();
    PLAIN.contains(&name)
        || numbered.any(|start| name.strip_prefix(start).is_some_and(is_number))
        || property(name).is_some_and(|property| property.is_empty() || is_property(property))
}

/// What follows `NJ_PROP_`, `NJ_PROXY_PROP_` or `NJ_ROUTE_PROP_<n>_`.
fn property(name: &str) -> Option<&str> {
    for start in ["NJ_PROP_", "NJ_PROXY_PROP_"] {
        if let Some(property) = name.strip_prefix(start) {
            return Some(property);
        }
    }
    let rest = name.strip_prefix("NJ_ROUTE_PROP_")?;
    Some(rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_'))
}

fn is_property(name: &str) -> bool {
    let name = name.to_lowercase().replace('_', "-");
    documented(&name).is_some()
}

#[test]
fn settings_are_told_from_mistakes() {
    for name in [
        "NJ_ROUTE_1",
        "NJ_ROUTE_",
        "NJ_ROUTE_WEIGHT_12",
        "NJ_PROP_RETRY_ON",
        "NJ_ROUTE_PROP_1_TIMEOUT",
        "NJ_ROUTE_PROP_1_REQUEST_HEADER_SET_X_TEAM",
        "NJ_NAMESPACE_PORT_1",
    ] {
        assert!(is_setting(name), "{name}");
    }
    for name in [
        "NJ_ROUTES_1",
        "NJ_ROUTE_WEIGHT",
        "NJ_ROUTE_ONE",
        "NJ_PROP_RETRIES",
        "NJ_ROUTE_PROP_1_TIME",
    ] {
        assert!(!is_setting(name), "{name}");
    }
}
