//! Endpoints of a task: from a task with its addresses to instances and groups of routes.

use super::{
    mesh_task::{MeshTask, TaskState},
    port_choice::{ChosenPort, PortChooser, PortRequest},
    published::{IpFamily, PortAddress, PublishedPorts},
};
use crate::resources::{Addresses, ContainerInstance, InstanceState, LaunchType};
use nightjar_core::{
    document::discovery_map::{Host, HostPort, Port},
    workload::{DeclaredRoute, Gateway, Mesh, ServedPorts, Service, Warning, Warnings, Workload},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};
use xxhash_rust::xxh3::xxh3_64;

/// Why a task gets no requests, and the state that it counts as.
pub(super) struct Excluded {
    pub(super) warning: Box<Warning>,
    pub(super) state: TaskState,
}

impl From<Box<Warning>> for Excluded {
    fn from(warning: Box<Warning>) -> Self {
        let state = TaskState::Unavailable;
        Self { warning, state }
    }
}

/// Adds a task to the mesh, unless it cannot be reached.
pub(super) fn add(
    mesh_task: &MeshTask<'_>,
    instance: Option<&ContainerInstance>,
    mesh: &mut Mesh,
    warnings: &mut Warnings,
) -> Result<(), Excluded> {
    let endpoints = Endpoints {
        mesh_task,
        instance,
        takes_requests: true,
    };
    match &mesh_task.workload {
        Workload::Service(service) => endpoints.service(service, mesh, warnings),
        Workload::Gateway(gateway) => endpoints.gateway(gateway, mesh, warnings),
    }
}

/// Adds the routes of a task that takes no requests.
pub(super) fn add_routes(mesh_task: &MeshTask<'_>, mesh: &mut Mesh, warnings: &mut Warnings) {
    let endpoints = Endpoints {
        mesh_task,
        instance: None,
        takes_requests: false,
    };
    match &mesh_task.workload {
        Workload::Service(service) => {
            // Only an address that is not known is a failure, and none is asked for.
            let _ = endpoints.service(service, mesh, warnings);
        }
        Workload::Gateway(_) => add_without_routes(mesh_task, mesh),
    }
}

/// Adds a service-color without routes and instances, or a gateway without instances: so its proxies
/// know what they may call, and nobody is sent to them.
pub(super) fn add_without_routes(mesh_task: &MeshTask<'_>, mesh: &mut Mesh) {
    let (workload_id, revision) = (&mesh_task.workload_id, mesh_task.revision);
    match &mesh_task.workload {
        Workload::Service(service) => {
            mesh.service(workload_id, revision, service, ServedPorts::none());
        }
        Workload::Gateway(gateway) => mesh.gateway(workload_id, revision, gateway, Vec::new()),
    }
}

struct Endpoints<'a> {
    mesh_task: &'a MeshTask<'a>,
    /// Its container instance, if that is known.
    instance: Option<&'a ContainerInstance>,
    /// Whether it takes requests.
    takes_requests: bool,
}

