//! Mesh: from services and gateways, each with its instances, to the discovery map.
//!
//! Every workload contributes its own instances. What it declares counts as follows:
//!
//! - While several revisions of a service-color run, the newest one's declarations count. If routes
//!   of it were left out because of an error, the newest one without an error leads: an error in a
//!   new revision takes nothing away as long as an older one runs.
//! - Workloads of one revision that declare different things: what most of them say counts, and among
//!   equals the first in text order.
//! - An index that the leading revision does not have goes on serving what the leading revision still
//!   declares on another index, and nothing else. So a service can move to another port.
//! - While it moves, a route's weight is divided over the indexes by their instances.

mod majority;
mod shares;

use super::{Gateway, ServedPorts, Service, Warning, Warnings, located_routes::UNSERVED_INDEX};
use crate::{
    document::{
        SchemaVersion,
        discovery_map::{
            DiscoveryMap, Gateways, HostPort, Name, Namespace, NamespaceEgress, Properties,
            Protocol, Route, ServiceColor, Text,
        },
    },
    review,
};
use majority::{as_text, majority};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};
use xxhash_rust::xxh3::xxh3_128;

/// A discovery map in the making. The order in which workloads are added does not matter.
#[derive(Debug, Default)]
pub struct Mesh {
    namespaces: BTreeMap<Name, Parts>,
    warnings: Warnings,
}

#[derive(Debug, Default)]
struct Parts {
    gateways: Vec<GatewayMember>,
    services: shares::Services,
}

#[derive(Debug)]
struct GatewayMember {
    workload_id: String,
    revision: u64,
    prefer_gateway: bool,
    protocol: Protocol,
    properties: Properties,
    instances: BTreeSet<HostPort>,
}

#[derive(Debug)]
struct ServiceMember {
    workload_id: String,
    revision: u64,
    has_errors: bool,
    protocol: Protocol,
    properties: Properties,
    egress: Vec<NamespaceEgress>,
    groups: BTreeMap<i64, PortGroup>,
}

impl ServiceMember {
    /// Those of the greatest rank declare for all.
    fn rank(&self) -> (bool, u64) {
        (!self.has_errors, self.revision)
    }
}

#[derive(Debug, Default)]
struct PortGroup {
    /// By their text, which sorts them and makes each appear once.
    routes: BTreeMap<String, Route>,
    instances: BTreeSet<HostPort>,
}

impl Mesh {
    /// An empty mesh.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a gateway. Of two revisions the one with the greater number is newer.
    pub fn gateway(
        &mut self,
        workload_id: &str,
        revision: u64,
        gateway: &Gateway,
        instances: Vec<HostPort>,
    ) {
        let parts = self.namespaces.entry(gateway.namespace.clone());
        parts.or_default().gateways.push(GatewayMember {
            workload_id: workload_id.to_owned(),
            revision,
            prefer_gateway: gateway.prefer_gateway,
            protocol: gateway.protocol,
            properties: gateway.properties.clone(),
            instances: instances.into_iter().collect(),
        });
    }

    /// Adds a workload of a service with what it serves. Of two revisions
    /// the one with the greater number is newer.
    pub fn service(
        &mut self,
        workload_id: &str,
        revision: u64,
        service: &Service,
        groups: ServedPorts,
    ) {
        let mut parts = BTreeMap::<i64, PortGroup>::new();
        for group in groups.groups {
            let part = parts.entry(group.index).or_default();
            let routes = group.routes.into_iter();
            part.routes
                .extend(routes.map(|route| (as_text(&route), route)));
            part.instances.extend(group.instances);
        }
        let identity = (service.service.clone(), service.color.clone());
        let namespace = self
            .namespaces
            .entry(service.namespace.clone())
            .or_default();
        let members = namespace.services.entry(identity).or_default();
        members.push(ServiceMember {
            workload_id: workload_id.to_owned(),
            revision,
            has_errors: service.has_errors || groups.has_errors,
            protocol: service.protocol,
            properties: service.properties.clone(),
            egress: service.egress.clone(),
            groups: parts,
        });
    }

