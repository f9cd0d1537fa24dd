//! What a route asks of a request: its path, headers and query parameters.

use super::{
    path::{Extent, Path},
    pattern::{self, Start},
    text::{FieldName, PATTERN, Pattern, Rule, Text},
};
use crate::context::check_expression;
use crate::report::shown;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How a request's path is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawPathMatch", into = "RawPathMatch")]
#[schemars(with = "RawPathMatch", rename = "PathMatch")]
pub struct PathMatch {
    /// What it is compared with.
    pub value: PathValue,
    /// Whether upper and lower case differ.
    pub case_sensitive: bool,
}

/// What a request's path is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathValue {
    /// The whole path, exactly.
    Exact(Path),
    /// The whole path by a regular expression.
    Regex(Pattern),
    /// The start of the path.
    Prefix(Path),
    /// A path that no request can have. A map may hold one where the route is public, so that one
    /// dead route does not stop a mesh.
    Dead {
        /// The kind of comparison that was meant: `Exact` or `Prefix`.
        match_type: PathMatchType,
        /// The path as it was written.
        text: Text,
        /// Why no request can have it.
        reason: String,
    },
}

/// The ways to compare a path.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PathMatchType {
    /// The whole path, exactly.
    Exact,
    /// The whole path by a regular expression.
    Regex,
    /// The start of the path.
    Prefix,
}

/// The JSON form of a [`PathMatch`].
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "PathMatch", extend("if" = is_kind("regex"), "then" = json!({"properties": {"value": pattern()}})))]
/// How a request's path is compared.
struct RawPathMatch {
    /// The kind of comparison.
    match_type: PathMatchType,
    /// The path, its prefix, or a regular expression for the whole path.
    value: Text,
    /// Whether upper and lower case differ.
    #[serde(default = "yes")]
    case_sensitive: bool,
}

impl PathMatch {
    /// A comparison that takes upper and lower case for different.
    ///
    /// # Errors
    /// Why no request can have such a path.
    pub fn new(match_type: PathMatchType, text: &str) -> Result<Self, String> {
        let value = match match_type {
            PathMatchType::Exact => PathValue::Exact(Path::new(text, Extent::Whole)?),
            PathMatchType::Prefix => PathValue::Prefix(Path::new(text, Extent::Start)?),
            PathMatchType::Regex => PathValue::Regex(text.parse()?),
        };
        Ok(Self {
            value,
            case_sensitive: true,
        })
    }

    /// The kind of comparison.
    pub fn match_type(&self) -> PathMatchType {
        match &self.value {
            PathValue::Exact(_) => PathMatchType::Exact,
            PathValue::Regex(_) => PathMatchType::Regex,
            PathValue::Prefix(_) => PathMatchType::Prefix,
            PathValue::Dead { match_type, .. } => *match_type,
        }
    }

    /// The path in normal form, or the regular expression.
    pub fn text(&self) -> &str {
        match &self.value {
            PathValue::Exact(path) | PathValue::Prefix(path) => path.as_str(),
            PathValue::Regex(pattern) => pattern,
            PathValue::Dead { text, .. } => text,
        }
    }

    /// The path, if it is not a regular expression and a request can have it.
    pub fn path(&self) -> Option<&Path> {
        match &self.value {
            PathValue::Exact(path) | PathValue::Prefix(path) => Some(path),
            PathValue::Regex(_) | PathValue::Dead { .. } => None,
        }
    }
}

impl PathMatch {
    /// What whoever wrote it may have meant otherwise, on one line.
    pub fn doubt(&self) -> Option<String> {
        let text = shown(self.text());
        match &self.value {
            PathValue::Dead { reason, .. } => {
                Some(format!("no request can have this path: {reason}"))
            }
            PathValue::Exact(path) | PathValue::Prefix(path) => {
                let wildcard = path.wildcard()?;
                let text = shown(&path.readable());
                Some(format!(
                    "{text} holds {wildcard}, which is taken literally, not as a pattern"
                ))
            }
            PathValue::Regex(pattern) => {
                let starts = pattern::starts(pattern, self.case_sensitive)?;
                let is_path = |start: &Start| start.text.first().is_none_or(|first| *first == b'/');
                let is_dead = !starts.iter().any(is_path);
                is_dead.then(|| format!("{text} cannot begin with /, as every path does"))
            }
        }
    }
}

impl TryFrom<RawPathMatch> for PathMatch {
    type Error = String;

    fn try_from(raw: RawPathMatch) -> Result<Self, String> {
        let value = match Self::new(raw.match_type, &raw.value) {
            Ok(path_match) => path_match.value,
            Err(reason) if raw.match_type == PathMatchType::Regex => return Err(reason),
            Err(reason) => PathValue::Dead {
                match_type: raw.match_type,
                text: raw.value,
                reason,
            },
        };
        Ok(Self {
            value,
            case_sensitive: raw.case_sensitive,
        })
    }
}

impl From<PathMatch> for RawPathMatch {
    fn from(path_match: PathMatch) -> Self {
        Self {
            match_type: path_match.match_type(),
            case_sensitive: path_match.case_sensitive,
            value: match path_match.value {
                PathValue::Exact(path) | PathValue::Prefix(path) => path.into(),
                PathValue::Regex(pattern) => pattern.into(),
                PathValue::Dead { text, .. } => text,
            },
        }
    }
}

