//! A namespace's routes as one list: equal ones merged, the most specific first.

use super::{
    Concern, Draft, Subject,
    access::{Disposition, dispositions, openings},
    clusters::{self, DENIED_CLUSTER},
    conditions::{Conditions, Use, listed_headers, listed_queries},
    forms::hash_policy,
    groups::Group,
    mark_ends,
    members::Members,
};
use crate::document::{
    cut,
    discovery_map::{self, Path, PathMatch, PathMatchType, PathValue},
    plain_start,
    proxy_input::{Filter, Properties, Route, WeightedCluster},
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
    pub(super) kind: PathMatchType,
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
            PathValue::Exact(path) | PathValue::Prefix(path) if case_sensitive => path.identity(),
            PathValue::Exact(path) | PathValue::Prefix(path) => {
                path.identity().to_ascii_lowercase().into()
            }
            PathValue::Regex(pattern) => Cow::Borrowed(&**pattern),
            PathValue::Dead { .. } => return None,
        };
        Some(Self {
            kind: matched.match_type(),
            case_sensitive,
            path,
            headers: Conditions::of_headers(&route.headers),
            queries: Conditions::of_queries(&route.query_parameters),
        })
    }

    /// The start of the path that has one spelling only.
    pub(super) fn plain_start(&self) -> &str {
        plain_start(&self.path)
    }
}

impl Ord for RouteKey<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of two exact paths, neither can hide the other unless case sets them apart.
        let length = |key: &Self| match key.kind {
            PathMatchType::Exact => 0,
            PathMatchType::Regex | PathMatchType::Prefix => key.path.len(),
        };
        let counts = |key: &Self| (Reverse(key.headers.len()), Reverse(key.queries.len()));
        self.kind
            .cmp(&other.kind)
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

/// One route of the map, with the group that answers it.
pub(super) struct Candidate<'n, 'a> {
    key: RouteKey<'a>,
    pub(super) group: &'n Group<'a>,
    pub(super) route: &'a discovery_map::Route,
    pub(super) reachable: bool,
}

