//! What a sidecar sees: its own namespace, and others through egress ports.

use super::{
    ContextError, Draft, Known, Viewer, access, clusters,
    groups::{Group, namespace_properties},
    names::{Names, Scheme},
    routes,
};
use crate::document::{
    discovery_map::{self, DiscoveryMap, Namespace, ServiceColor},
    proxy_input::Route,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn view(
    map: &DiscoveryMap,
    own: &Namespace,
    service: &str,
    color: &str,
    viewer: &Viewer,
    draft: &mut Draft,
) -> Result<(), ContextError> {
    let is_viewer = |entry: &ServiceColor| entry.service == service && entry.color == color;
    if !own.service_colors.iter().any(is_viewer) {
        return Err(unknown(own, service, color));
    }

    let names = Names::new(Scheme::Local, map, own);
    let routes = routes::served(&Group::all_of(own, &names, draft), |_| true, draft);
    draft.add_listener(
        "local".to_owned(),
        &own.namespace,
        viewer.listen_port,
        routes,
    );

    let wanted = wanted_egress(own, service, color);
    if wanted.is_empty() {
        return Ok(());
    }
    let names = Names::new(Scheme::Remote, map, own);
    let namespaces: BTreeMap<&str, &Namespace> = map
        .namespaces
        .iter()
        .map(|other| (other.namespace.as_str(), other))
        .collect();
    let mut ports = Ports::new(viewer);
    for (name, port) in wanted {
        let other = namespaces.get(name).filter(|_| name != own.namespace);
        let left_out = if let Some(other) = other {
            // Only what gets a listener takes a port.
            if !is_reachable(other, &own.namespace) {
                continue;
            }
            ports.take(name, port).err()
        } else if name == own.namespace {
            Some("a service-color reaches its own namespace by the listen port".to_owned())
        } else {
            Some("the discovery map has no such namespace".to_owned())
        };
        match (other, left_out) {
            (_, Some(reason)) => draft.warn(format!(
                "namespace `{}`, service-color `{service}/{color}`: egress to namespace `{name}` on port {port} is left out: {reason}",
                own.namespace
            )),
            (Some(other), None) => {
                let routes = egress_routes(other, &own.namespace, &names, draft);
                draft.add_listener(format!("egress-{name}"), name, port, routes);
            }
            (None, None) => {}
        }
    }
    Ok(())
}

fn unknown(own: &Namespace, service: &str, color: &str) -> ContextError {
    let known = own.service_colors.iter();
    let known = known.map(|entry| format!("{}/{}", entry.service, entry.color));
    ContextError::UnknownServiceColor {
        namespace: own.namespace.clone(),
        service: service.to_owned(),
        color: color.to_owned(),
        known: Known(known.collect()),
    }
}

/// The namespaces that the service-color wants to call, each with its port, sorted.
fn wanted_egress<'a>(own: &'a Namespace, service: &str, color: &str) -> BTreeSet<(&'a str, u16)> {
    own.service_colors
        .iter()
        .filter(|entry| entry.service == service && entry.color == color)
        .flat_map(|entry| &entry.namespace_egress)
        .map(|egress| (egress.namespace.as_str(), egress.interface.port))
        .collect()
}

/// The local ports, and what each is used for.
struct Ports<'a> {
    of_namespaces: BTreeMap<&'a str, u16>,
    users: BTreeMap<u16, String>,
}

impl<'a> Ports<'a> {
    fn new(viewer: &Viewer) -> Self {
        let mut users = BTreeMap::from([(viewer.listen_port, "the listen port".to_owned())]);
        users.extend(
            viewer
                .admin_port
                .map(|port| (port, "the admin port".to_owned())),
        );
        Self {
            of_namespaces: BTreeMap::new(),
            users,
        }
    }

    /// Gives a namespace its port, or says what stands against it.
    fn take(&mut self, namespace: &'a str, port: u16) -> Result<(), String> {
        if let Some(first) = self.of_namespaces.get(namespace) {
            return Err(format!("the namespace already has port {first}"));
        }
        if let Some(user) = self.users.get(&port) {
            return Err(format!("it is already {user}"));
        }
        self.of_namespaces.insert(namespace, port);
        self.users
            .insert(port, format!("the port for namespace `{namespace}`"));
        Ok(())
    }
}

/// Whether a namespace has any route that a viewer from another one may reach.
fn is_reachable(other: &Namespace, viewer: &str) -> bool {
    other
        .service_colors
        .iter()
        .flat_map(|entry| &entry.routes)
        .any(|route| access::from_namespace(route, viewer))
}

/// What a viewer from one namespace is served of another: one route to its gateways if it wants
/// that, else the routes that the viewer may reach.
fn egress_routes<'a>(
    other: &'a Namespace,
    viewer: &str,
    names: &Names<'a>,
    draft: &mut Draft,
) -> Vec<Route> {
    let may_reach = |route: &discovery_map::Route| access::from_namespace(route, viewer);
    let groups = Group::all_of(other, names, draft);
    if other.gateways.prefer_gateway && !other.gateways.instances.is_empty() {
        let properties = namespace_properties(other, draft);
        let cluster = clusters::of_gateways(other, properties.clone());
        let routes = routes::through_gateway(&groups, may_reach, &cluster.name, &properties);
        draft.clusters.push(cluster);
        return routes;
    }
    routes::served(&groups, may_reach, draft)
}
