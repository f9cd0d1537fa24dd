//! Conditions on headers and query parameters, in one normal form.

use crate::document::{
    discovery_map::{HeaderMatch, QueryParameterMatch, ValueMatchType},
    proxy_input::Filter,
};
use std::cmp::Reverse;

/// A route's conditions of one kind: a set, sorted, with how narrow each is.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Filters {
    /// More conditions come before fewer.
    count: Reverse<usize>,
    /// At equal count, narrower conditions come before wider ones.
    narrowness: Vec<Narrowness>,
    /// In text order.
    items: Vec<Filter>,
}

/// Sorts a condition before every one that holds whenever it does, where that can be told
/// from its form: breadth, kind, length, regard to case.
type Narrowness = (Breadth, u8, i64, bool);

/// How much of all values a condition takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Breadth {
    Some,
    AllBut,
    All,
}

impl Filters {
    pub(super) fn of_headers(headers: &[HeaderMatch]) -> Self {
        Self::new(headers.iter().map(as_written_header).map(normal_header))
    }

    pub(super) fn of_queries(queries: &[QueryParameterMatch]) -> Self {
        Self::new(queries.iter().map(as_written_query).map(normal))
    }

    fn new(filters: impl Iterator<Item = Filter>) -> Self {
        let mut items: Vec<Filter> = filters.collect();
        items.sort_unstable();
        items.dedup();
        let mut narrowness: Vec<Narrowness> = items.iter().map(narrowness).collect();
        narrowness.sort_unstable();
        Self {
            count: Reverse(items.len()),
            narrowness,
            items,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it is certain that no request meets both sets of conditions on headers: each
    /// demands another exact value of the same one. A request can have a header twice, with
    /// two values, but not those that stand for its first line.
    pub(super) fn exclude_as_headers(&self, other: &Self) -> bool {
        self.exclude(other, |name| name.starts_with(':'))
    }

    /// The same for query parameters, of which the first with a name counts.
    pub(super) fn exclude_as_queries(&self, other: &Self) -> bool {
        self.exclude(other, |_| true)
    }

    fn exclude(&self, other: &Self, has_one_value: impl Fn(&str) -> bool) -> bool {
        let demands = |filter: &&Filter| {
            filter.is_exact_match && !filter.invert_match && has_one_value(&filter.name)
        };
        self.items.iter().filter(demands).any(|mine| {
            other.items.iter().filter(demands).any(|theirs| {
                let equal = if mine.case_sensitive && theirs.case_sensitive {
                    mine.value == theirs.value
                } else {
                    mine.value.eq_ignore_ascii_case(&theirs.value)
                };
                mine.name == theirs.name && !equal
            })
        })
    }
}

/// A route's conditions on headers as the context lists them: as they were written, those that
/// mean the same once, in the order of their normal form.
pub(super) fn listed_headers(headers: &[HeaderMatch]) -> Vec<Filter> {
    listed(headers.iter().map(as_written_header), normal_header)
}

/// The same of a route's conditions on query parameters.
pub(super) fn listed_queries(queries: &[QueryParameterMatch]) -> Vec<Filter> {
    listed(queries.iter().map(as_written_query), normal)
}

fn listed(filters: impl Iterator<Item = Filter>, normal: fn(Filter) -> Filter) -> Vec<Filter> {
    let mut pairs: Vec<(Filter, Filter)> = filters
        .map(|filter| (normal(filter.clone()), filter))
        .collect();
    pairs.sort_unstable();
    pairs.dedup_by(|later, earlier| later.0 == earlier.0);
    pairs.into_iter().map(|(_, filter)| filter).collect()
}

fn as_written_header(header: &HeaderMatch) -> Filter {
    Filter {
        invert_match: header.invert,
        ..as_written(
            &header.header_name,
            header.match_type,
            header.value.as_deref(),
            header.case_sensitive,
        )
    }
}

fn as_written_query(query: &QueryParameterMatch) -> Filter {
    as_written(
        &query.parameter_name,
        query.match_type,
        query.value.as_deref(),
        query.case_sensitive,
    )
}

fn as_written(
    name: &str,
    match_type: ValueMatchType,
    value: Option<&str>,
    case_sensitive: bool,
) -> Filter {
    let is_present_match = match_type == ValueMatchType::Present;
    let value = value.filter(|_| !is_present_match).unwrap_or_default();
    Filter {
        name: name.to_owned(),
        value: value.to_owned(),
        is_exact_match: match_type == ValueMatchType::Exact,
        is_regex_match: match_type == ValueMatchType::Regex,
        is_present_match,
        is_prefix_match: match_type == ValueMatchType::Prefix,
        is_suffix_match: match_type == ValueMatchType::Suffix,
        invert_match: false,
        case_sensitive,
        is_first: false,
        is_last: false,
    }
}

/// Header names compare without case.
fn normal_header(mut filter: Filter) -> Filter {
    filter.name.make_ascii_lowercase();
    normal(filter)
}

/// One spelling for conditions that mean the same, so that their routes merge.
fn normal(mut filter: Filter) -> Filter {
    if filter.is_present_match {
        filter.case_sensitive = true;
    } else if !filter.is_regex_match && !filter.case_sensitive {
        filter.value.make_ascii_lowercase();
    }
    filter
}

fn narrowness(filter: &Filter) -> Narrowness {
    let length = i64::try_from(filter.value.len()).unwrap_or(i64::MAX);
    let (kind, length) = match filter {
        _ if filter.is_exact_match => (0, 0),
        _ if filter.is_regex_match => (1, -length),
        _ if filter.is_present_match || length == 0 => (3, 0),
        _ => (2, -length),
    };
    if filter.invert_match {
        // The wider the comparison, the narrower its opposite.
        (Breadth::AllBut, 3 - kind, -length, filter.case_sensitive)
    } else {
        let breadth = if kind == 3 {
            Breadth::All
        } else {
            Breadth::Some
        };
        (breadth, kind, length, !filter.case_sensitive)
    }
}
