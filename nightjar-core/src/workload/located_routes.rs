//! Routes of a service, each with where it listens, or closed.
//!
//! A route of which the port is not to be found cannot be served. A public one is left out then. A
//! private one stays, without a share and without instances, so that no wider route opens what it closes.
//! It has an index of its own, so that it gets no instances of other routes either.

use super::{DeclaredRoute, Service, Warning, Warnings};
use crate::document::discovery_map::{HostPort, Route, Weight};
use std::collections::BTreeMap;

/// The index of the routes that nobody serves: no number of a port, so it is no place's.
pub(super) const UNSERVED_INDEX: i64 = 1 << 16;

/// The routes of a service by their places, which a discovery names as it likes.
#[derive(Debug)]
pub struct LocatedRoutes<T> {
    served: BTreeMap<T, Vec<Route>>,
    closed: Vec<ServedPort>,
    has_errors: bool,
}

/// What a workload serves, index by index. [`LocatedRoutes::listen`] makes it.
#[derive(Debug, Default)]
pub struct ServedPorts {
    pub(super) groups: Vec<ServedPort>,
    /// Whether a route stays closed or is left out because of an error.
    pub(super) has_errors: bool,
}

/// The part of a service that listens on one port.
#[derive(Debug)]
pub(super) struct ServedPort {
    /// What the discovery map tells it apart by: the container port.
    pub(super) index: i64,
    /// What it answers.
    pub(super) routes: Vec<Route>,
    /// Where it listens.
    pub(super) instances: Vec<HostPort>,
}

impl Service {
    /// Finds the place of each route. `place` is asked for those that are to be served, and gives the
    /// place or why there is none.
    pub fn locate<T: Ord>(
        &self,
        mut place: impl FnMut(&DeclaredRoute, &mut Warnings) -> Result<T, Box<Warning>>,
        warnings: &mut Warnings,
    ) -> LocatedRoutes<T> {
        let mut located = LocatedRoutes {
            served: BTreeMap::new(),
            closed: Vec::new(),
            has_errors: false,
        };
        for route in &self.routes {
            if route.is_unserved {
                located.has_errors = true;
                located.closed.extend(closed(route));
                continue;
            }
            match place(route, warnings) {
                Ok(place) => {
                    let routes = located.served.entry(place).or_default();
                    routes.extend(route.routes.iter().cloned());
                }
                Err(warning) => {
                    warnings.push(*warning);
                    located.has_errors = true;
                    located.closed.extend(closed(route));
                }
            }
        }
        located
    }
}

/// What the map has in place of a route that cannot be served.
fn closed(route: &DeclaredRoute) -> Option<ServedPort> {
    let unserved = |route: &Route| Route {
        weight: Weight::NONE,
        ..route.clone()
    };
    route.is_private().then(|| ServedPort {
        index: UNSERVED_INDEX,
        routes: route.routes.iter().map(unserved).collect(),
        instances: Vec::new(),
    })
}

impl<T: Ord> LocatedRoutes<T> {
    /// The places of routes that are served.
    pub fn places(&self) -> impl Iterator<Item = &T> {
        self.served.keys()
    }

    /// Says of each place by which index the map knows it, and which instances listen there. An index may
    /// be any number but 65536, which is that of routes without a place.
    ///
    /// # Errors
    /// Those of `listen`.
    pub fn listen<E>(
        self,
        mut listen: impl FnMut(&T) -> Result<(i64, Vec<HostPort>), E>,
    ) -> Result<ServedPorts, E> {
        let mut groups = self.closed;
        for (place, routes) in self.served {
            let (index, instances) = listen(&place)?;
            groups.push(ServedPort {
                index,
                routes,
                instances,
            });
        }
        Ok(ServedPorts {
            groups,
            has_errors: self.has_errors,
        })
    }
}

impl ServedPorts {
    /// What a workload serves that only calls others, or that is not to be sent anything yet.
    pub fn none() -> Self {
        Self::default()
    }
}
