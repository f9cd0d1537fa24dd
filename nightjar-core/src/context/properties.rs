//! Properties that the shipped templates honour, and the values they may have.
//!
//! Properties are free: any name flows from the map into the context as it is. The names listed
//! here end up in fields that Envoy checks, and one value that Envoy refuses would cost the proxy
//! its whole configuration. So a documented property with a value that is not in its form, or on a
//! level where it sets nothing, is left out with a warning, and what an outer level says
//! (service-color, then namespace) holds.

use super::value_format::{Steps, ValueFormat};
use crate::document::misspelt;
use std::borrow::Cow;

/// A property with a meaning in the shipped templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documented {
    /// The property's name; that of a family ends with `NAME`.
    pub name: &'static str,
    /// The values it may have.
    pub format: ValueFormat,
    /// What it sets something of.
    pub target: Target,
    /// What it does, in one line.
    pub meaning: &'static str,
    /// Whether the gateways of a namespace that prefers them do it, so that the proxy before them does not do
    /// it too.
    pub is_done_by_gateways: bool,
    /// Whether the value may be [`NONE`] too.
    pub can_be_none: bool,
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
pub const DOCUMENTED_PROPERTIES: [Documented; 50] = [
    on_the_way(
        "timeout",
        ValueFormat::DurationOrNone,
        "the time a whole response may take, retries included; `0s` is no limit",
    ),
    on_the_way(
        "idle-timeout",
        ValueFormat::DurationOrNone,
        "the time a request may go without a byte in either direction; `0s` is no limit, without it Envoy's `5m` holds",
    ),
    on_the_way(
        "retry-on",
        ValueFormat::RetryOn,
        "which failures are retried",
    ),
    on_the_way(
        "num-retries",
        ValueFormat::Count,
        "how many times a request is retried",
    ),
    on_the_way(
        "per-try-timeout",
        ValueFormat::Duration,
        "the time each try may take",
    ).or_none(),
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
    ).or_none(),
    on_the_way(
        "hash-on",
        ValueFormat::HashOn,
        "what requests are hashed by, so that equal ones reach one endpoint; with an lb-policy of RING_HASH or MAGLEV",
    ).or_none(),
    route(
        "retry-statuses",
        ValueFormat::Statuses,
        "which statuses are retried, besides what `retry-on` says",
    ).or_none(),
    route(
        "retry-back-off",
        ValueFormat::BackOff,
        "the longest wait before the first retry, and before any; without the second, ten times the first",
    ),
    route(
        "request-header-set-NAME",
        ValueFormat::HeaderValue,
        "the value of the header NAME that the service receives, whatever the caller sent",
    ),
    route(
        "request-header-remove",
        ValueFormat::HeaderNames,
        "which headers of the caller the service does not receive",
    ),
    route(
        "response-header-set-NAME",
        ValueFormat::HeaderValue,
        "the value of the header NAME that the caller receives, whatever the service sent",
    ),
    route(
        "response-header-remove",
        ValueFormat::HeaderNames,
        "which headers of the service the caller does not receive",
    ),
    route(
        "redirect-to",
        ValueFormat::Redirect,
        "where the proxy redirects the caller to, instead of asking the service; with 307 unless the value starts with another status",
    ).or_none(),
    route(
        "cors-origins",
        ValueFormat::Origins,
        "the web pages that may call the route from a browser; `*` is any page",
    ).or_none(),
    route(
        "rate-limit",
        ValueFormat::RateLimit,
        "how many requests each proxy lets through; it answers 429 to the others",
    ).or_none(),
    route(
        "abort-status",
        ValueFormat::Status,
        "the status that the proxy answers with, instead of asking the service",
    ).or_none(),
    route(
        "abort-percent",
        ValueFormat::Percent(Steps::TenThousandths),
        "the share of requests that get `abort-status`; all without it",
    ),
    route(
        "delay",
        ValueFormat::Duration,
        "how long the proxy waits before it sends a request on",
    ).or_none(),
    route(
        "delay-percent",
        ValueFormat::Percent(Steps::TenThousandths),
        "the share of requests that `delay` holds back; all without it",
    ),
    route(
        "mirror-to",
        ValueFormat::ServiceColor,
        "the service-color that receives a copy of each request; its answers are dropped",
    ).or_none(),
    route(
        "mirror-percent",
        ValueFormat::Percent(Steps::TenThousandths),
        "the share of requests that `mirror-to` copies; all without it",
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
    ).or_none(),
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
        "how many failed connections or time-outs in a row eject an endpoint; `0` is never",
    ),
    cluster(
        "outlier-interval",
        ValueFormat::Duration,
        "how often endpoints are looked at to be ejected or taken back; without it `1s` with `outlier-base-ejection-time`, else `10s`",
    ),
    cluster(
        "outlier-max-ejection-percent",
        ValueFormat::WholePercent,
        "how many percent of the endpoints may be ejected at once",
    ),
    cluster(
        "health-check-protocol",
        ValueFormat::HealthCheckProtocol,
        "what a health check speaks; `grpc` and `tcp` need no `health-check-path`",
    ).or_none(),
    cluster(
        "slow-start",
        ValueFormat::Duration,
        "over how long an endpoint that has become healthy gets its whole share",
    ).or_none(),
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
    at(
        Target::ProxyEnvironment,
        "stats-port",
        ValueFormat::Port,
        "the port that serves Envoy's statistics for Prometheus",
    ),
    at(
        Target::ProxyEnvironment,
        "statsd-to",
        ValueFormat::IpAndPort,
        "where Envoy's statistics are sent as statsd datagrams",
    ),
    at(
        Target::ProxyEnvironment,
        "trace-to",
        ValueFormat::Collector,
        "the collector that spans are sent to",
    ),
    at(
        Target::Proxy,
        "trace-percent",
        ValueFormat::Percent(Steps::Hundredths),
        "how many percent of the requests without a trace of their own are traced; 100 if not set",
    ),
    at(
        Target::Proxy,
        "access-log",
        ValueFormat::AccessLog,
        "how the access log is written; `none`, which writes none, in the proxy's own environment alone",
    ),
    at(
        Target::ProxyEnvironment,
        "access-log-format",
        ValueFormat::AccessLogFormat,
        "a line of the access log, as text; it takes precedence over `access-log: json`",
    ),
];

