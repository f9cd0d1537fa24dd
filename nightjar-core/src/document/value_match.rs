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
pub(super) enum ValueMatchType {
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

impl ValueMatch {
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
pub(super) fn is_match_type(kind: &str) -> Value {
    json!({"properties": {"match-type": {"const": kind}}, "required": ["match-type"]})
}

/// What the schema says of a regular expression.
pub(super) fn pattern_schema() -> Value {
    PATTERN.schema().to_value()
}

/// What each kind of comparison needs.
pub(super) fn value_rules() -> Value {
    let text = json!({"type": "string"});
    let filled = json!({"type": "string", "minLength": 1});
    let rule = |kind, value: &Value| json!({"if": is_match_type(kind), "then": {"properties": {"value": value}, "required": ["value"]}});
    json!([
        rule("exact", &text),
        rule("prefix", &filled),
        rule("suffix", &filled),
        rule("regex", &pattern_schema()),
    ])
}

pub(super) fn yes() -> bool {
    true
}
