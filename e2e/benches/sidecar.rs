//! What a running sidecar costs, and how soon Envoy answers by a changed map.
//!
//! Run it with `make bench`, which builds the programs as they are shipped.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and may fail as it likes"
)]

use e2e::{
    http,
    maps::{large, map, namespace, prefix, service_color},
    mesh::{Backend, Plan, Proxy},
};
use serde_json::Value;
use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// How many map changes are timed.
const CHANGES: usize = 50;
/// How many unchanged refreshes are paid for together.
const REFRESHES: f64 = 300.0;
/// How often a program that does nothing is started for comparison.
const YARDSTICK: u32 = 300;

fn main() {
    unchanged_refresh();
    changed_map();
    memory_of_a_large_mesh();
}

/// CPU time of unchanged refreshes with the local store for map and templates, and memory.
fn unchanged_refresh() {
    let routes: Vec<Value> = (0..10)
        .map(|number| {
            let path = format!("/service-{number}/");
            service_color(
                &format!("service-{number}"),
                "blue",
                &[4000 + number],
                &[prefix(&path)],
            )
        })
        .collect();
    let store = e2e::program("ext-store-local");
    let templates = tempfile::tempdir().unwrap();
    let file = templates.path().join("templates.json");
    fs::write(
        &file,
        serde_json::to_string(&nightjar_core::template::shipped()).unwrap(),
    )
    .unwrap();
    let mut proxy = Plan::gateway("n1", &map(&[namespace("n1", &routes)]))
        .env("REFRESH_TIME", "0.02")
        .env("DATA_STORE_EXEC", store.display())
        .env("NJ_DSLOCAL_FILE_TEMPLATES", file.display())
        .start();
    let refreshes = |proxy: &Proxy| proxy.metric("nightjar_refreshes_total{result=\"unchanged\"}");
    let (count, cpu) = (refreshes(&proxy), cpu_seconds(proxy.process().id()));
    while refreshes(&proxy) < count + REFRESHES {
        thread::sleep(Duration::from_secs(1));
    }
    let paid = cpu_seconds(proxy.process().id()) - cpu;
    let done = refreshes(&proxy) - count;
    println!(
        "unchanged refresh, map and templates from the local store: {:.2} ms of CPU, both \
         extension processes included ({done} refreshes)",
        paid / done * 1e3
    );
    let before = cpu_seconds(std::process::id());
    for _ in 0..YARDSTICK {
        Command::new("true").status().unwrap();
    }
    let yardstick = (cpu_seconds(std::process::id()) - before) / f64::from(YARDSTICK);
    println!(
        "for comparison, starting `true` twice: {:.2} ms of CPU",
        2.0 * yardstick * 1e3
    );
    memory(&mut proxy, "with 10 services");
}

/// What the program takes and has taken.
fn memory(proxy: &mut Proxy, when: &str) {
    let memory = fs::read_to_string(format!("/proc/{}/status", proxy.process().id())).unwrap();
    for field in ["VmRSS", "VmHWM"] {
        let line = memory.lines().find(|line| line.starts_with(field)).unwrap();
        println!("resident memory of nightjar-standalone {when}: {line}");
    }
}

/// What 20,000 instances take, after more and more rollouts.
fn memory_of_a_large_mesh() {
    let backends = ["one", "two", "three", "four"].map(|color| Backend::start("shop", color));
    let mut proxy = Plan::gateway("n1", &large(backends[0].port))
        .env("ENVOY_UPDATE_TIMEOUT", 60)
        .start();
    for (rollouts, (backend, color)) in backends
        .iter()
        .zip(["one", "two", "three", "four"])
        .enumerate()
    {
        proxy.set_map(&large(backend.port));
        proxy.wait_for_answer("/who", &format!("shop-{color}"));
        memory(
            &mut proxy,
            &format!("with 20,000 instances, after {rollouts} rollouts"),
        );
    }
}

/// The CPU time of a process and its children.
fn cpu_seconds(id: u32) -> f64 {
    let cpu = e2e::process::cpu_seconds(id);
    cpu.own + cpu.children
}

/// The time from renaming a new map into place until Envoy answers by it.
fn changed_map() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let of = |color: &str, port| {
        map(&[namespace(
            "n1",
            &[service_color("shop", color, &[port], &[prefix("/who")])],
        )])
    };
    for validate in [true, false] {
        let proxy = Plan::gateway("n1", &of("blue", blue.port))
            .env("REFRESH_TIME", "0.02")
            .env("NJ_VALIDATE", validate)
            .start();
        let mut times: Vec<Duration> = (0..CHANGES)
            .map(|change| {
                let (color, port) = if change % 2 == 0 {
                    ("green", green.port)
                } else {
                    ("blue", blue.port)
                };
                let by = format!("shop-{color}");
                let began = Instant::now();
                proxy.set_map(&of(color, port));
                while http::get(proxy.address(), "/who", &[]).unwrap().by() != by {
                    assert!(began.elapsed() < e2e::WAIT_TIMEOUT);
                    thread::sleep(Duration::from_millis(1));
                }
                began.elapsed()
            })
            .collect();
        times.sort();
        println!(
            "from saving the map to Envoy answering by it, {CHANGES} changes, REFRESH_TIME=0.02, \
             NJ_VALIDATE={validate}: median {:.0} ms, worst {:.0} ms",
            times[CHANGES / 2].as_secs_f64() * 1e3,
            times[CHANGES - 1].as_secs_f64() * 1e3
        );
    }
}
