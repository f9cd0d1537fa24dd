//! The slow reading of a document: every fault, and every member that no version knows.
//!
//! The schema says what a document may hold. A large document is judged part by part, so that judging
//! takes little more memory than its text: lists are taken apart into their items.

use super::{
    discovery_map::ONE_HOST,
    finding::{Finding, Findings, Place},
    nearest,
    number::out_of_range,
    rules,
};
use crate::report::shown;
use jsonschema::{
    ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use serde::{
    Deserializer as _,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, json, value::RawValue};
use std::{collections::HashMap, fmt};

/// A text up to this many bytes is judged in one piece.
const PART: usize = 64 << 10;

/// What is wrong with a document, and which of its members no version knows.
#[derive(Default)]
pub(super) struct Judgement {
    pub(super) faults: Findings,
    pub(super) unknown: Findings,
}

/// Judges a JSON text by a schema.
pub(super) fn judge(schema: &Value, text: &RawValue) -> Judgement {
    let mut judge = Judge {
        schema,
        validators: HashMap::new(),
        judgement: Judgement::default(),
    };
    let hollow = judge.hollow(text, schema, &Place::ROOT);
    judge.part(&hollow, schema, &Place::ROOT);
    judge.judgement
}

/// The members that a value has and its type does not.
pub(crate) fn unknown_members(schema: &Value, value: &Value) -> Vec<Finding> {
    let mut findings = Findings::default();
    unknown(schema, schema, value, &Place::ROOT, &mut findings);
    findings.of_kind("unknown")
}

struct Judge<'s> {
    schema: &'s Value,
    /// By the address of their part of the schema.
    validators: HashMap<*const Value, Option<Validator>>,
    judgement: Judgement,
}

impl<'s> Judge<'s> {
    /// A value with its long lists emptied; their items have been judged.
    fn hollow(&mut self, raw: &RawValue, node: &'s Value, place: &Place<'_>) -> Value {
        let text = raw.get();
        // What no type reads may be nested more deeply than a value can be; it is passed over below.
        if text.len() <= PART
            && let Ok(value) = serde_json::from_str(text)
        {
            return value;
        }
        let node = resolved(self.schema, node);
        match text.as_bytes().first() {
            Some(b'[') => {
                let Some(items) = node.get("items") else {
                    return Value::Array(Vec::new());
                };
                // A route is private by any entry of a list.
                let mut closed = None;
                each_item(text, |index, item| {
                    let place = place.item(index);
                    let hollow = self.hollow(item, items, &place);
                    self.part(&hollow, items, &place);
                    if hollow.get("access") == Some(&Value::Bool(false)) {
                        closed = Some(json!({"namespace": "any", "access": false}));
                    }
                });
                closed.into_iter().collect()
            }
            Some(b'{') => self.hollow_object(text, node, place),
            Some(b'"') => Value::String(serde_json::from_str(text).unwrap_or_default()),
            // A number that is out of range; a member that takes numbers takes none so large.
            _ => Value::from(f64::MAX),
        }
    }

    fn hollow_object(&mut self, text: &str, node: &'s Value, place: &Place<'_>) -> Value {
        let known = node.get("properties");
        let mut members = Map::new();
        each_member(text, |name, member| {
            let at = place.key(&name);
            let Some(known) = known else {
                // A map of texts: each is judged by itself.
                let value = serde_json::from_str(member.get()).unwrap_or_default();
                let single = Value::Object(Map::from_iter([(name.clone(), value)]));
                self.part(&single, node, place);
                return;
            };
            let Some(inner) = known.get(&name) else {
                note_unknown(known, &name, &at, &mut self.judgement.unknown);
                return;
            };
            let hollow = self.hollow(member, inner, &at);
            if members.insert(name.clone(), hollow).is_some() {
                let message = "is there twice".to_owned();
                self.judgement.faults.add("twice", at.to_string(), message);
            }
        });
        Value::Object(members)
    }

    /// Judges one part.
    fn part(&mut self, value: &Value, node: &'s Value, place: &Place<'_>) {
        unknown(self.schema, node, value, place, &mut self.judgement.unknown);
        let schema = self.schema;
        let validator = self
            .validators
            .entry(node)
            .or_insert_with(|| validator(schema, node));
        let Some(validator) = validator else {
            return;
        };
        for error in validator.iter_errors(value) {
            note(schema, &error, place, &mut self.judgement.faults);
        }
    }
}

fn validator(schema: &Value, node: &Value) -> Option<Validator> {
    let mut node = node.clone();
    if let (Some(object), Some(definitions)) = (node.as_object_mut(), schema.get("$defs")) {
        object.insert("$defs".to_owned(), definitions.clone());
    }
    let mut options = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true);
    for rule in rules() {
        options = options.with_format(rule.format, |text: &str| rule.check(text).is_ok());
    }
    options.build(&node).ok()
}

/// The part of the schema that a reference leads to.
fn resolved<'s>(schema: &'s Value, node: &'s Value) -> &'s Value {
    let target = node.get("$ref").and_then(Value::as_str);
    let target = target.and_then(|target| schema.pointer(target.trim_start_matches('#')));
    target.unwrap_or(node)
}

