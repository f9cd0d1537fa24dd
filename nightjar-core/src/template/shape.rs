//! Which names a context can have, read from its JSON Schema.

use crate::document::proxy_input::ProxyInput;
use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock};

/// What is known of a value before there is one.
#[derive(Clone)]
pub(super) enum Shape {
    Scalar,
    /// A text, whose value a map can choose.
    Text,
    List(Box<Shape>),
    Record(BTreeMap<String, Shape>),
    /// An object whose names are free.
    Free,
    /// Anything: a mistake was reported already.
    Unknown,
}

pub(super) struct Shapes {
    /// The whole context.
    pub(super) root: Shape,
    /// One of its listeners.
    pub(super) listener: Shape,
    /// Every field of every record in it, for templates that can be contained anywhere.
    pub(super) anywhere: Shape,
}

impl Shape {
    pub(super) fn field(&self, name: &str) -> Option<&Shape> {
        match self {
            Self::Record(fields) => fields.get(name),
            Self::Free => Some(&Self::Text),
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

    /// This shape and those of everything within, all in one.
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

/// The shapes, made once.
pub(super) fn shapes() -> &'static Shapes {
    static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
        let schema = schemars::schema_for!(ProxyInput).to_value();
        let mut root = of(&schema, &schema);
        let listener = match root.field("listeners") {
            Some(Shape::List(item)) => item.as_ref().clone(),
            _ => Shape::Unknown,
        };
        if let Shape::Record(fields) = &mut root {
            fields.insert("version".to_owned(), Shape::Scalar);
        }
        Shapes {
            listener,
            anywhere: root.flattened(),
            root,
        }
    });
    &SHAPES
}

/// The shape that a schema describes. The context's types do not contain themselves.
fn of(schema: &Value, whole: &Value) -> Shape {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = whole.pointer(reference.trim_start_matches('#'));
        return target.map_or(Shape::Unknown, |target| of(target, whole));
    }
    if let Some(items) = schema.get("items") {
        return Shape::List(Box::new(of(items, whole)));
    }
    if let Some(Value::Object(fields)) = schema.get("properties") {
        let fields = fields.iter();
        return Shape::Record(
            fields
                .map(|(name, field)| (name.clone(), of(field, whole)))
                .collect(),
        );
    }
    if schema.get("additionalProperties").is_some() {
        return Shape::Free;
    }
    if schema.get("type").and_then(Value::as_str) == Some("string") {
        return Shape::Text;
    }
    Shape::Scalar
}
