//! All the routes of a service: `NJ_ROUTE_<n>`, and what goes with each.
//!
//! Two containers of one workload may each declare their own route 1, which goes with their own
//! weight, port and properties. What is said of the whole workload stands before both.

use super::{
    DeclaredRoute, Found, PortChoice, Source,
    properties::{self, Bearer},
    read::{ROUTE_PORT, Reading},
    route,
};
use std::collections::{BTreeMap, BTreeSet};

const PREFIX: &str = "NJ_ROUTE_";
const WEIGHT: &str = "NJ_ROUTE_WEIGHT_";
/// What starts the names of settings that go with a route.
const COMPANIONS: [&str; 3] = ["PORT_", "WEIGHT_", "PROP_"];

/// A route's number, as a number and as it is written.
type Number<'a> = (u32, &'a str);

/// A number in digits alone.
pub(super) fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

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
            is_safe &= !route::may_be_private(found.value);
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
        let Some(number) = number(rest) else {
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
        if number(rest).is_some() || found.setting == ROUTE_PORT {
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
    let mut routes = match route::parse(found.value, &properties) {
        Ok(routes) => routes,
        Err(mistake) => {
            let left_out = if route::may_be_private(found.value) {
                "the workload is left out, as a wider route could open what this one closes"
            } else {
                "the route is left out"
            };
            let reason = format!("{}; {left_out}", mistake.reason);
            reading.warn(found, reason, mistake.remedy);
            return Err(LeftOut);
        }
    };
    let is_private = routes.iter().any(route::is_private);
    let weight = weight(reading, number, container, is_private)?;
    let port = port(reading, number, container, is_private)?;
    for route in &mut routes {
        if route.weight == 0 {
            route.weight = weight;
        }
        properties::check(&mut route.properties, found, reading.who, reading.warnings);
    }
    Ok(DeclaredRoute {
        setting: found.setting.clone(),
        source: found.source.clone(),
        routes,
        port,
    })
}

/// The weight of a route, 1 unless something is said.
fn weight(
    reading: &mut Reading<'_>,
    number: &str,
    container: Option<&str>,
    is_private: bool,
) -> Result<u16, LeftOut> {
    let name = format!("{WEIGHT}{number}");
    let Some(found) = reading.settings.find_for(&name, container) else {
        return Ok(1);
    };
    let weight = super::port::number(found.value);
    if let Some(weight) = weight.filter(|weight| *weight <= 32767) {
        return Ok(weight);
    }
    let remedy = "give it a whole number from 1 to 32767, or remove it for 1";
    let what = if is_private {
        "1 is used, as the route is private and has to stay".to_owned()
    } else {
        format!("route {number} is left out")
    };
    reading.warn(&found, format!("is not from 1 to 32767; {what}"), remedy);
    if is_private { Ok(1) } else { Err(LeftOut) }
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
