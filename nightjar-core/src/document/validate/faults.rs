//! Faults that a schema finds, in the words of the rule that is broken.

use crate::{
    document::{
        discovery_map::ONE_HOST,
        finding::{Findings, Pointer},
        number::out_of_range,
        rules, text,
        unknown_members::describe,
    },
    report::quoted,
};
use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;

/// Notes what the schema finds, in the words of the rule that is broken.
pub(super) fn add_fault(
    schema: &Value,
    error: &ValidationError<'_>,
    location: &Pointer<'_>,
    faults: &mut Findings,
) {
    let value = error.instance();
    let text = value.as_str().unwrap_or_default();
    let pointer = format!("{location}{}", error.instance_path());
    let (kind, message) = match error.kind() {
        // The format says it.
        ValidationErrorKind::Pattern { .. } | ValidationErrorKind::MaxLength { .. } => return,
        // A value of another type is a fault of its own.
        ValidationErrorKind::Enum { .. } if !value.is_string() => return,
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            ("required", format!("{} is missing", quoted(name)))
        }
        ValidationErrorKind::OneOfMultipleValid { .. }
        | ValidationErrorKind::OneOfNotValid { .. } => ("host", ONE_HOST.to_owned()),
        ValidationErrorKind::Format { format } => {
            if let Some(rule) = rules().find(|rule| rule.format == format) {
                (rule.format, rule.check(text).err().unwrap_or_default())
            } else {
                let family = if format == "ipv4" { "IPv4" } else { "IPv6" };
                (
                    "address",
                    format!("{} is not an {family} address", quoted(text)),
                )
            }
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                let reason = text::PROPERTY_NAME.check(name).err();
                let pointer = format!("{pointer}{}", Pointer::ROOT.key(name));
                faults.add("property-name", pointer, reason.unwrap_or_default());
            }
            return;
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map_or(&[][..], Vec::as_slice);
            let options: Vec<String> = options.iter().map(ToString::to_string).collect();
            (
                "enum",
                format!("{} is not one of {}", quoted(text), options.join(", ")),
            )
        }
        ValidationErrorKind::AnyOf { context } => {
            // A value or null: what is wrong with the value, if it is one at all.
            let is_type = |error: &ValidationError<'_>| {
                matches!(error.kind(), ValidationErrorKind::Type { .. })
            };
            if let Some(errors) = context.iter().find(|errors| !errors.iter().any(is_type)) {
                for error in errors {
                    add_fault(schema, error, location, faults);
                }
                return;
            }
            let mut kinds = context
                .iter()
                .flatten()
                .filter_map(|error| match error.kind() {
                    ValidationErrorKind::Type {
                        kind: TypeKind::Single(kind),
                    } => Some(kind.to_string()),
                    _ => None,
                });
            let kind = kinds.find(|kind| kind != "null").unwrap_or_default();
            (
                "type",
                format!("{} is not of type \"{kind}\"", describe(value)),
            )
        }
        ValidationErrorKind::MinLength { .. } => ("empty", "is empty".to_owned()),
        ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => {
            ("range", range(schema, error))
        }
        ValidationErrorKind::Type { .. } => {
            ("type", error.masked_with(describe(value)).to_string())
        }
        _ => ("schema", error.masked_with(describe(value)).to_string()),
    };
    faults.add(kind, pointer, message);
}

/// The fault of a number, by the range that its part of the schema has.
fn range(schema: &Value, error: &ValidationError<'_>) -> String {
    let location = error.schema_path().to_string();
    let node = location
        .rsplit_once('/')
        .and_then(|(node, _)| schema.pointer(node));
    match node.map(|node| (node.get("minimum"), node.get("maximum"))) {
        Some((Some(min), Some(max))) => out_of_range(error.instance(), min, max),
        _ => error.masked_with(describe(error.instance())).to_string(),
    }
}
