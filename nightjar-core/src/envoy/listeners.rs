//! Where listeners listen.

use super::{File, Role, message::member};
use serde_json::Value;

/// A listener and its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Each address with its port, and whether it is of UDP and not TCP. Pipes are not listed.
    pub addresses: Vec<(String, u16, bool)>,
}

/// The listeners of a listener file; none for any other file.
pub fn listeners(file: &File) -> Vec<Listener> {
    if file.role() != Some(&Role::Listeners) {
        return Vec::new();
    }
    let resources = file.resources().iter();
    let listeners = resources.map(|resource| {
        let listener: Value =
            serde_json::from_str(file.resource_text(resource)).unwrap_or_default();
        Listener {
            name: resource.name().to_owned(),
            addresses: addresses(&listener),
        }
    });
    listeners.collect()
}

fn addresses(listener: &Value) -> Vec<(String, u16, bool)> {
    let more = member(listener, "additional_addresses").and_then(Value::as_array);
    let more = more.into_iter().flatten();
    let all = listener
        .get("address")
        .into_iter()
        .chain(more.filter_map(|more| more.get("address")));
    all.filter_map(socket).collect()
}

pub(super) fn socket(address: &Value) -> Option<(String, u16, bool)> {
    let socket = member(address, "socket_address")?;
    let port = match member(socket, "port_value")? {
        Value::String(digits) => digits.parse().ok()?,
        number => u16::try_from(number.as_u64()?).ok()?,
    };
    let is_udp = match member(socket, "protocol") {
        Some(Value::String(name)) => name == "UDP",
        Some(number) => number.as_u64() == Some(1),
        None => false,
    };
    Some((
        member(socket, "address")?.as_str()?.to_owned(),
        port,
        is_udp,
    ))
}
