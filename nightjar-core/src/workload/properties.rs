//! Free properties, as settings declare them. Documented ones have to have a value in their form:
//! the same rule as when a proxy's context is made, reported here with the setting that breaks it.

use super::{
    settings::{Settings, Sourced},
    warning::{Warning, Warnings},
};
use crate::{
    context::{
        properties::Scope,
        property_check::{PropertyWarning, check_property},
    },
    document::discovery_map::{Properties, PropertyName, Text},
};
use std::collections::BTreeSet;

/// Reads the properties whose settings start with `prefix`, as far as they hold for a container.
pub(super) fn read(
    settings: &Settings,
    prefix: &str,
    container: Option<&str>,
    scope: Scope,
    workload_id: &str,
    warnings: &mut Warnings,
) -> Properties {
    let mut properties = Properties::new();
    let mut said = BTreeSet::new();
    for (rest, found) in settings.with_prefix(prefix) {
        if !found.source.applies_to(container) {
            continue;
        }
        // `NUM_RETRIES` is `num-retries`.
        let name = rest.to_lowercase().replace('_', "-");
        // The first setting counts, right or wrong.
        if !said.insert(name.clone()) {
            let reason = format!("sets property {name:?} again, and is ignored");
            let is_here = properties
                .get(name.as_str())
                .is_some_and(|value| *value != *found.value);
            if is_here && has_other_spelling(settings, prefix, &found) {
                warnings
                    .push(Warning::about(workload_id, &found, reason).with_remedy("set it once"));
            }
            continue;
        }
        let mut warn = |reason: String, remedy: Option<String>| {
            let warning = Warning::about(workload_id, &found, reason);
            warnings.push(match remedy {
                Some(remedy) => warning.with_remedy(remedy),
                None => warning,
            });
        };
        match (name.parse::<PropertyName>(), found.value.parse::<Text>()) {
            (Ok(name), Ok(value)) => {
                let (kept, warning) = check_property(&name, &value, scope);
                if let Some(PropertyWarning { reason, remedy }) = warning {
                    warn(format!("property {:?} {reason}", &*name), remedy);
                }
                if kept.is_some() {
                    properties.insert(name, value);
                }
            }
            (Err(reason), _) | (_, Err(reason)) => {
                let remedy =
                    "name a property and write its value on one line, as in NJ_PROP_TIMEOUT=5s";
                warn(format!("{reason}; it is left out"), Some(remedy.to_owned()));
            }
        }
    }
    properties
}

/// Whether one place has several settings for one property, in other spellings.
fn has_other_spelling(settings: &Settings, prefix: &str, found: &Sourced<&str>) -> bool {
    let spelled = |name: &str| name.to_lowercase();
    let others = settings.with_prefix(prefix).filter(|(_, other)| {
        other.source == found.source && spelled(&other.setting) == spelled(&found.setting)
    });
    others.count() > 1
}

/// Leaves out those properties of a route in JSON form that are not in their form.
pub(super) fn check(
    properties: &mut Properties,
    found: &Sourced<&str>,
    workload_id: &str,
    warnings: &mut Warnings,
) {
    properties.retain(|name, value| {
        let (kept, warning) = check_property(name, value, Scope::Route);
        if let Some(PropertyWarning { reason, remedy }) = warning {
            let warning = Warning::about(
                workload_id,
                found,
                format!("property {:?} {reason}", &**name),
            );
            warnings.push(match remedy {
                Some(remedy) => warning.with_remedy(remedy),
                None => warning,
            });
        }
        kept.is_some()
    });
}
