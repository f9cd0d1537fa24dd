//! A route in words.

use crate::document::discovery_map::{PathMatchType, Route, ValueMatch};

/// What a route of the map takes, in words.
pub fn described(route: &Route) -> String {
    let matched = &route.path_match;
    let mut words = format!("{} {}", kind(matched.match_type()), matched.text());
    if !matched.case_sensitive {
        words.push_str(" in any case");
    }
    let conditions = route.headers.iter().map(|header| {
        let not = if header.invert { " not" } else { "" };
        let value = value(&header.value, header.case_sensitive);
        format!("header {}{not} {value}", header.header_name)
    });
    let parameters = route.query_parameters.iter().map(|query| {
        let value = value(&query.value, query.case_sensitive);
        format!("parameter {} {value}", query.parameter_name)
    });
    let mut all: Vec<String> = conditions.chain(parameters).collect();
    all.sort();
    all.dedup();
    if !all.is_empty() {
        words.push_str(" with ");
        words.push_str(&all.join(" and "));
    }
    words
}

fn value(value: &ValueMatch, is_strict: bool) -> String {
    let any_case = if is_strict { "" } else { " in any case" };
    match value {
        ValueMatch::Exact(text) => format!("exact {text}{any_case}"),
        ValueMatch::Prefix(text) => format!("prefix {text}{any_case}"),
        ValueMatch::Suffix(text) => format!("suffix {text}{any_case}"),
        ValueMatch::Regex(pattern) => format!("regex {pattern}{any_case}"),
        ValueMatch::Present => "present".to_owned(),
    }
}

/// A kind of path in a word.
pub(super) fn kind(kind: PathMatchType) -> &'static str {
    match kind {
        PathMatchType::Exact => "exact",
        PathMatchType::Regex => "regex",
        PathMatchType::Prefix => "prefix",
    }
}
