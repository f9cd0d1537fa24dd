//! A second, simple opinion on which routes match a request.

use nightjar_core::document::{
    discovery_map::{HeaderMatch, PathMatchType, QueryParameterMatch, Route, ValueMatch},
    proxy_input,
};
use proptest::{option, prelude::*, sample::select};
use regex::RegexBuilder;
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
};

/// What a route asks of requests, in a form that the map's and the context's spelling share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    kind: PathMatchType,
    case_sensitive: bool,
    path: String,
    headers: BTreeSet<Condition>,
    queries: BTreeSet<Condition>,
}

/// Name, kind, value, whether it is inverted, whether case matters.
type Condition = (String, Kind, String, bool, bool);

/// The kinds of comparison with a header or a query parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Exact,
    Regex,
    Prefix,
    Suffix,
    Present,
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    path: String,
    headers: Vec<(&'static str, String)>,
    queries: Vec<(&'static str, String)>,
}

pub(super) fn requests() -> impl Strategy<Value = Request> {
    let paths = select(vec![
        "/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/B/c", "/A/b", "/A", "/ab", "/b", "/b/",
        "/c",
    ]);
    let value =
        || option::of(select(vec!["", "a", "A", "ab", "Ab", "b", "c"]).prop_map(str::to_owned));
    (paths, value(), value(), value()).prop_map(|(path, x, y, q)| Request {
        path: path.to_owned(),
        headers: [("x", x), ("y", y)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect(),
        queries: q.into_iter().map(|value| ("q", value)).collect(),
    })
}

fn condition(
    name: String,
    kind: Kind,
    value: &str,
    invert: bool,
    case_sensitive: bool,
) -> Condition {
    match kind {
        Kind::Present => (name, kind, String::new(), invert, true),
        Kind::Regex => (name, kind, value.to_owned(), invert, case_sensitive),
        _ if case_sensitive => (name, kind, value.to_owned(), invert, true),
        _ => (name, kind, value.to_lowercase(), invert, false),
    }
}

fn of_value(value: &ValueMatch) -> (Kind, &str) {
    match value {
        ValueMatch::Exact(text) => (Kind::Exact, text),
        ValueMatch::Regex(pattern) => (Kind::Regex, pattern),
        ValueMatch::Prefix(text) => (Kind::Prefix, text),
        ValueMatch::Suffix(text) => (Kind::Suffix, text),
        ValueMatch::Present => (Kind::Present, ""),
    }
}

impl Key {
    pub(super) fn of_map(route: &Route) -> Self {
        let path = &route.path_match;
        let kind = path.match_type();
        let fold = !path.case_sensitive && kind != PathMatchType::Regex;
        let header = |header: &HeaderMatch| {
            let name = header.header_name.to_lowercase();
            let (kind, value) = of_value(&header.value);
            condition(name, kind, value, header.invert, header.case_sensitive)
        };
        let query = |query: &QueryParameterMatch| {
            let name = query.parameter_name.to_string();
            let (kind, value) = of_value(&query.value);
            condition(name, kind, value, false, query.case_sensitive)
        };
        Self {
            kind,
            case_sensitive: path.case_sensitive,
            path: if fold {
                path.text().to_lowercase()
            } else {
                path.text().to_owned()
            },
            headers: route.headers.iter().map(header).collect(),
            queries: route.query_parameters.iter().map(query).collect(),
        }
    }

    pub(super) fn of_context(route: &proxy_input::Route) -> Self {
        let kind = match (
            route.path_is_exact,
            route.path_is_regex,
            route.path_is_prefix,
        ) {
            (true, false, false) => PathMatchType::Exact,
            (false, true, false) => PathMatchType::Regex,
            (false, false, true) => PathMatchType::Prefix,
            kinds => panic!("a path of the kinds {kinds:?}"),
        };
        let filter = |filter: &proxy_input::Filter| {
            let kinds = [
                (filter.is_exact_match, Kind::Exact),
                (filter.is_regex_match, Kind::Regex),
                (filter.is_prefix_match, Kind::Prefix),
                (filter.is_suffix_match, Kind::Suffix),
                (filter.is_present_match, Kind::Present),
            ];
            let kinds: Vec<_> = kinds.iter().filter(|(is_kind, _)| *is_kind).collect();
            assert_eq!(kinds.len(), 1, "{filter:?}");
            condition(
                filter.name.to_lowercase(),
                kinds[0].1,
                &filter.value,
                filter.invert_match,
                filter.case_sensitive,
            )
        };
        assert_eq!(route.has_header_filters, !route.header_filters.is_empty());
        assert_eq!(route.has_query_filters, !route.query_filters.is_empty());
        Self {
            kind,
            case_sensitive: route.path_is_case_sensitive,
            path: if route.path_is_case_sensitive || route.path_is_regex {
                route.route_path.clone()
            } else {
                route.route_path.to_lowercase()
            },
            headers: route.header_filters.iter().map(filter).collect(),
            queries: route.query_filters.iter().map(filter).collect(),
        }
    }

    pub(super) fn matches(&self, request: &Request) -> bool {
        let path = compare(
            &request.path,
            &self.path,
            self.case_sensitive,
            |given, wanted| match self.kind {
                PathMatchType::Exact => given == wanted,
                PathMatchType::Prefix => given.starts_with(wanted),
                PathMatchType::Regex => is_match(&self.path, self.case_sensitive, &request.path),
            },
        );
        path && self
            .headers
            .iter()
            .all(|condition| holds(condition, &request.headers))
            && self
                .queries
                .iter()
                .all(|condition| holds(condition, &request.queries))
    }
}

fn holds(condition: &Condition, given: &[(&str, String)]) -> bool {
    let (name, kind, value, invert, case_sensitive) = condition;
    let Some((_, given)) = given.iter().find(|(given, _)| given == name) else {
        return *kind == Kind::Present && *invert;
    };
    let found = compare(given, value, *case_sensitive, |folded, wanted| match kind {
        Kind::Exact => folded == wanted,
        Kind::Prefix => folded.starts_with(wanted),
        Kind::Suffix => folded.ends_with(wanted),
        Kind::Present => true,
        Kind::Regex => is_match(value, *case_sensitive, given),
    });
    found != *invert
}

fn compare(
    given: &str,
    wanted: &str,
    case_sensitive: bool,
    test: impl Fn(&str, &str) -> bool,
) -> bool {
    if case_sensitive {
        test(given, wanted)
    } else {
        test(&given.to_lowercase(), &wanted.to_lowercase())
    }
}

fn is_match(pattern: &str, case_sensitive: bool, text: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<(String, bool), regex::Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        let whole = compiled
            .entry((pattern.to_owned(), case_sensitive))
            .or_insert_with(|| {
                let whole = format!("^(?:{pattern})$");
                RegexBuilder::new(&whole)
                    .case_insensitive(!case_sensitive)
                    .build()
                    .unwrap()
            });
        whole.is_match(text)
    })
}
