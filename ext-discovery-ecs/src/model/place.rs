//! A member with its addresses: instances, and groups of routes.

use super::{
    choose::{Chooser, Chosen, Declared},
    member::{Member, Stage},
    publish::{At, Family, Published},
};
use crate::described::{Instance, InstanceState, Interface, Place};
use nightjar_core::{
    document::discovery_map::{Host, HostPort, Port},
    workload::{DeclaredRoute, Gateway, Mesh, ServedPorts, Service, Warning, Warnings, Workload},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};
use xxhash_rust::xxh3::xxh3_64;

/// Why a member gets no requests, and what it is taken for.
pub(super) struct LeftOut {
    pub(super) warning: Box<Warning>,
    pub(super) stage: Stage,
}

impl From<Box<Warning>> for LeftOut {
    fn from(warning: Box<Warning>) -> Self {
        let stage = Stage::Unfit;
        Self { warning, stage }
    }
}

/// Adds a member to the mesh, unless it cannot be reached.
pub(super) fn add(
    member: &Member<'_>,
    instance: Option<&Instance>,
    mesh: &mut Mesh,
    warnings: &mut Warnings,
) -> Result<(), LeftOut> {
    let placing = Placing {
        member,
        instance,
        takes_requests: true,
    };
    match &member.workload {
        Workload::Service(service) => placing.service(service, mesh, warnings),
        Workload::Gateway(gateway) => placing.gateway(gateway, mesh, warnings),
    }
}

/// Adds the routes of a member that takes no requests.
pub(super) fn add_routes(member: &Member<'_>, mesh: &mut Mesh, warnings: &mut Warnings) {
    let placing = Placing {
        member,
        instance: None,
        takes_requests: false,
    };
    match &member.workload {
        Workload::Service(service) => {
            // Only an address that is not known is a failure, and none is asked for.
            let _ = placing.service(service, mesh, warnings);
        }
        Workload::Gateway(_) => announce(member, mesh),
    }
}

/// Adds a service-color without routes and instances, or a gateway without instances: so its proxies
/// know what they may call, and nobody is sent to them.
pub(super) fn announce(member: &Member<'_>, mesh: &mut Mesh) {
    let (who, revision) = (&member.who, member.revision);
    match &member.workload {
        Workload::Service(service) => mesh.service(who, revision, service, ServedPorts::none()),
        Workload::Gateway(gateway) => mesh.gateway(who, revision, gateway, Vec::new()),
    }
}

struct Placing<'a> {
    member: &'a Member<'a>,
    /// Its container instance, if that is known.
    instance: Option<&'a Instance>,
    /// Whether it takes requests.
    takes_requests: bool,
}

