//! Clusters: who can be sent a request, and where they listen.

use super::{Draft, Subject, groups::Group, mark_ends, properties::merged};
use crate::document::{
    discovery_map::{Host, HostPort, Namespace, Protocol},
    proxy_input::{Cluster, Endpoint, Properties},
};
use std::net::Ipv4Addr;

/// The cluster of every denied route; it has no endpoints.
pub const DENIED_CLUSTER: &str = "nightjar-denied";

/// The cluster of a group.
pub(super) fn of_group(group: &Group<'_>) -> Cluster {
    let mut cluster = build(
        group.cluster_name.clone(),
        group.identity.namespace,
        group.instances.clone(),
    );
    group.identity.service.clone_into(&mut cluster.service);
    group.identity.color.clone_into(&mut cluster.color);
    cluster.uses_http2 = group.protocol == Protocol::Http2;
    cluster.properties = merged(&group.outer, &group.own);
    cluster
}

/// The cluster of another namespace's gateways.
pub(super) fn of_gateways(
    namespace: &Namespace,
    properties: Properties,
    draft: &mut Draft<'_>,
) -> Cluster {
    let name = format!("remote-{}-gateway", namespace.namespace);
    let subject = Subject::namespace(&namespace.namespace);
    let instances = draft.foreign(namespace.gateways.instances.iter(), &subject);
    let mut cluster = build(name, &namespace.namespace, instances);
    cluster.is_gateway = true;
    cluster.uses_http2 = namespace.gateways.protocol == Protocol::Http2;
    cluster.properties = properties;
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
    mark_ends(&mut endpoints);
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
