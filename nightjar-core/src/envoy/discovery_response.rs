//! Rules for every subscription file, which is a discovery response, whatever its resources contain.
//!
//! Envoy's validation sees resources that were taken out of their files, so that it cannot say what
//! is wrong with a file itself. Envoy would refuse such a file when it is live, and might have
//! taken a part of it by then.

use super::{proto_json::member, role::FileRole};
use serde_json::Value;
use std::collections::HashSet;

/// The type that a resource has inside a wrapper, which is left to Envoy to judge.
const WRAPPER: &str = "type.googleapis.com/envoy.service.discovery.v3.Resource";

/// What is wrong with what surrounds the resources of a file, if anything is.
pub(super) fn check_response(file: &Value) -> Option<String> {
    let Some(members) = file.as_object() else {
        return Some("it is not an object with `version_info` and `resources`".to_owned());
    };
    if let Some(version) = member(file, "version_info").filter(|it| !it.is_string()) {
        return Some(format!("`version_info` is {version}, not a string"));
    }
    match members.get("resources") {
        Some(Value::Array(_)) => None,
        Some(_) => Some("`resources` is not a list".to_owned()),
        None => Some("it has no `resources` list".to_owned()),
    }
}

/// What is wrong with the resources of a file, if anything is; each is given by its type and name.
pub(super) fn check_resources<'a>(
    role: &FileRole,
    resources: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
) -> Option<String> {
    let type_url = role.type_url()?;
    let wanted = role.resource_name();
    let count = resources.len();
    if let Some(name) = wanted
        && count != 1
    {
        return Some(format!(
            "it has {count} resources instead of one named {name:?}"
        ));
    }
    let mut seen = HashSet::new();
    for (index, (given, name)) in resources.enumerate() {
        if given == WRAPPER {
            continue;
        }
        if given != type_url {
            return Some(format!(
                "resource {index} has the `@type` {given:?} instead of {type_url:?}"
            ));
        }
        if let Some(wanted) = wanted.filter(|wanted| *wanted != name) {
            return Some(format!(
                "resource {index} is named {name:?} instead of {wanted:?}, the name that Envoy asks for"
            ));
        }
        if !seen.insert(name) {
            return Some(format!("two of its resources are named {name:?}"));
        }
    }
    None
}
