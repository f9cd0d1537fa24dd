//! What it costs to make Envoy's files from a discovery map, as ratios.
//!
//! One yardstick is what cannot be avoided: parsing the map into its types with `serde_json`, and
//! writing as many bytes to files. The other is what Python's `json.loads` needs for the map alone.
//! Run it with `cargo bench -p nightjar-core --features envoy,template`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and may fail as it likes"
)]

use nightjar_core::{
    context::{ProxyConfig, ProxyRole, proxy_input},
    document::{self, discovery_map::DiscoveryMap, proxy_input::Properties},
    template::{TemplateSet, shipped},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    hint::black_box,
    net::Ipv4Addr,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

const ROUNDS: usize = 21;

fn main() {
    println!("map to files, a sidecar with egress to the other namespace; medians of {ROUNDS}");
    println!(
        "services   map MB  files MB  parse ms  write ms  json.loads ms  all ms  \
         all / (parse + write)  all / json.loads"
    );
    for services in [500, 2500] {
        measure(services);
    }
}

fn measure(services: usize) {
    let map = mesh(services).to_string().into_bytes();
    let folder = tempfile::tempdir().unwrap();
    let files = make_files(&map);
    let bytes: usize = files.values().map(String::len).sum();
    let parse = median(|| {
        black_box(serde_json::from_slice::<DiscoveryMap>(&map).unwrap());
    });
    let write = median(|| write_files(folder.path(), &files));
    let all = median(|| write_files(folder.path(), &make_files(&map)));
    let python = python(folder.path(), &map);
    println!(
        "{services:>8} {:>8.1} {:>9.1} {:>9.1} {:>9.1} {:>14.1} {:>7.1} {:>22.2} {:>17.2}",
        megabytes(map.len()),
        megabytes(bytes),
        milliseconds(parse),
        milliseconds(write),
        milliseconds(python),
        milliseconds(all),
        all.as_secs_f64() / (parse + write).as_secs_f64(),
        all.as_secs_f64() / python.as_secs_f64(),
    );
}

/// What a sidecar does with a map, up to the text of its files.
fn make_files(map: &[u8]) -> BTreeMap<String, String> {
    let map: DiscoveryMap = document::read(map).unwrap();
    let proxy = ProxyConfig {
        role: ProxyRole::Service {
            service: "service-1".to_owned(),
            color: "blue".to_owned(),
        },
        namespace: "n0".to_owned(),
        listen_port: 3000,
        listen_address: Ipv4Addr::UNSPECIFIED.into(),
        admin_port: Some(9901),
        admin_address: Ipv4Addr::LOCALHOST.into(),
        status: None,
        config_dir: "/tmp/envoy".to_owned(),
        properties: Properties::new(),
    };
    let context = proxy_input(&map, &proxy).unwrap();
    let templates = TemplateSet::for_proxy(&shipped(), &context.input).unwrap();
    templates.render(&context.input).unwrap()
}

/// What Python needs to parse the map.
fn python(folder: &Path, map: &[u8]) -> Duration {
    const PROGRAM: &str = "\
import json, statistics, sys, time
text, times = open(sys.argv[1]).read(), []
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    json.loads(text)
    times.append(time.perf_counter() - began)
print(statistics.median(times))";
    let file = folder.join("map.json");
    std::fs::write(&file, map).unwrap();
    let mut python = Command::new("python3");
    python
        .args(["-c", PROGRAM])
        .arg(file)
        .arg(ROUNDS.to_string());
    let seconds = String::from_utf8(python.output().unwrap().stdout).unwrap();
    Duration::from_secs_f64(seconds.trim().parse().unwrap())
}

fn write_files(folder: &Path, files: &BTreeMap<String, String>) {
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// Services of two colors with ten instances each, in two namespaces.
fn mesh(services: usize) -> Value {
    let namespaces: Vec<Value> = (0..2)
        .map(|namespace| {
            let service_colors: Vec<Value> = (0..services)
                .flat_map(|service| {
                    ["blue", "green"].map(|color| service_color(namespace, service, color))
                })
                .collect();
            json!({
                "namespace": format!("n{namespace}"), "network-id": format!("n{namespace}"),
                "gateways": {"prefer-gateway": false, "instances": []},
                "service-colors": service_colors,
            })
        })
        .collect();
    json!({"schema-version": "v1", "document-version": "1", "namespaces": namespaces})
}

fn service_color(namespace: usize, service: usize, color: &str) -> Value {
    let instances: Vec<Value> = (0..10)
        .map(|instance| {
            let address = format!("10.{}.{}.{instance}", service / 250, service % 250);
            json!({"ipv4": address, "port": 30000 + instance})
        })
        .collect();
    let egress = json!([{
        "namespace": format!("n{}", 1 - namespace), "interface": {"ipv4": "127.0.0.1", "port": 3001}
    }]);
    json!({
        "service": format!("service-{service}"), "color": color, "index": 3000,
        "protocol": "HTTP1.1", "instances": instances,
        "routes": [{
            "path-match": {"match-type": "prefix", "value": format!("/service-{service}/")},
            "weight": 1, "default-access": true, "namespace-access": [],
        }],
        "namespace-egress": if service == 1 { egress } else { json!([]) },
    })
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        })
        .collect();
    times.sort();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "sizes here are far below 2^52")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
