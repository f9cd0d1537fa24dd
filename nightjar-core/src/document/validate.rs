//! Validation of a document by its schema: every fault, and every member that no version knows.
//!
//! The schema says what a document may hold. A large document is validated part by part, so that this
//! takes little more memory than its text: lists are taken apart into their items.

mod faults;
mod parts;

use super::{
    finding::{Findings, Pointer},
    rules,
    unknown_members::{add_unknown, find_unknown, resolved},
};
use faults::add_fault;
use jsonschema::Validator;
use parts::{each_item, each_member};
use serde_json::{Map, Value, json, value::RawValue};
use std::collections::HashMap;

/// A text up to this many bytes is validated in one piece.
const MAX_PART_SIZE: usize = 64 << 10;

/// What is wrong with a document, and which of its members no version knows.
#[derive(Default)]
pub(super) struct Validation {
    pub(super) faults: Findings,
    pub(super) unknown: Findings,
}

/// Validates a JSON text by a schema.
pub(super) fn validate(schema: &Value, text: &RawValue) -> Validation {
    let mut validator = SchemaValidator {
        schema,
        validators: HashMap::new(),
        validation: Validation::default(),
    };
    let pruned = validator.pruned(text, schema, &Pointer::ROOT);
    validator.validate_part(&pruned, schema, &Pointer::ROOT);
    validator.validation
}

struct SchemaValidator<'s> {
    schema: &'s Value,
    /// By the address of their part of the schema.
    validators: HashMap<*const Value, Option<Validator>>,
    validation: Validation,
}

impl<'s> SchemaValidator<'s> {
    /// A value with its long lists emptied; their items have been validated.
    fn pruned(&mut self, raw: &RawValue, node: &'s Value, location: &Pointer<'_>) -> Value {
        let text = raw.get();
        // What no type reads may be nested more deeply than a value can be; it is passed over below.
        if text.len() <= MAX_PART_SIZE
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
                let mut private_route = None;
                each_item(text, |index, item| {
                    let location = location.item(index);
                    let pruned = self.pruned(item, items, &location);
                    self.validate_part(&pruned, items, &location);
                    if pruned.get("access") == Some(&Value::Bool(false)) {
                        private_route = Some(json!({"namespace": "any", "access": false}));
                    }
                });
                private_route.into_iter().collect()
            }
            Some(b'{') => self.pruned_object(text, node, location),
            Some(b'"') => Value::String(serde_json::from_str(text).unwrap_or_default()),
            // A number that is out of range; a member that takes numbers takes none so large.
            _ => Value::from(f64::MAX),
        }
    }

    fn pruned_object(&mut self, text: &str, node: &'s Value, location: &Pointer<'_>) -> Value {
        let known = node.get("properties");
        let mut members = Map::new();
        each_member(text, |name, member| {
            let at = location.key(&name);
            let Some(known) = known else {
                // A map of texts: each is validated by itself.
                let value = serde_json::from_str(member.get()).unwrap_or_default();
                let single = Value::Object(Map::from_iter([(name.clone(), value)]));
                self.validate_part(&single, node, location);
                return;
            };
            let Some(inner) = known.get(&name) else {
                add_unknown(known, &name, &at, &mut self.validation.unknown);
                return;
            };
            let pruned = self.pruned(member, inner, &at);
            if members.insert(name.clone(), pruned).is_some() {
                let message = "appears twice".to_owned();
                self.validation.faults.add("twice", at.to_string(), message);
            }
        });
        Value::Object(members)
    }

    /// Validates one part.
    fn validate_part(&mut self, value: &Value, node: &'s Value, location: &Pointer<'_>) {
        find_unknown(
            self.schema,
            node,
            value,
            location,
            &mut self.validation.unknown,
        );
        let schema = self.schema;
        let validator = self
            .validators
            .entry(node)
            .or_insert_with(|| validator(schema, node));
        let Some(validator) = validator else {
            return;
        };
        for error in validator.iter_errors(value) {
            add_fault(schema, &error, location, &mut self.validation.faults);
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
