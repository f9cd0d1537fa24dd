//! An admin interface that is late: a rollout waits for its time-out, and nothing less.

use super::{Paused, load, none_lost, only_envoy, text};
use e2e::{
    eventually,
    maps::{prefix, service_color, shop, with_nowhere},
    mesh::{Backend, Plan},
    templates::Templates,
};
use serde_json::Value;
use std::{net::UdpSocket, os::unix::fs::MetadataExt as _, thread, time::Duration};

/// Longer than anything was once waited for, and shorter than what makes Envoy count as hung.
const LATE: Duration = Duration::from_secs(6);

/// So many clusters that Envoy has some work with them.
const MANY: u16 = 300;

#[test]
fn an_answer_within_the_time_out_is_in_time() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let templates = Templates::without_dns(&silent, 1);
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("ENVOY_UPDATE_TIMEOUT", 30)
        .start();
    proxy.set_map(&with_nowhere(shop("green", green.port)));
    eventually("the first phase", || {
        text(&proxy, "cds.json")?
            .contains("c-nowhere-blue-1")
            .then_some(())
    });
    let paused = Paused::new(only_envoy(&proxy));
    thread::sleep(LATE);
    drop(paused);
    proxy.wait_for_answer("/who", "shop-green");
    proxy.wait_told(200, "ready\n");
    assert_eq!(
        proxy.count("nightjar_refreshes_total{result=\"failed\"}"),
        Some(0)
    );
    assert_eq!(proxy.logged("ERROR"), [""; 0]);
}

/// The map with many more clusters.
fn large(mut map: Value, port: u16) -> Value {
    let list = map.pointer_mut("/namespaces/0/service-colors").unwrap();
    for number in 0..MANY {
        let name = format!("more-{number}");
        let route = prefix(&format!("/{name}/"));
        list.as_array_mut()
            .unwrap()
            .push(service_color(&name, "blue", &[port], &[route]));
    }
    map
}

#[test]
fn what_is_put_back_after_the_last_phase_loses_no_request() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let map = |color: &str, port: u16| large(shop(color, port), port);
    let proxy = Plan::gateway("n1", &map("blue", blue.port))
        .env("NJ_VALIDATE", "false")
        .env("ENVOY_UPDATE_TIMEOUT", 1)
        .start();
    let load = load(&proxy);
    let envoy = only_envoy(&proxy);
    let clusters = proxy.config_dir().join("cds.json");
    let file = || std::fs::metadata(&clusters).map(|file| file.ino()).unwrap();
    let mut last = file();
    proxy.set_map(&map("green", green.port));
    // Once for the clusters of both colors, and once for those of the new one alone.
    for _ in 0..2 {
        while file() == last {
            thread::yield_now();
        }
        last = file();
    }
    // It has the last file before it, and nobody hears what it makes of it.
    let paused = Paused::new(envoy);
    thread::sleep(LATE);
    drop(paused);
    eventually("all is in force", || {
        (proxy.count("nightjar_rollout_seconds_count") == Some(2)).then_some(())
    });
    proxy.wait_for_answer("/who", "shop-green");
    proxy.wait_told(200, "ready\n");
    none_lost(load);
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}
