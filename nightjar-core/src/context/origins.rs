//! Which entries of the map each route of a context comes from, for those who explain it. A proxy
//! does not ask, so nothing is kept for it.

use super::{
    Context, ContextError, Draft, Role, Viewer, draft,
    groups::Group,
    names::{Names, Scheme},
    routes::{self, Candidate},
};
use crate::document::{
    discovery_map::{DiscoveryMap, Namespace, Route},
    proxy_input::Properties,
};
use std::net::Ipv4Addr;

/// One entry of the map that a route of the context comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The namespace of the service-color.
    pub namespace: String,
    /// The service.
    pub service: String,
    /// Its color.
    pub color: String,
    /// The index of the group in its service-color.
    pub index: i64,
    /// How many endpoints the group has.
    pub endpoints: usize,
    /// Whether the viewer may reach the route.
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

    fn traced() -> Self {
        Self {
            is_traced: true,
            ..Self::default()
        }
    }

    /// Keeps what a route comes from.
    pub(super) fn add(&mut self, candidates: &[Candidate<'_, '_>]) {
        if self.is_traced {
            self.routes.push(candidates.iter().map(origin).collect());
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

fn origin(candidate: &Candidate<'_, '_>) -> Origin {
    let identity = candidate.group.identity;
    Origin {
        namespace: identity.namespace.to_owned(),
        service: identity.service.to_owned(),
        color: identity.color.to_owned(),
        index: identity.index,
        endpoints: candidate.group.instances.len(),
        reachable: candidate.reachable,
        route: candidate.route.clone(),
    }
}

/// A context, and where its routes come from.
#[derive(Debug)]
pub struct Traced {
    /// The context.
    pub context: Context,
    /// The origins of its routes.
    pub origins: Origins,
}

/// Makes the context of one proxy, and keeps where its routes come from.
///
/// # Errors
/// As for [`super::proxy_input`].
pub fn traced(map: &DiscoveryMap, viewer: &Viewer) -> Result<Traced, ContextError> {
    let (own, mut draft) = draft(map, viewer, Origins::traced())?;
    let origins = std::mem::take(&mut draft.origins);
    Ok(Traced {
        context: draft.finish(own),
        origins,
    })
}

/// The context of nobody in particular: one listener with every route of a namespace, as each of its
/// sidecars has it but for endpoints that are the sidecar itself.
pub fn every_route(map: &DiscoveryMap, own: &Namespace) -> Traced {
    let viewer = Viewer {
        role: Role::Gateway,
        namespace: own.namespace.to_string(),
        listen_port: 0,
        listen_address: Ipv4Addr::UNSPECIFIED.into(),
        admin_port: None,
        admin_address: Ipv4Addr::LOCALHOST.into(),
        status: None,
        config_dir: String::new(),
        properties: Properties::new(),
    };
    let mut draft = Draft::new(own, &viewer);
    draft.drops_underscores = false;
    draft.origins = Origins::traced();
    let names = Names::new(Scheme::Local, map, own);
    let groups = Group::all_of(own, &names, &mut draft);
    let routes = routes::served(&groups, |_| true, &mut draft);
    draft.add_listener("local".to_owned(), &own.namespace, 0, routes);
    let origins = std::mem::take(&mut draft.origins);
    Traced {
        context: draft.finish(own),
        origins,
    }
}
