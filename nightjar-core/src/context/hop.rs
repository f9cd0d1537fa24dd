//! Properties of the way to another namespace's gateways.

use super::{
    builder::ContextBuilder,
    properties::{DEFAULT_IDLE_TIMEOUT, DEFAULT_TIMEOUT, Scope, documented},
    property_check::valid_properties,
    property_levels::{in_effect, merged},
    upstreams::{Upstream, namespace_properties},
    value_format::{longer, sum},
};
use crate::document::{discovery_map::Namespace, proxy_input::Properties};

/// The health path of the shipped listeners.
const HEALTH_PATH: &str = "/___health_check___";

/// What holds on the way to another namespace's gateways: what that namespace says, but nothing that the
/// gateways do themselves, and nothing that cuts shorter than the routes behind them.
pub(super) fn hop_properties(
    other: &Namespace,
    upstreams: &[Upstream<'_>],
    builder: &mut ContextBuilder<'_>,
) -> Properties {
    let mut hop = in_effect(namespace_properties(other, builder));
    hop.retain(|name, _| !documented(name).is_some_and(|property| property.is_done_by_gateways));
    let is_checked = hop
        .remove("health-check-protocol")
        .is_some_and(|protocol| protocol != "http");
    if is_checked || hop.contains_key("health-check-path") {
        hop.insert("health-check-path".to_owned(), HEALTH_PATH.to_owned());
    }
    let behind: Vec<Properties> = upstreams
        .iter()
        .flat_map(|upstream| upstream.routes().map(move |route| (upstream, route)))
        .filter(|(_, route)| route.default_access)
        .map(|(upstream, route)| {
            let own = valid_properties(&route.properties, Scope::Route);
            in_effect(merged(&merged(&upstream.outer, &upstream.own), &own))
        })
        .collect();
    // The gateways begin to count when the delay is over, and any member of a route may say that.
    let delays = behind
        .iter()
        .filter_map(|route| route.get("delay").cloned());
    let delay = delays.reduce(longer);
    for (name, default) in [
        ("timeout", Some(DEFAULT_TIMEOUT)),
        ("idle-timeout", Some(DEFAULT_IDLE_TIMEOUT)),
        ("per-try-timeout", None),
    ] {
        let is_said = delay.is_some() || behind.iter().any(|route| route.contains_key(name));
        let longest = behind
            .iter()
            .map(|route| Some(route.get(name).map(String::as_str).or(default)?.to_owned()))
            .reduce(|left, right| Some(longer(left?, right?)))
            .flatten()
            .and_then(|longest| match &delay {
                Some(delay) => sum(&longest, delay),
                None => Some(longest),
            });
        if let Some(longest) = longest.filter(|_| is_said) {
            hop.insert(name.to_owned(), longest);
        } else if !behind.is_empty() {
            hop.remove(name);
        }
    }
    hop
}
