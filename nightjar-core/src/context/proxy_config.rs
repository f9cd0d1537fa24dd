//! Configuration of the proxy that a context is made for.

use super::value_format::ValueFormat;
use crate::document::proxy_input::Properties;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

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

impl ProxyConfig {
    /// The port that serves Envoy's statistics (`stats-port`), if one does.
    pub fn stats_port(&self) -> Option<u16> {
        let port = self.properties.get("stats-port")?;
        ValueFormat::Port.normalise(port)?.parse().ok()
    }

    /// A proxy of which only its place in the mesh is known: it has no ports, and no properties.
    pub(crate) fn without_settings(namespace: &str, role: ProxyRole) -> Self {
        Self {
            role,
            namespace: namespace.to_owned(),
            listen_port: 0,
            listen_address: Ipv4Addr::UNSPECIFIED.into(),
            admin_port: None,
            admin_address: Ipv4Addr::LOCALHOST.into(),
            status: None,
            config_dir: String::new(),
            properties: Properties::new(),
        }
    }
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
