//! The properties that the shipped templates honour, and the values they may have.
//!
//! Properties are free: any name flows from the map into the context as it is. The names listed
//! here end up in fields that Envoy checks, and one value that Envoy refuses would cost the proxy
//! its whole configuration. So a documented property with a value that is not in its form, or on a
//! level where it sets nothing, is left out with a warning, and what an outer level says
//! (service-color, then namespace) holds.

use super::{Concern, Draft, Subject, forms::Form};
use crate::document::{cut, discovery_map, misspelt, proxy_input::Properties};
use std::{cmp::Reverse, collections::BTreeMap, fmt};

/// A property with a meaning in the shipped templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documented {
    /// The property's name.
    pub name: &'static str,
    /// The values it may have.
    pub form: Form,
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
    /// A member of a route, each by itself; it may stand where a route's may.
    Member,
    /// A cluster; the property may stand on a service-color or a namespace.
    Cluster,
    /// A proxy; the property may stand on a service-color, on a namespace or, over both, in the
    /// proxy's own environment.
    Proxy,
    /// A proxy; the property may stand in its own environment alone, as whoever can tag a task must
    /// not change whom a proxy believes.
    ProxyAlone,
}

/// What a property stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    /// A route.
    Route,
    /// A service-color or a namespace.
    Whole,
    /// The environment of a proxy.
    Proxy,
}

/// Every documented property, route properties first.
pub const DOCUMENTED: [Documented; 24] = [
    route(
        "timeout",
        Form::DurationOrNone,
        "the time a whole response may take, retries included; `0s` is no limit",
    ),
    route(
        "idle-timeout",
        Form::DurationOrNone,
        "the time a request may go without a byte in either direction; `0s` is no limit",
    ),
    route("retry-on", Form::RetryOn, "which failures are tried again"),
    route(
        "num-retries",
        Form::Count,
        "how many times a request is tried again",
    ),
    route(
        "per-try-timeout",
        Form::Duration,
        "the time one try may take",
    ),
    at(
        Level::Member,
        "host-rewrite",
        Form::Host,
        "the host name that the service is sent instead of the caller's",
    ),
    route(
        "prefix-rewrite",
        Form::PathPrefix,
        "what the service is sent instead of the matched prefix, or instead of an exact path",
    ),
    route(
        "hash-on",
        Form::HashOn,
        "what sends the requests of one caller to one endpoint, with an lb-policy of RING_HASH or MAGLEV",
    ),
    cluster(
        "connect-timeout",
        Form::Duration,
        "the time a new connection may take to open",
    ),
    cluster(
        "max-connections",
        Form::Count,
        "how many connections may be open at once",
    ),
    cluster(
        "max-pending-requests",
        Form::Count,
        "how many requests may wait for a connection",
    ),
    cluster(
        "max-requests",
        Form::Count,
        "how many requests may be under way at once",
    ),
    cluster(
        "max-retries",
        Form::Count,
        "how many retries may be under way at once",
    ),
    cluster(
        "outlier-consecutive-5xx",
        Form::Count,
        "after how many 5xx answers in a row an endpoint is put aside",
    ),
    cluster(
        "outlier-base-ejection-time",
        Form::Duration,
        "how long an endpoint is put aside the first time",
    ),
    cluster(
        "health-check-path",
        Form::Path,
        "the path that is asked to see whether an endpoint is healthy",
    ),
    cluster(
        "health-check-interval",
        Form::Duration,
        "the time between two health checks",
    ),
    cluster(
        "lb-policy",
        Form::LbPolicy,
        "how requests are spread over the endpoints",
    ),
    cluster(
        "upstream-idle-timeout",
        Form::DurationOrNone,
        "how long an idle connection to an endpoint is kept; `0s` is no limit",
    ),
    cluster(
        "outlier-connect-failures",
        Form::Count,
        "after how many failed connections in a row an endpoint is put aside; `0` is never",
    ),
    at(
        Level::ProxyAlone,
        "trusted-hops",
        Form::Hops,
        "how many proxies in front of this one are believed about the caller's address and scheme",
    ),
    at(
        Level::Proxy,
        "underscore-headers",
        Form::UnderscoreHeaders,
        "what becomes of headers whose names hold an underscore",
    ),
    at(
        Level::Proxy,
        "request-headers-timeout",
        Form::DurationOrNone,
        "the time a caller may take to send a request's headers; `0s` is no limit",
    ),
    at(
        Level::Proxy,
        "request-timeout",
        Form::DurationOrNone,
        "the time a caller may take to send a whole request; `0s` is no limit",
    ),
];

/// What holds of a route that says no `timeout`.
pub const DEFAULT_TIMEOUT: &str = "15s";
/// What holds of a route that says no `idle-timeout`: Envoy's own.
pub const DEFAULT_IDLE_TIMEOUT: &str = "300s";