/// What holds of a route that says no `timeout`.
pub const DEFAULT_TIMEOUT: &str = "15s";
/// What holds of a route that says no `idle-timeout`: Envoy's own.
pub const DEFAULT_IDLE_TIMEOUT: &str = "300s";

const fn route(name: &'static str, format: ValueFormat, meaning: &'static str) -> Documented {
    at(Target::Route, name, format, meaning)
}

/// A property of routes that holds on the way to a namespace's gateways too.
const fn on_the_way(name: &'static str, format: ValueFormat, meaning: &'static str) -> Documented {
    Documented {
        is_done_by_gateways: false,
        ..route(name, format, meaning)
    }
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
        is_done_by_gateways: matches!(target, Target::Route | Target::RouteMember),
        can_be_none: false,
    }
}

/// The value that switches off what an outer level sets. Only what does nothing unless it is set can have it.
pub const NONE: &str = "none";

/// What ends the names of a family of properties, in place of a name of the user's choice.
const ANY_NAME: &str = "NAME";

impl Documented {
    const fn or_none(self) -> Self {
        Self {
            can_be_none: true,
            ..self
        }
    }

    /// A value in Envoy's form, or [`NONE`]; `None` if it is neither.
    pub(crate) fn normalise(&self, value: &str) -> Option<String> {
        if self.can_be_none && value.eq_ignore_ascii_case(NONE) {
            Some(NONE.to_owned())
        } else {
            self.format.normalise(value)
        }
    }

    /// What the names of a family start with, such as `request-header-set-`; `None` for a single property.
    pub fn family(&self) -> Option<&'static str> {
        self.name.strip_suffix(ANY_NAME)
    }

    /// What follows in the name of a family's property: the header, of `request-header-set-x-team` `x-team`.
    pub(super) fn member<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.strip_prefix(self.family()?)
    }
}

/// A documented property by its name; of a family, by any name that starts as the family's do.
pub fn documented(name: &str) -> Option<&'static Documented> {
    DOCUMENTED_PROPERTIES
        .iter()
        .find(|property| property.name == name || property.member(name).is_some())
}

/// The one spelling of a property's name: headers have no case.
pub(super) fn one_spelling(name: &str) -> Cow<'_, str> {
    let has_case = name.bytes().any(|byte| byte.is_ascii_uppercase());
    if has_case && documented(name).is_some_and(|property| property.family().is_some()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

/// The documented name that a name misspells. Of a family, the part before the user's own counts.
pub(super) fn misspelt_property(name: &str) -> Option<String> {
    let all = DOCUMENTED_PROPERTIES.iter();
    let single = all.clone().filter(|property| property.family().is_none());
    if let Some(meant) = misspelt(name, single.map(|property| property.name)) {
        return Some(meant.to_owned());
    }
    let families: Vec<&str> = all.filter_map(Documented::family).collect();
    let ends = name
        .match_indices(['-', '_'])
        .map(|(at, hyphen)| at + hyphen.len());
    ends.chain([name.len()]).find_map(|end| {
        let (start, own) = name.split_at_checked(end)?;
        let meant = misspelt(start, families.iter().copied())?;
        let own = if own.is_empty() { ANY_NAME } else { own };
        Some(format!("{meant}{own}"))
    })
}
