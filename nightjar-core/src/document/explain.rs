//! The slow reading of a document that did not decode: finds every fault in one go.

use super::{
    Fault,
    discovery_map::{self, HOSTNAME_PATTERN, NAME_PATTERN, PROTOCOL_PATTERN},
    fault::shown,
    schema, words,
};
use jsonschema::{ValidationError, error::ValidationErrorKind};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashSet;

/// Every fault of a text that does not decode as a `T`; `more` gives those that types cannot show.
pub(super) fn faults<T>(bytes: &[u8], more: impl Fn(&T) -> Vec<Fault>) -> Vec<Fault>
where
    T: DeserializeOwned + JsonSchema,
{
    let (text, value) = match parse(bytes) {
        Ok(parsed) => parsed,
        Err(message) => return whole(message),
    };
    let (mut faults, wounds): (Vec<Fault>, Vec<Wound>) = structure::<T>(&value).into_iter().unzip();
    if let Ok(document) = serde_json::from_value::<T>(heal(value, &wounds)) {
        let known: HashSet<String> = faults.iter().map(|fault| fault.pointer.clone()).collect();
        let more = more(&document).into_iter();
        faults.extend(more.filter(|fault| !known.contains(&fault.pointer)));
    }
    if faults.is_empty() {
        // Only the decoder sees a member that is there twice.
        let error = serde_json::from_str::<T>(text).err();
        return whole(error.map_or_else(|| "cannot be read".to_owned(), |error| error.to_string()));
    }
    faults.sort();
    faults.dedup();
    faults
}

/// The text and its value, if it is a JSON object.
fn parse(bytes: &[u8]) -> Result<(&str, Value), String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 text: byte {} is wrong", error.valid_up_to()))?;
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    let value: Value = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    if value.is_object() {
        Ok((text, value))
    } else {
        Err("is not a JSON object".to_owned())
    }
}

fn not_json(error: &serde_json::Error) -> String {
    let reason = error.to_string();
    let what = if reason.starts_with("recursion limit") {
        "is nested too deeply"
    } else {
        "is not JSON"
    };
    format!("{what}: {reason}")
}

fn whole(message: String) -> Vec<Fault> {
    vec![Fault {
        pointer: String::new(),
        message,
    }]
}

/// What to replace so that the rest of a document can be read: a place, and a member missing there.
#[derive(Clone, Default)]
struct Wound {
    pointer: String,
    missing: Option<String>,
}

/// The faults that the schema finds.
fn structure<T: JsonSchema>(value: &Value) -> Vec<(Fault, Wound)> {
    let schema = schema::<T>();
    let Ok(validator) = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(schema.as_value())
    else {
        return Vec::new();
    };
    let errors = validator.iter_errors(value);
    errors
        .filter(|error| !said_by_its_type(error))
        .map(|error| told(&error))
        .collect()
}

/// Whether a value is none of some words because it is not even text, which is a fault of its own.
fn said_by_its_type(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), ValidationErrorKind::Enum { .. }) && !error.instance().is_string()
}

fn told(error: &ValidationError<'_>) -> (Fault, Wound) {
    let pointer = error.instance_path().to_string();
    let missing = match error.kind() {
        ValidationErrorKind::Required { property } => property.as_str().map(ToOwned::to_owned),
        _ => None,
    };
    let fault = Fault {
        message: message(error, &pointer),
        pointer: pointer.clone(),
    };
    (fault, Wound { pointer, missing })
}