const fn route(name: &'static str, form: Form, meaning: &'static str) -> Documented {
    at(Level::Route, name, form, meaning)
}

const fn cluster(name: &'static str, form: Form, meaning: &'static str) -> Documented {
    at(Level::Cluster, name, form, meaning)
}

const fn at(level: Level, name: &'static str, form: Form, meaning: &'static str) -> Documented {
    Documented {
        name,
        form,
        level,
        meaning,
    }
}

/// A documented property by its name.
pub fn documented(name: &str) -> Option<&'static Documented> {
    DOCUMENTED.iter().find(|property| property.name == name)
}

/// What is wrong with a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slip {
    /// What is wrong, as the end of a sentence about the property.
    pub(crate) reason: String,
    pub(crate) remedy: Option<String>,
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// The value of a property in Envoy's form, if it counts, and what is wrong with it, if anything is.
pub(crate) fn assess(name: &str, value: &str, bearer: Bearer) -> (Option<String>, Option<Slip>) {
    let left_out = |reason: String, remedy: String| {
        (
            None,
            Some(Slip {
                reason,
                remedy: Some(remedy),
            }),
        )
    };
    let Some(property) = documented(name) else {
        let slip =
            misspelt(name, DOCUMENTED.iter().map(|property| property.name)).map(|meant| Slip {
                reason: "has no meaning to the shipped templates".to_owned(),
                remedy: Some(format!("did you mean `{meant}`?")),
            });
        return (Some(value.to_owned()), slip);
    };
    let setting = name.to_uppercase().replace('-', "_");
    match (property.level, bearer) {
        (Level::Cluster, Bearer::Route) => left_out(
            "sets nothing on a route, and is left out".to_owned(),
            format!("say it of the whole service-color, with NJ_PROP_{setting}"),
        ),
        (Level::Proxy, Bearer::Route) => left_out(
            "sets nothing on a route, and is left out".to_owned(),
            format!(
                "say it of the whole service-color, or of the proxy with NJ_PROXY_PROP_{setting}"
            ),
        ),
        (Level::ProxyAlone, Bearer::Route | Bearer::Whole) => left_out(
            "counts in a proxy's own environment alone, and is left out".to_owned(),
            format!("set NJ_PROXY_PROP_{setting} where the proxy runs"),
        ),
        _ => {
            if let Some(normal) = property.form.normalise(value) {
                return (Some(normal), None);
            }
            let form = property.form.form();
            let reason = format!("is left out: `{}` is not {form}", cut(value));
            (
                None,
                Some(Slip {
                    reason,
                    remedy: None,
                }),
            )
        }
    }
}

/// One level's properties: documented ones in Envoy's form, others as they are.
pub(super) fn checked(
    given: &discovery_map::Properties,
    bearer: Bearer,
    subject: &Subject,
    draft: &mut Draft<'_>,
) -> Properties {
    let mut kept = Properties::new();
    for (name, value) in given {
        let (value, slip) = assess(name, value, bearer);
        if let Some(slip) = slip {
            draft.note(
                subject,
                Concern::Part,
                format!("property `{}` {slip}", cut(name)),
            );
        }
        kept.extend(value.map(|value| (name.to_string(), value)));
    }
    kept
}

/// The same, where somebody else warns.
pub(super) fn quietly_checked(given: &discovery_map::Properties, bearer: Bearer) -> Properties {
    let kept = given.iter().filter_map(|(name, value)| {
        let (value, _) = assess(name, value, bearer);
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
pub(super) struct Words<'a> {
    /// The service-color, for messages.
    pub(super) name: String,
    /// Its weight on this route, all of its ports together.
    pub(super) weight: u64,
    /// What it says, namespace aside.
    pub(super) properties: &'a Properties,
}

/// What the members of a route say together: who says nothing agrees with those who do; where words
/// differ, those of the greatest weight count, and among equals the first in text order. `differ` is
/// told of each property whose words do.
pub(super) fn agreed(
    members: &[Words<'_>],
    mut differ: impl FnMut(&str, &str, &Words<'_>),
) -> Properties {
    let mut said = BTreeMap::<&String, Vec<(&String, &Words<'_>)>>::new();
    for member in members {
        for (name, value) in member.properties {
            said.entry(name).or_default().push((value, member));
        }
    }
    let mut agreed = Properties::new();
    for (name, mut words) in said {
        words.sort_by_key(|(value, member)| (Reverse(member.weight), &member.name, *value));
        let Some((value, winner)) = words.first() else {
            continue;
        };
        // Members and clusters go by their own words.
        let is_shared = documented(name).is_none_or(|property| property.level == Level::Route);
        if is_shared && words.iter().any(|(other, _)| other != value) {
            differ(name, value, winner);
        }
        agreed.insert(name.clone(), (*value).clone());
    }
    agreed
}
