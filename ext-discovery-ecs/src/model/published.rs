//! Ports that a task publishes, and the address of each.

use crate::resources::{
    Container, ContainerDefinition, NetworkBinding, NetworkMode, Ports, Task, TaskDefinition,
};
use std::net::IpAddr;

/// A run of container ports that are reached from outside the task. It may be all there are, so
/// ports are not counted out one by one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PublishedPorts {
    /// The container's place in its task definition: what comes first counts first.
    pub(crate) order: usize,
    pub(crate) container: String,
    pub(crate) ports: Ports,
    pub(crate) at: PortAddress,
    /// The first one's port at that address; nothing while the host has not given it one.
    pub(crate) host: Option<u16>,
}

impl PublishedPorts {
    /// The port at its address that leads to a container port.
    pub(crate) fn host_port(&self, port: u16) -> Option<u16> {
        self.host?.checked_add(port.checked_sub(self.ports.first)?)
    }

    /// Whether only its host can reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        matches!(self.at, PortAddress::Bound(ip) if ip.to_canonical().is_loopback())
    }
}

/// The address of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PortAddress {
    /// At one address of the host.
    Bound(IpAddr),
    /// At the task's own network interface; nothing if its address is not known yet.
    Interface(Option<IpAddr>),
    /// At the host's address, of one family or of any.
    Host(Option<IpFamily>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum IpFamily {
    V4,
    V6,
}

/// What a task publishes, sorted: all that its definition maps, and all that its host has bound.
pub(crate) fn published(task: &Task, definition: &TaskDefinition) -> Vec<PublishedPorts> {
    let mut published = Vec::new();
    for (order, declared) in definition.containers.iter().enumerate() {
        let mut containers = task.containers.iter();
        let running = containers.find(|container| container.name == declared.name);
        let of_container = ContainerPorts { order, declared };
        if task.has_own_interface(definition) {
            let at = PortAddress::Interface(interface(task, definition, running));
            of_container.as_mapped(at, &mut published);
        } else {
            match definition.network {
                NetworkMode::Host => {
                    of_container.as_mapped(PortAddress::Host(None), &mut published);
                }
                NetworkMode::Bridge => of_container.as_bound(running, &mut published),
                NetworkMode::Awsvpc | NetworkMode::None => {}
            }
        }
    }
    published.sort();
    published.dedup();
    published
}

fn interface(
    task: &Task,
    definition: &TaskDefinition,
    running: Option<&Container>,
) -> Option<IpAddr> {
    let own = running.and_then(|container| container.interface.address());
    let of_task = || task.interface.address();
    let of_any = || {
        let mut containers = task.containers.iter();
        containers.find_map(|one| definition.container(&one.name).and(one.interface.address()))
    };
    own.or_else(of_task).or_else(of_any)
}

struct ContainerPorts<'a> {
    order: usize,
    declared: &'a ContainerDefinition,
}

impl ContainerPorts<'_> {
    fn published(&self, ports: Ports, at: PortAddress, host: Option<u16>) -> PublishedPorts {
        PublishedPorts {
            order: self.order,
            container: self.declared.name.clone(),
            ports,
            at,
            host,
        }
    }

    /// Ports that are the same outside as inside.
    fn as_mapped(&self, at: PortAddress, published: &mut Vec<PublishedPorts>) {
        let ports = self.declared.ports.iter().map(|mapping| mapping.container);
        published.extend(ports.map(|ports| self.published(ports, at, Some(ports.first))));
    }

    /// Ports that the host maps to the container, by its bindings; without a binding, as the definition
    /// fixes them.
    fn as_bound(&self, running: Option<&Container>, published: &mut Vec<PublishedPorts>) {
        let bindings = || running.iter().flat_map(|container| &container.bindings);
        for binding in bindings() {
            let NetworkBinding {
                container, host, ..
            } = binding;
            let ports = Ports {
                first: container.first,
                last: container
                    .last
                    .min(container.first.saturating_add(host.last - host.first)),
            };
            published.push(self.published(ports, at(binding), Some(host.first)));
        }
        for mapping in &self.declared.ports {
            let first = mapping.container.first;
            if !bindings().any(|binding| binding.container.has(first)) {
                published.push(self.published(
                    mapping.container,
                    PortAddress::Host(None),
                    mapping.host,
                ));
            }
        }
    }
}

fn at(binding: &NetworkBinding) -> PortAddress {
    match binding.ip {
        Some(ip) if !ip.is_unspecified() => PortAddress::Bound(ip),
        Some(IpAddr::V4(_)) => PortAddress::Host(Some(IpFamily::V4)),
        Some(IpAddr::V6(_)) => PortAddress::Host(Some(IpFamily::V6)),
        None => PortAddress::Host(None),
    }
}
