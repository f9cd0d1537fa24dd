//! From the discovery map to what one proxy needs to know: pure functions, no I/O.
//!
//! ```text
//! groups      a namespace's service-colors, duplicates merged
//! names       cluster names, made from identities alone
//! conditions  header and query conditions in one normal form
//! routes      merge equal routes, order them most specific first
//! members     the service-colors that share a route, and what they say of it together
//! origins     which entries of the map a route comes from, for those who explain it
//! overlap     can two routes match one request?
//! access      who may reach a route, and which routes must be denied in place
//! clusters    endpoints
//! properties  the documented properties
//! forms       the forms of their values
//! service     the view of a sidecar
//! gateway     the view of a gateway
//! ```
//!
//! The map is taken as valid: namespaces have different names. The same map in any order gives the
//! same context.

mod access;
mod clusters;
mod conditions;
mod forms;
mod gateway;
mod groups;
mod members;
mod names;
mod origins;
mod overlap;
pub mod properties;
mod routes;
mod service;

pub use clusters::DENIED_CLUSTER;
pub(crate) use conditions::check_expression;
pub use forms::Form;
pub use members::UNAVAILABLE_CLUSTER;
pub use origins::{Origin, Origins, Traced, every_route, traced};
pub(crate) use routes::RouteKey;

use crate::document::{
    SchemaVersion,
    discovery_map::{DiscoveryMap, Host, HostPort, Namespace, ServiceColor},
    proxy_input::{
        Cluster, Endpoint, Filter, HashPolicy, Listener, Properties, Proxy, ProxyInput, Route,
        WeightedCluster,
    },
};
use names::Identity;
use properties::Bearer;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};
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
    pub listen_address: IpAddr,
    /// The port of Envoy's admin interface, if it has one.
    pub admin_port: Option<u16>,
    /// The address of Envoy's admin interface.
    pub admin_address: IpAddr,
    /// Where the proxy's own status is served, if it is.
    pub status: Option<SocketAddr>,
    /// The folder that Envoy reads its files from.
    pub config_dir: String,
    /// What the proxy's own environment says of it (`NJ_PROXY_PROP_<NAME>`), by property names.
    pub properties: Properties,
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
    /// What was left out or is doubtful, and why, sorted.
    pub warnings: Vec<Warning>,
}

/// What was left out of a context or is doubtful in it, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// Whom it is about.
    pub subject: Subject,
    /// What it comes from.
    pub concern: Concern,
    /// A sentence, without its first capital.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}

/// What a warning comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// What stands in one place, such as a property.
    Part,
    /// What the parts of a mesh say together.
    Mesh,
}

/// Whom a warning is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// A namespace of the map.
    pub namespace: String,
    /// A service and its color, with the index if it is about one alone.
    pub service_color: Option<(String, String, Option<i64>)>,
    /// The path of a route.
    pub route: Option<String>,
}

impl Subject {
    fn namespace(name: &str) -> Self {
        Self {
            namespace: name.to_owned(),
            service_color: None,
            route: None,
        }
    }
}

impl From<Identity<'_>> for Subject {
    fn from(identity: Identity<'_>) -> Self {
        let (service, color) = (identity.service.to_owned(), identity.color.to_owned());
        Self {
            service_color: Some((service, color, Some(identity.index))),
            ..Self::namespace(identity.namespace)
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "namespace `{}`", self.namespace)?;
        if let Some((service, color, index)) = &self.service_color {
            write!(f, ", service-color `{service}/{color}`")?;
            if let Some(index) = index {
                write!(f, ", index {index}")?;
            }
        }
        match &self.route {
            Some(path) => write!(f, ", route `{path}`"),
            None => Ok(()),
        }
    }
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

impl Known {
    /// The names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

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
    let (own, draft) = draft(map, viewer, Origins::untraced())?;
    Ok(draft.finish(own))
}

