//! What a proxy tells of requests and of itself: statistics, spans, access logs.
//!
//! ```text
//! dashboards  what is shown of all this
//! stats_port  Envoy's statistics on a port of their own, and as datagrams
//! traces      one trace over gateway, sidecar and service, for each kind of collector
//! logs        the access log as JSON, in one's own format, and switched off
//! ```

mod dashboards;
mod logs;
mod stats_port;
mod traces;

use e2e::{
    eventually,
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Plan, Proxy},
};
use serde_json::{Value, json};

/// A service-color `<name>/blue`, of which `/<name>/secret/` is private.
fn service(name: &str, port: u16) -> Value {
    let rewritten = |path: String, members: Value| {
        let properties = json!({"properties": {"prefix-rewrite": "/"}});
        with(with(prefix(&path), properties), members)
    };
    let routes = [
        rewritten(format!("/{name}/"), json!({})),
        rewritten(format!("/{name}/secret/"), json!({"default-access": false})),
    ];
    service_color(name, "blue", &[port], &routes)
}

/// A namespace `n1` of these services, with these properties.
fn mesh(services: &[Value], properties: &Value) -> Value {
    let properties = json!({ "properties": properties });
    map(&[with(namespace("n1", services), properties)])
}

/// With one worker thread, so that what is counted or sent in batches is so at once, and a log that
/// is written at once.
fn plan(plan: Plan) -> Plan {
    plan.env(
        "ENVOY_ARGS",
        "--concurrency 1 --file-flush-interval-msec 50",
    )
}

fn gateway(map: &Value) -> Plan {
    plan(Plan::gateway("n1", map))
}

/// The line of a JSON access log of the request with this id.
fn json_line(proxy: &Proxy, id: &str) -> Value {
    eventually("the access log", || {
        let log = proxy.log();
        let mut lines = log
            .lines()
            .filter_map(|line| line.find('{').and_then(|at| line.get(at..)))
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["request_id"] == id)
    })
}

/// Waits until `/ready` has this status and this in its text.
fn wait_says(proxy: &Proxy, status: u16, part: &str) {
    eventually(&format!("{status} with {part:?} in /ready"), || {
        let ready = proxy.ready();
        ready.filter(|(code, text)| *code == status && text.contains(part))
    });
}
