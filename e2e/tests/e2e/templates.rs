//! What the shipped templates make of a map, seen by the requests that go through a real Envoy.
//!
//! ```text
//! matching   paths, headers and query parameters, and the order of routes
//! sharing    weights, colors without endpoints, denied routes
//! waiting    timeouts
//! retrying   retries, and how many at once
//! limits     circuit breakers
//! instances  outlier detection, health checks, load balancing
//! checks     health checks by gRPC and TCP, slow start, how outlier detection is set
//! slowness   outlier detection and time-outs
//! rewriting  host and path as the service sees them, and the levels of properties
//! switching_off
//!            what a nearer level switches off
//! headers    headers that are set and removed
//! redirecting, cross_origin, faults, mirroring
//!            what else a property of a route does: redirects, CORS, faults and limits, copies
//! oldest     the same with the oldest Envoy
//! upstreams  HTTP/2, IPv6, DNS names, other namespaces
//! hooks      a few lines of a store over the shipped templates, each as the page shows it
//! listeners  health path, access log, path normalisation, headers that callers may not set
//! ```

use e2e::{
    http::{Answer, Connection},
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Plan, Proxy},
};
use serde_json::{Value, json};

mod checks;
mod cross_origin;
mod faults;
mod headers;
mod hooks;
mod instances;
mod limits;
mod listeners;
mod matching;
mod mirroring;
mod oldest;
mod redirecting;
mod retrying;
mod rewriting;
mod sharing;
mod slowness;
mod sockets;
mod switching_off;
mod upstreams;
mod waiting;

/// A gateway of one namespace with these service-colors.
fn gateway(service_colors: &[Value]) -> Proxy {
    gateway_of(&namespace("n1", service_colors))
}

/// A gateway of this namespace, with one worker thread: each thread balances load on its own.
fn gateway_of(namespace: &Value) -> Proxy {
    let name = namespace["namespace"].as_str().unwrap();
    Plan::gateway(name, &map(std::slice::from_ref(namespace)))
        .env(
            "ENVOY_ARGS",
            "--concurrency 1 --file-flush-interval-msec 50",
        )
        .start()
}

/// The service-color `<name>/blue`.
fn service(name: &str, ports: &[u16], routes: &[Value]) -> Value {
    service_color(name, "blue", ports, routes)
}

/// Anything that has properties, with these.
fn having(object: Value, properties: Value) -> Value {
    with(object, Value::from_iter([("properties", properties)]))
}

/// A route for a prefix that the service itself does not know: it sees `/` in its place.
fn mounted(path: &str, properties: Value) -> Value {
    let properties = with(json!({"prefix-rewrite": "/"}), properties);
    having(prefix(path), properties)
}

/// The status, and who answered: `200 by shop-blue`.
fn seen(answer: &Answer) -> String {
    let by = if answer.by().is_empty() {
        "Envoy"
    } else {
        answer.by()
    };
    format!("{} by {by}", answer.status)
}

/// The same with the body: `503 by Envoy: no healthy upstream`.
fn heard(answer: &Answer) -> String {
    format!("{}: {}", seen(answer), answer.body.trim_end())
}

/// Who answers so many requests for one path, one after another on one connection.
fn in_turn(proxy: &Proxy, path: &str, count: usize) -> Vec<String> {
    let mut connection = Connection::open(proxy.address()).unwrap();
    let mut request = || seen(&connection.request("GET", path, &[]).unwrap());
    (0..count).map(|_| request()).collect()
}

/// A number among Envoy's statistics of the gateway's cluster for `<service>/blue`; 0 if there is
/// none yet.
fn stat(proxy: &Proxy, service: &str, name: &str) -> u64 {
    let name = format!("cluster.c-{service}-blue-1.{name}: ");
    let stats = proxy.admin("/stats").body;
    let mut values = stats.lines().filter_map(|line| line.strip_prefix(&name));
    values.next().map_or(0, |value| value.parse().unwrap())
}
