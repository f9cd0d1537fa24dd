//! Free properties, as settings declare them. Documented ones have to have a value in their form:
//! the same rule as when a proxy's context is made, told here with the setting that breaks it.

use super::{
    settings::{Found, Settings},
    warning::{Warning, Warnings},
};
use crate::{
    context::properties::{Bearer, Slip, assess},
    document::discovery_map::{Properties, PropertyName, Text},
};
use std::collections::BTreeSet;

/// Reads the properties whose settings start with `prefix`, as far as they hold for a container.
pub(super) fn read(
    settings: &Settings,
    prefix: &str,
    container: Option<&str>,
    bearer: Bearer,
    who: &str,
    warnings: &mut Warnings,
) -> Properties {
    let mut properties = Properties::new();
    let mut said = BTreeSet::new();
    for (rest, found) in settings.starting(prefix) {
        if !found.source.speaks_for(container) {
            continue;
        }
        // `NUM_RETRIES` is `num-retries`.
        let name = rest.to_lowercase().replace('_', "-");
        // What counts is what was said first, right or wrong.
        if !said.insert(name.clone()) {
            let reason = format!("says property {name:?} once more, and is ignored");
            let is_here = properties
                .get(name.as_str())
                .is_some_and(|value| *value != *found.value);
            if is_here && said_together(settings, prefix, &found) {
                warnings.push(Warning::about(who, &found, reason).with_remedy("say it once"));
            }
            continue;
        }
        let mut warn = |reason: String, remedy: Option<String>| {
            let warning = Warning::about(who, &found, reason);
            warnings.push(match remedy {
                Some(remedy) => warning.with_remedy(remedy),
                None => warning,
            });
        };
        match (name.parse::<PropertyName>(), found.value.parse::<Text>()) {
            (Ok(name), Ok(value)) => {
                let (kept, slip) = assess(&name, &value, bearer);
                if let Some(Slip { reason, remedy }) = slip {
                    warn(format!("property {:?} {reason}", &*name), remedy);
                }
                if kept.is_some() {
                    properties.insert(name, value);
                }
            }
            (Err(reason), _) | (_, Err(reason)) => {
                let remedy = "name a property and write it on one line, as in NJ_PROP_TIMEOUT=5s";
                warn(format!("{reason}; it is left out"), Some(remedy.to_owned()));
            }
        }
    }
    properties
}

/// Whether one place has several settings for one property, in other spellings.
fn said_together(settings: &Settings, prefix: &str, found: &Found<&str>) -> bool {
    let spelled = |name: &str| name.to_lowercase();
    let others = settings.starting(prefix).filter(|(_, other)| {
        other.source == found.source && spelled(&other.setting) == spelled(&found.setting)
    });
    others.count() > 1
}

/// Leaves out those properties of a route in JSON form that are not in their form.
pub(super) fn check(
    properties: &mut Properties,
    found: &Found<&str>,
    who: &str,
    warnings: &mut Warnings,
) {
    properties.retain(|name, value| {
        let (kept, slip) = assess(name, value, Bearer::Route);
        if let Some(Slip { reason, remedy }) = slip {
            let warning = Warning::about(who, found, format!("property {:?} {reason}", &**name));
            warnings.push(match remedy {
                Some(remedy) => warning.with_remedy(remedy),
                None => warning,
            });
        }
        kept.is_some()
    });
}
