//! Settings whose names are near a known one, and so perhaps a slip.

use super::read::Reading;
use crate::{context::properties::DOCUMENTED, document::misspelt};
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
const BEGINNINGS: [&str; 3] = ["NJ_PROP_", "NJ_ROUTE_PROP_#_", "NJ_PROXY_PROP_"];

/// Warns of each setting that is near one of a workload and is not one.
pub(super) fn warn_of_misspelt(reading: &mut Reading<'_>) {
    let mut seen = BTreeSet::new();
    for (_, found) in reading.settings.starting("NJ_") {
        let shape = shape(&found.setting);
        if SETTINGS.contains(&shape.as_str())
            || BEGINNINGS
                .iter()
                .any(|beginning| shape.starts_with(beginning))
            || found.setting.starts_with(super::egress::PREFIX)
            || super::routes::is_companion(&found.setting)
        {
            continue;
        }
        let meant = misspelt(&shape, SETTINGS).or_else(|| misspelt_beginning(&shape));
        let meant = meant
            .map(ToOwned::to_owned)
            .or_else(|| misspelt_property(&shape));
        if let Some(meant) = meant
            && seen.insert((found.setting.clone(), found.source.clone()))
        {
            let meant = meant.replace('#', "<n>");
            reading.warn(
                &found,
                "is not a setting, and is ignored",
                format!("did you mean {meant}?"),
            );
        }
    }
}

/// The setting of a documented property that a name is a slip of.
fn misspelt_property(shape: &str) -> Option<String> {
    let names: Vec<String> = BEGINNINGS
        .iter()
        .flat_map(|beginning| {
            DOCUMENTED
                .iter()
                .map(move |property| (beginning, property.name))
        })
        .map(|(beginning, name)| format!("{beginning}{}", name.to_uppercase().replace('-', "_")))
        .collect();
    misspelt(shape, names.iter().map(String::as_str)).map(ToOwned::to_owned)
}

/// A name with its numbers replaced.
fn shape(name: &str) -> String {
    let part = |part: &str| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_number {
            "#".to_owned()
        } else {
            part.to_owned()
        }
    };
    name.split('_').map(part).collect::<Vec<_>>().join("_")
}

/// The beginning that a name's own beginning is a slip of.
fn misspelt_beginning(shape: &str) -> Option<&'static str> {
    let mut ends = shape.match_indices('_').map(|(end, _)| end + 1);
    ends.find_map(|end| misspelt(shape.get(..end)?, BEGINNINGS))
}
