//! Filters: conditions on headers and query parameters as templates see them.

use super::conditions::{Condition, METHOD, normalise, normalise_header};
use crate::document::{
    AUTHORITY,
    discovery_map::{HeaderMatch, QueryParameterMatch, ValueMatchType},
    host_pattern, list_pattern,
    proxy_input::Filter,
};

/// Whether a route is served or denied. What is denied has to be denied however it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RouteUse {
    Served,
    Denied,
}

/// A route's conditions on headers as the context lists them: as they were written, those that
/// mean the same once, in the order of their normal form.
pub(super) fn header_filters(headers: &[HeaderMatch], route_use: RouteUse) -> Vec<Filter> {
    distinct_filters(
        headers.iter().map(Condition::on_header),
        normalise_header,
        |condition| match condition.name.as_str() {
            AUTHORITY => host_filter(condition),
            METHOD if route_use == RouteUse::Denied => filter(&Condition {
                case_sensitive: false,
                ..condition.clone()
            }),
            name if route_use == RouteUse::Denied && !name.starts_with(':') => {
                list_filter(condition)
            }
            _ => filter(condition),
        },
    )
}

/// The same of a route's conditions on query parameters.
pub(super) fn query_filters(queries: &[QueryParameterMatch]) -> Vec<Filter> {
    distinct_filters(
        queries.iter().map(Condition::on_query_parameter),
        normalise,
        filter,
    )
}

fn distinct_filters(
    conditions: impl Iterator<Item = Condition>,
    normalise: fn(Condition) -> Condition,
    filter: impl Fn(&Condition) -> Filter,
) -> Vec<Filter> {
    let mut pairs: Vec<(Condition, Filter)> = conditions
        .map(|condition| {
            let filter = filter(&condition);
            (normalise(condition), filter)
        })
        .collect();
    pairs.sort_unstable();
    pairs.dedup_by(|later, earlier| later.0 == earlier.0);
    pairs.into_iter().map(|(_, filter)| filter).collect()
}

/// A condition as templates see it.
fn filter(condition: &Condition) -> Filter {
    let value = &condition.value;
    compared(condition, value.match_type(), value.text().to_owned())
}

/// The same condition as a regular expression for the whole value.
fn as_regex(condition: &Condition, pattern: String) -> Filter {
    compared(condition, ValueMatchType::Regex, pattern)
}

fn compared(condition: &Condition, match_type: ValueMatchType, value: String) -> Filter {
    Filter {
        invert_match: condition.invert,
        case_sensitive: condition.case_sensitive,
        ..Filter::new(condition.name.clone(), match_type, value)
    }
}

/// A condition that holds for each value of a list too. One that is inverted holds for a list anyway,
/// unless the list is the value.
fn list_filter(condition: &Condition) -> Filter {
    match list_pattern(&condition.value) {
        Some(pattern) if !condition.invert => as_regex(condition, pattern),
        _ => filter(condition),
    }
}

/// A condition on the host that holds whatever port and trailing dot the caller sends.
fn host_filter(condition: &Condition) -> Filter {
    match host_pattern(&condition.value) {
        Some(pattern) => as_regex(condition, pattern),
        None => filter(condition),
    }
}
