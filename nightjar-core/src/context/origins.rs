//! Origins of a context's routes: the entries of the map that each comes from, for those who explain
//! it. A proxy does not ask, so nothing is kept for it.

use crate::document::discovery_map::Route;

/// One entry of the map that a route of the context comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The namespace of the service-color.
    pub namespace: String,
    /// The service.
    pub service: String,
    /// Its color.
    pub color: String,
    /// Its index.
    pub index: i64,
    /// How many endpoints it has.
    pub endpoints: usize,
    /// Whether the proxy may reach the route.
    pub reachable: bool,
    /// The route as the map has it.
    pub route: Route,
}

/// The origins of the routes of one context: for each listener, for each of its routes.
#[derive(Debug, Default)]
pub struct Origins {
    is_traced: bool,
    listeners: Vec<Vec<Vec<Origin>>>,
    /// Of the listener in the making.
    routes: Vec<Vec<Origin>>,
}

impl Origins {
    /// None are kept.
    pub(super) fn untraced() -> Self {
        Self::default()
    }

    pub(super) fn traced() -> Self {
        Self {
            is_traced: true,
            ..Self::default()
        }
    }

    /// Keeps what a route comes from.
    pub(super) fn add(&mut self, origins: impl FnOnce() -> Vec<Origin>) {
        if self.is_traced {
            self.routes.push(origins());
        }
    }

    /// Forgets the routes from a position on.
    pub(super) fn truncate(&mut self, length: usize) {
        self.routes.truncate(length);
    }

    /// The routes that were added are those of the next listener.
    pub(super) fn end_listener(&mut self) {
        if self.is_traced {
            self.listeners.push(std::mem::take(&mut self.routes));
        }
    }

    /// What a route comes from, by its listener's and its own position in the context. The route of
    /// every request to another namespace's gateways comes from nothing.
    pub fn of(&self, listener: usize, route: usize) -> &[Origin] {
        let routes = self.listeners.get(listener);
        routes
            .and_then(|routes| routes.get(route))
            .map_or(&[], Vec::as_slice)
    }
}
