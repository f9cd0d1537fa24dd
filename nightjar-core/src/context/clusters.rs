//! Clusters that a proxy sends requests to, and their endpoints.

use super::{
    builder::ContextBuilder,
    cluster_checks::{self, SaidProperties},
    first_last::mark_first_and_last,
    property_levels::{in_effect, merged},
    upstreams::Upstream,
    warning::Subject,
};
use crate::document::{
    discovery_map::{Host, HostPort, Namespace, Protocol},
    proxy_input::{Cluster, Endpoint, Properties, WeightedCluster},
};
use std::net::Ipv4Addr;

/// What the names of Nightjar's own clusters and listeners begin with, and those of no service.
pub const OWN_NAMES: &str = "nightjar-";

/// The cluster of every denied route; it has no endpoints.
pub const DENIED_CLUSTER: &str = "nightjar-denied";

/// The cluster of every route that nobody is left to answer; it has no endpoints.
pub const UNAVAILABLE_CLUSTER: &str = "nightjar-unavailable";

/// The cluster of an upstream.
pub(super) fn of_upstream(upstream: &Upstream<'_>, builder: &mut ContextBuilder<'_>) -> Cluster {
    let mut cluster = build(
        upstream.cluster_name.clone(),
        upstream.identity.namespace,
        upstream.instances.clone(),
    );
    upstream.identity.service.clone_into(&mut cluster.service);
    upstream.identity.color.clone_into(&mut cluster.color);
    cluster.uses_http2 = upstream.protocol == Protocol::Http2;
    cluster.properties = in_effect(merged(&upstream.outer, &upstream.own));
    let said = SaidProperties {
        own: &upstream.own,
        outer: &upstream.outer,
    };
    cluster_checks::apply(&mut cluster, said, &upstream.subject(), builder);
    cluster
}

/// The cluster of another namespace's gateways.
pub(super) fn of_gateways(
    namespace: &Namespace,
    properties: Properties,
    builder: &mut ContextBuilder<'_>,
) -> Cluster {
    let name = format!("remote-{}-gateway", namespace.namespace);
    let subject = Subject::namespace(&namespace.namespace);
    let instances = builder.without_own_instances(namespace.gateways.instances.iter(), &subject);
    let mut cluster = build(name, &namespace.namespace, instances);
    cluster.is_gateway = true;
    cluster.uses_http2 = namespace.gateways.protocol == Protocol::Http2;
    cluster.properties = properties;
    let none = Properties::new();
    let said = SaidProperties {
        own: &none,
        outer: &none,
    };
    cluster_checks::apply(&mut cluster, said, &subject, builder);
    cluster
}

/// A cluster without endpoints.
pub(super) fn empty(name: &str, namespace: &str) -> Cluster {
    build(name.to_owned(), namespace, Vec::new())
}

fn build(name: String, namespace: &str, mut instances: Vec<&HostPort>) -> Cluster {
    instances.sort_unstable();
    instances.dedup();
    // A cluster without endpoints counts as one of addresses, so that nothing is looked up.
    let is_ipv4 = instances
        .iter()
        .all(|instance| matches!(instance.host, Host::Ipv4(_)));
    let is_ipv6 = !is_ipv4
        && instances
            .iter()
            .all(|instance| matches!(instance.host, Host::Ipv6(_)));
    let mut endpoints: Vec<Endpoint> = instances.into_iter().map(endpoint).collect();
    mark_first_and_last(&mut endpoints);
    Cluster {
        name,
        namespace: namespace.to_owned(),
        service: String::new(),
        color: String::new(),
        is_gateway: false,
        uses_http2: false,
        hosts_are_ipv4: is_ipv4,
        hosts_are_ipv6: is_ipv6,
        hosts_are_hostname: !is_ipv4 && !is_ipv6,
        has_endpoints: !endpoints.is_empty(),
        endpoints,
        has_health_check: false,
        is_checked_by_http: false,
        is_checked_by_grpc: false,
        is_checked_by_tcp: false,
        has_slow_start: false,
        uses_least_request: false,
        properties: Properties::new(),
        is_first: false,
        is_last: false,
    }
}

/// What `to_string` gives, without its machinery: a large mesh has some ten thousand addresses.
fn ipv4_text(address: Ipv4Addr) -> String {
    let mut text = String::with_capacity("255.255.255.255".len());
    for (position, octet) in address.octets().into_iter().enumerate() {
        if position > 0 {
            text.push('.');
        }
        if octet >= 100 {
            text.push(char::from(b'0' + octet / 100));
        }
        if octet >= 10 {
            text.push(char::from(b'0' + octet / 10 % 10));
        }
        text.push(char::from(b'0' + octet % 10));
    }
    text
}

fn endpoint(instance: &HostPort) -> Endpoint {
    let host = match &instance.host {
        Host::Ipv4(address) => ipv4_text(*address),
        Host::Ipv6(address) => address.to_string(),
        Host::Name(name) => name.to_string(),
    };
    Endpoint {
        host,
        port: instance.port.get(),
        is_first: false,
        is_last: false,
    }
}

/// A cluster of a route, with its weight.
pub(super) fn weighted(
    cluster_name: String,
    route_weight: u64,
    properties: Properties,
) -> WeightedCluster {
    WeightedCluster {
        cluster_name,
        route_weight,
        properties,
        is_first: false,
        is_last: false,
    }
}

#[cfg(test)]
mod tests {
    use super::ipv4_text;
    use std::net::Ipv4Addr;

    #[test]
    fn an_address_is_written_as_everywhere() {
        for octet in 0..=255 {
            let address = Ipv4Addr::from([octet, 255 - octet, octet / 2, octet / 20]);
            assert_eq!(ipv4_text(address), address.to_string());
        }
    }
}
