//! Address at which a bootstrap puts Envoy's admin interface.

use super::{
    file::File,
    proto_json::{member, parse},
};
use serde_json::Value;

/// The address and port of the admin interface; `None` if the bootstrap has none on TCP.
pub fn admin_interface(bootstrap: &File) -> Option<(String, u16)> {
    // It was read before, so it parses.
    let parsed = parse(&bootstrap.name, &bootstrap.text).unwrap_or_default();
    socket(member(member(&parsed, "admin")?, "address")?)
}

fn socket(address: &Value) -> Option<(String, u16)> {
    let socket = member(address, "socket_address")?;
    let port = match member(socket, "port_value")? {
        Value::String(digits) => digits.parse().ok()?,
        number => u16::try_from(number.as_u64()?).ok()?,
    };
    Some((member(socket, "address")?.as_str()?.to_owned(), port))
}
