//! Routes of a service: `NJ_ROUTE_<n>`, and what goes with each.
//!
//! Two containers of one workload may each declare their own route 1, which goes with their own
//! weight, port and properties. What is set for the whole workload comes before both.

use super::{
    DeclaredRoute, PortChoice, Source, Sourced, properties,
    reader::{ROUTE_PORT, WorkloadReader},
    route::{RouteText, may_be_meant_private},
};
use crate::{
    context::properties::Scope,
    document::{discovery_map::Weight, parse_digits},
};
use std::collections::{BTreeMap, BTreeSet};

const PREFIX: &str = "NJ_ROUTE_";
const WEIGHT: &str = "NJ_ROUTE_WEIGHT_";
/// What starts the names of settings that go with a route.
const COMPANIONS: [&str; 3] = ["PORT_", "WEIGHT_", "PROP_"];

/// Whether a wrong setting is reported here.
pub(super) fn is_companion(setting: &str) -> bool {
    let rest = setting
        .strip_prefix(PREFIX)
        .filter(|_| setting != ROUTE_PORT);
    rest.is_some_and(|rest| parse_digits::<u32>(rest).is_none())
}

/// A route's number, as a number and as it is written.
type Number<'a> = (u32, &'a str);

/// Reads all the routes, sorted by number; and whether any was left out because of an error. `None`
/// if that opens what should be private, so that the whole workload has to stay out.
///
/// A route that is private keeps a path from callers who may reach a wider one: without
/// `!/shop/admin/` they would be handed to `/shop/`. So an error must not remove such a route.
pub(super) fn read(reader: &mut WorkloadReader<'_>) -> Option<(Vec<DeclaredRoute>, bool)> {
    let declared = declared(reader);
    warn_of_unused_companions(reader, &declared);
    let mut routes = Vec::new();
    let mut has_errors = false;
    let mut is_safe = true;
    for ((number, _), found) in declared {
        if let Ok(route) = read_one(reader, number.1, &found) {
            routes.push(route);
        } else {
            has_errors = true;
            is_safe &= !may_be_meant_private(found.value);
        }
    }
    is_safe.then_some((routes, has_errors))
}

/// The settings that declare routes, as far as they count: by number, then by container.
fn declared<'a>(
    reader: &mut WorkloadReader<'a>,
) -> BTreeMap<(Number<'a>, Option<String>), Sourced<&'a str>> {
    let settings = reader.settings;
    let mut declared = BTreeMap::new();
    let mut claimed = BTreeSet::new();
    for (rest, found) in settings.with_prefix(PREFIX) {
        let Some(number) = parse_digits::<u32>(rest) else {
            continue;
        };
        let Source { container, .. } = &found.source;
        let number = (number, rest);
        let is_claimed = claimed.contains(&(number, None))
            || claimed.contains(&(number, container.clone()))
            || (container.is_none() && claimed.iter().any(|(other, _)| *other == number));
        if !is_claimed {
            let key = (number, container.clone());
            claimed.insert(key.clone());
            declared.insert(key, found);
        }
    }
    declared
}

/// Warns of settings that go with no route.
fn warn_of_unused_companions(
    reader: &mut WorkloadReader<'_>,
    declared: &BTreeMap<(Number<'_>, Option<String>), Sourced<&str>>,
) {
    let settings = reader.settings;
    for (rest, found) in settings.with_prefix(PREFIX) {
        if parse_digits::<u32>(rest).is_some() || found.setting == ROUTE_PORT {
            continue;
        }
        let companion = COMPANIONS.iter().find_map(|name| rest.strip_prefix(name));
        let Some(rest) = companion else {
            reader.warn(
                &found,
                "is not a setting, and is ignored",
                "number routes, as in NJ_ROUTE_1",
            );
            continue;
        };
        let number = rest.split_once('_').map_or(rest, |(number, _)| number);
        let has_route = declared.keys().any(|((_, other), container)| {
            *other == number && found.source.applies_to(container.as_deref())
        });
        if !has_route {
            let route = format!("{PREFIX}{number}");
            reader.warn(
                &found,
                format!("belongs to {route}, which is not declared, and is ignored"),
                format!("declare {route}, or remove this setting"),
            );
        }
    }
}

/// A route that is left out because of an error; a warning says why.
struct RouteSkipped;

fn read_one(
    reader: &mut WorkloadReader<'_>,
    number: &str,
    found: &Sourced<&str>,
) -> Result<DeclaredRoute, RouteSkipped> {
    let container = found.source.container.as_deref();
    let properties = properties::read(
        reader.settings,
        &format!("NJ_ROUTE_PROP_{number}_"),
        container,
        Scope::Route,
        reader.workload_id,
        reader.warnings,
    );
    let mut text = match RouteText::parse(found.value) {
        Ok(text) => text,
        Err(error) => {
            let left_out = if may_be_meant_private(found.value) {
                "the workload is left out, because a wider route could expose what this one keeps private"
            } else {
                "the route is left out"
            };
            let reason = format!("{}; {left_out}", error.reason);
            reader.warn(found, reason, error.remedy);
            return Err(RouteSkipped);
        }
    };
    if let Some(doubt) = text.warning() {
        reader.warn(
            found,
            doubt,
            "write a pattern in the JSON form, with match-type regex",
        );
    }
    properties::check(
        text.properties_mut(),
        found,
        reader.workload_id,
        reader.warnings,
    );
    let is_private = text.is_private();
    let declared = weight(reader, number, container, is_private)?;
    let is_unserved = declared.is_none() && text.weight().is_none();
    let port = port(reader, number, container, is_private)?;
    let weight = text.weight().or(declared).unwrap_or(Weight::NONE);
    Ok(DeclaredRoute {
        setting: found.setting.clone(),
        source: found.source.clone(),
        routes: text.into_routes(weight, &properties),
        port,
        is_unserved,
    })
}

/// The weight of a route, 1 unless it is set; `None` if the setting is wrong.
fn weight(
    reader: &mut WorkloadReader<'_>,
    number: &str,
    container: Option<&str>,
    is_private: bool,
) -> Result<Option<Weight>, RouteSkipped> {
    let name = format!("{WEIGHT}{number}");
    let Some(found) = reader.settings.find_for(&name, container) else {
        return Ok(Some(Weight::ONE));
    };
    let reason = match found.value.parse() {
        Ok(weight) => return Ok(Some(weight)),
        Err(reason) => reason,
    };
    let what = if is_private {
        "the route stays in the map without instances, because it is private".to_owned()
    } else {
        format!("route {number} is left out")
    };
    let remedy = "give it a whole number from 0 to 32767, or remove it for 1";
    reader.warn(&found, format!("{reason}; {what}"), remedy);
    if is_private {
        Ok(None)
    } else {
        Err(RouteSkipped)
    }
}

/// The port of a route, if one is chosen.
fn port(
    reader: &mut WorkloadReader<'_>,
    number: &str,
    container: Option<&str>,
    is_private: bool,
) -> Result<Option<Sourced<PortChoice>>, RouteSkipped> {
    let name = format!("{ROUTE_PORT}_{number}");
    let settings = reader.settings;
    let found = settings.find_for(&name, container);
    let Some(found) = found.or_else(|| settings.find_for(ROUTE_PORT, container)) else {
        return Ok(None);
    };
    let what = if is_private {
        "it is ignored, because the route is private and must stay in the map".to_owned()
    } else {
        format!("route {number} is left out")
    };
    let port = reader.port(&found, &what);
    if port.is_some() || is_private {
        Ok(port)
    } else {
        Err(RouteSkipped)
    }
}
