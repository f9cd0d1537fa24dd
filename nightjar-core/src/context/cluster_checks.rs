//! Health checks and slow start of a cluster: properties that Envoy takes only together with others.
//!
//! Envoy refuses the whole configuration for a gRPC health check of a cluster without HTTP/2. So what
//! does not go together is left out here, with a warning.

use super::{builder::ContextBuilder, warning::Subject};
use crate::document::proxy_input::Cluster;

/// Decides how a cluster's endpoints are checked, and whether they start slowly.
pub(super) fn apply(cluster: &mut Cluster, subject: &Subject, builder: &mut ContextBuilder<'_>) {
    health_check(cluster, subject, builder);
    slow_start(cluster, subject, builder);
}

fn health_check(cluster: &mut Cluster, subject: &Subject, builder: &mut ContextBuilder<'_>) {
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
