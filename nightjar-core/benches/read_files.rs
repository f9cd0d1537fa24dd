//! What it costs to know what rendered files are to Envoy, and what changed in them.
//!
//! The yardstick is what cannot be avoided: `serde_json` parsing the same clusters, into nothing
//! that is kept and into trees. Run it with `cargo bench -p nightjar-core --bench read_files`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and may fail as it likes"
)]

use nightjar_core::envoy::{
    Configuration, Files, changes, holds_all_clusters, static_bootstrap, union_of_clusters,
};
use serde::de::IgnoredAny;
use serde_json::Value;
use std::{fs, hint::black_box, sync::Arc, time::Instant};

const ROUNDS: usize = 11;

/// How many configurations are held at once to see how much memory one takes.
const HELD: usize = 20;

fn main() {
    println!("clusters of 10 endpoints; medians of {ROUNDS}, in ms");
    for clusters in [200, 2000] {
        measure(clusters);
    }
}

fn measure(clusters: usize) {
    let files = files(clusters, 0);
    let text = files.get("cds.json").unwrap().clone();
    let read = |files: &Files, before| {
        Configuration::read(files.clone(), "envoy.json", "/c", before).unwrap()
    };
    let before = resident();
    let many: Vec<_> = (0..HELD).map(|_| read(&files, None)).collect();
    let held = resident().saturating_sub(before) / HELD;
    drop(many);
    let old = read(&files, None);
    let new = read(&self::files(clusters, 1), Some(&old));
    println!(
        "{clusters} clusters: {} KB of text, {held} KB of memory",
        text.len() / 1024
    );
    let old_clusters = [Arc::clone(old.get("cds.json").unwrap())];
    let new_clusters = [Arc::clone(new.get("cds.json").unwrap())];
    let [first] = &new_clusters;
    report("skip", || {
        black_box(serde_json::from_str::<IgnoredAny>(&text).unwrap());
    });
    report("tree", || {
        drop(serde_json::from_str::<Value>(&text).unwrap());
    });
    report("read", || drop(read(&files, None)));
    report("read what is the same", || drop(read(&files, Some(&old))));
    report("only endpoints?", || {
        assert!(black_box(new.differs_only_in_endpoints(&old)));
    });
    report("changes", || drop(changes(Some(&old), &new)));
    report("union", || drop(union_of_clusters(&old_clusters, first)));
    report("covers", || {
        black_box(holds_all_clusters(&old_clusters, &new_clusters));
    });
    report("fixed bootstrap", || {
        drop(static_bootstrap(&new, "/c", "/s"));
    });
}

fn report(what: &str, mut run: impl FnMut()) {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            run();
            began.elapsed()
        })
        .collect();
    times.sort();
    let median = times.get(ROUNDS / 2).unwrap().as_secs_f64();
    println!("  {what:<24} {:>8.2}", median * 1000.0);
}

/// The resident memory of this process in KB.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn files(clusters: usize, salt: usize) -> Files {
    let bootstrap = r#"{"dynamic_resources": {
        "cds_config": {"path_config_source": {"path": "/c/cds.json"}}
    }}"#;
    let clusters: Vec<_> = (0..clusters).map(|index| cluster(index, salt)).collect();
    let clusters = clusters.join(",");
    let clusters = format!(r#"{{"version_info": "1", "resources": [{clusters}]}}"#);
    Files::from([
        ("envoy.json".to_owned(), bootstrap.to_owned()),
        ("cds.json".to_owned(), clusters),
    ])
}

/// As text, since freed trees would be in the way of measuring memory.
fn cluster(index: usize, salt: usize) -> String {
    let endpoints: Vec<_> = (0..10)
        .map(|number| {
            format!(
                r#"{{"endpoint": {{"address": {{"socket_address": {{
                   "address": "10.{salt}.{}.{}", "port_value": {} }}}}}}}}"#,
                index / 250,
                index % 250,
                3000 + number
            )
        })
        .collect();
    let endpoints = endpoints.join(",");
    format!(
        r#"{{
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": "c-service-{index}-blue",
        "type": "STATIC",
        "connect_timeout": "2s",
        "circuit_breakers": {{"thresholds": [{{"max_connections": "1024"}}]}},
        "load_assignment": {{
          "cluster_name": "c-service-{index}-blue",
          "endpoints": [{{"lb_endpoints": [{endpoints}]}}]
        }}
        }}"#
    )
}
