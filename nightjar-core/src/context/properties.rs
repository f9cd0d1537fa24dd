//! Properties that the shipped templates honour, and the values they may have.
//!
//! Properties are free: any name flows from the map into the context as it is. The names listed
//! here end up in fields that Envoy checks, and one value that Envoy refuses would cost the proxy
//! its whole configuration. So a documented property with a value that is not in its form, or on a
//! level where it sets nothing, is left out with a warning, and what an outer level says
//! (service-color, then namespace) holds.

use super::{
    builder::ContextBuilder,
    value_format::ValueFormat,
    warning::{Subject, WarningOrigin},
};
use crate::document::{discovery_map, misspelt, proxy_input::Properties, truncated};
use std::{cmp::Reverse, collections::BTreeMap, fmt};

/// A property with a meaning in the shipped templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documented {
    /// The property's name.
    pub name: &'static str,
    /// The values it may have.
    pub format: ValueFormat,
    /// What it sets something of.
    pub target: Target,
    /// What it does, in one line.
    pub meaning: &'static str,
}

/// What a property sets something of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A route; the property may stand on a route, a service-color or a namespace.
    Route,
    /// A member of a route, each by itself; it may stand where a route's may.
    RouteMember,
    /// A cluster; the property may stand on a service-color or a namespace.
    Cluster,
    /// A proxy; the property may stand on a service-color, on a namespace or, over both, in the
    /// proxy's own environment.
    Proxy,
    /// A proxy; the property may stand in its own environment alone, as whoever can tag a task must
    /// not change whom a proxy believes.
    ProxyEnvironment,
}

/// What a property stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A route.
    Route,
    /// A service-color or a namespace.
    ServiceColorOrNamespace,
    /// The environment of a proxy.
    Proxy,
}

/// Every documented property, route properties first.
pub const DOCUMENTED_PROPERTIES: [Documented; 25] = [
    route(
        "timeout",
        ValueFormat::DurationOrNone,
        "the time a whole response may take, retries included; `0s` is no limit",
    ),
    route(
        "idle-timeout",
        ValueFormat::DurationOrNone,
        "the time a request may go without a byte in either direction; `0s` is no limit",
    ),
    route(
        "retry-on",
        ValueFormat::RetryOn,
        "which failures are retried",
    ),
    route(
        "num-retries",
        ValueFormat::Count,
        "how many times a request is retried",
    ),
    route(
        "per-try-timeout",
        ValueFormat::Duration,
        "the time each try may take",
    ),
    at(
        Target::RouteMember,
        "host-rewrite",
        ValueFormat::Host,
        "the host name that the service receives instead of the caller's",
    ),
    route(
        "prefix-rewrite",
        ValueFormat::PathPrefix,
        "what replaces the matched prefix, or an exact path, in the request that the service receives",
    ),
    route(
        "hash-on",
        ValueFormat::HashOn,
        "what requests are hashed by, so that equal ones reach one endpoint; with an lb-policy of RING_HASH or MAGLEV",
    ),
    cluster(
        "connect-timeout",
        ValueFormat::Duration,
        "the time a new connection may take to open",
    ),
    cluster(
        "max-connections",
        ValueFormat::Count,
        "how many connections may be open at once",
    ),
    cluster(
        "max-pending-requests",
        ValueFormat::Count,
        "how many requests may wait for a connection",
    ),
    cluster(
        "max-requests",
        ValueFormat::Count,
        "how many requests may be in flight at once",
    ),
    cluster(
        "max-retries",
        ValueFormat::Count,
        "how many retries may be in flight at once",
    ),
    cluster(
        "outlier-consecutive-5xx",
        ValueFormat::Count,
        "how many 5xx answers in a row eject an endpoint",
    ),
    cluster(
        "outlier-base-ejection-time",
        ValueFormat::Duration,
        "how long an endpoint is ejected the first time",
    ),
    cluster(
        "health-check-path",
        ValueFormat::Path,
        "the path that is requested to see whether an endpoint is healthy",
    ),
    cluster(
        "health-check-interval",
        ValueFormat::Duration,
        "the time between two health checks",
    ),
    cluster(
        "health-check-timeout",
        ValueFormat::Duration,
        "the time an endpoint may take to answer a health check",
    ),
    cluster(
        "lb-policy",
        ValueFormat::LbPolicy,
        "how requests are spread over the endpoints",
    ),
    cluster(
        "upstream-idle-timeout",
        ValueFormat::DurationOrNone,
        "how long an idle connection to an endpoint is kept; `0s` is no limit",
    ),
    cluster(
        "outlier-connect-failures",
        ValueFormat::Count,
        "how many failed connections in a row eject an endpoint; `0` is never",
    ),
    at(
        Target::ProxyEnvironment,
        "trusted-hops",
        ValueFormat::Hops,
        "how many proxies in front of this one are trusted for the caller's address and scheme",
    ),
    at(
        Target::Proxy,
        "underscore-headers",
        ValueFormat::UnderscoreHeaders,
        "what happens to headers whose names contain an underscore",
    ),
    at(
        Target::Proxy,
        "request-headers-timeout",
        ValueFormat::DurationOrNone,
        "the time a caller may take to send a request's headers; `0s` is no limit",
    ),
    at(
        Target::Proxy,
        "request-timeout",
        ValueFormat::DurationOrNone,
        "the time a caller may take to send a whole request; `0s` is no limit",
    ),
];

