//! All the routes of a service: `NJ_ROUTE_<n>`, and what goes with each.
//!
//! Two containers of one workload may each declare their own route 1, which goes with their own
//! weight, port and properties. What is said of the whole workload stands before both.

use super::{
    DeclaredRoute, Found, PortChoice, Source, properties,
    read::{ROUTE_PORT, Reading},
    route::{RouteText, may_be_private},
};
use crate::{
    context::properties::Bearer,
    document::{digits, discovery_map::Weight},
};
use std::collections::{BTreeMap, BTreeSet};

const PREFIX: &str = "NJ_ROUTE_";
const WEIGHT: &str = "NJ_ROUTE_WEIGHT_";
/// What starts the names of settings that go with a route.
const COMPANIONS: [&str; 3] = ["PORT_", "WEIGHT_", "PROP_"];

/// Whether a setting is said to be wrong here, if it is.
pub(super) fn is_companion(setting: &str) -> bool {
    let rest = setting
        .strip_prefix(PREFIX)
        .filter(|_| setting != ROUTE_PORT);
    rest.is_some_and(|rest| digits::<u32>(rest).is_none())
}

/// A route's number, as a number and as it is written.
type Number<'a> = (u32, &'a str);

/// Reads all the routes, sorted by number; and whether any was left out because of a mistake. `None`
/// if that opens what should be private, so that the whole workload has to stay out.
///
/// A route that is private keeps a path from callers who may reach a wider one: without
/// `!/shop/admin/` they would be handed to `/shop/`. So a mistake must not cost such a route.
pub(super) fn read(reading: &mut Reading<'_>) -> Option<(Vec<DeclaredRoute>, bool)> {
    let declared = declared(reading);
    orphans(reading, &declared);
    let mut routes = Vec::new();
    let mut is_faulty = false;
    let mut is_safe = true;
    for ((number, _), found) in declared {
        if let Ok(route) = read_one(reading, number.1, &found) {
            routes.push(route);
        } else {
            is_faulty = true;
            is_safe &= !may_be_private(found.value);
        }
    }
    is_safe.then_some((routes, is_faulty))
}

/// The settings that declare routes, as far as they count: by number, then by container.
fn declared<'a>(
    reading: &mut Reading<'a>,
) -> BTreeMap<(Number<'a>, Option<String>), Found<&'a str>> {
    let settings = reading.settings;
    let mut declared = BTreeMap::new();
    let mut claimed = BTreeSet::new();
    for (rest, found) in settings.starting(PREFIX) {
        let Some(number) = digits::<u32>(rest) else {
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
fn orphans(
    reading: &mut Reading<'_>,
    declared: &BTreeMap<(Number<'_>, Option<String>), Found<&str>>,
) {
    let settings = reading.settings;
    for (rest, found) in settings.starting(PREFIX) {
        if digits::<u32>(rest).is_some() || found.setting == ROUTE_PORT {
            continue;
        }
        let companion = COMPANIONS.iter().find_map(|name| rest.strip_prefix(name));
        let Some(rest) = companion else {
            reading.warn(
                &found,
                "is not a setting, and is ignored",
                "number routes, as in NJ_ROUTE_1",
            );
            continue;
        };
        let number = rest.split_once('_').map_or(rest, |(number, _)| number);
        let has_route = declared.keys().any(|((_, other), container)| {
            *other == number && found.source.speaks_for(container.as_deref())
        });
        if !has_route {
            let route = format!("{PREFIX}{number}");
            reading.warn(
                &found,
                format!("goes with {route}, which is not declared, and is ignored"),
                format!("declare {route}, or remove this"),
            );
        }
    }
}

/// A route that a mistake costs; a warning says why.
struct LeftOut;

fn read_one(
    reading: &mut Reading<'_>,
    number: &str,
    found: &Found<&str>,
) -> Result<DeclaredRoute, LeftOut> {
    let container = found.source.container.as_deref();
    let properties = properties::read(
        reading.settings,
        &format!("NJ_ROUTE_PROP_{number}_"),
        container,
        Bearer::Route,
        reading.who,
        reading.warnings,
    );
    let mut text = match RouteText::parse(found.value) {
        Ok(text) => text,
        Err(error) => {
            let left_out = if may_be_private(found.value) {
                "the workload is left out, as a wider route could open what this one closes"
            } else {
                "the route is left out"
            };
            let reason = format!("{}; {left_out}", error.reason);
            reading.warn(found, reason, error.remedy);
            return Err(LeftOut);
        }
    };
    if let Some(doubt) = text.doubt() {
        reading.warn(
            found,
            doubt,
            "write a pattern in the JSON form, with match-type regex",
        );
    }
    properties::check(text.properties_mut(), found, reading.who, reading.warnings);
    let is_private = text.is_private();
    let declared = weight(reading, number, container, is_private)?;
    let is_closed = declared.is_none() && text.weight().is_none();
    let port = port(reading, number, container, is_private)?;
    let weight = text.weight().or(declared).unwrap_or(Weight::NONE);
    Ok(DeclaredRoute {
        setting: found.setting.clone(),
        source: found.source.clone(),
        routes: text.into_routes(weight, &properties),
        port,
        is_closed,
    })
}

/// The weight of a route, 1 unless something is said; `None` if what is said is wrong.
fn weight(
    reading: &mut Reading<'_>,
    number: &str,
    container: Option<&str>,
    is_private: bool,
) -> Result<Option<Weight>, LeftOut> {
    let name = format!("{WEIGHT}{number}");
    let Some(found) = reading.settings.find_for(&name, container) else {
        return Ok(Some(Weight::ONE));
    };
    let reason = match found.value.parse() {
        Ok(weight) => return Ok(Some(weight)),
        Err(reason) => reason,
    };
    let what = if is_private {
        "the route stays without instances, as it is private".to_owned()
    } else {
        format!("route {number} is left out")
    };
    let remedy = "give it a whole number from 0 to 32767, or remove it for 1";
    reading.warn(&found, format!("{reason}; {what}"), remedy);
    if is_private { Ok(None) } else { Err(LeftOut) }
}

/// The port of a route, if one is chosen.
fn port(
    reading: &mut Reading<'_>,
    number: &str,
    container: Option<&str>,
    is_private: bool,
) -> Result<Option<Found<PortChoice>>, LeftOut> {
    let name = format!("{ROUTE_PORT}_{number}");
    let settings = reading.settings;
    let found = settings.find_for(&name, container);
    let Some(found) = found.or_else(|| settings.find_for(ROUTE_PORT, container)) else {
        return Ok(None);
    };
    let what = if is_private {
        "it is ignored, as the route is private and has to stay".to_owned()
    } else {
        format!("route {number} is left out")
    };
    let port = reading.port(&found, &what);
    if port.is_some() || is_private {
        Ok(port)
    } else {
        Err(LeftOut)
    }
}
