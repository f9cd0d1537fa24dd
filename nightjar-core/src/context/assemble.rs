//! Assembly of a context from what a builder has gathered.

use super::{
    Context,
    builder::ContextBuilder,
    clusters::{self, DENIED_CLUSTER, UNAVAILABLE_CLUSTER},
    first_last::mark_first_and_last,
    proxy_config::ProxyRole,
    proxy_properties::proxy_part,
};
use crate::document::{
    SchemaVersion,
    discovery_map::Namespace,
    proxy_input::{Properties, ProxyInput},
};
use std::net::IpAddr;

/// Assembles the context of a proxy in namespace `own`.
pub(super) fn assemble(
    builder: ContextBuilder<'_>,
    properties: Properties,
    own: &Namespace,
) -> Context {
    let (proxy, mut listeners, mut clusters) = (builder.proxy, builder.listeners, builder.clusters);
    for name in [DENIED_CLUSTER, UNAVAILABLE_CLUSTER] {
        let mut routes = listeners.iter().flat_map(|listener| &listener.routes);
        if routes.any(|route| {
            route
                .clusters
                .iter()
                .any(|cluster| cluster.cluster_name == name)
        }) {
            clusters.push(clusters::empty(name, &own.namespace));
        }
    }
    clusters.sort_by(|left, right| left.name.cmp(&right.name));
    mark_first_and_last(&mut listeners);
    mark_first_and_last(&mut clusters);
    let (service, color, service_member) = match &proxy.role {
        ProxyRole::Service { service, color } => {
            (service.clone(), color.clone(), format!("{service}-{color}"))
        }
        ProxyRole::Gateway => (String::new(), String::new(), "gateway".to_owned()),
    };
    let is_gateway = proxy.role == ProxyRole::Gateway;
    Context {
        input: ProxyInput {
            schema_version: SchemaVersion::V1,
            network_name: own.network_id.to_string(),
            service_member,
            namespace: own.namespace.to_string(),
            service,
            color,
            is_gateway,
            is_service: !is_gateway,
            has_admin_port: proxy.admin_port.is_some(),
            admin_port: proxy.admin_port.unwrap_or_default(),
            admin_address: proxy.admin_address.to_string(),
            listen_address: proxy.listen_address.to_string(),
            listens_on_both_families: proxy.listen_address == IpAddr::from([0_u16; 8]),
            config_dir: proxy.config_dir.clone(),
            proxy: proxy_part(proxy, &properties),
            properties,
            listeners,
            has_clusters: !clusters.is_empty(),
            clusters,
        },
        warnings: builder.warnings.into_iter().collect(),
    }
}