    /// The map, always a valid one. Its version is a hash of its content.
    pub fn finish(self) -> (DiscoveryMap, Warnings) {
        let mut warnings = self.warnings;
        let namespaces = self.namespaces.iter();
        let namespaces = namespaces
            .map(|(name, parts)| namespace(name, parts, &mut warnings))
            .collect();
        let mut map = DiscoveryMap {
            schema_version: SchemaVersion::V1,
            document_version: Text::default(),
            namespaces,
        };
        for line in review::between_workloads(&map) {
            warnings.push(Warning::new("the mesh", line));
        }
        map.document_version = Text::of_hash(xxh3_128(as_text(&map).as_bytes()));
        (map, warnings)
    }
}

fn namespace(name: &Name, parts: &Parts, warnings: &mut Warnings) -> Namespace {
    let mut service_colors = Vec::new();
    for ((service, color), members) in &parts.services {
        service_colors.extend(service_color(service, color, members, warnings));
    }
    shares::divide(&mut service_colors, &parts.services);
    let (gateways, properties) = gateways(&parts.gateways, warnings);
    Namespace {
        network_id: name.clone().into(),
        namespace: name.clone(),
        properties,
        gateways,
        service_colors,
    }
}

fn gateways(members: &[GatewayMember], warnings: &mut Warnings) -> (Gateways, Properties) {
    let newest = members.iter().map(|member| member.revision).max();
    let leading: Vec<&GatewayMember> = members
        .iter()
        .filter(|member| Some(member.revision) == newest)
        .collect();
    let id = |member: &&GatewayMember| member.workload_id.clone();
    let prefers = leading.iter().map(|m| (id(m), m.prefer_gateway));
    let protocols = leading.iter().map(|m| (id(m), m.protocol));
    let properties = leading.iter().map(|m| (id(m), m.properties.clone()));
    let instances: BTreeSet<&HostPort> = members.iter().flat_map(|m| &m.instances).collect();
    let gateways = Gateways {
        prefer_gateway: majority(prefers, "NJ_PREFER_GATEWAY", warnings).unwrap_or_default(),
        protocol: majority(protocols, "NJ_PROTOCOL", warnings).unwrap_or_default(),
        instances: instances.into_iter().cloned().collect(),
    };
    let properties = majority(properties, "NJ_PROP_<name>", warnings).unwrap_or_default();
    (gateways, properties)
}

/// The workloads whose declarations count.
fn leading<'a>(members: &'a [ServiceMember], warnings: &mut Warnings) -> Vec<&'a ServiceMember> {
    let best = members.iter().map(ServiceMember::rank).max();
    let leading: Vec<&ServiceMember> = members
        .iter()
        .filter(|member| Some(member.rank()) == best)
        .collect();
    let leader = leading.iter().min_by_key(|member| &member.workload_id);
    let newer = members
        .iter()
        .filter(|member| leader.is_some_and(|leader| member.revision > leader.revision))
        .min_by_key(|member| (Reverse(member.revision), &member.workload_id));
    if let (Some(leader), Some(newer)) = (leader, newer) {
        let leader = &leader.workload_id;
        warnings.push(
            Warning::new(
                &newer.workload_id,
                format!(
                    "its routes contain an error, so the declarations of {leader}, an older revision, are used"
                ),
            )
            .with_remedy("fix the error in the newer revision"),
        );
    }
    leading
}

