//! Free properties, as settings declare them. Documented ones have to have a value in their form:
//! the same rule as when a proxy's context is made, told here with the setting that breaks it.

use super::{
    settings::{Found, Settings},
    warning::{Warning, Warnings},
};
use crate::{
    context::properties::{Level, documented},
    document::discovery_map::Properties,
};
use std::collections::BTreeSet;

/// What a property stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearer {
    /// A route.
    Route,
    /// A service-color or a namespace.
    Whole,
}

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
        let name = property_name(rest);
        // What counts is what was said first, right or wrong.
        if !said.insert(name.clone()) {
            continue;
        }
        match mistake(&name, found.value, bearer) {
            None => {
                properties.insert(name, found.value.to_owned());
            }
            Some((reason, remedy)) => {
                warnings.push(Warning::about(who, &found, reason).with_remedy(remedy));
            }
        }
    }
    properties
}

/// Leaves out those properties of a route in JSON form that are not in their form.
pub(super) fn check(
    properties: &mut Properties,
    found: &Found<&str>,
    who: &str,
    warnings: &mut Warnings,
) {
    properties.retain(|name, value| {
        let Some((reason, remedy)) = mistake(name, value, Bearer::Route) else {
            return true;
        };
        let reason = format!("property {name:?}: {reason}");
        warnings.push(Warning::about(who, found, reason).with_remedy(remedy));
        false
    });
}

/// `NUM_RETRIES` is `num-retries`.
fn property_name(rest: &str) -> String {
    rest.to_lowercase().replace('_', "-")
}

/// What is wrong with a property, and what to do about it.
fn mistake(name: &str, value: &str, bearer: Bearer) -> Option<(String, String)> {
    if name.is_empty() {
        let reason = "names no property, and is left out".to_owned();
        return Some((reason, "say which, as in NJ_PROP_TIMEOUT".to_owned()));
    }
    if name.chars().chain(value.chars()).any(char::is_control) {
        let reason = "holds a control character, and is left out".to_owned();
        return Some((reason, "write it on one line, without tabs".to_owned()));
    }
    let property = documented(name)?;
    let form = property.kind.form();
    if property.kind.normalise(value).is_none() {
        let reason = format!("the value is not {form}; the property is left out");
        return Some((reason, format!("give {name} {form}")));
    }
    if property.level == Level::Cluster && bearer == Bearer::Route {
        let reason = "sets nothing on a route, and is left out".to_owned();
        let setting = name.to_uppercase().replace('-', "_");
        let remedy = format!("say it of the whole service-color, with NJ_PROP_{setting}");
        return Some((reason, remedy));
    }
    None
}
