//! A namespace's routes as one list: equal ones merged, the most specific first.

use super::{
    Draft,
    access::{Fate, fates},
    clusters::{self, DENIED_CLUSTER},
    filters::{Filters, listed_headers, listed_queries},
    groups::Group,
    mark_ends, properties,
    spelling::every_spelling,
};
use crate::document::{
    discovery_map::{self, PathMatchType, Properties},
    proxy_input::{Filter, Route, WeightedCluster},
};
use std::{
    borrow::Cow,
    cmp::{Ordering, Reverse},
    collections::BTreeMap,
};

/// What a route matches. Routes that are equal in this merge, and its order is the order in which
/// a proxy must try them: exact paths, then regular expressions, then prefixes; longer ones
/// first, so that no prefix hides a longer one; at the same path, first the routes that ask more
/// of a request's headers and query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RouteKey<'a> {
    pub(super) kind: PathMatchType,
    pub(super) case_sensitive: bool,
    /// In lower case where case does not matter, unless it is a regular expression.
    pub(super) path: Cow<'a, str>,
    pub(super) headers: Filters,
    pub(super) queries: Filters,
}

impl<'a> RouteKey<'a> {
    fn new(route: &'a discovery_map::Route) -> Self {
        let matched = &route.path_match;
        let path = &matched.value;
        let fold = !matched.case_sensitive && matched.match_type != PathMatchType::Regex;
        Self {
            kind: matched.match_type,
            case_sensitive: matched.case_sensitive,
            path: if fold {
                path.to_ascii_lowercase().into()
            } else {
                path.into()
            },
            headers: Filters::of_headers(&route.headers),
            queries: Filters::of_queries(&route.query_parameters),
        }
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
struct Offer<'n, 'a> {
    key: RouteKey<'a>,
    group: &'n Group<'a>,
    route: &'a discovery_map::Route,
    reachable: bool,
}

/// The routes of a namespace's groups for a viewer who may reach some of them. The clusters that they
/// refer to go to the draft.
pub(super) fn served(
    groups: &[Group<'_>],
    may_reach: impl Fn(&discovery_map::Route) -> bool,
    draft: &mut Draft,
) -> Vec<Route> {
    let offers = offers(groups, may_reach, |_| true);
    let sorted = sorted(&offers);
    let equal = merged(&sorted);
    let keys: Vec<(&RouteKey<'_>, bool)> = equal
        .iter()
        .filter_map(|offers| Some((&offers.first()?.key, is_reachable(offers))))
        .collect();
    let mut used = Vec::new();
    let mut routes: Vec<Route> = equal
        .iter()
        .zip(&keys)
        .zip(fates(&keys))
        .filter_map(|((offers, (key, _)), fate)| match fate {
            Fate::Served => Some(route(
                key,
                listed(offers),
                members(offers, &mut used, draft),
            )),
            Fate::Denied => Some(denied(key, listed(offers))),
            Fate::LeftOut => None,
        })
        .collect();
    used.sort_unstable_by_key(|group| group.identity);
    used.dedup_by_key(|group| group.identity);
    draft
        .clusters
        .extend(used.into_iter().map(clusters::of_group));
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
) -> Vec<Route> {
    let cluster = || weighted(cluster_name.to_owned(), 1, properties.clone());
    let offers = offers(groups, may_reach, |route| route.default_access);
    let mut routes: Vec<Route> = merged(&sorted(&offers))
        .into_iter()
        .filter_map(|offers| {
            let key = &offers.first()?.key;
            Some(if is_reachable(offers) {
                route(key, listed(offers), vec![cluster()])
            } else {
                denied(key, listed(offers))
            })
        })
        .collect();
    let last_denied = routes.iter().rposition(|route| route.is_denied);
    routes.truncate(last_denied.map_or(0, |last| last + 1));
    routes.push(catch_all(cluster()));
    mark_ends(&mut routes);
    routes
}

/// A route for every request, to one cluster.
fn catch_all(cluster: WeightedCluster) -> Route {
    let key = RouteKey {
        kind: PathMatchType::Prefix,
        case_sensitive: true,
        path: "/".into(),
        headers: Filters::default(),
        queries: Filters::default(),
    };
    route(&key, ("/", Vec::new(), Vec::new()), vec![cluster])
}

/// What the groups offer of the routes that count, with whether the viewer may reach each.
fn offers<'n, 'a>(
    groups: &'n [Group<'a>],
    may_reach: impl Fn(&discovery_map::Route) -> bool,
    counts: impl Fn(&discovery_map::Route) -> bool,
) -> Vec<Offer<'n, 'a>> {
    groups
        .iter()
        .flat_map(|group| group.routes().map(move |route| (group, route)))
        .filter(|(_, route)| counts(route))
        .map(|(group, route)| Offer {
            key: RouteKey::new(route),
            group,
            route,
            reachable: may_reach(route),
        })
        .collect()
}

/// The most specific first.
fn sorted<'o, 'n, 'a>(offers: &'o [Offer<'n, 'a>]) -> Vec<&'o Offer<'n, 'a>> {
    let mut sorted: Vec<&Offer<'_, '_>> = offers.iter().collect();
    sorted.sort_by(|left, right| left.key.cmp(&right.key));
    sorted
}

/// Sorted offers, those of equal routes together.
fn merged<'s, 'o, 'n, 'a>(sorted: &'s [&'o Offer<'n, 'a>]) -> Vec<&'s [&'o Offer<'n, 'a>]> {
    sorted
        .chunk_by(|left, right| left.key == right.key)
        .collect()
}

