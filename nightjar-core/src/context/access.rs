//! Who may reach a route, and what becomes of the routes that the viewer may not reach.

use super::{
    overlap::{Index, Reach},
    routes::RouteKey,
};
use crate::document::discovery_map::Route;

/// Whether another namespace may reach a route: what the route says of that namespace, else its
/// default. Where it says both yes and no, it is no.
pub(super) fn from_namespace(route: &Route, namespace: &str) -> bool {
    let mut said = route
        .namespace_access
        .iter()
        .filter(|entry| entry.namespace == namespace)
        .peekable();
    if said.peek().is_none() {
        return route.default_access;
    }
    said.all(|entry| entry.access)
}

/// What becomes of a route in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
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
pub(super) fn fates(routes: &[(&RouteKey<'_>, bool)]) -> Vec<Fate> {
    let mut fates = vec![Fate::Served; routes.len()];
    if routes.iter().all(|(_, reachable)| *reachable) {
        return fates;
    }
    let mut later = Index::default();
    for ((key, reachable), fate) in routes.iter().zip(&mut fates).rev() {
        let reach = Reach::new(key);
        if *reachable {
            later.insert(reach);
        } else {
            *fate = if later.meets(&reach) {
                Fate::Denied
            } else {
                Fate::LeftOut
            };
        }
    }
    fates
}
