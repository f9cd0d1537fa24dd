//! Warnings about routes in their order: redirects that come back to their own route, and requests of browsers
//! that do not reach the route which allows them.

use super::{
    builder::ContextBuilder,
    candidates::Candidate,
    conditions::{Conditions, METHOD},
    request_sets::{RequestIndex, RequestSet},
    route_key::RouteKey,
};
use crate::document::{
    AUTHORITY,
    discovery_map::PathMatchType,
    has_prefix, is_equal, matches_whole,
    proxy_input::{Filter, Redirect, Route},
    truncated,
};

/// A route, with the candidates that it comes from.
pub(super) type Placed<'c, 'n, 'a> = (&'c [Candidate<'n, 'a>], Route);

/// Warns of what a listener's routes do together.
pub(super) fn check_order(placed: &[Placed<'_, '_, '_>], builder: &mut ContextBuilder<'_>) {
    check_endless_redirects(placed, builder);
    check_preflights(placed, builder);
}

fn warn(equal: &[Candidate<'_, '_>], message: String, builder: &mut ContextBuilder<'_>) {
    if let Some(first) = equal.iter().find(|candidate| candidate.reachable) {
        builder.warn(&first.upstream.subject(), message);
    }
}

/// Warns of redirects to a path that the same route takes again. Any route before it may be the one that is
/// meant to.
fn check_endless_redirects(placed: &[Placed<'_, '_, '_>], builder: &mut ContextBuilder<'_>) {
    if !placed.iter().any(|(_, route)| comes_back(route).is_some()) {
        return;
    }
    let mut earlier = RequestIndex::default();
    for (equal, route) in placed {
        if let Some(redirect) = comes_back(route) {
            let key = target(route, redirect);
            if !earlier.overlaps(&RequestSet::new(&key)) {
                let message = format!(
                    "property `redirect-to` leads from route `{}` to `{}`, which the same route takes, without end; \
                     redirect to another path, or declare a route for that one",
                    truncated(&route.route_path),
                    truncated(&redirect.path)
                );
                warn(equal, message, builder);
            }
        }
        if let Some(first) = equal.first() {
            earlier.insert(RequestSet::new(&first.key));
        }
    }
}

/// The redirect of a route that takes its own target too.
fn comes_back(route: &Route) -> Option<&Redirect> {
    let redirect = route.redirect.as_deref()?;
    let stays_here = redirect.has_path && !redirect.has_scheme && !redirect.has_host;
    // The other statuses make a GET of any method.
    let keeps_method = [307, 308].contains(&redirect.status);
    let asks_method = route
        .header_filters
        .iter()
        .any(|filter| filter.name == METHOD);
    if !stays_here || (asks_method && !keeps_method) {
        return None;
    }
    let (path, is_strict) = (redirect.path.as_str(), route.path_is_case_sensitive);
    let is_taken = if route.path_is_regex {
        matches_whole(path, &route.route_path, is_strict)
    } else if route.path_is_prefix {
        has_prefix(path, &route.route_path, is_strict)
    } else {
        is_equal(path, &route.route_path, is_strict)
    };
    is_taken.then_some(redirect)
}

/// The requests that a redirect makes.
fn target<'r>(route: &Route, redirect: &'r Redirect) -> RouteKey<'r> {
    let match_type = if route.path_is_prefix {
        PathMatchType::Prefix
    } else {
        PathMatchType::Exact
    };
    RouteKey {
        match_type,
        case_sensitive: true,
        path: redirect.path.as_str().into(),
        headers: Conditions::default(),
        queries: Conditions::default(),
    }
}

/// Warns of routes that allow calls of other origins, but do not take what browsers ask before these.
fn check_preflights(placed: &[Placed<'_, '_, '_>], builder: &mut ContextBuilder<'_>) {
    let allowing = || placed.iter().filter(|(_, route)| route.cors.is_some());
    if allowing().all(|(_, route)| lost_by(route).is_none()) {
        return;
    }
    let mut answering = RequestIndex::default();
    let open = allowing().filter(|(_, route)| lost_by(route).is_none());
    for first in open.filter_map(|(equal, _)| equal.first()) {
        answering.insert(RequestSet::new(&first.key));
    }
    for (equal, route) in allowing() {
        let (Some(first), Some(filter)) = (equal.first(), lost_by(route)) else {
            continue;
        };
        if !answering.overlaps(&RequestSet::new(&first.key)) {
            let message = format!(
                "property `cors-origins` on route `{}` does not answer the preflight requests of browsers, which do not \
                 meet its condition on `{}`; declare a route without that condition, with `cors-origins` too",
                truncated(&route.route_path),
                truncated(&filter.name)
            );
            warn(equal, message, builder);
        }
    }
}

/// The condition of a route that a preflight request does not meet.
fn lost_by(route: &Route) -> Option<&Filter> {
    const SENT: [&str; 6] = [
        AUTHORITY,
        ":path",
        ":scheme",
        "origin",
        "access-control-request-method",
        "x-forwarded-proto",
    ];
    let mut asked = route.header_filters.iter().filter(|it| !it.invert_match);
    asked.find(|filter| {
        let name = filter.name.to_ascii_lowercase();
        if name == METHOD {
            !filter.is_met_by("OPTIONS")
        } else {
            !SENT.contains(&name.as_str())
        }
    })
}