/// A condition on a request header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawHeaderMatch", into = "RawHeaderMatch")]
#[schemars(with = "RawHeaderMatch", rename = "HeaderMatch")]
pub struct HeaderMatch {
    /// The header's name, compared without case.
    pub header_name: FieldName,
    /// What its value is compared with.
    pub value: ValueMatch,
    /// Whether the condition holds when the comparison fails.
    pub invert: bool,
    /// Whether upper and lower case of the value differ.
    pub case_sensitive: bool,
}

/// A condition on a query parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawQueryParameterMatch", into = "RawQueryParameterMatch")]
#[schemars(with = "RawQueryParameterMatch", rename = "QueryParameterMatch")]
pub struct QueryParameterMatch {
    /// The parameter's name.
    pub parameter_name: FieldName,
    /// What its value is compared with.
    pub value: ValueMatch,
    /// Whether upper and lower case of the value differ.
    pub case_sensitive: bool,
}

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
enum ValueMatchType {
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

/// The JSON form of a [`HeaderMatch`].
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "HeaderMatch", extend("allOf" = value_rules()))]
/// A condition on a request header.
struct RawHeaderMatch {
    /// The header's name, compared without case.
    header_name: FieldName,
    /// The kind of comparison.
    match_type: ValueMatchType,
    /// What to compare with; not needed for `present`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Text>,
    /// Whether the condition holds when the comparison fails.
    #[serde(default)]
    invert: bool,
    /// Whether upper and lower case of the value differ.
    #[serde(default = "yes")]
    case_sensitive: bool,
}

/// The JSON form of a [`QueryParameterMatch`].
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "QueryParameterMatch", extend("allOf" = value_rules()))]
/// A condition on a query parameter.
struct RawQueryParameterMatch {
    /// The parameter's name.
    parameter_name: FieldName,
    /// The kind of comparison.
    match_type: ValueMatchType,
    /// What to compare with; not needed for `present`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Text>,
    /// Whether upper and lower case of the value differ.
    #[serde(default = "yes")]
    case_sensitive: bool,
}

impl ValueMatch {
    fn new(match_type: ValueMatchType, value: Option<Text>) -> Result<Self, String> {
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

    fn into_raw(self) -> (ValueMatchType, Option<Text>) {
        match self {
            Self::Exact(text) => (ValueMatchType::Exact, Some(text)),
            Self::Regex(pattern) => (ValueMatchType::Regex, Some(pattern.into())),
            Self::Prefix(text) => (ValueMatchType::Prefix, Some(text)),
            Self::Suffix(text) => (ValueMatchType::Suffix, Some(text)),
            Self::Present => (ValueMatchType::Present, None),
        }
    }
}

impl TryFrom<RawHeaderMatch> for HeaderMatch {
    type Error = String;

    fn try_from(raw: RawHeaderMatch) -> Result<Self, String> {
        let header = Self {
            header_name: raw.header_name,
            value: ValueMatch::new(raw.match_type, raw.value)?,
            invert: raw.invert,
            case_sensitive: raw.case_sensitive,
        };
        check_expression(&header)?;
        Ok(header)
    }
}

impl From<HeaderMatch> for RawHeaderMatch {
    fn from(header: HeaderMatch) -> Self {
        let (match_type, value) = header.value.into_raw();
        Self {
            header_name: header.header_name,
            match_type,
            value,
            invert: header.invert,
            case_sensitive: header.case_sensitive,
        }
    }
}

impl TryFrom<RawQueryParameterMatch> for QueryParameterMatch {
    type Error = String;

    fn try_from(raw: RawQueryParameterMatch) -> Result<Self, String> {
        Ok(Self {
            parameter_name: raw.parameter_name,
            value: ValueMatch::new(raw.match_type, raw.value)?,
            case_sensitive: raw.case_sensitive,
        })
    }
}

impl From<QueryParameterMatch> for RawQueryParameterMatch {
    fn from(query: QueryParameterMatch) -> Self {
        let (match_type, value) = query.value.into_raw();
        Self {
            parameter_name: query.parameter_name,
            match_type,
            value,
            case_sensitive: query.case_sensitive,
        }
    }
}

/// What a whole path has to be, where a route is private.
pub(super) const LIVE_PATH: Rule =
    Rule::new("path", |text| Path::new(text, Extent::Whole).map(drop));
/// The same of a path's start.
pub(super) const LIVE_PREFIX: Rule = Rule::new("path-prefix", |text| {
    Path::new(text, Extent::Start).map(drop)
});

/// What the schema asks of a private route's path.
pub(super) fn live_path() -> Value {
    let live = |kind, rule: &Rule| json!({"if": is_kind(kind), "then": {"properties": {"value": rule.schema()}}});
    json!({"properties": {"path-match": {
        "allOf": [live("exact", &LIVE_PATH), live("prefix", &LIVE_PREFIX)]
    }}})
}

fn is_kind(kind: &str) -> Value {
    json!({"properties": {"match-type": {"const": kind}}, "required": ["match-type"]})
}

fn pattern() -> Value {
    PATTERN.schema().to_value()
}

/// What each kind of comparison needs.
fn value_rules() -> Value {
    let text = json!({"type": "string"});
    let filled = json!({"type": "string", "minLength": 1});
    let rule = |kind, value: &Value| json!({"if": is_kind(kind), "then": {"properties": {"value": value}, "required": ["value"]}});
    json!([
        rule("exact", &text),
        rule("prefix", &filled),
        rule("suffix", &filled),
        rule("regex", &pattern()),
    ])
}

fn yes() -> bool {
    true
}
