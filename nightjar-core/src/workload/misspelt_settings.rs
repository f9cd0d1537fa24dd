//! Settings whose names are near a known one, and so perhaps misspelt.

use super::{egress, reader::WorkloadReader, routes};
use crate::{context::properties::DOCUMENTED_PROPERTIES, digits::is_digits, document::misspelt};
use std::collections::BTreeSet;

/// The settings of workloads, `#` for a number.
const SETTINGS: [&str; 14] = [
    "NJ_PROXY_MODE",
    "NJ_NAMESPACE",
    "NJ_SERVICE",
    "NJ_COLOR",
    "NJ_PROTOCOL",
    "NJ_PREFER_GATEWAY",
    "NJ_ROUTE_#",
    "NJ_ROUTE_PORT",
    "NJ_ROUTE_PORT_#",
    "NJ_ROUTE_WEIGHT_#",
    "NJ_NAMESPACE_PORT_#",
    "NJ_LISTEN_PORT",
    "NJ_ADMIN_PORT",
    "NJ_STATUS_PORT",
];

/// What begins settings with a property's name at their end, `#` for a number.
const PROPERTY_PREFIXES: [&str; 3] = ["NJ_PROP_", "NJ_ROUTE_PROP_#_", "NJ_PROXY_PROP_"];

/// Warns of each setting that is near one of a workload and is not one.
pub(super) fn warn_of_misspelt(reader: &mut WorkloadReader<'_>) {
    let mut seen = BTreeSet::new();
    for (_, found) in reader.settings.with_prefix("NJ_") {
        let pattern = pattern(&found.setting);
        if SETTINGS.contains(&pattern.as_str())
            || PROPERTY_PREFIXES
                .iter()
                .any(|prefix| pattern.starts_with(prefix))
            || found.setting.starts_with(egress::PREFIX)
            || routes::is_companion(&found.setting)
        {
            continue;
        }
        let meant = misspelt(&pattern, SETTINGS).or_else(|| misspelt_prefix(&pattern));
        let meant = meant
            .map(ToOwned::to_owned)
            .or_else(|| misspelt_property(&pattern));
        if let Some(meant) = meant
            && seen.insert((found.setting.clone(), found.source.clone()))
        {
            let meant = meant.replace('#', "<n>");
            reader.warn(
                &found,
                "is not a setting, and is ignored",
                format!("did you mean {meant}?"),
            );
        }
    }
}

/// The setting of a documented property that a name misspells.
fn misspelt_property(pattern: &str) -> Option<String> {
    let names: Vec<String> = PROPERTY_PREFIXES
        .iter()
        .flat_map(|prefix| {
            DOCUMENTED_PROPERTIES
                .iter()
                .map(move |property| (prefix, property.name))
        })
        .map(|(prefix, name)| format!("{prefix}{}", name.to_uppercase().replace('-', "_")))
        .collect();
    misspelt(pattern, names.iter().map(String::as_str)).map(ToOwned::to_owned)
}

/// A name with its numbers replaced.
fn pattern(name: &str) -> String {
    let part = |part: &str| {
        if is_digits(part) {
            "#".to_owned()
        } else {
            part.to_owned()
        }
    };
    name.split('_').map(part).collect::<Vec<_>>().join("_")
}

/// The prefix that a name's own prefix misspells.
fn misspelt_prefix(pattern: &str) -> Option<&'static str> {
    let mut ends = pattern.match_indices('_').map(|(end, _)| end + 1);
    ends.find_map(|end| misspelt(pattern.get(..end)?, PROPERTY_PREFIXES))
}
