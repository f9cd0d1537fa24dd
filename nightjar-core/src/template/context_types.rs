//! Types of the values in a context, read from its JSON Schema.

use crate::document::proxy_input::ProxyInput;
use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock};

/// What is known of a value before there is one.
#[derive(Clone)]
pub(super) enum ValueType {
    Scalar,
    /// A text, whose value a map can choose.
    Text,
    List(Box<ValueType>),
    Record(BTreeMap<String, ValueType>),
    /// An object whose names are free.
    AnyKeys,
    /// Anything: an unknown name was reported already.
    Unknown,
}

pub(super) struct ContextTypes {
    /// The whole context.
    pub(super) root: ValueType,
    /// One of its listeners.
    pub(super) listener: ValueType,
    /// Every field of every record in it, for templates that can be contained anywhere.
    pub(super) anywhere: ValueType,
}

impl ValueType {
    pub(super) fn field(&self, name: &str) -> Option<&ValueType> {
        match self {
            Self::Record(fields) => fields.get(name),
            Self::AnyKeys => Some(&Self::Text),
            Self::Unknown => Some(&Self::Unknown),
            Self::Scalar | Self::Text | Self::List(_) => None,
        }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text)
    }

    fn merged_with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Record(mut fields), Self::Record(others)) => {
                for (name, other) in others {
                    let merged = match fields.remove(&name) {
                        Some(own) => own.merged_with(other),
                        None => other,
                    };
                    fields.insert(name, merged);
                }
                Self::Record(fields)
            }
            (Self::List(own), Self::List(other)) => Self::List(Box::new(own.merged_with(*other))),
            (own, _) => own,
        }
    }

    /// This type and those of everything within, all in one.
    fn flattened(&self) -> Self {
        match self {
            Self::List(item) => item.flattened(),
            Self::Record(fields) => {
                fields
                    .values()
                    .map(Self::flattened)
                    .fold(self.clone(), |merged, inner| match inner {
                        Self::Record(_) => merged.merged_with(inner),
                        _ => merged,
                    })
            }
            other => other.clone(),
        }
    }
}

/// The types, made once.
pub(super) fn context_types() -> &'static ContextTypes {
    static SHAPES: LazyLock<ContextTypes> = LazyLock::new(|| {
        let schema = schemars::schema_for!(ProxyInput).to_value();
        let mut root = of(&schema, &schema);
        let listener = match root.field("listeners") {
            Some(ValueType::List(item)) => item.as_ref().clone(),
            _ => ValueType::Unknown,
        };
        if let ValueType::Record(fields) = &mut root {
            fields.insert("version".to_owned(), ValueType::Scalar);
        }
        ContextTypes {
            listener,
            anywhere: root.flattened(),
            root,
        }
    });
    &SHAPES
}

/// The type that a schema describes. The context's types do not contain themselves.
fn of(schema: &Value, whole: &Value) -> ValueType {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = whole.pointer(reference.trim_start_matches('#'));
        return target.map_or(ValueType::Unknown, |target| of(target, whole));
    }
    if let Some(Value::Array(choices)) = schema.get("anyOf") {
        // What may be absent is `null` or what it is where it is there.
        let is_there = |choice: &&Value| choice.get("type").and_then(Value::as_str) != Some("null");
        let choice = choices.iter().find(is_there);
        return choice.map_or(ValueType::Unknown, |choice| of(choice, whole));
    }
    if let Some(items) = schema.get("items") {
        return ValueType::List(Box::new(of(items, whole)));
    }
    if let Some(Value::Object(fields)) = schema.get("properties") {
        let fields = fields.iter();
        return ValueType::Record(
            fields
                .map(|(name, field)| (name.clone(), of(field, whole)))
                .collect(),
        );
    }
    if schema.get("additionalProperties").is_some() {
        return ValueType::AnyKeys;
    }
    if schema.get("type").and_then(Value::as_str) == Some("string") {
        return ValueType::Text;
    }
    ValueType::Scalar
}
