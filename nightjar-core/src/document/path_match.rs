//! Path matches: which paths of requests a route answers.

use super::{
    path::{Extent, Path},
    regex_prefix::{RegexPrefix, regex_prefixes},
    text::{Pattern, Rule, Text},
    value_match::{is_match_type, pattern_schema, yes},
};
use crate::report::quoted;
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
    Unmatchable {
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
#[schemars(rename = "PathMatch", extend("if" = is_match_type(&json!("regex")), "then" = json!({"properties": {"value": pattern_schema()}})))]
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
            PathValue::Unmatchable { match_type, .. } => *match_type,
        }
    }

    /// The path in normal form, or the regular expression.
    pub fn text(&self) -> &str {
        match &self.value {
            PathValue::Exact(path) | PathValue::Prefix(path) => path.as_str(),
            PathValue::Regex(pattern) => pattern,
            PathValue::Unmatchable { text, .. } => text,
        }
    }

    /// The path, if it is not a regular expression and a request can have it.
    pub fn path(&self) -> Option<&Path> {
        match &self.value {
            PathValue::Exact(path) | PathValue::Prefix(path) => Some(path),
            PathValue::Regex(_) | PathValue::Unmatchable { .. } => None,
        }
    }
}

impl PathMatch {
    /// A warning about a path that its author may have meant otherwise, on one line.
    pub fn warning(&self) -> Option<String> {
        let text = quoted(self.text());
        match &self.value {
            PathValue::Unmatchable { reason, .. } => {
                Some(format!("no request can have this path: {reason}"))
            }
            PathValue::Exact(path) | PathValue::Prefix(path) => {
                let wildcard = path.wildcard()?;
                let text = quoted(&path.readable());
                Some(format!(
                    "{text} contains {wildcard}, which is matched literally, not as a wildcard"
                ))
            }
            PathValue::Regex(pattern) => {
                let prefixes = regex_prefixes(pattern, self.case_sensitive)?;
                let is_path =
                    |start: &RegexPrefix| start.text.first().is_none_or(|first| *first == b'/');
                let is_dead = !prefixes.iter().any(is_path);
                is_dead.then(|| format!("{text} matches no path, because every path begins with /"))
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
            Err(reason) => PathValue::Unmatchable {
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
                PathValue::Unmatchable { text, .. } => text,
            },
        }
    }
}

/// What a whole path has to be, where a route is private.
pub(super) const MATCHABLE_PATH: Rule =
    Rule::new("path", |text| Path::new(text, Extent::Whole).map(drop));
/// The same of a path's start.
pub(super) const MATCHABLE_PREFIX: Rule = Rule::new("path-prefix", |text| {
    Path::new(text, Extent::Start).map(drop)
});

/// What the schema asks of a private route's path.
pub(super) fn matchable_path() -> Value {
    let live = |kind: &str, rule: &Rule| json!({"if": is_match_type(&json!(kind)), "then": {"properties": {"value": rule.schema()}}});
    json!({"properties": {"path-match": {
        "allOf": [live("exact", &MATCHABLE_PATH), live("prefix", &MATCHABLE_PREFIX)]
    }}})
}
