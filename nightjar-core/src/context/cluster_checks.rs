//! Health checks and slow start of a cluster: properties that Envoy takes only together with others.
//!
//! Envoy refuses the whole configuration for a gRPC health check of a cluster without HTTP/2. So what
//! does not go together is left out here, with a warning.

use super::{builder::ContextBuilder, property_levels::is_off, warning::Subject};
use crate::document::proxy_input::{Cluster, Properties};

/// Properties that say how often and how long endpoints are ejected.
const OF_EJECTION: [&str; 3] = [
    "outlier-base-ejection-time",
    "outlier-interval",
    "outlier-max-ejection-percent",
];

/// What the service-color and its namespace say. What a namespace says is meant for others too, so it is not
/// warned of where it has no effect.
#[derive(Clone, Copy)]
pub(super) struct SaidProperties<'a> {
    pub(super) own: &'a Properties,
    pub(super) outer: &'a Properties,
}

impl SaidProperties<'_> {
    fn is_own(self, name: &str) -> bool {
        let said = self.own.get(name);
        said.is_some_and(|value| !is_off(name, value))
    }

    /// Whether the service-color says the first, or one level says both.
    fn is_meant_beside(self, name: &str, other: &str) -> bool {
        self.is_own(name)
            || (self.outer.contains_key(name)
                && self.outer.contains_key(other)
                && !self.own.contains_key(other))
    }
}

/// Decides how a cluster's endpoints are checked, and whether they start slowly.
pub(super) fn apply(
    cluster: &mut Cluster,
    said: SaidProperties<'_>,
    subject: &Subject,
    builder: &mut ContextBuilder<'_>,
) {
    let is_left_out = health_check(cluster, subject, builder);
    slow_start(cluster, subject, builder);
    let mut useless = Vec::new();
    if !cluster.has_health_check && !is_left_out {
        let needs = "without a health check; set `health-check-path` or `health-check-protocol`";
        let names = [
            "health-check-interval",
            "health-check-timeout",
            "slow-start",
        ];
        // What is left out was warned of.
        let names = names
            .into_iter()
            .filter(|name| cluster.properties.contains_key(*name));
        useless.extend(
            names
                .filter(|name| said.is_own(name))
                .map(|name| (name, needs.to_owned())),
        );
    }
    let (path, protocol) = ("health-check-path", "health-check-protocol");
    if (cluster.is_checked_by_tcp || cluster.is_checked_by_grpc)
        && cluster.properties.contains_key(path)
        && said.is_meant_beside(path, protocol)
    {
        let spoken = if cluster.is_checked_by_tcp {
            "tcp"
        } else {
            "grpc"
        };
        let reason =
            format!("beside `{protocol}` {spoken}, whose checks have no path; remove one of them");
        useless.push((path, reason));
    }
    let is_never = |name: &str, default: &str| {
        let count = cluster.properties.get(name);
        count.map_or(default, String::as_str) == "0"
    };
    if is_never("outlier-connect-failures", "5") && is_never("outlier-consecutive-5xx", "0") {
        let reason = "while `outlier-connect-failures` is 0 and `outlier-consecutive-5xx` is 0: no endpoint is ejected";
        let names = OF_EJECTION.into_iter().filter(|name| said.is_own(name));
        useless.extend(names.map(|name| (name, reason.to_owned())));
    }
    for (name, reason) in useless {
        builder.warn(subject, format!("property `{name}` has no effect {reason}"));
    }
}

/// Whether a protocol was left out.
fn health_check(
    cluster: &mut Cluster,
    subject: &Subject,
    builder: &mut ContextBuilder<'_>,
) -> bool {
    let protocol = cluster.properties.get("health-check-protocol").cloned();
    let has_path = cluster.properties.contains_key("health-check-path");
    let left_out = match protocol.as_deref() {
        Some("tcp") => {
            cluster.is_checked_by_tcp = true;
            None
        }
        Some("grpc") if cluster.uses_http2 => {
            cluster.is_checked_by_grpc = true;
            None
        }
        Some("grpc") => Some("a gRPC health check needs the protocol HTTP2"),
        Some(_) if !has_path => Some("an HTTP health check needs `health-check-path`"),
        _ => None,
    };
    let is_left_out = left_out.is_some();
    if let (Some(reason), Some(protocol)) = (left_out, protocol) {
        cluster.properties.remove("health-check-protocol");
        builder.warn(
            subject,
            format!(
                "property `health-check-protocol` is left out: `{protocol}` is set, and {reason}"
            ),
        );
    }
    cluster.is_checked_by_http =
        has_path && !cluster.is_checked_by_tcp && !cluster.is_checked_by_grpc;
    cluster.has_health_check =
        cluster.is_checked_by_http || cluster.is_checked_by_grpc || cluster.is_checked_by_tcp;
    is_left_out
}

fn slow_start(cluster: &mut Cluster, subject: &Subject, builder: &mut ContextBuilder<'_>) {
    let policy = cluster.properties.get("lb-policy").cloned();
    cluster.uses_least_request = policy.as_deref() == Some("LEAST_REQUEST");
    if !cluster.properties.contains_key("slow-start") {
        return;
    }
    match policy {
        Some(policy) if policy != "ROUND_ROBIN" && policy != "LEAST_REQUEST" => {
            cluster.properties.remove("slow-start");
            builder.warn(
                subject,
                format!(
                    "property `slow-start` is left out: the `lb-policy` is {policy}, and it needs \
                     ROUND_ROBIN or LEAST_REQUEST"
                ),
            );
        }
        _ => cluster.has_slow_start = true,
    }
}
