//! Envoy's configuration dump: which resources are in error or warming.

use crate::ack::{self, Unbound};
use serde_json::Value;

pub(super) fn configs(dump: &Value) -> impl Iterator<Item = &Value> {
    dump.get("configs")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The resources that are in error, by name, each with Envoy's reason.
pub(super) fn errors(dump: &Value) -> impl Iterator<Item = (&str, &str)> {
    configs(dump).filter_map(|config| {
        let details = config.pointer("/error_state/details")?.as_str()?;
        // A listener that was never created is named only in the rejected configuration.
        let names = ["/name", "/error_state/failed_configuration/name"];
        let mut names = names
            .iter()
            .filter_map(|at| config.pointer(at).and_then(Value::as_str));
        let name = names.next().unwrap_or_default();
        Some((name, details))
    })
}

/// The listeners that could not be bound, if nothing else is wrong with any.
pub(super) fn only_unbound(dump: &Value) -> Option<Vec<Unbound>> {
    let unbound: Option<Vec<Unbound>> = errors(dump)
        .map(|(name, details)| ack::unbound(name, details))
        .collect();
    let unbound = unbound.map(|mut unbound| {
        // Envoy reports one again that it had bound before.
        unbound.sort_by(|one, other| one.listener.cmp(&other.listener));
        unbound.dedup_by(|one, other| one.listener == other.listener);
        unbound
    });
    unbound.filter(|unbound| !unbound.is_empty())
}