fn service_color(
    service: &Name,
    color: &Name,
    members: &[ServiceMember],
    warnings: &mut Warnings,
) -> Vec<ServiceColor> {
    let leading = leading(members, warnings);
    let id = |member: &&ServiceMember| member.workload_id.clone();
    let protocols = leading.iter().map(|m| (id(m), m.protocol));
    let properties = leading.iter().map(|m| (id(m), m.properties.clone()));
    let egress = leading.iter().map(|m| (id(m), m.egress.clone()));
    let blank = ServiceColor {
        service: service.clone(),
        color: color.clone(),
        index: 0,
        protocol: majority(protocols, "NJ_PROTOCOL", warnings).unwrap_or_default(),
        properties: majority(properties, "NJ_PROP_<name>", warnings).unwrap_or_default(),
        instances: Vec::new(),
        routes: Vec::new(),
        namespace_egress: majority(egress, "NJ_NAMESPACE_PORT_<n>", warnings).unwrap_or_default(),
    };
    let routes = routes(members, &leading, warnings);
    if routes.is_empty() {
        return vec![blank];
    }
    let entry = |(index, routes): (i64, Vec<Route>)| {
        let parts = members
            .iter()
            .filter_map(|member| member.groups.get(&index));
        let instances: BTreeSet<&HostPort> = parts.flat_map(|part| &part.instances).collect();
        ServiceColor {
            index,
            routes,
            instances: instances.into_iter().cloned().collect(),
            ..blank.clone()
        }
    };
    let entries: Vec<ServiceColor> = routes.into_iter().map(entry).collect();
    match too_large(&entries, &leading) {
        Some(warning) => {
            warnings.push(warning);
            Vec::new()
        }
        None => entries,
    }
}

/// How many bytes a service-color may declare. One that is larger is made to be: each of many indexes
/// repeats what holds for all. It must not use up what a map may have for all.
const MAX_DECLARED: usize = 1 << 20;

fn too_large(entries: &[ServiceColor], leading: &[&ServiceMember]) -> Option<Warning> {
    let size = |entry: &ServiceColor| {
        as_text(&(&entry.routes, &entry.properties, &entry.namespace_egress)).len()
    };
    let size: usize = entries.iter().map(size).sum();
    let leader = leading.iter().map(|member| &member.workload_id).min()?;
    let reason = format!(
        "its service-color declares {size} bytes on {} indexes; at most {MAX_DECLARED} bytes are allowed; \
         the service-color is left out",
        entries.len()
    );
    let warning = Warning::new(leader, reason);
    (size > MAX_DECLARED)
        .then(|| warning.with_remedy("serve its routes on fewer ports, or declare less"))
}

/// The routes of each index that stays in the map.
fn routes(
    members: &[ServiceMember],
    leading: &[&ServiceMember],
    warnings: &mut Warnings,
) -> BTreeMap<i64, Vec<Route>> {
    let indexes = |members: &[&ServiceMember]| -> BTreeSet<i64> {
        let indexes = members.iter().flat_map(|member| member.groups.keys());
        indexes.copied().collect()
    };
    let mut routes = BTreeMap::new();
    for index in indexes(leading) {
        let declared = leading.iter().filter_map(|member| {
            let part = member.groups.get(&index)?;
            let routes: Vec<Route> = part.routes.values().cloned().collect();
            Some((member.workload_id.clone(), routes))
        });
        routes.extend(majority(declared, "NJ_ROUTE_<n>", warnings).map(|routes| (index, routes)));
    }
    let current: BTreeMap<String, Route> = routes
        .values()
        .flatten()
        .map(|route| (requests(route), route.clone()))
        .collect();
    let all: Vec<&ServiceMember> = members.iter().collect();
    let others = &indexes(&all) - &indexes(leading);
    // What is closed only because of an error is not served.
    for index in others.iter().filter(|index| **index != UNSERVED_INDEX) {
        let parts = members.iter().filter_map(|member| member.groups.get(index));
        let served: BTreeSet<String> = parts
            .flat_map(|part| part.routes.values().map(requests))
            .collect();
        let kept: Vec<Route> = current
            .iter()
            .filter(|(requests, _)| served.contains(*requests))
            .map(|(_, route)| route.clone())
            .collect();
        if !kept.is_empty() {
            routes.insert(*index, kept);
        }
    }
    routes
}

/// Which requests a route is for, as a text.
fn requests(route: &Route) -> String {
    format!(
        "{} {} {}",
        as_text(&route.path_match),
        as_text(&route.headers),
        as_text(&route.query_parameters)
    )
}
