//! Envoy's configuration dump: which resources are in error or warming.

use crate::ack::{self, Unbound};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn configs(dump: &Value) -> impl Iterator<Item = &Value> {
    dump.get("configs")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// When a resource in error was tried last.
fn attempt(config: &Value) -> Option<&str> {
    config.pointer("/error_state/last_update_attempt")?.as_str()
}

/// When each resource in error was tried last.
pub(super) fn attempts(dump: &Value) -> impl Iterator<Item = &str> {
    configs(dump).filter_map(attempt)
}

/// The resources that are in error, by name, each with Envoy's reason. Those of `old` attempts do not count: a
/// file that Envoy cannot read leaves the errors of the one before.
pub(super) fn errors<'a>(
    dump: &'a Value,
    old: &BTreeSet<String>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let is_old = |config: &&Value| attempt(config).is_some_and(|attempt| old.contains(attempt));
    let configs = configs(dump).filter(move |config| !is_old(config));
    configs.filter_map(|config| {
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

/// The listeners that could not be bound, if nothing else is wrong with any; see [`errors`] for `old`.
pub(super) fn only_unbound(dump: &Value, old: &BTreeSet<String>) -> Option<Vec<Unbound>> {
    let unbound: Option<Vec<Unbound>> = errors(dump, old)
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
