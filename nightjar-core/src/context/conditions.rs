//! Conditions on headers and query parameters, normalised, and their order.

use crate::document::{
    AUTHORITY,
    discovery_map::{HeaderMatch, QueryParameterMatch, ValueMatch},
    is_host_header, split_host,
};
use std::cmp::Reverse;

/// Services take methods in lower case for the same, and HTTP/2 lets them come so.
pub(super) const METHOD: &str = ":method";

/// A condition on one header or query parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) value: ValueMatch,
    pub(super) invert: bool,
    pub(super) case_sensitive: bool,
}

/// A route's conditions of one kind: a set, sorted, with how narrow each is.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Conditions {
    /// More conditions come before fewer.
    count: Reverse<usize>,
    /// At equal count, narrower conditions come before wider ones.
    specificity: Vec<Specificity>,
    /// In text order.
    items: Vec<Condition>,
}

/// Sorts a condition before every one that holds whenever it does, where that can be told
/// from its form: breadth, kind, length, regard to case.
type Specificity = (Breadth, u8, i64, bool);

/// How much of all values a condition takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Breadth {
    Some,
    AllBut,
    All,
}

/// What a comparison takes, from the narrowest to the widest.
#[derive(Debug, Clone, Copy)]
enum Extent {
    OneValue,
    Pattern,
    OneEnd,
    AnyValue,
}

impl Conditions {
    pub(super) fn of_headers(headers: &[HeaderMatch]) -> Self {
        Self::new(
            headers
                .iter()
                .map(Condition::on_header)
                .map(normalise_header),
        )
    }

    pub(super) fn of_queries(queries: &[QueryParameterMatch]) -> Self {
        Self::new(
            queries
                .iter()
                .map(Condition::on_query_parameter)
                .map(normalise),
        )
    }

    fn new(conditions: impl Iterator<Item = Condition>) -> Self {
        let mut items: Vec<Condition> = conditions.collect();
        items.sort_unstable();
        items.dedup();
        let mut specificity: Vec<Specificity> = items.iter().map(specificity).collect();
        specificity.sort_unstable();
        Self {
            count: Reverse(items.len()),
            specificity,
            items,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// A name that holds an underscore, if one does: Envoy can be told to drop such headers.
    pub(super) fn name_with_underscore(&self) -> Option<&str> {
        let mut names = self.items.iter().map(|condition| condition.name.as_str());
        names.find(|name| name.contains('_'))
    }

    /// Whether a gateway may take away or overwrite what a condition asks for.
    pub(super) fn are_lost_at_gateways(&self) -> bool {
        const OVERWRITTEN: [&str; 4] = [
            ":scheme",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
        ];
        let is_overwritten = |one: &Condition| OVERWRITTEN.contains(&one.name.as_str());
        self.name_with_underscore().is_some() || self.items.iter().any(is_overwritten)
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
        let demanded = |condition: &'_ Condition| match &condition.value {
            ValueMatch::Exact(text) if !condition.invert && has_one_value(&condition.name) => {
                Some(text.to_string())
            }
            _ => None,
        };
        self.items.iter().any(|mine| {
            other
                .items
                .iter()
                .filter(|theirs| theirs.name == mine.name)
                .any(|theirs| {
                    demanded(mine)
                        .zip(demanded(theirs))
                        .is_some_and(|(one, another)| {
                            let fold = !(mine.case_sensitive && theirs.case_sensitive)
                                || mine.name == METHOD;
                            !(one == another || (fold && one.eq_ignore_ascii_case(&another)))
                                && (mine.name != AUTHORITY || host_of(&one) != host_of(&another))
                        })
                })
        })
    }
}

impl Condition {
    pub(super) fn on_header(header: &HeaderMatch) -> Self {
        let name = &header.header_name;
        let is_host = is_host_header(name);
        Self {
            name: match name.strip_prefix(':') {
                _ if is_host => AUTHORITY.to_owned(),
                Some(_) => name.to_ascii_lowercase(),
                None => name.to_string(),
            },
            value: header.value.clone(),
            invert: header.invert,
            case_sensitive: header.case_sensitive && !is_host,
        }
    }

    pub(super) fn on_query_parameter(query: &QueryParameterMatch) -> Self {
        Self {
            name: query.parameter_name.to_string(),
            value: query.value.clone(),
            invert: false,
            case_sensitive: query.case_sensitive,
        }
    }
}

/// Header names compare without case, and hosts without a dot at their end.
pub(super) fn normalise_header(mut condition: Condition) -> Condition {
    condition.name.make_ascii_lowercase();
    if condition.name == AUTHORITY
        && let ValueMatch::Exact(text) | ValueMatch::Suffix(text) = &mut condition.value
    {
        let (host, port) = split_host(text);
        let plain = host.strip_suffix('.').unwrap_or(host);
        let plain = port.map_or_else(|| plain.to_owned(), |port| format!("{plain}:{port}"));
        *text = plain.parse().unwrap_or_else(|_| text.clone());
    }
    normalise(condition)
}

/// One spelling for conditions that mean the same, so that their routes merge.
pub(super) fn normalise(mut condition: Condition) -> Condition {
    match &mut condition.value {
        ValueMatch::Present => condition.case_sensitive = true,
        ValueMatch::Exact(text) | ValueMatch::Prefix(text) | ValueMatch::Suffix(text)
            if !condition.case_sensitive =>
        {
            *text = text
                .to_ascii_lowercase()
                .parse()
                .unwrap_or_else(|_| text.clone());
        }
        ValueMatch::Exact(_)
        | ValueMatch::Prefix(_)
        | ValueMatch::Suffix(_)
        | ValueMatch::Regex(_) => {}
    }
    condition
}

fn specificity(condition: &Condition) -> Specificity {
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let (extent, length) = match &condition.value {
        ValueMatch::Exact(_) => (Extent::OneValue, 0),
        ValueMatch::Regex(pattern) => (Extent::Pattern, -length(pattern)),
        ValueMatch::Prefix(text) | ValueMatch::Suffix(text) => (Extent::OneEnd, -length(text)),
        ValueMatch::Present => (Extent::AnyValue, 0),
    };
    if condition.invert {
        // The wider the comparison, the narrower its opposite.
        let rank = Extent::AnyValue as u8 - extent as u8;
        (Breadth::AllBut, rank, -length, condition.case_sensitive)
    } else {
        let breadth = match extent {
            Extent::AnyValue => Breadth::All,
            Extent::OneValue | Extent::Pattern | Extent::OneEnd => Breadth::Some,
        };
        (breadth, extent as u8, length, !condition.case_sensitive)
    }
}

/// A host for comparison with another of which either may name no port.
fn host_of(text: &str) -> String {
    let (host, _) = split_host(text);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}
