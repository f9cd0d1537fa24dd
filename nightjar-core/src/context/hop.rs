//! Properties of the way to another namespace's gateways.

use super::{
    builder::ContextBuilder,
    properties::{self, DEFAULT_IDLE_TIMEOUT, DEFAULT_TIMEOUT, Scope},
    property_check::valid_properties,
    upstreams::{Upstream, namespace_properties},
    value_format::{longer, sum},
};
use crate::document::{discovery_map::Namespace, proxy_input::Properties};

const DELAY: &str = "delay";

/// The health path of the shipped listeners.
const HEALTH_PATH: &str = "/___health_check___";

/// What the gateways do themselves, so that the proxy before them does not do it too.
fn is_done_by_gateways(name: &str) -> bool {
    let sets_header = ["request-header-set-", "response-header-set-"]
        .iter()
        .any(|start| name.starts_with(start));
    let others = [
        "request-header-remove",
        "response-header-remove",
        "prefix-rewrite",
        "host-rewrite",
        "redirect-to",
        "cors-origins",
        "rate-limit",
        "abort-status",
        "abort-percent",
        "delay",
        "delay-percent",
        "mirror-to",
        "mirror-percent",
        "retry-statuses",
    ];
    sets_header || others.contains(&name)
}

/// What holds on the way to another namespace's gateways: what that namespace says, but nothing that the
/// gateways do themselves, and nothing that cuts shorter than the routes behind them.
pub(super) fn hop_properties(
    other: &Namespace,
    upstreams: &[Upstream<'_>],
    builder: &mut ContextBuilder<'_>,
) -> Properties {
    let mut hop = namespace_properties(other, builder);
    hop.retain(|name, _| !is_done_by_gateways(name));
    if let Some(path) = hop.get_mut("health-check-path") {
        HEALTH_PATH.clone_into(path);
    }
    let behind: Vec<Properties> = upstreams
        .iter()
        .flat_map(|upstream| upstream.routes().map(move |route| (upstream, route)))
        .filter(|(_, route)| route.default_access)
        .map(|(upstream, route)| {
            let own = valid_properties(&route.properties, Scope::Route);
            properties::merged(&properties::merged(&upstream.outer, &upstream.own), &own)
        })
        .collect();
    for (name, default) in [
        ("timeout", Some(DEFAULT_TIMEOUT)),
        ("idle-timeout", Some(DEFAULT_IDLE_TIMEOUT)),
        ("per-try-timeout", None),
    ] {
        let is_said = behind
            .iter()
            .any(|route| route.contains_key(name) || route.contains_key(DELAY));
        let longest = behind
            .iter()
            .map(|route| {
                let own = route.get(name).map(String::as_str).or(default)?;
                // The gateways begin to count when the delay is over.
                match route.get(DELAY) {
                    Some(delay) => sum(own, delay),
                    None => Some(own.to_owned()),
                }
            })
            .reduce(|left, right| Some(longer(left?, right?)))
            .flatten();
        if let Some(longest) = longest.filter(|_| is_said) {
            hop.insert(name.to_owned(), longest);
        } else if !behind.is_empty() {
            hop.remove(name);
        }
    }
    hop
}
