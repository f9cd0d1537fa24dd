//! From the discovery map to what one proxy needs to know: pure functions, no I/O.
//!
//! ```text
//! groups      a namespace's service-colors, duplicates merged
//! names       cluster names, made from identities alone
//! filters     header and query conditions in one normal form
//! routes      merge equal routes, order them most specific first
//! overlap     can two routes match one request?
//! access      who may reach a route, and which routes must be denied in place
//! spelling    every way to spell a path that must not be reached
//! clusters    endpoints
//! properties  the documented properties
//! values      the forms of their values
//! service     the view of a sidecar
//! gateway     the view of a gateway
//! ```
//!
//! The map is taken as valid: namespaces have different names, and regular expressions compile.
//! The same map in any order gives the same context.

mod access;
mod clusters;
mod filters;
mod gateway;
mod groups;
mod names;
mod overlap;
pub mod properties;
mod routes;
mod service;
mod spelling;
mod values;

pub use clusters::DENIED_CLUSTER;
pub use values::Kind;

use crate::document::{
    SchemaVersion,
    discovery_map::{DiscoveryMap, Namespace},
    proxy_input::{Cluster, Endpoint, Filter, Listener, ProxyInput, Route, WeightedCluster},
};
use std::{collections::BTreeSet, fmt};
use thiserror::Error;

/// The proxy that a context is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// What the proxy stands in for.
    pub role: Role,
    /// The namespace it is in.
    pub namespace: String,
    /// The TCP port of its `local` or `gateway` listener.
    pub listen_port: u16,
    /// The address that all its listeners bind.
    pub listen_address: String,
    /// The port of Envoy's admin interface, if it has one.
    pub admin_port: Option<u16>,
    /// The address of Envoy's admin interface.
    pub admin_address: String,
    /// The folder that Envoy reads its files from.
    pub config_dir: String,
}

/// What a proxy stands in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A sidecar of one service-color.
    Service {
        /// The service's name.
        service: String,
        /// The service's deployment color.
        color: String,
    },
    /// The entrance to a namespace.
    Gateway,
}

/// What one proxy needs to know, and what was wrong on the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// What templates are rendered with.
    pub input: ProxyInput,
    /// What was left out, and why: one sentence each, sorted.
    pub warnings: Vec<String>,
}

/// Why there is no context.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContextError {
    /// The map does not have the viewer's namespace.
    #[error("namespace `{namespace}` is not in the discovery map, which has {known}")]
    UnknownNamespace {
        /// The namespace that was asked for.
        namespace: String,
        /// The namespaces that the map has.
        known: Known,
    },
    /// The namespace does not have the viewer's service-color.
    #[error(
        "service-color `{service}/{color}` is not in namespace `{namespace}` of the discovery map, which has {known}"
    )]
    UnknownServiceColor {
        /// The namespace that was searched.
        namespace: String,
        /// The service that was asked for.
        service: String,
        /// The color that was asked for.
        color: String,
        /// The service-colors that the namespace has, as `service/color`.
        known: Known,
    },
}

/// The names that there are, where one was asked for that there is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known(BTreeSet<String>);

/// How many names an error message lists.
const LISTED: usize = 20;

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (position, name) in self.0.iter().take(LISTED).enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}`{name}`")?;
        }
        match self.0.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Makes the context of one proxy.
pub fn proxy_input(map: &DiscoveryMap, viewer: &Viewer) -> Result<Context, ContextError> {
    let own = map
        .namespaces
        .iter()
        .find(|namespace| namespace.namespace == viewer.namespace)
        .ok_or_else(|| ContextError::UnknownNamespace {
            namespace: viewer.namespace.clone(),
            known: Known(
                map.namespaces
                    .iter()
                    .map(|known| known.namespace.clone())
                    .collect(),
            ),
        })?;
    let mut draft = Draft::default();
    match &viewer.role {
        Role::Service { service, color } => {
            service::view(map, own, service, color, viewer, &mut draft)?;
        }
        Role::Gateway => gateway::view(map, own, viewer, &mut draft),
    }
    Ok(draft.finish(own, viewer))
}

/// A context in the making.
#[derive(Default)]
struct Draft {
    listeners: Vec<Listener>,
    clusters: Vec<Cluster>,
    warnings: BTreeSet<String>,
}

impl Draft {
    fn warn(&mut self, warning: String) {
        self.warnings.insert(warning);
    }

    fn add_listener(&mut self, name: String, namespace: &str, port: u16, routes: Vec<Route>) {
        self.listeners.push(Listener {
            name,
            namespace: namespace.to_owned(),
            has_mesh_port: true,
            mesh_port: port,
            routes,
            is_first: false,
            is_last: false,
        });
    }

    fn finish(self, own: &Namespace, viewer: &Viewer) -> Context {
        let mut listeners = self.listeners;
        let mut clusters = self.clusters;
        let has_denied = |listener: &Listener| listener.routes.iter().any(|route| route.is_denied);
        if listeners.iter().any(has_denied) {
            clusters.push(clusters::denied(&own.namespace));
        }
        clusters.sort_by(|left, right| left.name.cmp(&right.name));
        mark_ends(&mut listeners);
        mark_ends(&mut clusters);
        let (service, color, service_member) = match &viewer.role {
            Role::Service { service, color } => {
                (service.clone(), color.clone(), format!("{service}-{color}"))
            }
            Role::Gateway => (String::new(), String::new(), "gateway".to_owned()),
        };
        let is_gateway = viewer.role == Role::Gateway;
        Context {
            input: ProxyInput {
                schema_version: SchemaVersion::V1,
                network_name: own.network_id.clone(),
                service_member,
                namespace: own.namespace.clone(),
                service,
                color,
                is_gateway,
                is_service: !is_gateway,
                has_admin_port: viewer.admin_port.is_some(),
                admin_port: viewer.admin_port.unwrap_or_default(),
                admin_address: viewer.admin_address.clone(),
                listen_address: viewer.listen_address.clone(),
                config_dir: viewer.config_dir.clone(),
                listeners,
                has_clusters: !clusters.is_empty(),
                clusters,
            },
            warnings: self.warnings.into_iter().collect(),
        }
    }
}

/// An item of one of the context's lists.
trait Item {
    fn set_ends(&mut self, is_first: bool, is_last: bool);
}

macro_rules! items {
    ($($item:ty),*) => {$(
        impl Item for $item {
            fn set_ends(&mut self, is_first: bool, is_last: bool) {
                (self.is_first, self.is_last) = (is_first, is_last);
            }
        }
    )*};
}

items!(Listener, Route, Filter, WeightedCluster, Cluster, Endpoint);

/// Tells each item of a list whether it is the first and whether it is the last.
fn mark_ends(items: &mut [impl Item]) {
    let last = items.len().saturating_sub(1);
    for (position, item) in items.iter_mut().enumerate() {
        item.set_ends(position == 0, position == last);
    }
}
