//! Environment variables that are probably misspelt, because their names are near a known one.

use crate::{
    context::properties::DOCUMENTED_PROPERTIES,
    document::misspelt,
    env::{Env, Setting},
};

/// What begins the names of Nightjar's variables.
const PREFIX: &str = "NJ_";
/// What begins the names of a proxy's own properties.
pub const PROXY_PROPERTY: &str = "NJ_PROXY_PROP_";

/// The variables of the extensions that come with Nightjar.
pub const EXTENSION_SETTINGS: &[&str] = &[
    "NJ_DMCM_ALLOW_LOOPBACK",
    "NJ_DMCM_ATTRIBUTES_CACHE_SECONDS",
    "NJ_DMCM_COLOR_ATTRIBUTE",
    "NJ_DMCM_INCLUDE_UNHEALTHY",
    "NJ_DMCM_NAMESPACES",
    "NJ_DMECS_AWS_CLUSTERS",
    "NJ_DMECS_INCLUDE_UNHEALTHY",
    "NJ_DMECS_REQUIRED_TAG",
    "NJ_DMECS_REQUIRED_TAG_VALUE",
    "NJ_DMECS_TASKDEF_CACHE_SECONDS",
    "NJ_DSLOCAL_DIR_TEMPLATES",
    "NJ_DSLOCAL_FILE_DISCOVERY_MAP",
    "NJ_DSLOCAL_FILE_TEMPLATES",
    "NJ_DSS3_BASE_PATH",
    "NJ_DSS3_BUCKET",
    "NJ_DSS3_FORCE_PATH_STYLE",
    "NJ_DSS3_HISTORICAL_PRESERVE_COUNT",
    "NJ_DSS3_HISTORICAL_PRESERVE_HOURS",
    "NJ_DSS3_MAX_DOCUMENT_SIZE_MB",
    "NJ_STORE_ACCEPT_INVALID",
];

/// A line for each variable that begins as Nightjar's do, that neither the program nor an extension
/// knows, and that is near one that they know.
pub fn misspelt_settings(env: &Env, own: &[Setting]) -> Vec<String> {
    let properties: Vec<String> = DOCUMENTED_PROPERTIES
        .iter()
        .map(|property| PROXY_PROPERTY.to_owned() + &property.name.to_uppercase().replace('-', "_"))
        .collect();
    let names = || {
        let own = own.iter().map(|setting| setting.name);
        own.chain(EXTENSION_SETTINGS.iter().copied())
            .chain(properties.iter().map(String::as_str))
    };
    let variables = env
        .with_prefix(PREFIX)
        .filter_map(|(name, _)| name.to_str());
    variables
        .filter_map(|name| {
            // The prefix on a setting that has none is a mistake of another kind.
            let bare = name.strip_prefix(PREFIX).unwrap_or(name);
            let meant = names().find(|known| *known == bare);
            let meant = meant.or_else(|| misspelt(name, names()))?;
            Some(format!(
                "{name} is not a setting and is ignored; did you mean {meant}?"
            ))
        })
        .collect()
}
