//! View of a sidecar: its own namespace, and others through egress ports.

use super::{
    access,
    builder::ContextBuilder,
    cluster_names::{ClusterNames, NamingScheme},
    clusters,
    error::{ContextError, NameList},
    hop::hop_properties,
    routes,
    upstreams::Upstream,
    warning::Subject,
};
use crate::document::{
    discovery_map::{self, DiscoveryMap, Namespace, ServiceColor},
    proxy_input::Route,
};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use xxhash_rust::xxh3::xxh3_64;

pub(super) fn view(
    map: &DiscoveryMap,
    own: &Namespace,
    service: &str,
    color: &str,
    builder: &mut ContextBuilder<'_>,
) -> Result<(), ContextError> {
    let is_own = |entry: &ServiceColor| entry.service == *service && entry.color == *color;
    if !own.service_colors.iter().any(is_own) {
        return Err(unknown(own, service, color));
    }
    let egress = egress(map, own, service, color, builder);
    let names = ClusterNames::new(NamingScheme::Local, map, own);
    let upstreams = Upstream::all_of(own, &names, builder);
    let routes = routes::direct_routes(&upstreams, |_| true, builder);
    builder.add_listener(
        "local".to_owned(),
        &own.namespace,
        builder.proxy.listen_port,
        routes,
    );
    if egress.is_empty() {
        return Ok(());
    }
    let names = ClusterNames::new(NamingScheme::Remote, map, own);
    for (other, port) in egress {
        let name = &other.namespace;
        let routes = egress_routes(other, &own.namespace, &names, builder);
        builder.add_listener(format!("egress-{name}"), name, port, routes);
    }
    Ok(())
}

/// What the service-colors of a namespace see together, for its warnings.
pub(super) fn collect_warnings<'m>(
    map: &'m DiscoveryMap,
    own: &Namespace,
    seen: &mut HashSet<(&'m str, u64)>,
    builder: &mut ContextBuilder<'_>,
) {
    let names = ClusterNames::new(NamingScheme::Local, map, own);
    let upstreams = Upstream::all_of(own, &names, builder);
    routes::direct_routes(&upstreams, |_| true, builder);
    let called = own
        .service_colors
        .iter()
        .flat_map(|entry| &entry.namespace_egress);
    let called: BTreeSet<&str> = called.map(|egress| &*egress.namespace).collect();
    let names = ClusterNames::new(NamingScheme::Remote, map, own);
    for other in &map.namespaces {
        if !called.contains(&*other.namespace) || other.namespace == own.namespace {
            continue;
        }
        // Callers who may reach the same routes see the same.
        let entries = other.service_colors.iter().flat_map(|entry| &entry.routes);
        let reachable: Vec<u8> = entries
            .map(|route| access::is_open_to(route, &own.namespace).into())
            .collect();
        if seen.insert((&*other.namespace, xxh3_64(&reachable))) {
            egress_routes(other, &own.namespace, &names, builder);
        }
    }
}

/// The namespaces that the service-color calls and may call, each with its port, which is then the
/// proxy's own.
fn egress<'a>(
    map: &'a DiscoveryMap,
    own: &Namespace,
    service: &str,
    color: &str,
    builder: &mut ContextBuilder<'_>,
) -> Vec<(&'a Namespace, u16)> {
    let namespaces: BTreeMap<&str, &Namespace> = map
        .namespaces
        .iter()
        .map(|other| (&*other.namespace, other))
        .collect();
    let mut egress = Vec::<(&Namespace, u16)>::new();
    for (name, port) in wanted_egress(own, service, color) {
        let other = namespaces.get(name).copied();
        let refused = match other {
            None => Some("the discovery map has no such namespace".to_owned()),
            Some(_) if *name == *own.namespace => {
                Some("a service-color reaches its own namespace through the listen port".to_owned())
            }
            // Only what gets a listener takes a port.
            Some(other) if !is_reachable(other, &own.namespace) => continue,
            Some(_) => {
                let first = egress.iter().find(|(known, _)| known.namespace == *name);
                first.map(|(_, port)| format!("the namespace already has port {port}"))
            }
        };
        let refused = refused.or_else(|| {
            let user = format!("the port for namespace `{name}`");
            builder.reserve_port(port, user).err()
        });
        match (other, refused) {
            (Some(other), None) => egress.push((other, port)),
            (_, reason) => {
                let subject = Subject {
                    service_color: Some((service.to_owned(), color.to_owned(), None)),
                    ..Subject::namespace(&own.namespace)
                };
                builder.warn(
                    &subject,
                    format!(
                        "egress to namespace `{name}` on port {port} is left out: {}",
                        reason.unwrap_or_default()
                    ),
                );
            }
        }
    }
    egress
}

fn unknown(own: &Namespace, service: &str, color: &str) -> ContextError {
    let known = own.service_colors.iter();
    let known = known.map(|entry| format!("{}/{}", entry.service, entry.color));
    ContextError::UnknownServiceColor {
        namespace: own.namespace.to_string(),
        service: service.to_owned(),
        color: color.to_owned(),
        known: NameList(known.collect()),
    }
}

/// The namespaces that the service-color wants to call, each with its port, sorted.
fn wanted_egress<'a>(own: &'a Namespace, service: &str, color: &str) -> BTreeSet<(&'a str, u16)> {
    own.service_colors
        .iter()
        .filter(|entry| entry.service == *service && entry.color == *color)
        .flat_map(|entry| &entry.namespace_egress)
        .map(|egress| (&*egress.namespace, egress.interface.port.get()))
        .collect()
}

/// Whether a namespace has any route that a proxy from another one may reach.
fn is_reachable(other: &Namespace, proxy: &str) -> bool {
    other
        .service_colors
        .iter()
        .flat_map(|entry| &entry.routes)
        .any(|route| access::is_open_to(route, proxy))
}

/// The routes that a proxy of one namespace gets of another: one route to its gateways if it wants
/// that, else the routes that the proxy may reach.
fn egress_routes<'a>(
    other: &'a Namespace,
    proxy: &str,
    names: &ClusterNames<'a>,
    builder: &mut ContextBuilder<'_>,
) -> Vec<Route> {
    let may_reach = |route: &discovery_map::Route| access::is_open_to(route, proxy);
    let upstreams = Upstream::all_of(other, names, builder);
    if other.gateways.prefer_gateway && !other.gateways.instances.is_empty() {
        let properties = hop_properties(other, &upstreams, builder);
        let cluster = clusters::of_gateways(other, properties.clone(), builder);
        let name = cluster.name.clone();
        builder.clusters.push(cluster);
        return routes::gateway_routes(&upstreams, may_reach, &name, &properties, builder);
    }
    routes::direct_routes(&upstreams, may_reach, builder)
}
