//! What every subscription file has to look like, whatever is in its resources.
//!
//! Envoy's validation sees resources that were taken out of their files, so that it cannot say what
//! is wrong with a file itself. Envoy would refuse such a file when it is live, and might have
//! taken a part of it by then.

use super::{Role, message::member};
use serde_json::Value;
use std::collections::HashSet;

/// The type that a resource has inside a wrapper, which is left to Envoy to judge.
const WRAPPER: &str = "type.googleapis.com/envoy.service.discovery.v3.Resource";

/// What is wrong with what surrounds the resources of a file, if anything is.
pub(super) fn frame_fault(file: &Value) -> Option<String> {
    let Some(members) = file.as_object() else {
        return Some("it is not an object with `version_info` and `resources`".to_owned());
    };
    if let Some(version) = member(file, "version_info").filter(|it| !it.is_string()) {
        return Some(format!(
            "`version_info` is {version}, and has to be a string"
        ));
    }
    match members.get("resources") {
        Some(Value::Array(_)) => None,
        Some(_) => Some("`resources` is not a list".to_owned()),
        None => Some("it has no list `resources`".to_owned()),
    }
}

/// What is wrong with the resources of a file, if anything is; each is given by its type and name.
pub(super) fn fault<'a>(
    role: &Role,
    resources: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
) -> Option<String> {
    let kind = role.kind()?;
    let wanted = role.wanted();
    let count = resources.len();
    if let Some(name) = wanted
        && count != 1
    {
        return Some(format!(
            "it has {count} resources, and has to have the one of name {name:?}"
        ));
    }
    let mut seen = HashSet::new();
    for (index, (given, name)) in resources.enumerate() {
        if given == WRAPPER {
            continue;
        }
        if given != kind {
            return Some(format!(
                "resource {index} has the `@type` {given:?} and not {kind:?}"
            ));
        }
        if let Some(wanted) = wanted.filter(|wanted| *wanted != name) {
            return Some(format!(
                "resource {index} has the name {name:?} and not {wanted:?}, by which it is asked for"
            ));
        }
        if !seen.insert(name) {
            return Some(format!("two of its resources have the name {name:?}"));
        }
    }
    None
}
