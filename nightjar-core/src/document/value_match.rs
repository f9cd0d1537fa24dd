//! Comparisons of header values and query parameters.

use super::text::{PATTERN, Pattern, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a header's or a query parameter's value is compared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueMatch {
    /// The whole value, exactly.
    Exact(Text),
    /// The whole value by a regular expression.
    Regex(Pattern),
    /// The start of the value, which is not empty.
    Prefix(Text),
    /// The end of the value, which is not empty.
    Suffix(Text),
    /// Any value at all.
    Present,
}

/// The ways to compare a header or a query parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ValueMatchType {
    /// The whole value, exactly.
    Exact,
    /// The whole value by a regular expression.
    Regex,
    /// The start of the value.
    Prefix,
    /// The end of the value.
    Suffix,
    /// Any value at all.
    Present,
}

impl ValueMatchType {
    /// Every way.
    pub const ALL: [Self; 5] = [
        Self::Exact,
        Self::Prefix,
        Self::Suffix,
        Self::Regex,
        Self::Present,
    ];

    /// What the schema says of the value, if it needs one.
    fn value_schema(self) -> Option<Value> {
        match self {
            Self::Exact => Some(json!({"type": "string"})),
            Self::Regex => Some(pattern_schema()),
            Self::Prefix | Self::Suffix => Some(json!({"type": "string", "minLength": 1})),
            Self::Present => None,
        }
    }
}

impl ValueMatch {
    /// The way to compare.
    pub fn match_type(&self) -> ValueMatchType {
        match self {
            Self::Exact(_) => ValueMatchType::Exact,
            Self::Regex(_) => ValueMatchType::Regex,
            Self::Prefix(_) => ValueMatchType::Prefix,
            Self::Suffix(_) => ValueMatchType::Suffix,
            Self::Present => ValueMatchType::Present,
        }
    }

    /// What is compared with; empty for `Present`.
    pub fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) | Self::Suffix(text) => text,
            Self::Regex(pattern) => pattern,
            Self::Present => "",
        }
    }

    pub(super) fn new(match_type: ValueMatchType, value: Option<Text>) -> Result<Self, String> {
        let needed = || value.ok_or("value is missing");
        let filled = |text: Text| {
            let text = Some(text).filter(|text| !text.is_empty());
            text.ok_or("value is empty; use match-type present to accept any value")
        };
        Ok(match match_type {
            ValueMatchType::Exact => Self::Exact(needed()?),
            ValueMatchType::Regex => Self::Regex(needed()?.parse()?),
            ValueMatchType::Prefix => Self::Prefix(filled(needed()?)?),
            ValueMatchType::Suffix => Self::Suffix(filled(needed()?)?),
            ValueMatchType::Present => Self::Present,
        })
    }

    pub(super) fn into_raw(self) -> (ValueMatchType, Option<Text>) {
        match self {
            Self::Exact(text) => (ValueMatchType::Exact, Some(text)),
            Self::Regex(pattern) => (ValueMatchType::Regex, Some(pattern.into())),
            Self::Prefix(text) => (ValueMatchType::Prefix, Some(text)),
            Self::Suffix(text) => (ValueMatchType::Suffix, Some(text)),
            Self::Present => (ValueMatchType::Present, None),
        }
    }
}

/// What the schema says of a comparison of one kind.
pub(super) fn is_match_type(kind: &Value) -> Value {
    json!({"properties": {"match-type": {"const": kind}}, "required": ["match-type"]})
}

/// What the schema says of a regular expression.
pub(super) fn pattern_schema() -> Value {
    PATTERN.schema().to_value()
}

/// What each kind of comparison needs.
pub(super) fn value_rules() -> Value {
    let rule = |kind: ValueMatchType| {
        let value = kind.value_schema()?;
        Some(
            json!({"if": is_match_type(&json!(kind)), "then": {"properties": {"value": value}, "required": ["value"]}}),
        )
    };
    ValueMatchType::ALL.into_iter().filter_map(rule).collect()
}

pub(super) fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_comparisons_is_whole() {
        let schema = schemars::schema_for!(ValueMatchType);
        let kinds = schema.get("oneOf").and_then(Value::as_array).unwrap();
        let missing: Vec<&Value> = kinds
            .iter()
            .map(|kind| &kind["const"])
            .filter(|name| ValueMatchType::ALL.iter().all(|kind| json!(kind) != **name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert_eq!(kinds.len(), ValueMatchType::ALL.len());
    }
}