/// What a viewer is served, still in the making, with the viewer's namespace.
fn draft<'m, 'v>(
    map: &'m DiscoveryMap,
    viewer: &'v Viewer,
    origins: Origins,
) -> Result<(&'m Namespace, Draft<'v>), ContextError> {
    let own = map
        .namespaces
        .iter()
        .find(|namespace| namespace.namespace == *viewer.namespace)
        .ok_or_else(|| ContextError::UnknownNamespace {
            namespace: viewer.namespace.clone(),
            known: Known(
                map.namespaces
                    .iter()
                    .map(|known| known.namespace.to_string())
                    .collect(),
            ),
        })?;
    let mut draft = Draft::new(own, viewer);
    draft.origins = origins;
    match &viewer.role {
        Role::Service { service, color } => service::view(map, own, service, color, &mut draft)?,
        Role::Gateway => gateway::view(map, own, &mut draft),
    }
    Ok((own, draft))
}

/// The warnings of all the contexts that a map makes, but for those that depend on a proxy's own
/// settings.
pub fn review(map: &DiscoveryMap) -> Vec<Warning> {
    let (mut warnings, mut seen) = (BTreeSet::new(), HashSet::new());
    for own in &map.namespaces {
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
        gateway::view(map, own, &mut draft);
        draft.drops_underscores = false;
        service::every_view(map, own, &mut seen, &mut draft);
        warnings.append(&mut draft.warnings);
    }
    warnings.into_iter().collect()
}

/// How many warnings of one context are kept; a log is not the place for more.
const MAX_WARNINGS: usize = 1000;

/// A context in the making.
struct Draft<'v> {
    viewer: &'v Viewer,
    /// What holds for the proxy as a whole.
    properties: Properties,
    /// Whether the proxy drops headers whose names hold an underscore.
    drops_underscores: bool,
    /// The ports that the proxy itself uses, each with what for.
    ports: BTreeMap<u16, String>,
    listeners: Vec<Listener>,
    clusters: Vec<Cluster>,
    warnings: BTreeSet<Warning>,
    origins: Origins,
}

impl<'v> Draft<'v> {
    fn new(own: &Namespace, viewer: &'v Viewer) -> Self {
        let ports = [
            (Some(viewer.listen_port), "the listen port"),
            (viewer.admin_port, "the admin port"),
            (viewer.status.map(|status| status.port()), "the status port"),
        ];
        let ports = ports
            .into_iter()
            .filter_map(|(port, user)| Some((port?, user.to_owned())));
        let mut draft = Self {
            viewer,
            properties: Properties::new(),
            drops_underscores: false,
            ports: ports.collect(),
            listeners: Vec::new(),
            clusters: Vec::new(),
            warnings: BTreeSet::new(),
            origins: Origins::untraced(),
        };
        draft.properties = root_properties(own, viewer, &mut draft);
        let underscores = draft
            .properties
            .get("underscore-headers")
            .map(String::as_str);
        draft.drops_underscores = match underscores {
            None => viewer.role == Role::Gateway,
            Some(action) => action != "ALLOW",
        };
        draft
    }

    fn warn(&mut self, subject: &Subject, message: String) {
        self.note(subject, Concern::Mesh, message);
    }

    fn note(&mut self, subject: &Subject, concern: Concern, message: String) {
        self.warnings.insert(Warning {
            subject: subject.clone(),
            concern,
            message,
        });
        // The last one goes, whichever came first, so that the order of a map does not matter.
        if self.warnings.len() > MAX_WARNINGS {
            self.warnings.pop_last();
        }
    }

    /// Makes a port the proxy's own, or says whose it is already.
    fn take_port(&mut self, port: u16, user: String) -> Result<(), String> {
        if let Some(user) = self.ports.get(&port) {
            return Err(format!("it is already {user}"));
        }
        self.ports.insert(port, user);
        Ok(())
    }

