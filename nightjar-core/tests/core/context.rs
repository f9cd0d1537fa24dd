//! The discovery map as one proxy sees it.

mod denied;
mod laws;
mod order;
mod views;

use nightjar_core::{
    context::{Role, Viewer, proxy_input},
    document::discovery_map::DiscoveryMap,
};
use serde_json::{Value, json};

fn viewer(role: Role) -> Viewer {
    Viewer {
        role,
        namespace: "n1".to_owned(),
        listen_port: 3000,
        listen_address: "0.0.0.0".to_owned(),
        admin_port: Some(9901),
        admin_address: "127.0.0.1".to_owned(),
        config_dir: "/tmp/envoy".to_owned(),
    }
}

fn sidecar(service: &str, color: &str) -> Viewer {
    viewer(Role::Service {
        service: service.to_owned(),
        color: color.to_owned(),
    })
}

fn gateway() -> Viewer {
    viewer(Role::Gateway)
}

/// A map of the given namespaces.
fn map(namespaces: &[Value]) -> DiscoveryMap {
    let document = json!({
        "schema-version": "v1", "document-version": "1", "namespaces": namespaces
    });
    serde_json::from_value(document).unwrap()
}

/// A namespace with the given service-colors and no gateways.
fn namespace(name: &str, service_colors: &[Value]) -> Value {
    json!({
        "namespace": name,
        "network-id": format!("net-{name}"),
        "gateways": { "instances": [] },
        "service-colors": service_colors,
    })
}

/// A service-color with one instance, or with what `extra` says instead.
fn service_color(service: &str, color: &str, routes: &[Value], extra: &Value) -> Value {
    with(
        json!({
            "service": service,
            "color": color,
            "index": 3000,
            "instances": [{ "ipv4": "10.0.0.1", "port": 3000 }],
            "routes": routes,
            "namespace-egress": [],
        }),
        extra,
    )
}

/// A public route for a path prefix, or what `extra` says instead.
fn route(path: &str, extra: &Value) -> Value {
    with(
        json!({
            "path-match": { "match-type": "prefix", "value": path },
            "weight": 1,
            "default-access": true,
            "namespace-access": [],
        }),
        extra,
    )
}

/// A private route.
fn private(path: &str, extra: &Value) -> Value {
    with(route(path, &json!({ "default-access": false })), extra)
}

fn with(mut object: Value, extra: &Value) -> Value {
    for (name, value) in extra.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

/// The whole context with its warnings.
fn context(map: &DiscoveryMap, viewer: &Viewer) -> Value {
    let context = proxy_input(map, viewer).unwrap();
    json!({ "input": context.input, "warnings": context.warnings })
}
