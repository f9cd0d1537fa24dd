//! Workloads: what each declares about itself in `NJ_` settings, and the discovery map that many of
//! them make: pure functions, no I/O.
//!
//! ```text
//! settings           where a setting is made, and which one counts
//! reader             one workload's settings, with its warnings
//! declaration        settings -> a service or a gateway
//! routes             all the routes of a service
//! route              the forms in which a route is declared
//! misspelt_settings  names that are near a known one
//! egress             the local ports for other namespaces
//! port_choice        the forms in which a port is chosen
//! properties         free properties, documented ones checked
//! located_routes     the routes of a service, each with where it listens
//! mesh               services and gateways, each with its instances -> discovery map
//! warning            errors in the settings of a workload
//! ```
//!
//! A workload is whatever runs a service or a gateway and carries settings: a task with its tags
//! and environment, a service in a registry with its attributes. An error in one of them costs
//! that setting's route or that workload, is reported as a [`Warning`], and leaves the rest alone.

mod declaration;
mod egress;
mod located_routes;
mod mesh;
mod misspelt_settings;
mod port_choice;
mod properties;
mod reader;
mod route;
mod routes;
mod settings;
mod warning;

pub use located_routes::{LocatedRoutes, ServedPorts};
pub use mesh::Mesh;
pub use port_choice::PortChoice;
pub use settings::{Settings, Source, Sourced};
pub use warning::{Warning, Warnings};

use crate::document::discovery_map::{Name, NamespaceEgress, Properties, Protocol, Route};

/// What a workload is in the mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workload {
    /// It runs a service.
    Service(Service),
    /// It is an entrance to a namespace.
    Gateway(Gateway),
}

/// What holds for a workload that does not say it itself; `None` makes it say so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// For `NJ_PROXY_MODE`.
    pub mode: Option<String>,
    /// For `NJ_NAMESPACE`.
    pub namespace: Option<String>,
    /// For `NJ_SERVICE`.
    pub service: Option<String>,
    /// For `NJ_COLOR`.
    pub color: Option<String>,
}

/// A workload that runs a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `NJ_NAMESPACE`.
    pub namespace: Name,
    /// `NJ_SERVICE`.
    pub service: Name,
    /// `NJ_COLOR`.
    pub color: Name,
    /// `NJ_PROTOCOL`
    pub protocol: Protocol,
    /// `NJ_PROP_<name>`
    pub properties: Properties,
    /// `NJ_ROUTE_<n>`, sorted by number. A service that only calls others has none.
    pub routes: Vec<DeclaredRoute>,
    /// `NJ_NAMESPACE_PORT_<n>`
    pub egress: Vec<NamespaceEgress>,
    /// Whether a route was left out because of an error: while an older revision without errors
    /// runs, [`Mesh`] goes by that one.
    pub has_errors: bool,
}

/// What one `NJ_ROUTE_<n>` declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredRoute {
    /// The setting, such as `NJ_ROUTE_1`.
    pub setting: String,
    /// Where it was set. What a container sets for itself goes with that container's ports.
    pub source: Source,
    /// One route, or two for a path without a trailing slash.
    pub routes: Vec<Route>,
    /// `NJ_ROUTE_PORT_<n>`, else `NJ_ROUTE_PORT`.
    pub port: Option<Sourced<PortChoice>>,
    /// Whether nobody is to be sent to it: it is private, and an error in its weight must not remove it.
    is_unserved: bool,
}

impl DeclaredRoute {
    /// Whether it closes something to anybody.
    pub fn is_private(&self) -> bool {
        self.routes.iter().any(Route::is_private)
    }
}

/// A workload that is an entrance to a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// `NJ_NAMESPACE`.
    pub namespace: Name,
    /// `NJ_PROTOCOL`
    pub protocol: Protocol,
    /// `NJ_PREFER_GATEWAY`
    pub prefer_gateway: bool,
    /// `NJ_PROP_<name>`: properties of the whole namespace.
    pub properties: Properties,
    /// `NJ_ROUTE_PORT`, else the `NJ_LISTEN_PORT` of the proxy itself.
    pub port: Option<Sourced<PortChoice>>,
}
