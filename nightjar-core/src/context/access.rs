//! Who may reach a route, and what becomes of the routes that the viewer may not reach.

use super::{
    overlap::{Index, Reach},
    routes::RouteKey,
};
use crate::document::discovery_map::{PathMatchType, Route};

/// Whether another namespace may reach a route: what the route says of that namespace, else its
/// default. Where it says both yes and no, it is no.
pub(super) fn from_namespace(route: &Route, namespace: &str) -> bool {
    let mut said = route
        .namespace_access
        .iter()
        .filter(|entry| entry.namespace == *namespace)
        .peekable();
    if said.peek().is_none() {
        return route.default_access;
    }
    said.all(|entry| entry.access)
}

/// What becomes of a route in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposition {
    /// The viewer may reach it.
    Served,
    /// The viewer may not reach it, and a later route that it may reach would take its requests.
    Denied,
    /// The viewer may not reach it, and nothing else takes its requests.
    LeftOut,
}

/// Decides for each of a view's routes, given in their order with whether the viewer may reach
/// them. Each unreachable route is compared with those reachable ones only whose paths can
/// start as its own does, so that large views stay cheap.
pub(super) fn dispositions(routes: &[(&RouteKey<'_>, bool)]) -> Vec<Disposition> {
    let mut dispositions = vec![Disposition::Served; routes.len()];
    if routes.iter().all(|(_, reachable)| *reachable) {
        return dispositions;
    }
    let mut later = Index::default();
    for ((key, reachable), disposition) in routes.iter().zip(&mut dispositions).rev() {
        let reach = Reach::new(key);
        if *reachable {
            later.insert(reach);
        } else {
            *disposition = if later.meets(&reach) {
                Disposition::Denied
            } else {
                Disposition::LeftOut
            };
        }
    }
    dispositions
}

/// The reachable regular expressions that are tried before a route that the viewer may not reach, and
/// so open a part of it: pairs of the opened and the opening.
pub(super) fn openings<'r, 'k>(
    routes: &'r [(&'r RouteKey<'k>, bool)],
) -> Vec<(&'r RouteKey<'k>, &'r RouteKey<'k>)> {
    const MAX_OPENINGS: usize = 100;
    let mut openings = Vec::new();
    let mut earlier: Vec<(Reach<'_>, &RouteKey<'_>)> = Vec::new();
    let mut index = Index::default();
    for (key, reachable) in routes {
        if openings.len() >= MAX_OPENINGS {
            break;
        }
        match (key.kind, reachable) {
            (PathMatchType::Regex, true) => {
                earlier.push((Reach::new(key), key));
                index.insert(Reach::new(key));
            }
            (_, true) => {}
            (_, false) if earlier.is_empty() => {}
            (_, false) => {
                let reach = Reach::new(key);
                if index.meets(&reach) {
                    let opening = earlier.iter().find(|(other, _)| other.meets(&reach));
                    openings.extend(opening.map(|(_, other)| (*key, *other)));
                }
            }
        }
    }
    openings
}
