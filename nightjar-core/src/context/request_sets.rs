//! Sets of requests, and whether one request can match two routes.
//!
//! The answer errs towards yes: it is no only where that is certain.

use super::route_key::RouteKey;
use crate::document::{discovery_map::PathMatchType, regex_prefixes};
use regex::RegexBuilder;
use std::{
    borrow::Cow,
    cell::OnceCell,
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
    rc::Rc,
};

/// The requests that a route takes, prepared for comparison.
pub(super) struct RequestSet<'k> {
    key: &'k RouteKey<'k>,
    /// Every path that the route matches starts with one of these.
    starts: Vec<PathStart<'k>>,
    /// The route's regular expression for the whole path, once it was needed; `None` inside if
    /// it does not compile.
    whole: OnceCell<Option<regex::Regex>>,
}

/// How a matching path starts.
struct PathStart<'k> {
    text: Cow<'k, [u8]>,
    /// Whether the path ends there.
    is_whole: bool,
}

impl<'k> RequestSet<'k> {
    pub(super) fn new(key: &'k RouteKey<'k>) -> Self {
        let plain = |is_single| {
            let start = key.literal_prefix();
            vec![PathStart {
                text: Cow::Borrowed(start.as_bytes()),
                is_whole: is_single && start.len() == key.path.len(),
            }]
        };
        let starts = match key.match_type {
            PathMatchType::Exact => plain(true),
            PathMatchType::Prefix => plain(false),
            PathMatchType::Regex => regex_starts(&key.path, key.case_sensitive),
        };
        Self {
            key,
            starts,
            whole: OnceCell::new(),
        }
    }

    /// Whether one request can match both routes.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let fold = !(self.key.case_sensitive && other.key.case_sensitive);
        let paths_can_overlap = self.starts.iter().any(|mine| {
            other
                .starts
                .iter()
                .any(|theirs| mine.overlaps(theirs, fold))
        });
        paths_can_overlap
            && !self.key.headers.exclude_as_headers(&other.key.headers)
            && !self.key.queries.exclude_as_queries(&other.key.queries)
            && self.can_match_exact_path_of(other)
            && other.can_match_exact_path_of(self)
    }

    /// Whether this route's regular expression, if it has one, matches the other's path, if that
    /// is a single path.
    fn can_match_exact_path_of(&self, other: &Self) -> bool {
        let is_single = other.key.match_type == PathMatchType::Exact
            && other.key.case_sensitive
            && other.key.literal_prefix().len() == other.key.path.len();
        if self.key.match_type != PathMatchType::Regex || !is_single {
            return true;
        }
        let whole = self.whole.get_or_init(|| {
            RegexBuilder::new(&format!(r"\A(?:{})\z", self.key.path))
                .case_insensitive(!self.key.case_sensitive)
                .build()
                .ok()
        });
        whole
            .as_ref()
            .is_none_or(|whole| whole.is_match(&other.key.path))
    }
}

impl PathStart<'_> {
    fn overlaps(&self, other: &Self, fold: bool) -> bool {
        let (short, long) = if self.text.len() <= other.text.len() {
            (self, other)
        } else {
            (other, self)
        };
        let Some(head) = long.text.get(..short.text.len()) else {
            return false;
        };
        let heads_agree = if fold {
            head.eq_ignore_ascii_case(&short.text)
        } else {
            *head == *short.text
        };
        heads_agree && (!short.is_whole || short.text.len() == long.text.len())
    }
}

/// What every match of the expression starts with; the empty start if nothing is known.
fn regex_starts(pattern: &str, case_sensitive: bool) -> Vec<PathStart<'static>> {
    let known = regex_prefixes(pattern, case_sensitive).unwrap_or_default();
    let mut starts: Vec<PathStart<'_>> = known
        .into_iter()
        .map(|start| PathStart {
            text: Cow::Owned(start.text),
            is_whole: start.is_whole,
        })
        .collect();
    if starts.is_empty() {
        starts.push(PathStart {
            text: Cow::Borrowed(b""),
            is_whole: false,
        });
    }
    starts
}

/// Routes by how their paths start, without regard to case.
#[derive(Default)]
pub(super) struct RequestIndex<'k> {
    by_start: BTreeMap<Vec<u8>, Vec<Rc<RequestSet<'k>>>>,
}

impl<'k> RequestIndex<'k> {
    pub(super) fn insert(&mut self, requests: RequestSet<'k>) {
        let requests = Rc::new(requests);
        for start in &requests.starts {
            let start = start.text.to_ascii_lowercase();
            self.by_start
                .entry(start)
                .or_default()
                .push(Rc::clone(&requests));
        }
    }

    /// Whether any of the routes can match a request that the given one matches.
    pub(super) fn overlaps(&self, requests: &RequestSet<'_>) -> bool {
        let is_found = |candidates: &[Rc<RequestSet<'k>>]| {
            candidates.iter().any(|other| other.overlaps(requests))
        };
        requests.starts.iter().any(|start| {
            let text = start.text.to_ascii_lowercase();
            self.any_shorter(&text, is_found)
                || (!start.is_whole && self.any_longer(&text, is_found))
        })
    }

    /// Tests the routes whose start is the text or one of its prefixes, longest first.
    fn any_shorter(&self, text: &[u8], is_found: impl Fn(&[Rc<RequestSet<'k>>]) -> bool) -> bool {
        let mut bound = Included(text);
        while let Some((start, candidates)) = self
            .by_start
            .range::<[u8], _>((Unbounded, bound))
            .next_back()
        {
            let shared = start
                .iter()
                .zip(text)
                .take_while(|(left, right)| left == right)
                .count();
            if shared == start.len() {
                if is_found(candidates) {
                    return true;
                }
                bound = Excluded(start.as_slice());
            } else {
                // Longer prefixes of the text sort after this start, which was the last.
                bound = Included(text.get(..shared).unwrap_or_default());
            }
        }
        false
    }

    /// Tests the routes whose start goes on after the text.
    fn any_longer(&self, text: &[u8], is_found: impl Fn(&[Rc<RequestSet<'k>>]) -> bool) -> bool {
        self.by_start
            .range::<[u8], _>((Excluded(text), Unbounded))
            .take_while(|(start, _)| start.starts_with(text))
            .any(|(_, candidates)| is_found(candidates))
    }
}
