//! Configuration of the proxy that a context is made for.

use crate::document::proxy_input::Properties;
use std::net::{IpAddr, SocketAddr};

/// The proxy that a context is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyConfig {
    /// What the proxy stands in for.
    pub role: ProxyRole,
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
pub enum ProxyRole {
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