/// The routes of a namespace's groups for a viewer who may reach some of them. The clusters that they
/// refer to go to the draft.
pub(super) fn served(
    groups: &[Group<'_>],
    may_reach: impl Fn(&discovery_map::Route) -> bool,
    draft: &mut Draft<'_>,
) -> Vec<Route> {
    let candidates = candidates(groups, may_reach, |_| true, draft);
    let equal = equal(&candidates);
    let keys: Vec<(&RouteKey<'_>, bool)> = equal
        .iter()
        .filter_map(|equal| Some((&equal.first()?.key, is_any_reachable(equal))))
        .collect();
    warn_of_openings(groups, &keys, draft);
    let mut used = Vec::new();
    let mut routes = Vec::new();
    for (equal, disposition) in equal.into_iter().zip(dispositions(&keys)) {
        match disposition {
            Disposition::Served => {
                let Some((path_match, conditions)) = listed(equal, Use::Served) else {
                    continue;
                };
                draft.origins.add(equal);
                let members = Members::new(equal, path_match, draft);
                used.extend(members.groups);
                routes.push(route(
                    path_match,
                    conditions,
                    members.clusters,
                    members.properties,
                ));
            }
            Disposition::Denied => {
                draft.origins.add(equal);
                routes.extend(denied(equal));
            }
            Disposition::LeftOut => {}
        }
    }
    used.sort_unstable_by_key(|group| group.identity);
    used.dedup_by_key(|group| group.identity);
    for group in used {
        draft.clusters.push(clusters::of_group(group));
    }
    mark_ends(&mut routes);
    routes
}

/// The routes of a namespace that is called through its gateways: one for every request. The
/// gateways do not know who calls, and serve what is public; so what is not for this viewer is
/// denied before, and of what is, whatever has to come before that.
pub(super) fn through_gateway(
    groups: &[Group<'_>],
    may_reach: impl Fn(&discovery_map::Route) -> bool,
    cluster_name: &str,
    properties: &Properties,
    draft: &mut Draft<'_>,
) -> Vec<Route> {
    let to_gateway = |path_match: &PathMatch, conditions| {
        let cluster = weighted(cluster_name.to_owned(), 1, properties.clone());
        route(path_match, conditions, vec![cluster], properties.clone())
    };
    let candidates = candidates(groups, may_reach, |route| route.default_access, draft);
    let mut routes = Vec::new();
    for equal in equal(&candidates) {
        // The gateways would see another request, and what is denied further on would be open.
        let is_lost = equal
            .first()
            .is_some_and(|first| first.key.headers.are_lost_at_gateways());
        if is_lost && equal.iter().any(|candidate| candidate.reachable) {
            continue;
        }
        if equal.iter().all(|candidate| candidate.reachable) {
            let listed = listed(equal, Use::Served);
            draft.origins.add(equal);
            routes
                .extend(listed.map(|(path_match, conditions)| to_gateway(path_match, conditions)));
            continue;
        }
        if let Some(open) = equal.iter().find(|candidate| candidate.reachable) {
            let message = format!(
                "route `{}` is denied, as it leads through the gateways, which do not know who calls: \
                 not all service-colors that share it let namespace `{}` in",
                cut(open.route.path_match.text()),
                draft.viewer.namespace
            );
            draft.warn(&open.group.subject(), message);
        }
        draft.origins.add(equal);
        routes.extend(denied(equal));
    }
    let last_denied = routes.iter().rposition(|route| route.is_denied);
    routes.truncate(last_denied.map_or(0, |last| last + 1));
    draft.origins.truncate(routes.len());
    draft.origins.add(&[]);
    let everything = PathMatch::new(PathMatchType::Prefix, "/");
    routes.extend(everything.map(|path_match| to_gateway(&path_match, Filters::default())));
    mark_ends(&mut routes);
    routes
}

/// What the groups offer of the routes that count, with whether the viewer may reach each; the most
/// specific first.
fn candidates<'n, 'a>(
    groups: &'n [Group<'a>],
    may_reach: impl Fn(&discovery_map::Route) -> bool,
    counts: impl Fn(&discovery_map::Route) -> bool,
    draft: &mut Draft<'_>,
) -> Vec<Candidate<'n, 'a>> {
    let mut candidates = Vec::new();
    for group in groups {
        for route in group.routes().filter(|route| counts(route)) {
            let Some(key) = RouteKey::new(route) else {
                if let PathValue::Dead { reason, .. } = &route.path_match.value {
                    let message = format!("a route is left out: {reason}");
                    draft.note(&group.subject(), Concern::Part, message);
                }
                continue;
            };
            let reachable = may_reach(route);
            if let Some(name) = key.headers.with_underscore()
                && reachable
                && draft.drops_underscores
            {
                let message = format!(
                    "route `{}` asks for header `{name}`, which this proxy drops, as its name holds an \
                     underscore; rename it, or set NJ_PROXY_PROP_UNDERSCORE_HEADERS=allow",
                    cut(route.path_match.text())
                );
                draft.warn(&group.subject(), message);
            }
            candidates.push(Candidate {
                key,
                group,
                route,
                reachable,
            });
        }
    }
    candidates.sort_by(|left, right| left.key.cmp(&right.key));
    candidates
}

/// Sorted candidates, those of equal routes together.
fn equal<'c, 'n, 'a>(sorted: &'c [Candidate<'n, 'a>]) -> Vec<&'c [Candidate<'n, 'a>]> {
    sorted
        .chunk_by(|left, right| left.key == right.key)
        .collect()
}

fn is_any_reachable(candidates: &[Candidate<'_, '_>]) -> bool {
    candidates.iter().any(|candidate| candidate.reachable)
}

