//! Where a bootstrap puts Envoy's admin interface.

use super::{
    File,
    listeners::socket,
    message::{member, parse},
};

/// The address and port of the admin interface; `None` if the bootstrap has none on TCP.
pub fn admin_interface(bootstrap: &File) -> Option<(String, u16)> {
    // It was read before, so it parses.
    let parsed = parse(&bootstrap.name, &bootstrap.text).unwrap_or_default();
    let (address, port, _) = socket(member(member(&parsed, "admin")?, "address")?)?;
    Some((address, port))
}
