//! The ports of a task, and where each is reached.

use super::member::{declared, has_interface};
use crate::described::{Binding, Container, Declared, Definition, Network, Ports, Task};
use std::net::IpAddr;

/// A run of container ports that are reached from outside the task. It may be all there are, so
/// ports are not counted out one by one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Published {
    /// The container's place in its task definition: what comes first counts first.
    pub(crate) order: usize,
    pub(crate) container: String,
    pub(crate) ports: Ports,
    pub(crate) at: At,
    /// The first one's port at that address; nothing while the host has not given it one.
    pub(crate) host: Option<u16>,
}

impl Published {
    /// The port at its address that leads to a container port.
    pub(crate) fn host_port(&self, port: u16) -> Option<u16> {
        self.host?.checked_add(port.checked_sub(self.ports.first)?)
    }

    /// Whether its host alone gets there.
    pub(crate) fn is_loopback(&self) -> bool {
        matches!(self.at, At::Bound(ip) if ip.to_canonical().is_loopback())
    }
}

/// Where a port is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum At {
    /// At one address of the host.
    Bound(IpAddr),
    /// At the task's own network interface; nothing if it is not told yet.
    Interface(Option<IpAddr>),
    /// At the host's address, of one family or of any.
    Host(Option<Family>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    V6,
}

/// What a task publishes, sorted: all that its definition maps, and all that its host has bound.
pub(crate) fn published(task: &Task, definition: &Definition) -> Vec<Published> {
    let mut published = Vec::new();
    for (order, declared) in definition.containers.iter().enumerate() {
        let mut containers = task.containers.iter();
        let running = containers.find(|container| container.name == declared.name);
        let of_container = OfContainer { order, declared };
        if has_interface(task, definition) {
            let at = At::Interface(interface(task, definition, running));
            of_container.as_mapped(at, &mut published);
        } else {
            match definition.network {
                Network::Host => of_container.as_mapped(At::Host(None), &mut published),
                Network::Bridge => of_container.as_bound(running, &mut published),
                Network::Awsvpc | Network::None => {}
            }
        }
    }
    published.sort();
    published.dedup();
    published
}

fn interface(task: &Task, definition: &Definition, running: Option<&Container>) -> Option<IpAddr> {
    let own = running.and_then(|container| container.interface.address());
    let of_task = || task.interface.address();
    let of_any = || {
        let mut containers = task.containers.iter();
        containers.find_map(|one| declared(one, definition).and(one.interface.address()))
    };
    own.or_else(of_task).or_else(of_any)
}

struct OfContainer<'a> {
    order: usize,
    declared: &'a Declared,
}

impl OfContainer<'_> {
    fn published(&self, ports: Ports, at: At, host: Option<u16>) -> Published {
        Published {
            order: self.order,
            container: self.declared.name.clone(),
            ports,
            at,
            host,
        }
    }

    /// Ports that are the same outside as inside.
    fn as_mapped(&self, at: At, published: &mut Vec<Published>) {
        let ports = self.declared.ports.iter().map(|mapping| mapping.container);
        published.extend(ports.map(|ports| self.published(ports, at, Some(ports.first))));
    }

    /// Ports that the host leads to the container, as it says; where it says nothing of them, as the
    /// definition fixes them.
    fn as_bound(&self, running: Option<&Container>, published: &mut Vec<Published>) {
        let bindings = || running.iter().flat_map(|container| &container.bindings);
        for binding in bindings() {
            let Binding {
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
                published.push(self.published(mapping.container, At::Host(None), mapping.host));
            }
        }
    }
}

fn at(binding: &Binding) -> At {
    match binding.ip {
        Some(ip) if !ip.is_unspecified() => At::Bound(ip),
        Some(IpAddr::V4(_)) => At::Host(Some(Family::V4)),
        Some(IpAddr::V6(_)) => At::Host(Some(Family::V6)),
        None => At::Host(None),
    }
}
