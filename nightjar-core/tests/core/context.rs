//! The discovery map as one proxy sees it.

mod checks;
mod conditions;
mod denied;
mod hop;
mod laws;
mod members;
mod mirrors;
mod order;
mod proxy;
mod route_settings;
mod route_warnings;
mod routing;
mod switched_off;
mod telemetry;
mod views;

use nightjar_core::{
    context::{ContextWarning, ProxyConfig, ProxyRole, proxy_input},
    document::{
        discovery_map::DiscoveryMap,
        proxy_input::{Properties, Route},
    },
};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use test_kit::maps;

fn proxy_config(role: ProxyRole) -> ProxyConfig {
    ProxyConfig {
        role,
        namespace: "n1".to_owned(),
        listen_port: 3000,
        listen_address: Ipv4Addr::UNSPECIFIED.into(),
        admin_port: Some(9901),
        admin_address: Ipv4Addr::LOCALHOST.into(),
        status: None,
        config_dir: "/tmp/envoy".to_owned(),
        properties: Properties::new(),
    }
}

fn sidecar(service: &str, color: &str) -> ProxyConfig {
    proxy_config(ProxyRole::Service {
        service: service.to_owned(),
        color: color.to_owned(),
    })
}

fn gateway() -> ProxyConfig {
    proxy_config(ProxyRole::Gateway)
}

/// A map of the given namespaces.
fn map(namespaces: &[Value]) -> DiscoveryMap {
    serde_json::from_value(maps::map(namespaces)).unwrap()
}

/// A namespace with the given service-colors and no gateways.
fn namespace(name: &str, service_colors: &[Value]) -> Value {
    let network = json!({ "network-id": format!("net-{name}") });
    with(maps::namespace(name, service_colors), &network)
}

/// A service-color with one instance, or with what `extra` says instead.
fn service_color(service: &str, color: &str, routes: &[Value], extra: &Value) -> Value {
    let ours = json!({
        "index": 3000, "instances": [{ "ipv4": "10.0.0.1", "port": 3000 }],
    });
    with(
        with(maps::service_color(service, color, &[], routes), &ours),
        extra,
    )
}

/// A public route for a path prefix, or what `extra` says instead.
fn route(path: &str, extra: &Value) -> Value {
    with(maps::prefix(path), extra)
}

/// A private route.
fn private(path: &str, extra: &Value) -> Value {
    with(route(path, &json!({ "default-access": false })), extra)
}

fn with(object: Value, extra: &Value) -> Value {
    maps::with(object, extra.clone())
}

/// The whole context with its warnings.
fn context(map: &DiscoveryMap, proxy: &ProxyConfig) -> Value {
    let context = proxy_input(map, proxy).unwrap();
    json!({ "input": context.input, "warnings": lines(&context.warnings) })
}

/// Warnings as a log shows them.
fn lines(warnings: &[ContextWarning]) -> Vec<String> {
    warnings.iter().map(ToString::to_string).collect()
}

/// The routes of the gateway of `n1`.
fn gateway_routes(map: &DiscoveryMap) -> Vec<Route> {
    let input = proxy_input(map, &gateway()).unwrap().input;
    input
        .listeners
        .into_iter()
        .flat_map(|listener| listener.routes)
        .collect()
}

/// What the contexts of some viewers warn of.
fn warnings(map: &DiscoveryMap, proxy: &ProxyConfig) -> Vec<String> {
    lines(&proxy_input(map, proxy).unwrap().warnings)
}