fn is_reachable(offers: &[&Offer<'_, '_>]) -> bool {
    offers.iter().any(|offer| offer.reachable)
}

/// A route that stands where its requests must not go on to a wider one.
fn denied(key: &RouteKey<'_>, listed: Listed<'_>) -> Route {
    let cluster = weighted(DENIED_CLUSTER.to_owned(), 1, Properties::new());
    let mut route = route(key, listed, vec![cluster]);
    route.is_denied = true;
    if !route.path_is_regex
        && let Some(pattern) = every_spelling(&route.route_path, route.path_is_prefix)
    {
        route.route_path = pattern;
        (
            route.path_is_prefix,
            route.path_is_exact,
            route.path_is_regex,
        ) = (false, false, true);
    }
    route
}

/// What a route's reachable offers make of one cluster.
struct Member<'n, 'a> {
    group: &'n Group<'a>,
    weight: u64,
    properties: Properties,
}

/// The clusters that share a route, sorted by name. One without endpoints gets no share while
/// another has some, yet counts as used too.
fn members<'n, 'a>(
    offers: &[&Offer<'n, 'a>],
    used: &mut Vec<&'n Group<'a>>,
    draft: &mut Draft,
) -> Vec<WeightedCluster> {
    let mut members = BTreeMap::<&str, Member<'_, '_>>::new();
    for offer in offers.iter().filter(|offer| offer.reachable) {
        let group = offer.group;
        let place = format_args!(
            "{}, route `{}`",
            group.identity, offer.route.path_match.value
        );
        let own = properties::checked(&offer.route.properties, place, draft);
        let merged = properties::merged(&group.properties, &own);
        let weight = u64::from(offer.route.weight);
        members
            .entry(&group.cluster_name)
            .and_modify(|member| {
                member.weight += weight;
                member.properties = properties::agreed([&member.properties, &merged].into_iter());
            })
            .or_insert_with(|| Member {
                group,
                weight,
                properties: merged,
            });
    }
    used.extend(members.values().map(|member| member.group));
    if members.values().any(|member| member.group.has_instances()) {
        members.retain(|_, member| member.group.has_instances());
    }
    members
        .into_iter()
        .map(|(name, member)| weighted(name.to_owned(), member.weight, member.properties))
        .collect()
}

fn weighted(cluster_name: String, route_weight: u64, properties: Properties) -> WeightedCluster {
    WeightedCluster {
        cluster_name,
        route_weight,
        properties,
        is_first: false,
        is_last: false,
    }
}

/// A route's path, header and query conditions as the map has them.
type Listed<'a> = (&'a str, Vec<Filter>, Vec<Filter>);

/// What the context says of routes that are equal: of several ways to write the same, the first in
/// text order.
fn listed<'a>(offers: &[&Offer<'_, 'a>]) -> Listed<'a> {
    let all = offers.iter().map(|offer| {
        let route = offer.route;
        (
            route.path_match.value.as_str(),
            listed_headers(&route.headers),
            listed_queries(&route.query_parameters),
        )
    });
    all.min().unwrap_or_default()
}

fn route(
    key: &RouteKey<'_>,
    (path, mut headers, mut queries): Listed<'_>,
    mut clusters: Vec<WeightedCluster>,
) -> Route {
    mark_ends(&mut clusters);
    mark_ends(&mut headers);
    mark_ends(&mut queries);
    Route {
        route_path: path.to_owned(),
        path_is_prefix: key.kind == PathMatchType::Prefix,
        path_is_exact: key.kind == PathMatchType::Exact,
        path_is_regex: key.kind == PathMatchType::Regex,
        path_is_case_sensitive: key.case_sensitive,
        has_header_filters: !headers.is_empty(),
        header_filters: headers,
        has_query_filters: !queries.is_empty(),
        query_filters: queries,
        is_denied: false,
        has_one_cluster: clusters.len() == 1,
        has_many_clusters: clusters.len() > 1,
        total_cluster_weight: clusters.iter().map(|cluster| cluster.route_weight).sum(),
        properties: properties::agreed(clusters.iter().map(|cluster| &cluster.properties)),
        clusters,
        is_first: false,
        is_last: false,
    }
}
