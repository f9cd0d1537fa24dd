//! The properties that the shipped templates honour, and the values they may have.
//!
//! Properties are free: any name flows from the map into the context as it is. The names listed
//! here end up in fields that Envoy checks, and one value that Envoy refuses would cost the proxy
//! its whole configuration. So a documented property with a value that is not in its form is left
//! out, with a warning, and what an outer level says (service-color, then namespace) holds.

use super::{Draft, values::Kind};
use crate::document::discovery_map::Properties;
use std::fmt;

/// A property with a meaning in the shipped templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documented {
    /// The property's name.
    pub name: &'static str,
    /// The values it may have.
    pub kind: Kind,
    /// What it sets something of.
    pub level: Level,
    /// What it does, in one line.
    pub meaning: &'static str,
}

/// What a property sets something of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A route; the property may stand on a route, a service-color or a namespace.
    Route,
    /// A cluster; the property may stand on a service-color or a namespace.
    Cluster,
}

/// Every documented property, route properties first.
pub const DOCUMENTED: [Documented; 17] = [
    route(
        "timeout",
        Kind::DurationOrNone,
        "the time a whole response may take, retries included; `0s` is no limit",
    ),
    route(
        "idle-timeout",
        Kind::DurationOrNone,
        "the time a request may go without a byte in either direction; `0s` is no limit",
    ),
    route("retry-on", Kind::RetryOn, "which failures are tried again"),
    route(
        "num-retries",
        Kind::Count,
        "how many times a request is tried again",
    ),
    route(
        "per-try-timeout",
        Kind::Duration,
        "the time one try may take",
    ),
    route(
        "host-rewrite",
        Kind::Host,
        "the host name that the service is sent instead of the caller's",
    ),
    route(
        "prefix-rewrite",
        Kind::PathPrefix,
        "what the service is sent instead of the matched prefix, or instead of an exact path",
    ),
    cluster(
        "connect-timeout",
        Kind::Duration,
        "the time a new connection may take to open",
    ),
    cluster(
        "max-connections",
        Kind::Count,
        "how many connections may be open at once",
    ),
    cluster(
        "max-pending-requests",
        Kind::Count,
        "how many requests may wait for a connection",
    ),
    cluster(
        "max-requests",
        Kind::Count,
        "how many requests may be under way at once",
    ),
    cluster(
        "max-retries",
        Kind::Count,
        "how many retries may be under way at once",
    ),
    cluster(
        "outlier-consecutive-5xx",
        Kind::Count,
        "after how many 5xx answers in a row an endpoint is put aside",
    ),
    cluster(
        "outlier-base-ejection-time",
        Kind::Duration,
        "how long an endpoint is put aside the first time",
    ),
    cluster(
        "health-check-path",
        Kind::Path,
        "the path that is asked to see whether an endpoint is healthy",
    ),
    cluster(
        "health-check-interval",
        Kind::Duration,
        "the time between two health checks",
    ),
    cluster(
        "lb-policy",
        Kind::LbPolicy,
        "how requests are spread over the endpoints",
    ),
];

const fn route(name: &'static str, kind: Kind, meaning: &'static str) -> Documented {
    Documented {
        name,
        kind,
        level: Level::Route,
        meaning,
    }
}

const fn cluster(name: &'static str, kind: Kind, meaning: &'static str) -> Documented {
    Documented {
        name,
        kind,
        level: Level::Cluster,
        meaning,
    }
}

/// A documented property by its name.
pub fn documented(name: &str) -> Option<&'static Documented> {
    DOCUMENTED.iter().find(|property| property.name == name)
}

/// One level's properties: documented ones in Envoy's form, others as they are.
pub(super) fn checked(
    given: &Properties,
    place: impl fmt::Display,
    draft: &mut Draft,
) -> Properties {
    let mut kept = Properties::new();
    for (name, value) in given {
        let normal = match documented(name).map(|property| property.kind) {
            None => Some(value.clone()),
            Some(kind) => {
                let normal = kind.normalise(value);
                if normal.is_none() {
                    let form = kind.form();
                    draft.warn(format!(
                        "{place}: property `{name}` is left out: `{value}` is not {form}"
                    ));
                }
                normal
            }
        };
        kept.extend(normal.map(|value| (name.clone(), value)));
    }
    kept
}

/// The outer level's properties with the inner level's on top.
pub(super) fn merged(outer: &Properties, inner: &Properties) -> Properties {
    let mut all = outer.clone();
    all.extend(
        inner
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    all
}

/// The pairs that all the given maps hold.
pub(super) fn agreed<'a>(mut maps: impl Iterator<Item = &'a Properties>) -> Properties {
    let mut common = maps.next().cloned().unwrap_or_default();
    for map in maps {
        common.retain(|name, value| map.get(name) == Some(value));
    }
    common
}
