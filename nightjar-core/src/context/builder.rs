//! Builder of a context: its listeners, clusters and warnings, and the ports that the proxy uses.

use super::{
    origins::Origins,
    proxy_config::ProxyConfig,
    warning::{ContextWarning, Subject, WarningOrigin},
};
use crate::document::{
    discovery_map::{Host, HostPort},
    proxy_input::{Cluster, Listener, Route},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// How many warnings of one context are kept; a log is not the place for more.
const MAX_WARNINGS: usize = 1000;

/// What a context is built from, as far as it is known.
pub(super) struct ContextBuilder<'p> {
    pub(super) proxy: &'p ProxyConfig,
    /// Whether the proxy drops headers whose names hold an underscore.
    pub(super) drops_underscores: bool,
    /// The ports that the proxy itself uses, each with what for.
    ports: BTreeMap<u16, String>,
    pub(super) listeners: Vec<Listener>,
    pub(super) clusters: Vec<Cluster>,
    pub(super) warnings: BTreeSet<ContextWarning>,
    pub(super) origins: Origins,
}

impl<'p> ContextBuilder<'p> {
    pub(super) fn new(proxy: &'p ProxyConfig) -> Self {
        let ports = [
            (Some(proxy.listen_port), "the listen port"),
            (proxy.admin_port, "the admin port"),
            (proxy.status.map(|status| status.port()), "the status port"),
            (proxy.stats_port(), "the statistics port"),
        ]
        .into_iter()
        .filter_map(|(port, user)| Some((port?, user.to_owned())))
        .collect();
        Self {
            proxy,
            drops_underscores: false,
            ports,
            listeners: Vec::new(),
            clusters: Vec::new(),
            warnings: BTreeSet::new(),
            origins: Origins::untraced(),
        }
    }

    pub(super) fn warn(&mut self, subject: &Subject, message: String) {
        self.note(subject, WarningOrigin::Mesh, message);
    }

    pub(super) fn note(&mut self, subject: &Subject, origin: WarningOrigin, message: String) {
        self.warnings.insert(ContextWarning {
            subject: subject.clone(),
            origin,
            message,
        });
        // The last one goes, whichever came first, so that the order of a map does not matter.
        if self.warnings.len() > MAX_WARNINGS {
            self.warnings.pop_last();
        }
    }

    /// Reserves a port of the proxy, or says what it is used for already.
    pub(super) fn reserve_port(&mut self, port: u16, user: String) -> Result<(), String> {
        if let Some(user) = self.ports.get(&port) {
            return Err(format!("the port is already {user}"));
        }
        self.ports.insert(port, user);
        Ok(())
    }

    /// Instances without those that are the proxy itself: a request to one would come back, or reach
    /// Envoy's admin interface.
    pub(super) fn without_own_instances<'a>(
        &mut self,
        instances: impl Iterator<Item = &'a HostPort>,
        subject: &Subject,
    ) -> Vec<&'a HostPort> {
        let mut others = Vec::new();
        for instance in instances {
            let port = instance.port.get();
            match self
                .ports
                .get(&port)
                .filter(|_| self.is_local(&instance.host))
                .cloned()
            {
                None => others.push(instance),
                Some(user) => self.warn(
                    subject,
                    format!("the instance at {instance} is left out: it is {user} of this proxy"),
                ),
            }
        }
        others
    }

    /// Whether an address leads to the machine that the proxy is on, as far as its text tells.
    fn is_local(&self, host: &Host) -> bool {
        let address = match host {
            Host::Ipv4(address) => IpAddr::V4(*address),
            Host::Ipv6(address) => IpAddr::V6(*address).to_canonical(),
            Host::Name(name) => {
                let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
                return name == "localhost" || name.ends_with(".localhost");
            }
        };
        let proxy = self.proxy;
        let status = proxy.status.map(|status| status.ip());
        address.is_loopback()
            || address.is_unspecified()
            || [
                Some(proxy.listen_address),
                Some(proxy.admin_address),
                status,
            ]
            .contains(&Some(address))
    }

    pub(super) fn add_listener(
        &mut self,
        name: String,
        namespace: &str,
        port: u16,
        routes: Vec<Route>,
    ) {
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
}