/// What holds of a route that says no `timeout`.
pub const DEFAULT_TIMEOUT: &str = "15s";
/// What holds of a route that says no `idle-timeout`: Envoy's own.
pub const DEFAULT_IDLE_TIMEOUT: &str = "300s";

const fn route(name: &'static str, format: ValueFormat, meaning: &'static str) -> Documented {
    at(Target::Route, name, format, meaning)
}

const fn cluster(name: &'static str, format: ValueFormat, meaning: &'static str) -> Documented {
    at(Target::Cluster, name, format, meaning)
}

const fn at(
    target: Target,
    name: &'static str,
    format: ValueFormat,
    meaning: &'static str,
) -> Documented {
    Documented {
        name,
        format,
        target,
        meaning,
    }
}

/// A documented property by its name.
pub fn documented(name: &str) -> Option<&'static Documented> {
    DOCUMENTED_PROPERTIES
        .iter()
        .find(|property| property.name == name)
}

/// What is wrong with a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PropertyWarning {
    /// What is wrong, as the end of a sentence about the property.
    pub(crate) reason: String,
    pub(crate) remedy: Option<String>,
}

impl fmt::Display for PropertyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// The value of a property in Envoy's form, if it counts, and what is wrong with it, if anything is.
pub(crate) fn check_property(
    name: &str,
    value: &str,
    scope: Scope,
) -> (Option<String>, Option<PropertyWarning>) {
    let left_out = |reason: String, remedy: String| {
        (
            None,
            Some(PropertyWarning {
                reason,
                remedy: Some(remedy),
            }),
        )
    };
    let Some(property) = documented(name) else {
        let warning = misspelt(
            name,
            DOCUMENTED_PROPERTIES.iter().map(|property| property.name),
        )
        .map(|meant| PropertyWarning {
            reason: "is not used by the shipped templates".to_owned(),
            remedy: Some(format!("did you mean `{meant}`?")),
        });
        return (Some(value.to_owned()), warning);
    };
    let setting = name.to_uppercase().replace('-', "_");
    match (property.target, scope) {
        (Target::Cluster, Scope::Route) => left_out(
            "has no effect on a route, and is left out".to_owned(),
            format!("set it for the whole service-color, with NJ_PROP_{setting}"),
        ),
        (Target::Proxy, Scope::Route) => left_out(
            "has no effect on a route, and is left out".to_owned(),
            format!(
                "set it for the whole service-color, or for the proxy with NJ_PROXY_PROP_{setting}"
            ),
        ),
        (Target::ProxyEnvironment, Scope::Route | Scope::ServiceColorOrNamespace) => left_out(
            "is read only from a proxy's own environment, and is left out".to_owned(),
            format!("set NJ_PROXY_PROP_{setting} where the proxy runs"),
        ),
        _ => {
            if let Some(normalise) = property.format.normalise(value) {
                return (Some(normalise), None);
            }
            let form = property.format.description();
            let reason = format!("is left out: `{}` is not {form}", truncated(value));
            (
                None,
                Some(PropertyWarning {
                    reason,
                    remedy: None,
                }),
            )
        }
    }
}

/// One level's properties: documented ones in Envoy's form, others as they are.
pub(super) fn check_properties(
    given: &discovery_map::Properties,
    scope: Scope,
    subject: &Subject,
    builder: &mut ContextBuilder<'_>,
) -> Properties {
    let mut kept = Properties::new();
    for (name, value) in given {
        let (value, warning) = check_property(name, value, scope);
        if let Some(warning) = warning {
            builder.note(
                subject,
                WarningOrigin::Entry,
                format!("property `{}` {warning}", truncated(name)),
            );
        }
        kept.extend(value.map(|value| (name.to_string(), value)));
    }
    kept
}

/// The same, where somebody else warns.
pub(super) fn valid_properties(given: &discovery_map::Properties, scope: Scope) -> Properties {
    let kept = given.iter().filter_map(|(name, value)| {
        let (value, _) = check_property(name, value, scope);
        Some((name.to_string(), value?))
    });
    kept.collect()
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

/// What a service-color that shares a route says of it.
pub(super) struct MemberProperties<'a> {
    /// The service-color, for messages.
    pub(super) name: String,
    /// Its weight on this route, all of its ports together.
    pub(super) weight: u64,
    /// What it says, namespace aside.
    pub(super) properties: &'a Properties,
}

/// The properties that the members of a route share: one that sets none agrees with those that do; where values
/// differ, those of the greatest weight count, and among equals the first in text order. `differ` is
/// called for each property whose values differ.
pub(super) fn shared(
    members: &[MemberProperties<'_>],
    mut differ: impl FnMut(&str, &str, &MemberProperties<'_>),
) -> Properties {
    let mut said = BTreeMap::<&String, Vec<(&String, &MemberProperties<'_>)>>::new();
    for member in members {
        for (name, value) in member.properties {
            said.entry(name).or_default().push((value, member));
        }
    }
    let mut shared = Properties::new();
    for (name, mut words) in said {
        words.sort_by_key(|(value, member)| (Reverse(member.weight), &member.name, *value));
        let Some((value, winner)) = words.first() else {
            continue;
        };
        // RouteMembers and clusters go by their own words.
        let is_shared = documented(name).is_none_or(|property| property.target == Target::Route);
        if is_shared && words.iter().any(|(other, _)| other != value) {
            differ(name, value, winner);
        }
        shared.insert(name.clone(), (*value).clone());
    }
    shared
}
