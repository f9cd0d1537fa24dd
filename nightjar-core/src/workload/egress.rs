//! Local ports through which a service calls other namespaces: `NJ_NAMESPACE_PORT_<n>`.

use super::{reader::WorkloadReader, settings::Sourced};
use crate::document::{
    discovery_map::{Host, HostPort, Name, NamespaceEgress, Port},
    parse_digits,
};
use std::{collections::BTreeMap, net::Ipv4Addr};

pub(super) const PREFIX: &str = "NJ_NAMESPACE_PORT_";
const FORMAT_HINT: &str = "write namespace:port, such as payments:3001";

/// Reads all of them; of two that cannot both hold, the one with the lower number does.
pub(super) fn read(reader: &mut WorkloadReader<'_>, own: &Name) -> Vec<NamespaceEgress> {
    let mut allocations = PortAllocations::new(reader, own);
    for found in numbered(reader).into_values() {
        match parse(found.value) {
            Err(reason) => reader.warn(&found, format!("{reason}, and is left out"), FORMAT_HINT),
            Ok((namespace, port)) => {
                if let Err((reason, remedy)) = allocations.take(namespace, port, &found.setting) {
                    reader.warn(&found, format!("{reason}; it is left out"), remedy);
                }
            }
        }
    }
    let egress = allocations
        .ports
        .into_iter()
        .filter_map(|(namespace, allocation)| {
            let allocation = allocation?;
            Some(NamespaceEgress {
                namespace,
                interface: HostPort {
                    host: Host::Ipv4(Ipv4Addr::LOCALHOST),
                    port: allocation.port,
                },
            })
        });
    egress.collect()
}

/// What counts for each number, in the order of numbers.
fn numbered<'a>(reader: &mut WorkloadReader<'a>) -> BTreeMap<(u32, &'a str), Sourced<&'a str>> {
    let settings = reader.settings;
    let mut numbered = BTreeMap::new();
    for (rest, found) in settings.with_prefix(PREFIX) {
        match parse_digits::<u32>(rest) {
            Some(number) => {
                numbered.entry((number, rest)).or_insert(found);
            }
            None => reader.warn(
                &found,
                "does not end in a number, and is left out",
                "number it, as in NJ_NAMESPACE_PORT_1",
            ),
        }
    }
    numbered
}

fn parse(text: &str) -> Result<(Name, Port), &'static str> {
    let (namespace, port) = text
        .rsplit_once(':')
        .ok_or("has no colon between a namespace and a port")?;
    let port = port
        .parse()
        .map_err(|_| "has no port from 1 to 65535 after the colon")?;
    let namespace = namespace
        .parse()
        .map_err(|_| "has no namespace name before the colon")?;
    Ok((namespace, port))
}

/// A port that a setting gave to a namespace.
struct Allocation {
    port: Port,
    setting: String,
}

/// Namespaces and ports that have been given away; `None` is the own namespace.
struct PortAllocations {
    ports: BTreeMap<Name, Option<Allocation>>,
    users: BTreeMap<Port, String>,
}

type Conflict = (String, &'static str);

impl PortAllocations {
    /// The proxy's own ports, where they are among the settings, and the own namespace.
    fn new(reader: &WorkloadReader<'_>, own: &Name) -> Self {
        let mut users = BTreeMap::new();
        for setting in ["NJ_LISTEN_PORT", "NJ_ADMIN_PORT"] {
            let found = reader.settings.find(setting);
            let port = found.and_then(|found| found.value.parse::<Port>().ok());
            users.extend(port.map(|port| (port, setting.to_owned())));
        }
        Self {
            ports: BTreeMap::from([(own.clone(), None)]),
            users,
        }
    }

    fn take(&mut self, namespace: Name, port: Port, setting: &str) -> Result<(), Conflict> {
        match self.ports.get(&*namespace) {
            Some(None) => {
                let reason = "names the workload's own namespace".to_owned();
                return Err((reason, "call it through the listen port"));
            }
            Some(Some(allocation)) if allocation.port == port => return Ok(()),
            Some(Some(allocation)) => {
                let reason = format!(
                    "the namespace already has port {} from {}",
                    allocation.port, allocation.setting
                );
                return Err((reason, "give each namespace one port"));
            }
            None => {}
        }
        if let Some(user) = self.users.get(&port) {
            let reason = format!("port {port} is already used by {user}");
            return Err((reason, "give each namespace a port of its own"));
        }
        self.users.insert(port, setting.to_owned());
        let setting = setting.to_owned();
        self.ports
            .insert(namespace, Some(Allocation { port, setting }));
        Ok(())
    }
}
