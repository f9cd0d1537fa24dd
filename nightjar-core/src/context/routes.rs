//! Routes of a namespace for one proxy: equal ones merged, the most specific first.

use super::{
    access::{Disposition, dispositions, find_regex_overlaps},
    builder::ContextBuilder,
    candidates::{Candidate, candidates, group_equal, origins_of},
    clusters::{self, DENIED_CLUSTER, weighted},
    filters::{RouteUse, header_filters, query_filters},
    first_last::mark_first_and_last,
    mirrors::{Mirrors, NoMirror},
    order_warnings::check_order,
    route_key::RouteKey,
    route_members::RouteMembers,
    route_settings,
    upstreams::Upstream,
    value_format::hash_policy,
    warning::Subject,
};
use crate::document::{
    discovery_map::{self, Path, PathMatch, PathMatchType},
    proxy_input::{Filter, Mirror, Properties, Route, WeightedCluster},
    truncated,
};

const MIRROR_TO: &str = "mirror-to";

fn is_any_reachable(candidates: &[Candidate<'_, '_>]) -> bool {
    candidates.iter().any(|candidate| candidate.reachable)
}

/// The routes of a namespace's upstreams for a proxy that may reach some of them. The clusters that they
/// refer to go to the builder.
pub(super) fn direct_routes(
    upstreams: &[Upstream<'_>],
    may_reach: impl Fn(&discovery_map::Route) -> bool,
    builder: &mut ContextBuilder<'_>,
) -> Vec<Route> {
    let candidates = candidates(upstreams, &may_reach, |_| true, builder);
    let groups = group_equal(&candidates);
    let keys: Vec<(&RouteKey<'_>, bool)> = groups
        .iter()
        .filter_map(|equal| Some((&equal.first()?.key, is_any_reachable(equal))))
        .collect();
    warn_of_regex_overlaps(upstreams, &keys, builder);
    let mirrors = Mirrors {
        upstreams,
        may_reach: &may_reach,
    };
    let mut used = Vec::new();
    let mut placed = Vec::new();
    for (equal, disposition) in groups.into_iter().zip(dispositions(&keys)) {
        match disposition {
            Disposition::Served => {
                let Some((path_match, conditions)) = representative(equal, RouteUse::Served) else {
                    continue;
                };
                builder.origins.add(|| origins_of(equal));
                let members = RouteMembers::new(equal, path_match, builder);
                used.extend(members.upstreams);
                let mut route = route(path_match, conditions, members.clusters, members.properties);
                used.extend(mirror(&mut route, equal, &mirrors, builder));
                placed.push((equal, route));
            }
            Disposition::Denied => {
                builder.origins.add(|| origins_of(equal));
                placed.extend(denied_route(equal).map(|route| (equal, route)));
            }
            Disposition::Omitted => {}
        }
    }
    check_order(&placed, builder);
    used.sort_unstable_by_key(|upstream| upstream.identity);
    used.dedup_by_key(|upstream| upstream.identity);
    for upstream in used {
        let cluster = clusters::of_upstream(upstream, builder);
        builder.clusters.push(cluster);
    }
    let mut routes: Vec<Route> = placed.into_iter().map(|(_, route)| route).collect();
    mark_first_and_last(&mut routes);
    routes
}

/// The routes of a namespace that is called through its gateways: one for every request. The
/// gateways do not know who calls, and serve what is public; so what is not for this proxy is
/// denied before, and of what is, whatever has to come before that.
pub(super) fn gateway_routes(
    upstreams: &[Upstream<'_>],
    may_reach: impl Fn(&discovery_map::Route) -> bool,
    cluster_name: &str,
    properties: &Properties,
    builder: &mut ContextBuilder<'_>,
) -> Vec<Route> {
    let to_gateway = |path_match: &PathMatch, conditions| {
        let cluster = weighted(cluster_name.to_owned(), 1, properties.clone());
        route(path_match, conditions, vec![cluster], properties.clone())
    };
    let candidates = candidates(upstreams, may_reach, |route| route.default_access, builder);
    let mut routes = Vec::new();
    for equal in group_equal(&candidates) {
        // The gateways would see another request, and what is denied further on would be open.
        let is_lost = equal
            .first()
            .is_some_and(|first| first.key.headers.are_lost_at_gateways());
        if is_lost && equal.iter().any(|candidate| candidate.reachable) {
            continue;
        }
        if equal.iter().all(|candidate| candidate.reachable) {
            let listed = representative(equal, RouteUse::Served);
            builder.origins.add(|| origins_of(equal));
            routes
                .extend(listed.map(|(path_match, conditions)| to_gateway(path_match, conditions)));
            continue;
        }
        if let Some(open) = equal.iter().find(|candidate| candidate.reachable) {
            let message = format!(
                "route `{}` is denied: requests for it go through the gateways, which do not know the caller, \
                 and not every service-color that shares it is open to namespace `{}`",
                truncated(open.route.path_match.text()),
                builder.proxy.namespace
            );
            builder.warn(&open.upstream.subject(), message);
        }
        builder.origins.add(|| origins_of(equal));
        routes.extend(denied_route(equal));
    }
    let last_denied = routes.iter().rposition(|route| route.is_denied);
    routes.truncate(last_denied.map_or(0, |last| last + 1));
    builder.origins.truncate(routes.len());
    builder.origins.add(Vec::new);
    let everything = PathMatch::new(PathMatchType::Prefix, "/");
    routes.extend(everything.map(|path_match| to_gateway(&path_match, Filters::default())));
    mark_first_and_last(&mut routes);
    routes
}

/// Finds who gets copies of a route's requests. A redirect has none to copy.
fn mirror<'n, 'a>(
    route: &mut Route,
    equal: &[Candidate<'n, 'a>],
    mirrors: &Mirrors<'_, 'n, 'a>,
    builder: &mut ContextBuilder<'_>,
) -> Option<&'n Upstream<'a>> {
    let named = route.properties.get(MIRROR_TO)?;
    if route.redirect.is_some() {
        return None;
    }
    match mirrors.find(named, equal, &route.properties) {
        Ok(upstream) => {
            route.mirror = Some(Box::new(Mirror {
                cluster_name: upstream.cluster_name.clone(),
                per_million: route_settings::share(&route.properties, "mirror-percent"),
            }));
            Some(upstream)
        }
        Err(reason) => {
            warn_of_no_mirror(named, equal, &reason, builder);
            route.properties.remove(MIRROR_TO);
            None
        }
    }
}

fn warn_of_no_mirror(
    named: &str,
    equal: &[Candidate<'_, '_>],
    reason: &NoMirror<'_>,
    builder: &mut ContextBuilder<'_>,
) {
    let Some(first) = equal.iter().find(|candidate| candidate.reachable) else {
        return;
    };
    // What a namespace says is meant for its other routes.
    let is_said_here = equal.iter().any(|candidate| {
        candidate.upstream.own.contains_key(MIRROR_TO)
            || candidate.route.properties.contains_key(MIRROR_TO)
    });
    let named = truncated(named);
    let path = truncated(first.route.path_match.text());
    let reason = match reason {
        NoMirror::Itself if !is_said_here => return,
        NoMirror::Itself => format!(
            "only `{named}` has route `{path}`, and gets each request anyway; name another service-color"
        ),
        NoMirror::NoRoute => format!(
            "`{named}` has no route in namespace `{}`; name a service-color that has one",
            first.upstream.identity.namespace
        ),
        NoMirror::Private(closed) => format!(
            "the copies of route `{path}` could reach route `{}` of `{named}`, which the proxy may not reach; \
             name a service-color whose routes it may all reach",
            truncated(closed.path_match.text())
        ),
    };
    let message = format!("property `{MIRROR_TO}` is left out: {reason}");
    builder.warn(&first.upstream.subject(), message);
}

/// A regular expression is tried before every prefix, so it opens what a private prefix closes.
fn warn_of_regex_overlaps(
    upstreams: &[Upstream<'_>],
    keys: &[(&RouteKey<'_>, bool)],
    builder: &mut ContextBuilder<'_>,
) {
    let Some(upstream) = upstreams.first() else {
        return;
    };
    for (closed, opening) in find_regex_overlaps(keys) {
        let subject = Subject::namespace(upstream.identity.namespace);
        builder.warn(
            &subject,
            format!(
                "the regular expression `{}` is tried before `{}` and may match requests for that private route; make the \
                 expression narrower, or the private route an exact path",
                truncated(&opening.path),
                truncated(&closed.path)
            ),
        );
    }
}

/// A route that stands where its requests must not go on to a wider one. A path that can be spelled in
/// several ways becomes a regular expression, whatever templates make of a path.
fn denied_route(equal: &[Candidate<'_, '_>]) -> Option<Route> {
    let (path_match, conditions) = representative(equal, RouteUse::Denied)?;
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
fn representative<'a>(
    equal: &[Candidate<'_, 'a>],
    route_use: RouteUse,
) -> Option<(&'a PathMatch, Filters)> {
    let all = equal.iter().map(|candidate| {
        let route = candidate.route;
        let headers = header_filters(&route.headers, route_use);
        (
            &route.path_match,
            (headers, query_filters(&route.query_parameters)),
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
    mark_first_and_last(&mut clusters);
    mark_first_and_last(&mut headers);
    mark_first_and_last(&mut queries);
    let (kind, path) = (path_match.match_type(), path_match.path());
    let mut hashing: Vec<_> = properties
        .get("hash-on")
        .and_then(|value| hash_policy(value))
        .into_iter()
        .collect();
    mark_first_and_last(&mut hashing);
    let mut route = Route {
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
        request_headers: None,
        response_headers: None,
        redirect: None,
        has_filter_config: false,
        cors: None,
        fault: None,
        rate_limit: None,
        mirror: None,
        has_retry_statuses: false,
        retry_statuses: Vec::new(),
        retry_back_off: None,
        properties,
        clusters,
        is_first: false,
        is_last: false,
    };
    route_settings::settle(&mut route);
    route
}