    /// Instances without those that are the proxy itself: a request to one would come back, or reach
    /// Envoy's admin interface.
    fn foreign<'a>(
        &mut self,
        instances: impl Iterator<Item = &'a HostPort>,
        subject: &Subject,
    ) -> Vec<&'a HostPort> {
        let mut foreign = Vec::new();
        for instance in instances {
            let port = instance.port.get();
            match self
                .ports
                .get(&port)
                .filter(|_| self.is_here(&instance.host))
                .cloned()
            {
                None => foreign.push(instance),
                Some(user) => self.warn(
                    subject,
                    format!("the instance at {instance} is left out: it is {user} of this proxy"),
                ),
            }
        }
        foreign
    }

    /// Whether an address leads to the machine that the proxy is on, as far as its text tells.
    fn is_here(&self, host: &Host) -> bool {
        let address = match host {
            Host::Ipv4(address) => IpAddr::V4(*address),
            Host::Ipv6(address) => IpAddr::V6(*address).to_canonical(),
            Host::Name(name) => {
                let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
                return name == "localhost" || name.ends_with(".localhost");
            }
        };
        let viewer = self.viewer;
        let status = viewer.status.map(|status| status.ip());
        address.is_loopback()
            || address.is_unspecified()
            || [
                Some(viewer.listen_address),
                Some(viewer.admin_address),
                status,
            ]
            .contains(&Some(address))
    }

    fn add_listener(&mut self, name: String, namespace: &str, port: u16, routes: Vec<Route>) {
        self.origins.end_listener();
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

    fn finish(self, own: &Namespace) -> Context {
        let (viewer, mut listeners, mut clusters) = (self.viewer, self.listeners, self.clusters);
        for name in [DENIED_CLUSTER, UNAVAILABLE_CLUSTER] {
            let mut routes = listeners.iter().flat_map(|listener| &listener.routes);
            if routes.any(|route| {
                route
                    .clusters
                    .iter()
                    .any(|cluster| cluster.cluster_name == name)
            }) {
                clusters.push(clusters::empty(name, &own.namespace));
            }
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
                network_name: own.network_id.to_string(),
                service_member,
                namespace: own.namespace.to_string(),
                service,
                color,
                is_gateway,
                is_service: !is_gateway,
                has_admin_port: viewer.admin_port.is_some(),
                admin_port: viewer.admin_port.unwrap_or_default(),
                admin_address: viewer.admin_address.to_string(),
                listen_address: viewer.listen_address.to_string(),
                listens_on_both_families: viewer.listen_address == IpAddr::from([0_u16; 8]),
                config_dir: viewer.config_dir.clone(),
                proxy: Proxy {
                    properties: self.properties.clone(),
                },
                properties: self.properties,
                listeners,
                has_clusters: !clusters.is_empty(),
                clusters,
            },
            warnings: self.warnings.into_iter().collect(),
        }
    }
}

/// What holds for a proxy as a whole: what its namespace says, over it its service-color, and over both
/// its own environment.
fn root_properties(own: &Namespace, viewer: &Viewer, draft: &mut Draft<'_>) -> Properties {
    let mut all = groups::namespace_properties(own, draft);
    if let Role::Service { service, color } = &viewer.role {
        let is_own = |entry: &&ServiceColor| entry.service == **service && entry.color == **color;
        let entries: Vec<&ServiceColor> = own.service_colors.iter().filter(is_own).collect();
        let subject = Subject {
            service_color: Some((service.clone(), color.clone(), None)),
            ..Subject::namespace(&own.namespace)
        };
        let united = groups::united(&entries, &subject, draft);
        all.extend(properties::quietly_checked(&united, Bearer::Whole));
    }
    let own = viewer.properties.iter().filter_map(|(name, value)| {
        let (value, _) = properties::assess(name, value, Bearer::Proxy);
        Some((name.clone(), value?))
    });
    all.extend(own);
    all
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

items!(
    Listener,
    Route,
    HashPolicy,
    Filter,
    WeightedCluster,
    Cluster,
    Endpoint
);

/// Tells each item of a list whether it is the first and whether it is the last.
fn mark_ends(items: &mut [impl Item]) {
    let last = items.len().saturating_sub(1);
    for (position, item) in items.iter_mut().enumerate() {
        item.set_ends(position == 0, position == last);
    }
}
