//! What people got wrong in the field, or were misled by: each kind once, seen from outside.
//!
//! ```text
//! access      private routes: paths, path parameters, header lists, methods
//! hosts       conditions on the host, private and public
//! gateways    another namespace through its preferred gateway
//! paths       escapes and letters beyond ASCII, in every spelling
//! weights     weight 0, and the same route twice
//! properties  members that differ, rewrites, what keeps connections and endpoints
//! hashing     one user to one instance
//! roots       properties of the whole proxy
//! callers     HTTP/1.0, and both families of addresses
//! own_ports   endpoints and egress ports that are the proxy's own
//! regex       regular expressions that Envoy refuses
//! validate    `nightjar validate`: its answers and exit codes
//! findings    every kind of finding in a map
//! slips       a typing error in every name
//! declared    routes in tags and attributes
//! rewrites    their rewrites
//! settings    variables near a known one
//! ```

mod access;
mod callers;
mod declared;
mod findings;
mod gateways;
mod hashing;
mod hosts;
mod http2;
mod own_ports;
mod paths;
mod properties;
mod regex;
mod rewrites;
mod roots;
mod settings;
mod slips;
mod validate;
mod weights;

use e2e::{
    http::{self, Answer},
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Plan, Proxy},
    ports, program,
};
use serde_json::{Value, json};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    process::Command,
};
use tempfile::TempDir;

/// The gateway of `n1`, for `nightjar context` and `nightjar render`.
const GATEWAY: [&str; 4] = ["--mode", "gateway", "--namespace", "n1"];

/// `me/blue` in `n2`, which calls `n1` through its egress port.
const CALLER: [&str; 6] = ["--namespace", "n2", "--service", "me", "--color", "blue"];

/// `nightjar`, and a map for it.
struct Tool(TempDir);

/// How a run of `nightjar` ended.
#[derive(Debug)]
struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Tool {
    fn with(map: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("map.json"), map.to_string()).unwrap();
        Self(folder)
    }

    /// Runs it beside the file `map.json`.
    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(program("nightjar"));
        let output = command.args(arguments).current_dir(self.0.path());
        let output = output.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Outcome {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// What `nightjar validate --format json` says of the map.
    fn report(&self) -> Value {
        let outcome = self.run(&["validate", "--format", "json", "map.json"]);
        let reports: Value = serde_json::from_str(&outcome.stdout)
            .unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
        reports[0].clone()
    }

    fn run_for(&self, command: &str, viewer: &[&str], more: &[&str]) -> Outcome {
        let map = ["--discovery-map", "map.json"];
        let ports = ["--listen-port", "3000", "--admin-port", "9901"];
        let outcome = self.run(&[&[command], &map[..], &ports, viewer, more].concat());
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome
    }

    /// A proxy's context, and what was said about it.
    fn context(&self, viewer: &[&str]) -> (Value, String) {
        let outcome = self.run_for("context", viewer, &[]);
        (
            serde_json::from_str(&outcome.stdout).unwrap(),
            outcome.stderr,
        )
    }

    /// A file that a proxy would read.
    fn rendered(&self, viewer: &[&str], file: &str) -> Value {
        self.run_for("render", viewer, &["--out", "out"]);
        let text = fs::read_to_string(self.0.path().join("out").join(file)).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

/// Whether one line of a text holds all of these words.
fn says(text: &str, words: &[&str]) -> bool {
    let holds = |line: &str| words.iter().all(|word| line.contains(word));
    text.lines().any(holds)
}

/// How many lines of a proxy's log are warnings that hold all of these words.
fn warnings(proxy: &Proxy, words: &[&str]) -> usize {
    let lines = proxy.logged("WARN").into_iter();
    lines.filter(|line| says(line, words)).count()
}

/// Whether a list of findings (`faults` or `warnings` of a report) has one about what is at `at`,
/// or about a member of it, that holds all of these words.
fn finds(findings: &Value, at: &str, words: &[&str]) -> bool {
    let Some(findings) = findings.as_array() else {
        return false;
    };
    findings.iter().any(|finding| {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let (pointer, message) = (text("pointer"), text("message"));
        let rest = pointer.strip_prefix(at);
        let is_there = rest
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest.starts_with(" ("));
        is_there && words.iter().all(|word| message.contains(word))
    })
}

/// Every value of a member of this name, at any depth.
fn all_of<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(|item| all_of(item, name)).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| {
                let own = (key == name).then_some(value);
                own.into_iter().chain(all_of(value, name))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A gateway of `n1` with these service-colors, with one worker thread: each thread balances load
/// on its own.
fn gateway(service_colors: &[Value]) -> Proxy {
    gateway_plan(service_colors).start()
}

fn gateway_plan(service_colors: &[Value]) -> Plan {
    Plan::gateway("n1", &map(&[namespace("n1", service_colors)])).env(
        "ENVOY_ARGS",
        "--concurrency 1 --file-flush-interval-msec 50",
    )
}

/// The service-color `<name>/blue`.
fn service(name: &str, ports: &[u16], routes: &[Value]) -> Value {
    service_color(name, "blue", ports, routes)
}

/// The service-color whose sidecar is asked, with its port for `n1`.
fn me(egress: u16) -> Value {
    let interface = json!({"ipv4": "127.0.0.1", "port": egress});
    with(
        service("me", &[], &[]),
        json!({"namespace-egress": [{"namespace": "n1", "interface": interface}]}),
    )
}

/// The ways into `n1` from outside: its gateway, and `n2`'s egress port.
struct Outside {
    gateway: Proxy,
    _caller: Proxy,
    egress: u16,
}

impl Outside {
    fn of(n1: &Value) -> Self {
        let egress = ports::free();
        let map = map(&[n1.clone(), namespace("n2", &[me(egress)])]);
        Self {
            gateway: Plan::gateway("n1", &map).start(),
            _caller: Plan::sidecar("n2", "me", "blue", &map).start(),
            egress,
        }
    }

    fn ways(&self) -> [(&'static str, SocketAddr); 2] {
        [
            ("gateway", self.gateway.address()),
            ("egress", loopback(self.egress)),
        ]
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    http::get(address, path, headers).unwrap_or_else(|error| panic!("GET {path}: {error}"))
}

/// Who answered: `shop-blue`, or Envoy with its status, such as `404`.
fn by(answer: &Answer) -> String {
    match answer.by() {
        "" => answer.status.to_string(),
        name => name.to_owned(),
    }
}

/// Anything that has properties, with these.
fn having(object: Value, properties: Value) -> Value {
    with(object, Value::from_iter([("properties", properties)]))
}

fn private(route: Value) -> Value {
    with(route, json!({"default-access": false}))
}

fn weighing(route: Value, weight: u32) -> Value {
    with(route, json!({"weight": weight}))
}

fn exact(path: &str) -> Value {
    matching("exact", path)
}

fn matching(match_type: &str, path: &str) -> Value {
    with(
        prefix(""),
        json!({"path-match": {"match-type": match_type, "value": path}}),
    )
}

/// A route with one condition on a header.
fn if_header(route: Value, name: &str, match_type: &str, value: &str) -> Value {
    let header = json!({"header-name": name, "match-type": match_type, "value": value});
    with(route, json!({"headers": [header]}))
}
