//! Files for the tests of this module.

use super::{configuration::Configuration, file::Files};
use serde_json::{Value, json};

pub(super) const TYPES: &str = "type.googleapis.com/envoy.config";

pub(super) fn endpoint(address: &str, port: u16) -> Value {
    json!({"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}})
}

/// A cluster with one endpoint on each port.
pub(super) fn cluster(name: &str, ports: &[u16]) -> Value {
    let endpoints: Vec<_> = ports
        .iter()
        .map(|port| endpoint("10.0.0.1", *port))
        .collect();
    json!({
        "@type": format!("{TYPES}.cluster.v3.Cluster"),
        "name": name,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    })
}

/// A cluster that gets its endpoints from a file.
pub(super) fn eds_cluster(name: &str, service: &str) -> Value {
    json!({
        "@type": format!("{TYPES}.cluster.v3.Cluster"),
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {
            "service_name": service,
            "eds_config": {"path_config_source": {"path": format!("/c/eds-{service}.json")}},
        },
    })
}

pub(super) fn endpoints(name: &str, ports: &[u16]) -> Value {
    let endpoints: Vec<_> = ports
        .iter()
        .map(|port| endpoint("10.0.0.1", *port))
        .collect();
    json!({
        "@type": format!("{TYPES}.endpoint.v3.ClusterLoadAssignment"),
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": endpoints}],
    })
}

/// What a TLS context says to get a secret from a file.
pub(super) fn sds(name: &str, path: &str) -> Value {
    json!({"name": name, "sds_config": {"path_config_source": {"path": path}}})
}

pub(super) fn secret(name: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": name,
        "tls_certificate": {
            "certificate_chain": {"filename": "/c/cert.pem"},
            "private_key": {"filename": "/nowhere/key.pem"},
        },
    })
}

pub(super) fn listener(name: &str, port: u16) -> Value {
    let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3";
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    json!({
        "@type": format!("{TYPES}.listener.v3.Listener"),
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{
            "name": "http",
            "typed_config": {
                "@type": format!("{manager}.HttpConnectionManager"),
                "stat_prefix": name,
                "http_filters": [{"name": "router", "typed_config": {"@type": router}}],
                "rds": {
                    "route_config_name": format!("routes-{port}"),
                    "config_source": {
                        "path_config_source": {"path": format!("/c/rds-{port}.json")},
                    },
                },
            },
        }]}],
    })
}

pub(super) fn routes(name: &str, cluster: &str) -> Value {
    json!({
        "@type": format!("{TYPES}.route.v3.RouteConfiguration"),
        "name": name,
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": cluster}},
        ]}],
    })
}

/// A subscription file.
pub(super) fn file(resources: impl Into<Value>) -> String {
    let file = json!({"version_info": "1", "resources": resources.into()});
    serde_json::to_string_pretty(&file).unwrap()
}

pub(super) const BOOTSTRAP: &str = "
dynamic_resources:
  cds_config: {resource_api_version: V3, path_config_source: {path: /c/cds.json}}
  lds_config: {resource_api_version: V3, path_config_source: {path: /c/lds.json}}
";

/// A bootstrap, these clusters, and one listener whose routes lead to the first.
pub(super) fn files(clusters: &[Value]) -> Files {
    let first = clusters
        .first()
        .and_then(|cluster| cluster["name"].as_str());
    Files::from([
        ("envoy.yaml".to_owned(), BOOTSTRAP.to_owned()),
        ("cds.json".to_owned(), file(clusters)),
        ("lds.json".to_owned(), file([listener("in", 8080)])),
        (
            "rds-8080.json".to_owned(),
            file([routes("routes-8080", first.unwrap_or("none"))]),
        ),
    ])
}

pub(super) fn read(files: Files) -> Configuration {
    Configuration::read(files, "envoy.yaml", "/c", None).unwrap()
}
