//! Keys of routes: what a route matches, and which route a proxy tries first.

use super::conditions::Conditions;
use crate::document::{
    discovery_map::{self, PathMatchType, PathValue},
    literal_prefix,
};
use std::{
    borrow::Cow,
    cmp::{Ordering, Reverse},
};

/// What a route matches. Routes that are equal in this merge, and its order is the order in which
/// a proxy must try them: exact paths, then regular expressions, then prefixes; longer ones
/// first, so that no prefix hides a longer one; at the same path, first the routes that ask more
/// of a request's headers and query.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RouteKey<'a> {
    pub(super) match_type: PathMatchType,
    pub(super) case_sensitive: bool,
    /// One text for all spellings; in lower case where case does not matter, unless it is a regular
    /// expression.
    pub(super) path: Cow<'a, str>,
    pub(super) headers: Conditions,
    pub(super) queries: Conditions,
}

impl<'a> RouteKey<'a> {
    /// The key of a route, if a request can match it.
    pub(crate) fn new(route: &'a discovery_map::Route) -> Option<Self> {
        let matched = &route.path_match;
        let case_sensitive = matched.case_sensitive;
        let path = match &matched.value {
            PathValue::Exact(path) | PathValue::Prefix(path) if case_sensitive => path.canonical(),
            PathValue::Exact(path) | PathValue::Prefix(path) => {
                path.canonical().to_ascii_lowercase().into()
            }
            PathValue::Regex(pattern) => Cow::Borrowed(&**pattern),
            PathValue::Unmatchable { .. } => return None,
        };
        Some(Self {
            match_type: matched.match_type(),
            case_sensitive,
            path,
            headers: Conditions::of_headers(&route.headers),
            queries: Conditions::of_queries(&route.query_parameters),
        })
    }

    /// The start of the path that has one spelling only.
    pub(super) fn literal_prefix(&self) -> &str {
        literal_prefix(&self.path)
    }
}

impl Ord for RouteKey<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of two exact paths, neither can hide the other unless case sets them apart.
        let length = |key: &Self| match key.match_type {
            PathMatchType::Exact => 0,
            PathMatchType::Regex | PathMatchType::Prefix => key.path.len(),
        };
        let counts = |key: &Self| (Reverse(key.headers.len()), Reverse(key.queries.len()));
        self.match_type
            .cmp(&other.match_type)
            .then_with(|| length(other).cmp(&length(self)))
            .then_with(|| other.case_sensitive.cmp(&self.case_sensitive))
            .then_with(|| self.path.cmp(&other.path))
            .then_with(|| counts(self).cmp(&counts(other)))
            .then_with(|| self.headers.cmp(&other.headers))
            .then_with(|| self.queries.cmp(&other.queries))
    }
}

impl PartialOrd for RouteKey<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
