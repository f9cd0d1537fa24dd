//! Unknown members: those that a value has and no version of its type.

use super::{
    finding::{Finding, Findings, Pointer},
    nearest,
};
use crate::report::quoted;
use serde_json::{Map, Value};

/// The members that a value has and its type does not.
pub(crate) fn unknown_members(schema: &Value, value: &Value) -> Vec<Finding> {
    let mut findings = Findings::default();
    find_unknown(schema, schema, value, &Pointer::ROOT, &mut findings);
    findings.of_kind("unknown")
}

/// The part of the schema that a reference leads to.
pub(super) fn resolved<'s>(schema: &'s Value, node: &'s Value) -> &'s Value {
    let target = node.get("$ref").and_then(Value::as_str);
    let target = target.and_then(|target| schema.pointer(target.trim_start_matches('#')));
    target.unwrap_or(node)
}

/// Adds the unknown members of a value, and values that have no effect.
pub(super) fn find_unknown(
    schema: &Value,
    node: &Value,
    value: &Value,
    location: &Pointer<'_>,
    findings: &mut Findings,
) {
    let node = resolved(schema, node);
    if let (Some(members), Some(known)) = (value.as_object(), node.get("properties")) {
        for (name, member) in members {
            let location = location.key(name);
            match known.get(name) {
                Some(inner) => find_unknown(schema, inner, member, &location, findings),
                None => add_unknown(known, name, &location, findings),
            }
        }
        let is_present = members.get("match-type").and_then(Value::as_str) == Some("present");
        if let Some(value) = members
            .get("value")
            .filter(|value| is_present && !value.is_null() && **value != "")
        {
            let message = format!("{} has no effect with match-type present", describe(value));
            findings.add("present", location.key("value").to_string(), message);
        }
    }
    if let (Some(items), Some(inner)) = (value.as_array(), node.get("items")) {
        for (index, item) in items.iter().enumerate() {
            find_unknown(schema, inner, item, &location.item(index), findings);
        }
    }
}

pub(super) fn add_unknown(
    known: &Value,
    name: &str,
    location: &Pointer<'_>,
    findings: &mut Findings,
) {
    // Names that begin so are people's own.
    if name.starts_with("x-") {
        return;
    }
    let known = known.as_object().into_iter().flat_map(Map::keys);
    let nearest = nearest(name, known.map(String::as_str));
    let hint = nearest.map(|nearest| format!("; did you mean {nearest:?}?"));
    let message = format!(
        "{} is not a known member{}",
        quoted(name),
        hint.unwrap_or_default()
    );
    findings.add("unknown", location.to_string(), message);
}

/// A JSON value as a message shows it.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}