/// A regular expression is tried before every prefix, so it opens what a private prefix closes.
fn warn_of_openings(groups: &[Group<'_>], keys: &[(&RouteKey<'_>, bool)], draft: &mut Draft<'_>) {
    let Some(group) = groups.first() else {
        return;
    };
    for (closed, opening) in openings(keys) {
        let subject = Subject::namespace(group.identity.namespace);
        draft.warn(
            &subject,
            format!(
                "the regular expression `{}` is tried before `{}` and can open a part of it that is \
                 private; make the expression narrower, or the private route an exact path",
                cut(&opening.path),
                cut(&closed.path)
            ),
        );
    }
}

/// A route that stands where its requests must not go on to a wider one. A path that can be spelled in
/// several ways becomes a regular expression, whatever templates make of a path.
fn denied(equal: &[Candidate<'_, '_>]) -> Option<Route> {
    let (path_match, conditions) = listed(equal, Use::Denied)?;
    let cluster = weighted(DENIED_CLUSTER.to_owned(), 1, Properties::new());
    let mut route = route(path_match, conditions, vec![cluster], Properties::new());
    route.is_denied = true;
    if route.has_spellings {
        if route.path_is_prefix {
            route.path_pattern.push_str(".*");
        }
        route.route_path.clone_from(&route.path_pattern);
        (
            route.path_is_prefix,
            route.path_is_exact,
            route.path_is_regex,
        ) = (false, false, true);
        route.has_spellings = false;
    }
    Some(route)
}

/// A route's conditions on headers and on query parameters.
type Filters = (Vec<Filter>, Vec<Filter>);

/// What the context says of routes that are equal: of several ways to write the same, the first in
/// text order.
fn listed<'a>(equal: &[Candidate<'_, 'a>], served: Use) -> Option<(&'a PathMatch, Filters)> {
    let all = equal.iter().map(|candidate| {
        let route = candidate.route;
        let headers = listed_headers(&route.headers, served);
        (
            &route.path_match,
            (headers, listed_queries(&route.query_parameters)),
        )
    });
    all.min_by(|(left, left_filters), (right, right_filters)| {
        (left.text(), left_filters).cmp(&(right.text(), right_filters))
    })
}

fn route(
    path_match: &PathMatch,
    (mut headers, mut queries): Filters,
    mut clusters: Vec<WeightedCluster>,
    properties: Properties,
) -> Route {
    mark_ends(&mut clusters);
    mark_ends(&mut headers);
    mark_ends(&mut queries);
    let (kind, path) = (path_match.match_type(), path_match.path());
    let mut hashing: Vec<_> = properties
        .get("hash-on")
        .and_then(|value| hash_policy(value))
        .into_iter()
        .collect();
    mark_ends(&mut hashing);
    Route {
        route_path: path_match.text().to_owned(),
        path_is_prefix: kind == PathMatchType::Prefix,
        path_is_exact: kind == PathMatchType::Exact,
        path_is_regex: kind == PathMatchType::Regex,
        path_is_case_sensitive: path_match.case_sensitive,
        has_spellings: path.is_some_and(Path::has_spellings),
        path_pattern: path.map_or_else(|| path_match.text().to_owned(), Path::pattern),
        has_header_filters: !headers.is_empty(),
        header_filters: headers,
        has_query_filters: !queries.is_empty(),
        query_filters: queries,
        is_denied: false,
        has_one_cluster: clusters.len() == 1,
        has_many_clusters: clusters.len() > 1,
        total_cluster_weight: clusters.iter().map(|cluster| cluster.route_weight).sum(),
        has_hash_policy: !hashing.is_empty(),
        hash_policy: hashing,
        properties,
        clusters,
        is_first: false,
        is_last: false,
    }
}

pub(super) fn weighted(
    cluster_name: String,
    route_weight: u64,
    properties: Properties,
) -> WeightedCluster {
    WeightedCluster {
        cluster_name,
        route_weight,
        properties,
        is_first: false,
        is_last: false,
    }
}
