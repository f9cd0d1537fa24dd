//! Conditions on headers and query parameters, in one normal form.

use crate::{
    document::{
        digits,
        discovery_map::{HeaderMatch, QueryParameterMatch, ValueMatch},
        proxy_input::Filter,
        shown,
    },
    re2,
};
use regex_syntax::ast::{self, Ast, Visitor, parse::Parser};
use std::{cmp::Reverse, ops::Range};

/// A condition on one header or query parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Condition {
    name: String,
    value: ValueMatch,
    invert: bool,
    case_sensitive: bool,
}

/// A route's conditions of one kind: a set, sorted, with how narrow each is.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Conditions {
    /// More conditions come before fewer.
    count: Reverse<usize>,
    /// At equal count, narrower conditions come before wider ones.
    narrowness: Vec<Narrowness>,
    /// In text order.
    items: Vec<Condition>,
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

impl Conditions {
    pub(super) fn of_headers(headers: &[HeaderMatch]) -> Self {
        Self::new(headers.iter().map(header).map(normal_header))
    }

    pub(super) fn of_queries(queries: &[QueryParameterMatch]) -> Self {
        Self::new(queries.iter().map(query).map(normal))
    }

    fn new(conditions: impl Iterator<Item = Condition>) -> Self {
        let mut items: Vec<Condition> = conditions.collect();
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

    /// A name that holds an underscore, if one does: Envoy can be told to drop such headers.
    pub(super) fn with_underscore(&self) -> Option<&str> {
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
        self.with_underscore().is_some() || self.items.iter().any(is_overwritten)
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

/// Whether a route is served or denied. What is denied has to be denied however it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Served,
    Denied,
}

/// A route's conditions on headers as the context lists them: as they were written, those that
/// mean the same once, in the order of their normal form.
pub(super) fn listed_headers(headers: &[HeaderMatch], served: Use) -> Vec<Filter> {
    listed(
        headers.iter().map(header),
        normal_header,
        |condition| match condition.name.as_str() {
            AUTHORITY => of_host(condition),
            METHOD if served == Use::Denied => filter(&Condition {
                case_sensitive: false,
                ..condition.clone()
            }),
            name if served == Use::Denied && !name.starts_with(':') => in_a_list(condition),
            _ => filter(condition),
        },
    )
}

/// The same of a route's conditions on query parameters.
pub(super) fn listed_queries(queries: &[QueryParameterMatch]) -> Vec<Filter> {
    listed(queries.iter().map(query), normal, filter)
}

fn listed(
    conditions: impl Iterator<Item = Condition>,
    normal: fn(Condition) -> Condition,
    filter: impl Fn(&Condition) -> Filter,
) -> Vec<Filter> {
    let mut pairs: Vec<(Condition, Filter)> = conditions
        .map(|condition| {
            let filter = filter(&condition);
            (normal(condition), filter)
        })
        .collect();
    pairs.sort_unstable();
    pairs.dedup_by(|later, earlier| later.0 == earlier.0);
    pairs.into_iter().map(|(_, filter)| filter).collect()
}

/// What Envoy calls the header `host`, whatever the protocol.
const AUTHORITY: &str = ":authority";
/// Services take methods in lower case for the same, and HTTP/2 lets them come so.
const METHOD: &str = ":method";

fn header(header: &HeaderMatch) -> Condition {
    let name = &header.header_name;
    let is_host = ["host", AUTHORITY]
        .iter()
        .any(|host| host.eq_ignore_ascii_case(name));
    Condition {
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

/// Checks that Envoy compiles a condition's regular expression with what is put around it, where the
/// condition is on the host or the route is denied.
///
/// # Errors
/// One line that says why not.
pub(crate) fn check_expression(condition: &HeaderMatch) -> Result<(), String> {
    let ValueMatch::Regex(pattern) = &condition.value else {
        return Ok(());
    };
    let condition = header(condition);
    let filter = match condition.name.as_str() {
        AUTHORITY => of_host(&condition),
        _ => in_a_list(&condition),
    };
    re2::check(&filter.value, false)
        .map_err(|reason| format!("{} is not a regular expression: {reason}", shown(pattern)))
}

fn query(query: &QueryParameterMatch) -> Condition {
    Condition {
        name: query.parameter_name.to_string(),
        value: query.value.clone(),
        invert: false,
        case_sensitive: query.case_sensitive,
    }
}

/// Header names compare without case, and hosts without a dot at their end.
fn normal_header(mut condition: Condition) -> Condition {
    condition.name.make_ascii_lowercase();
    if condition.name == AUTHORITY
        && let ValueMatch::Exact(text) | ValueMatch::Suffix(text) = &mut condition.value
    {
        let (host, port) = split_host(text);
        let plain = host.strip_suffix('.').unwrap_or(host);
        let plain = port.map_or_else(|| plain.to_owned(), |port| format!("{plain}:{port}"));
        *text = plain.parse().unwrap_or_else(|_| text.clone());
    }
    normal(condition)
}

/// One spelling for conditions that mean the same, so that their routes merge.
fn normal(mut condition: Condition) -> Condition {
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

fn narrowness(condition: &Condition) -> Narrowness {
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let (kind, length) = match &condition.value {
        ValueMatch::Exact(_) => (0, 0),
        ValueMatch::Regex(pattern) => (1, -length(pattern)),
        ValueMatch::Prefix(text) | ValueMatch::Suffix(text) => (2, -length(text)),
        ValueMatch::Present => (3, 0),
    };
    if condition.invert {
        // The wider the comparison, the narrower its opposite.
        (Breadth::AllBut, 3 - kind, -length, condition.case_sensitive)
    } else {
        let breadth = if kind == 3 {
            Breadth::All
        } else {
            Breadth::Some
        };
        (breadth, kind, length, !condition.case_sensitive)
    }
}

/// A condition as templates see it.
fn filter(condition: &Condition) -> Filter {
    let text = match &condition.value {
        ValueMatch::Exact(text) | ValueMatch::Prefix(text) | ValueMatch::Suffix(text) => {
            text.to_string()
        }
        ValueMatch::Regex(pattern) => pattern.to_string(),
        ValueMatch::Present => String::new(),
    };
    Filter {
        name: condition.name.clone(),
        value: text,
        is_exact_match: matches!(condition.value, ValueMatch::Exact(_)),
        is_regex_match: matches!(condition.value, ValueMatch::Regex(_)),
        is_present_match: matches!(condition.value, ValueMatch::Present),
        is_prefix_match: matches!(condition.value, ValueMatch::Prefix(_)),
        is_suffix_match: matches!(condition.value, ValueMatch::Suffix(_)),
        invert_match: condition.invert,
        case_sensitive: condition.case_sensitive,
        is_first: false,
        is_last: false,
    }
}

/// The same condition as a regular expression for the whole value.
fn as_regex(condition: &Condition, pattern: String) -> Filter {
    Filter {
        value: pattern,
        is_exact_match: false,
        is_regex_match: true,
        is_prefix_match: false,
        is_suffix_match: false,
        ..filter(condition)
    }
}

/// A condition that holds for each value of a list too, as `x: 1,2` says what two lines say. One that
/// is inverted holds for a list anyway, unless the list is the value.
fn in_a_list(condition: &Condition) -> Filter {
    let part = match &condition.value {
        _ if condition.invert || is_endless(condition) => return filter(condition),
        ValueMatch::Exact(text) => regex::escape(text),
        ValueMatch::Prefix(text) => format!("{}.*", regex::escape(text)),
        ValueMatch::Suffix(text) => format!(".*{}", regex::escape(text)),
        ValueMatch::Regex(pattern) => format!("(?:{pattern})"),
        ValueMatch::Present => return filter(condition),
    };
    as_regex(condition, format!(r"(?:.*,)?[ \t]*{part}[ \t]*(?:,.*)?"))
}

/// A condition on the host that holds whatever port and trailing dot the caller sends.
fn of_host(condition: &Condition) -> Filter {
    const REST: &str = r"\.?(?::[0-9]+)?";
    let whole = |text: &str| {
        let (host, port) = split_host(text);
        let host = regex::escape(&host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase());
        port.map_or_else(
            || format!("{host}{REST}"),
            |port| format!(r"{host}\.?:{port}"),
        )
    };
    let pattern = match &condition.value {
        _ if is_endless(condition) => return filter(condition),
        ValueMatch::Exact(text) => whole(text),
        ValueMatch::Suffix(text) => format!(".*{}", whole(text)),
        ValueMatch::Prefix(text) => format!("{}.*", regex::escape(&text.to_ascii_lowercase())),
        ValueMatch::Regex(pattern) => {
            format!("(?:{}){REST}", open_ended(pattern, &format!("{REST}$")))
        }
        ValueMatch::Present => return filter(condition),
    };
    as_regex(condition, pattern)
}

/// Whether a text is longer than all headers of a request may be (60 KiB in Envoy): it matches nothing,
/// and as a regular expression could be more than Envoy compiles.
fn is_endless(condition: &Condition) -> bool {
    match &condition.value {
        ValueMatch::Exact(text) | ValueMatch::Prefix(text) | ValueMatch::Suffix(text) => {
            text.len() > 60 << 10
        }
        ValueMatch::Regex(_) | ValueMatch::Present => false,
    }
}

/// A host and its port, if it names one.
fn split_host(text: &str) -> (&str, Option<u16>) {
    let split = text
        .rsplit_once(':')
        .filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    match split.map(|(host, port)| (host, digits(port))) {
        Some((host, Some(port))) => (host, Some(port)),
        _ => (text, None),
    }
}

/// A host for comparison with another of which either may name no port.
fn host_of(text: &str) -> String {
    let (host, _) = split_host(text);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// A regular expression in which every end of the text is replaced by `end`.
fn open_ended(pattern: &str, end: &str) -> String {
    #[derive(Default)]
    struct Ends(Vec<Range<usize>>);

    impl Visitor for Ends {
        type Output = Vec<Range<usize>>;
        type Err = ();

        fn finish(self) -> Result<Self::Output, ()> {
            Ok(self.0)
        }

        fn visit_pre(&mut self, ast: &Ast) -> Result<(), ()> {
            if let Ast::Assertion(assertion) = ast
                && matches!(
                    assertion.kind,
                    ast::AssertionKind::EndLine | ast::AssertionKind::EndText
                )
            {
                self.0
                    .push(assertion.span.start.offset..assertion.span.end.offset);
            }
            Ok(())
        }
    }

    let ends = Parser::new().parse(pattern).ok();
    let ends = ends
        .and_then(|ast| ast::visit(&ast, Ends::default()).ok())
        .unwrap_or_default();
    let mut open = pattern.to_owned();
    for range in ends.into_iter().rev() {
        open.replace_range(range, &format!("(?:{end})"));
    }
    open
}