fn message(error: &ValidationError<'_>, pointer: &str) -> String {
    let value = error.instance();
    let text = value.as_str().unwrap_or_default();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!(
                "{} is missing",
                shown(property.as_str().unwrap_or_default())
            )
        }
        ValidationErrorKind::OneOfMultipleValid { .. }
        | ValidationErrorKind::OneOfNotValid { .. } => discovery_map::ONE_HOST.to_owned(),
        ValidationErrorKind::Pattern { pattern } => match pattern.as_str() {
            NAME_PATTERN => words::not_a_name(text),
            HOSTNAME_PATTERN => words::not_a_hostname(text),
            PROTOCOL_PATTERN => format!("{} is neither HTTP1.1 nor HTTP2", shown(text)),
            other => format!("{} does not match {other}", shown(text)),
        },
        ValidationErrorKind::Format { format } => {
            let kind = if format == "ipv4" { "IPv4" } else { "IPv6" };
            format!("{} is not an {kind} address", shown(text))
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map_or(&[][..], Vec::as_slice);
            let options: Vec<String> = options.iter().map(ToString::to_string).collect();
            format!("{} is none of {}", shown(text), options.join(", "))
        }
        ValidationErrorKind::MinLength { .. } => words::empty(),
        ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. }
            if pointer.ends_with("/weight") =>
        {
            words::not_a_weight(value)
        }
        ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. }
            if pointer.ends_with("port") =>
        {
            words::not_a_port(value)
        }
        _ => error.masked_with(shortened(value)).to_string(),
    }
}

/// A JSON value as a message shows it.
fn shortened(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}

/// Puts something harmless where a document is broken, so that what remains can be judged.
fn heal(mut value: Value, wounds: &[Wound]) -> Value {
    for (number, wound) in wounds.iter().enumerate() {
        let Some(target) = value.pointer_mut(&wound.pointer) else {
            continue;
        };
        let mut steps = wound.pointer.rsplit('/');
        let last = steps.next().unwrap_or_default();
        let parent = steps.next().unwrap_or_default();
        if let (Some(name), Some(object)) = (&wound.missing, target.as_object_mut()) {
            object.insert(name.clone(), member(last, name, number));
        } else {
            *target = match parent {
                "properties" => json!("x"),
                parent if last.bytes().all(|byte| byte.is_ascii_digit()) => item(parent, number),
                parent => member(parent, last, number),
            };
        }
    }
    value
}

/// A valid value for a member of what stands at `place`.
fn member(place: &str, name: &str, number: usize) -> Value {
    match name {
        // Any value will do then, none included.
        "match-type" if place != "path-match" => json!("present"),
        _ => harmless(name, number),
    }
}

/// A valid value for a member, unlike any other where it must be.
fn harmless(name: &str, number: usize) -> Value {
    match name {
        "schema-version" => json!("v1"),
        "protocol" => json!("HTTP2"),
        "match-type" => json!("exact"),
        "prefer-gateway" | "default-access" | "access" | "invert" | "case-sensitive" => json!(true),
        "index" | "weight" | "port" => json!(1),
        "properties" => json!({}),
        "gateways" => json!({"instances": []}),
        "path-match" => json!({"match-type": "exact", "value": "/"}),
        "interface" => json!({"ipv4": "127.0.0.1", "port": 1}),
        "ipv4" => json!("127.0.0.1"),
        "ipv6" => json!("::1"),
        "namespaces" | "service-colors" | "instances" | "routes" | "headers"
        | "query-parameters" | "namespace-access" | "namespace-egress" | "gateway-templates"
        | "service-templates" => json!([]),
        _ => json!(format!("healed-{number}")),
    }
}

/// A valid item for a list.
fn item(list: &str, number: usize) -> Value {
    let members: &[&str] = match list {
        "namespaces" => &["namespace", "network-id", "gateways", "service-colors"],
        "service-colors" => &[
            "service",
            "color",
            "index",
            "instances",
            "routes",
            "namespace-egress",
        ],
        "routes" => &["path-match", "weight", "default-access", "namespace-access"],
        "headers" => &["header-name", "match-type", "value"],
        "query-parameters" => &["parameter-name", "match-type", "value"],
        "namespace-access" => &["namespace", "access"],
        "namespace-egress" => &["namespace", "interface"],
        "instances" => &["ipv4", "port"],
        _ => &["purpose", "template"],
    };
    members
        .iter()
        .map(|name| ((*name).to_owned(), harmless(name, number)))
        .collect()
}