fn unknown(
    schema: &Value,
    node: &Value,
    value: &Value,
    place: &Place<'_>,
    findings: &mut Findings,
) {
    let node = resolved(schema, node);
    if let (Some(members), Some(known)) = (value.as_object(), node.get("properties")) {
        for (name, member) in members {
            let place = place.key(name);
            match known.get(name) {
                Some(inner) => unknown(schema, inner, member, &place, findings),
                None => note_unknown(known, name, &place, findings),
            }
        }
        let is_present = members.get("match-type").and_then(Value::as_str) == Some("present");
        if let Some(value) = members
            .get("value")
            .filter(|value| is_present && !value.is_null() && **value != "")
        {
            let message = format!("{} has no effect with match-type present", shortened(value));
            findings.add("present", place.key("value").to_string(), message);
        }
    }
    if let (Some(items), Some(inner)) = (value.as_array(), node.get("items")) {
        for (index, item) in items.iter().enumerate() {
            unknown(schema, inner, item, &place.item(index), findings);
        }
    }
}

fn note_unknown(known: &Value, name: &str, place: &Place<'_>, findings: &mut Findings) {
    // Names that begin so are people's own.
    if name.starts_with("x-") {
        return;
    }
    let known = known.as_object().into_iter().flat_map(Map::keys);
    let nearest = nearest(name, known.map(String::as_str));
    let hint = nearest.map(|nearest| format!("; did you mean {nearest:?}?"));
    let message = format!(
        "{} is not a member that this version knows{}",
        shown(name),
        hint.unwrap_or_default()
    );
    findings.add("unknown", place.to_string(), message);
}

/// Notes what the schema finds, in the words of the rule that is broken.
fn note(schema: &Value, error: &ValidationError<'_>, place: &Place<'_>, faults: &mut Findings) {
    let value = error.instance();
    let text = value.as_str().unwrap_or_default();
    let pointer = format!("{place}{}", error.instance_path());
    let (kind, message) = match error.kind() {
        // The format says it.
        ValidationErrorKind::Pattern { .. } | ValidationErrorKind::MaxLength { .. } => return,
        // A value of another type is a fault of its own.
        ValidationErrorKind::Enum { .. } if !value.is_string() => return,
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            ("required", format!("{} is missing", shown(name)))
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
                    format!("{} is not an {family} address", shown(text)),
                )
            }
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                let reason = super::text::PROPERTY_NAME.check(name).err();
                let pointer = format!("{pointer}{}", Place::ROOT.key(name));
                faults.add("property-name", pointer, reason.unwrap_or_default());
            }
            return;
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map_or(&[][..], Vec::as_slice);
            let options: Vec<String> = options.iter().map(ToString::to_string).collect();
            (
                "enum",
                format!("{} is none of {}", shown(text), options.join(", ")),
            )
        }
        ValidationErrorKind::AnyOf { context } => {
            // A value or null: what is wrong with the value, if it is one at all.
            let is_type = |error: &ValidationError<'_>| {
                matches!(error.kind(), ValidationErrorKind::Type { .. })
            };
            if let Some(errors) = context.iter().find(|errors| !errors.iter().any(is_type)) {
                for error in errors {
                    note(schema, error, place, faults);
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
                format!("{} is not of type \"{kind}\"", shortened(value)),
            )
        }
        ValidationErrorKind::MinLength { .. } => ("empty", "is empty".to_owned()),
        ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => {
            ("range", range(schema, error))
        }
        ValidationErrorKind::Type { .. } => {
            ("type", error.masked_with(shortened(value)).to_string())
        }
        _ => ("schema", error.masked_with(shortened(value)).to_string()),
    };
    faults.add(kind, pointer, message);
}

/// What is said of a number, by the range that its part of the schema has.
fn range(schema: &Value, error: &ValidationError<'_>) -> String {
    let location = error.schema_path().to_string();
    let node = location
        .rsplit_once('/')
        .and_then(|(node, _)| schema.pointer(node));
    match node.map(|node| (node.get("minimum"), node.get("maximum"))) {
        Some((Some(min), Some(max))) => out_of_range(error.instance(), min, max),
        _ => error.masked_with(shortened(error.instance())).to_string(),
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

/// Hands over the members of an object one by one. The text is known to be JSON.
fn each_member(text: &str, member: impl FnMut(String, &RawValue)) {
    let _ = serde_json::Deserializer::from_str(text).deserialize_map(Each(member));
}

/// Hands over the items of a list one by one. The text is known to be JSON.
fn each_item(text: &str, mut item: impl FnMut(usize, &RawValue)) {
    let mut index = 0;
    let each = Each(|_: String, raw: &RawValue| {
        item(index, raw);
        index += 1;
    });
    let _ = serde_json::Deserializer::from_str(text).deserialize_seq(each);
}

struct Each<F>(F);

impl<'de, F: FnMut(String, &RawValue)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some((name, raw)) = members.next_entry::<String, &RawValue>()? {
            (self.0)(name, raw);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(raw) = items.next_element::<&RawValue>()? {
            (self.0)(String::new(), raw);
        }
        Ok(())
    }
}
