//! Settings of a discovery: which services and instances make the map.

use std::time::Duration;

/// Which services and instances make the map. The cache keeps warnings under its debug text.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Names, ids and ARNs.
    pub(crate) namespaces: Vec<String>,
    pub(crate) include_unhealthy: bool,
    /// Whether instances at loopback addresses stay.
    pub(crate) allow_loopback: bool,
    /// The attribute of an instance that says its color.
    pub(crate) color_attribute: Option<String>,
    /// For how long attributes that were read are believed.
    pub(crate) attributes_age: Duration,
}
