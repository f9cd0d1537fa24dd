//! Header and query parameter matches: which requests a route asks for besides their path.

use super::{
    header_regex,
    text::{FieldName, Text},
    value_match::{ValueMatch, ValueMatchType, value_rules, yes},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

impl TryFrom<RawHeaderMatch> for HeaderMatch {
    type Error = String;

    fn try_from(raw: RawHeaderMatch) -> Result<Self, String> {
        let header = Self {
            header_name: raw.header_name,
            value: ValueMatch::new(raw.match_type, raw.value)?,
            invert: raw.invert,
            case_sensitive: raw.case_sensitive,
        };
        header_regex::check(&header.header_name, &header.value, header.invert)?;
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
