//! The local ports through which a service calls other namespaces: `NJ_NAMESPACE_PORT_<n>`.

use super::{Found, read::Reading};
use crate::document::{
    digits,
    discovery_map::{Host, HostPort, Name, NamespaceEgress, Port},
};
use std::{collections::BTreeMap, net::Ipv4Addr};

pub(super) const PREFIX: &str = "NJ_NAMESPACE_PORT_";
const FORM: &str = "write namespace:port, such as payments:3001";

/// Reads all of them; of two that cannot both hold, the one with the lower number does.
pub(super) fn read(reading: &mut Reading<'_>, own: &Name) -> Vec<NamespaceEgress> {
    let mut taken = Taken::new(reading, own);
    for found in numbered(reading).into_values() {
        match parse(found.value) {
            Err(reason) => reading.warn(&found, format!("{reason}, and is left out"), FORM),
            Ok((namespace, port)) => {
                if let Err((reason, remedy)) = taken.take(namespace, port, &found.setting) {
                    reading.warn(&found, format!("{reason}; it is left out"), remedy);
                }
            }
        }
    }
    let egress = taken.ports.into_iter().filter_map(|(namespace, said)| {
        let said = said?;
        Some(NamespaceEgress {
            namespace,
            interface: HostPort {
                host: Host::Ipv4(Ipv4Addr::LOCALHOST),
                port: said.port,
            },
        })
    });
    egress.collect()
}

/// What counts for each number, in the order of numbers.
fn numbered<'a>(reading: &mut Reading<'a>) -> BTreeMap<(u32, &'a str), Found<&'a str>> {
    let settings = reading.settings;
    let mut numbered = BTreeMap::new();
    for (rest, found) in settings.starting(PREFIX) {
        match digits::<u32>(rest) {
            Some(number) => {
                numbered.entry((number, rest)).or_insert(found);
            }
            None => reading.warn(
                &found,
                "ends in no number, and is left out",
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
        .map_err(|_| "has no namespace's name before the colon")?;
    Ok((namespace, port))
}

/// A port that a setting gave to a namespace.
struct Said {
    port: Port,
    setting: String,
}

/// Namespaces and ports that have been given away; `None` is the own namespace.
struct Taken {
    ports: BTreeMap<Name, Option<Said>>,
    users: BTreeMap<Port, String>,
}

type Refusal = (String, &'static str);

impl Taken {
    /// The proxy's own ports, where they are among the settings, and the own namespace.
    fn new(reading: &Reading<'_>, own: &Name) -> Self {
        let mut users = BTreeMap::new();
        for setting in ["NJ_LISTEN_PORT", "NJ_ADMIN_PORT"] {
            let found = reading.settings.find(setting);
            let port = found.and_then(|found| found.value.parse::<Port>().ok());
            users.extend(port.map(|port| (port, setting.to_owned())));
        }
        Self {
            ports: BTreeMap::from([(own.clone(), None)]),
            users,
        }
    }

    fn take(&mut self, namespace: Name, port: Port, setting: &str) -> Result<(), Refusal> {
        match self.ports.get(&*namespace) {
            Some(None) => {
                let reason = "names the workload's own namespace".to_owned();
                return Err((reason, "call it by the listen port"));
            }
            Some(Some(said)) if said.port == port => return Ok(()),
            Some(Some(said)) => {
                let reason = format!(
                    "the namespace already has port {} by {}",
                    said.port, said.setting
                );
                return Err((reason, "give each namespace one port"));
            }
            None => {}
        }
        if let Some(user) = self.users.get(&port) {
            let reason = format!("port {port} is already taken by {user}");
            return Err((reason, "give each namespace a port of its own"));
        }
        self.users.insert(port, setting.to_owned());
        let setting = setting.to_owned();
        self.ports.insert(namespace, Some(Said { port, setting }));
        Ok(())
    }
}
