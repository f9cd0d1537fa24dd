//! Access to routes, and what becomes of the routes that a proxy may not reach.

use super::{
    request_sets::{RequestIndex, RequestSet},
    route_key::RouteKey,
};
use crate::document::discovery_map::{PathMatchType, Route};

/// Whether another namespace may reach a route: what the route says of that namespace, else its
/// default. Where it says both yes and no, it is no.
pub(super) fn is_open_to(route: &Route, namespace: &str) -> bool {
    let mut entries = route
        .namespace_access
        .iter()
        .filter(|entry| entry.namespace == *namespace)
        .peekable();
    if entries.peek().is_none() {
        return route.default_access;
    }
    entries.all(|entry| entry.access)
}

/// What becomes of a route in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposition {
    /// The proxy may reach it.
    Served,
    /// The proxy may not reach it, and a later route that it may reach would take its requests.
    Denied,
    /// The proxy may not reach it, and nothing else takes its requests.
    Omitted,
}

/// Decides for each of a view's routes, given in their order with whether the proxy may reach
/// them. Each unreachable route is compared with those reachable ones only whose paths can
/// start as its own does, so that large views stay cheap.
pub(super) fn dispositions(routes: &[(&RouteKey<'_>, bool)]) -> Vec<Disposition> {
    let mut dispositions = vec![Disposition::Served; routes.len()];
    if routes.iter().all(|(_, reachable)| *reachable) {
        return dispositions;
    }
    let mut later = RequestIndex::default();
    for ((key, reachable), disposition) in routes.iter().zip(&mut dispositions).rev() {
        let requests = RequestSet::new(key);
        if *reachable {
            later.insert(requests);
        } else {
            *disposition = if later.overlaps(&requests) {
                Disposition::Denied
            } else {
                Disposition::Omitted
            };
        }
    }
    dispositions
}

/// The reachable regular expressions that are tried before a route that the proxy may not reach, and
/// can take a part of its requests: pairs of that route and the regular expression.
pub(super) fn find_regex_overlaps<'r, 'k>(
    routes: &'r [(&'r RouteKey<'k>, bool)],
) -> Vec<(&'r RouteKey<'k>, &'r RouteKey<'k>)> {
    const MAX_OVERLAPS: usize = 100;
    let mut overlaps = Vec::new();
    let mut earlier: Vec<(RequestSet<'_>, &RouteKey<'_>)> = Vec::new();
    let mut index = RequestIndex::default();
    for (key, reachable) in routes {
        if overlaps.len() >= MAX_OVERLAPS {
            break;
        }
        match (key.match_type, reachable) {
            (PathMatchType::Regex, true) => {
                earlier.push((RequestSet::new(key), key));
                index.insert(RequestSet::new(key));
            }
            (_, true) => {}
            (_, false) if earlier.is_empty() => {}
            (_, false) => {
                let requests = RequestSet::new(key);
                if index.overlaps(&requests) {
                    let regex = earlier.iter().find(|(other, _)| other.overlaps(&requests));
                    overlaps.extend(regex.map(|(_, other)| (*key, *other)));
                }
            }
        }
    }
    overlaps
}