impl<'a> Endpoints<'a> {
    fn workload_id(&self) -> &'a str {
        &self.mesh_task.workload_id
    }

    fn chooser(&self, outcome: &'static str) -> PortChooser<'a> {
        PortChooser {
            workload_id: self.workload_id(),
            published: &self.mesh_task.published,
            outcome,
            is_needed: false,
        }
    }

    fn gateway(
        &self,
        gateway: &Gateway,
        mesh: &mut Mesh,
        warnings: &mut Warnings,
    ) -> Result<(), Excluded> {
        let chooser = self.chooser("the gateway is left out");
        let request = PortRequest {
            setting: "NJ_ROUTE_PORT",
            source: None,
        };
        let chosen = chooser.choose(gateway.port.as_ref(), request, warnings)?;
        let instances = self.instances(&chosen, warnings)?;
        mesh.gateway(
            self.workload_id(),
            self.mesh_task.revision,
            gateway,
            instances,
        );
        Ok(())
    }

    fn service(
        &self,
        service: &Service,
        mesh: &mut Mesh,
        warnings: &mut Warnings,
    ) -> Result<(), Excluded> {
        let public = self.chooser("the route is left out");
        // Without a private route, a wider one would get its requests.
        let private = PortChooser {
            is_needed: true,
            ..self.chooser("the route stays in the map without instances, because it is private")
        };
        let choose = |route: &DeclaredRoute, warnings: &mut Warnings| {
            let request = PortRequest {
                setting: &route.setting,
                source: Some(&route.source),
            };
            let chooser = if route.is_private() {
                &private
            } else {
                &public
            };
            chooser.choose(route.port.as_ref(), request, warnings)
        };
        let located = service.locate(choose, warnings);
        let indexes = indexes(&located.places().collect::<Vec<_>>());
        let groups = located.listen(|chosen| {
            let index = indexes.get(chosen).copied().unwrap_or(chosen.port.into());
            Ok::<_, Excluded>((index, self.instances(chosen, warnings)?))
        })?;
        mesh.service(self.workload_id(), self.mesh_task.revision, service, groups);
        Ok(())
    }

    /// Where the task answers on a port: one instance, or none while the container is down or where
    /// nobody else gets to.
    fn instances(
        &self,
        chosen: &ChosenPort<'_>,
        warnings: &mut Warnings,
    ) -> Result<Vec<HostPort>, Excluded> {
        if !self.takes_requests || self.mesh_task.down.contains(chosen.container) {
            return Ok(Vec::new());
        }
        let interface = self
            .instance
            .map(ContainerInstance::interface)
            .unwrap_or_default();
        let published = self.mesh_task.published.iter().filter(|one| chosen.is(one));
        let (within, published): (Vec<&PublishedPorts>, _) =
            published.partition(|one| one.is_loopback());
        if let Some(PublishedPorts {
            at: PortAddress::Bound(ip),
            ..
        }) = within.first()
        {
            warnings.push(self.bound_to_loopback(chosen, *ip));
        }
        let best = published.into_iter();
        let Some(best) = best.min_by_key(|one| preference(one, interface)) else {
            return Ok(Vec::new());
        };
        let Some(port) = best.host_port(chosen.port).and_then(Port::new) else {
            let ChosenPort {
                container, port, ..
            } = chosen;
            let reason =
                format!("port {port} of container {container} has no port on the host yet");
            return Err(self.starting(&reason));
        };
        let ip = match best.at {
            PortAddress::Bound(ip) | PortAddress::Interface(Some(ip)) => ip,
            PortAddress::Interface(None) => {
                return Err(self.starting("its network interface has no address yet"));
            }
            PortAddress::Host(family) => {
                address(interface, family).ok_or_else(|| self.no_address())?
            }
        };
        let host = match ip {
            IpAddr::V4(ip) => Host::Ipv4(ip),
            IpAddr::V6(ip) => Host::Ipv6(ip),
        };
        Ok(vec![HostPort { host, port }])
    }

    fn bound_to_loopback(&self, chosen: &ChosenPort<'_>, ip: IpAddr) -> Warning {
        let ChosenPort {
            container, port, ..
        } = chosen;
        let reason = format!(
            "port {port} of container {container} is bound to {ip}, which other machines cannot reach; \
             this address is left out"
        );
        let remedy = "configure the host's Docker to publish ports on another address (its default bind address)";
        Warning::new(self.workload_id(), reason).with_remedy(remedy)
    }

    fn starting(&self, reason: &str) -> Excluded {
        Excluded {
            warning: self.excluded(reason, "this resolves itself when the task has started"),
            state: TaskState::Starting,
        }
    }

    fn no_address(&self) -> Box<Warning> {
        let task = self.mesh_task.task;
        let container_instance = task.container_instance.as_deref().unwrap_or("(unknown)");
        let state = self.instance.map(|instance| instance.state);
        if task.launch_type == LaunchType::External || state == Some(InstanceState::External) {
            let reason = "it runs on a machine outside AWS, whose address AWS does not know";
            let remedy = "configure the host's Docker to publish ports on one address (its default bind \
                          address), or run the task on EC2 or Fargate";
            return self.excluded(reason, remedy);
        }
        let ec2 = self.instance.map(|instance| instance.ec2_id.as_str());
        let ec2 = ec2.filter(|id| !id.is_empty()).unwrap_or("(unknown)");
        let reason = match state {
            None => format!("its container instance {container_instance} is gone"),
            Some(InstanceState::Unknown) => format!("EC2 does not know instance {ec2}"),
            Some(InstanceState::Missing) => format!("EC2 does not return its instance {ec2}"),
            Some(InstanceState::Described(_) | InstanceState::External) => {
                format!("EC2 returns no private address for its instance {ec2}")
            }
        };
        self.excluded(
            &reason,
            "this resolves itself while an instance starts or stops",
        )
    }

    fn excluded(&self, reason: &str, remedy: &str) -> Box<Warning> {
        let warning = Warning::new(
            self.workload_id(),
            format!("{reason}; the task is left out"),
        );
        warning.with_remedy(remedy).into()
    }
}

/// What tells apart the groups of a service-color: the container port. Groups that share one, being
/// of several containers or at several addresses, add to it what depends on their own names alone.
fn indexes<'a>(all: &[&ChosenPort<'a>]) -> BTreeMap<ChosenPort<'a>, i64> {
    const PORTS: u64 = 1 << 16;
    let mut taken = BTreeSet::new();
    let mut indexes = BTreeMap::new();
    for chosen in all {
        let port = u64::from(chosen.port);
        let sharing = all.iter().filter(|other| other.port == chosen.port);
        let mut index = port;
        if sharing.count() > 1 {
            let ip = chosen.ip.map(|ip| ip.to_string()).unwrap_or_default();
            let name = format!("{}|{ip}", chosen.container);
            let mut mark = xxh3_64(name.as_bytes()) % (PORTS - 1) + 1;
            while !taken.insert(mark * PORTS + port) {
                mark += 1;
            }
            index += mark * PORTS;
        }
        indexes.insert((*chosen).clone(), i64::try_from(index).unwrap_or(i64::MAX));
    }
    indexes
}

/// Of several ways to one port: one that is there, an address of its own, then the host's IPv4 address, then its IPv6
/// address.
fn preference(
    published: &PublishedPorts,
    interface: Addresses,
) -> (bool, u8, PortAddress, Option<u16>) {
    let rank = match published.at {
        PortAddress::Bound(_) | PortAddress::Interface(_) => 0,
        PortAddress::Host(Some(IpFamily::V6)) if interface.ipv6.is_some() => 2,
        PortAddress::Host(Some(IpFamily::V6)) => 3,
        PortAddress::Host(Some(IpFamily::V4)) if interface.ipv4.is_none() => 3,
        PortAddress::Host(_) => 1,
    };
    (published.host.is_none(), rank, published.at, published.host)
}

fn address(interface: Addresses, family: Option<IpFamily>) -> Option<IpAddr> {
    let (v4, v6) = (
        interface.ipv4.map(IpAddr::V4),
        interface.ipv6.map(IpAddr::V6),
    );
    match family {
        Some(IpFamily::V6) => v6.or(v4),
        Some(IpFamily::V4) | None => v4.or(v6),
    }
}