impl<'a> Placing<'a> {
    fn who(&self) -> &'a str {
        &self.member.who
    }

    fn chooser(&self, outcome: &'static str) -> Chooser<'a> {
        Chooser {
            who: self.who(),
            published: &self.member.published,
            outcome,
            is_needed: false,
        }
    }

    fn gateway(
        &self,
        gateway: &Gateway,
        mesh: &mut Mesh,
        warnings: &mut Warnings,
    ) -> Result<(), LeftOut> {
        let chooser = self.chooser("the gateway is left out");
        let declared = Declared {
            setting: "NJ_ROUTE_PORT",
            source: None,
        };
        let chosen = chooser.choose(gateway.port.as_ref(), declared, warnings)?;
        let instances = self.instances(&chosen, warnings)?;
        mesh.gateway(self.who(), self.member.revision, gateway, instances);
        Ok(())
    }

    fn service(
        &self,
        service: &Service,
        mesh: &mut Mesh,
        warnings: &mut Warnings,
    ) -> Result<(), LeftOut> {
        let public = self.chooser("the route is left out");
        // Without a private route, a wider one would get its requests.
        let private = Chooser {
            is_needed: true,
            ..self.chooser("the route stays in the map without instances, because it is private")
        };
        let choose = |route: &DeclaredRoute, warnings: &mut Warnings| {
            let declared = Declared {
                setting: &route.setting,
                source: Some(&route.source),
            };
            let chooser = if route.is_private() {
                &private
            } else {
                &public
            };
            chooser.choose(route.port.as_ref(), declared, warnings)
        };
        let located = service.locate(choose, warnings);
        let indexes = indexes(&located.places().collect::<Vec<_>>());
        let groups = located.listen(|chosen| {
            let index = indexes.get(chosen).copied().unwrap_or(chosen.port.into());
            Ok::<_, LeftOut>((index, self.instances(chosen, warnings)?))
        })?;
        mesh.service(self.who(), self.member.revision, service, groups);
        Ok(())
    }

    /// Where the task answers on a port: one instance, or none while the container is down or where
    /// nobody else gets to.
    fn instances(
        &self,
        chosen: &Chosen<'_>,
        warnings: &mut Warnings,
    ) -> Result<Vec<HostPort>, LeftOut> {
        if !self.takes_requests || self.member.down.contains(chosen.container) {
            return Ok(Vec::new());
        }
        let interface = self.instance.map(Instance::interface).unwrap_or_default();
        let published = self.member.published.iter().filter(|one| chosen.is(one));
        let (within, published): (Vec<&Published>, _) =
            published.partition(|one| one.is_loopback());
        if let Some(Published {
            at: At::Bound(ip), ..
        }) = within.first()
        {
            warnings.push(self.bound_to_loopback(chosen, *ip));
        }
        let best = published.into_iter();
        let Some(best) = best.min_by_key(|one| preference(one, interface)) else {
            return Ok(Vec::new());
        };
        let Some(port) = best.host_port(chosen.port).and_then(Port::new) else {
            let Chosen {
                container, port, ..
            } = chosen;
            let reason =
                format!("port {port} of container {container} has no port on the host yet");
            return Err(self.starting(&reason));
        };
        let ip = match best.at {
            At::Bound(ip) | At::Interface(Some(ip)) => ip,
            At::Interface(None) => {
                return Err(self.starting("its network interface has no address yet"));
            }
            At::Host(family) => address(interface, family).ok_or_else(|| self.no_address())?,
        };
        let host = match ip {
            IpAddr::V4(ip) => Host::Ipv4(ip),
            IpAddr::V6(ip) => Host::Ipv6(ip),
        };
        Ok(vec![HostPort { host, port }])
    }

    fn bound_to_loopback(&self, chosen: &Chosen<'_>, ip: IpAddr) -> Warning {
        let Chosen {
            container, port, ..
        } = chosen;
        let reason = format!(
            "port {port} of container {container} is bound to {ip}, where no other machine gets to; \
             that address is left out"
        );
        let remedy =
            "let the host's Docker publish ports on another address (its default bind address)";
        Warning::new(self.who(), reason).with_remedy(remedy)
    }

    fn starting(&self, reason: &str) -> LeftOut {
        LeftOut {
            warning: self.left_out(reason, "this passes by itself while a task starts"),
            stage: Stage::Starting,
        }
    }

    fn no_address(&self) -> Box<Warning> {
        let task = self.member.task;
        let container_instance = task.container_instance.as_deref().unwrap_or("(not told)");
        let state = self.instance.map(|instance| instance.state);
        if task.place == Place::External || state == Some(InstanceState::External) {
            let reason = "it runs on a machine outside AWS, of which AWS tells no address";
            let remedy = "let the host's Docker publish its ports on one address (its default bind \
                          address), or run the task on EC2 or Fargate";
            return self.left_out(reason, remedy);
        }
        let ec2 = self.instance.map(|instance| instance.ec2.as_str());
        let ec2 = ec2.filter(|id| !id.is_empty()).unwrap_or("(not told)");
        let reason = match state {
            None => format!("its container instance {container_instance} is gone"),
            Some(InstanceState::Unknown) => format!("EC2 knows no instance {ec2}"),
            Some(InstanceState::Missing) => format!("EC2 leaves out its instance {ec2}"),
            Some(InstanceState::Described(_) | InstanceState::External) => {
                format!("EC2 tells no private address of its instance {ec2}")
            }
        };
        self.left_out(
            &reason,
            "this passes by itself while an instance comes or goes",
        )
    }

    fn left_out(&self, reason: &str, remedy: &str) -> Box<Warning> {
        let warning = Warning::new(self.who(), format!("{reason}; the task is left out"));
        warning.with_remedy(remedy).into()
    }
}

/// What tells apart the groups of a service-color: the container port. `ServedPorts` that share one, being
/// of several containers or at several addresses, add to it what depends on their own names alone.
fn indexes<'a>(all: &[&Chosen<'a>]) -> BTreeMap<Chosen<'a>, i64> {
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
fn preference(published: &Published, interface: Interface) -> (bool, u8, At, Option<u16>) {
    let rank = match published.at {
        At::Bound(_) | At::Interface(_) => 0,
        At::Host(Some(Family::V6)) if interface.ipv6.is_some() => 2,
        At::Host(Some(Family::V6)) => 3,
        At::Host(Some(Family::V4)) if interface.ipv4.is_none() => 3,
        At::Host(_) => 1,
    };
    (published.host.is_none(), rank, published.at, published.host)
}

fn address(interface: Interface, family: Option<Family>) -> Option<IpAddr> {
    let (v4, v6) = (
        interface.ipv4.map(IpAddr::V4),
        interface.ipv6.map(IpAddr::V6),
    );
    match family {
        Some(Family::V6) => v6.or(v4),
        Some(Family::V4) | None => v4.or(v6),
    }
}
