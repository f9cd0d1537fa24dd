//! More files to watch than the kernel lets a user watch: it is counted before, and Envoy lives.

use super::{Mesh, load, none_lost, wait_answers, wait_told_of};
use e2e::{
    mesh::{Plan, Proxy},
    ports,
};
use serde_json::Value;

/// What a sidecar with one egress port needs: clusters, listeners, and the routes of two.
const ENOUGH_FOR_ONE: u32 = 4;

/// Starts it as a user who may have so many inotify instances. No other process of that user has
/// any, whatever the machine's own limit is.
pub(super) fn launch_with(proxy: &mut Proxy, instances: u32) {
    proxy.launch_by(&format!(
        "exec unshare --user --map-root-user sh -c 'echo {instances} \
         >/proc/sys/user/max_inotify_instances && exec \"$0\"' \"$0\""
    ));
}

/// A sidecar's map with these egress ports, each for a namespace of its own.
fn wide(mesh: &Mesh, color: &str, ports: &[u16]) -> Value {
    let names: Vec<String> = (0..ports.len())
        .map(|number| format!("ns-{number}"))
        .collect();
    let pairs: Vec<(&str, u16)> = names
        .iter()
        .map(String::as_str)
        .zip(ports.iter().copied())
        .collect();
    let mut map = mesh.map(color, &pairs);
    let bank = map["namespaces"][1].clone();
    let list = map["namespaces"].as_array_mut().unwrap();
    for name in &names {
        let mut other = bank.clone();
        other["namespace"] = name.as_str().into();
        other["network-id"] = name.as_str().into();
        list.push(other);
    }
    map
}

#[test]
fn listeners_past_the_limit_are_refused_and_nothing_ends() {
    let mesh = Mesh::open();
    let ports: Vec<u16> = (0..6).map(|_| ports::free()).collect();
    let mut proxy =
        Plan::sidecar("n1", "client", "blue", &wide(&mesh, "blue", &ports[..1])).prepare();
    launch_with(&mut proxy, ENOUGH_FOR_ONE);
    proxy.wait_told(200, "ready\n");
    wait_answers(ports[0], "bank-blue");
    let load = load(&proxy);
    proxy.set_map(&wide(&mesh, "green", &ports));
    wait_told_of(&proxy, 200, &["failed", "inotify", "max_user_instances"]);
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    wait_answers(ports[0], "bank-blue");
    // As many as fit are served again.
    proxy.set_map(&wide(&mesh, "green", &ports[..1]));
    proxy.wait_for_answer("/who", "shop-green");
    proxy.wait_told(200, "ready\n");
    none_lost(load);
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
    assert_eq!(proxy.count("nightjar_envoy_exits_total"), Some(0));
}

#[test]
fn listeners_past_the_limit_at_the_start_are_told_instead_of_an_envoy_that_aborts() {
    let mesh = Mesh::open();
    let ports: Vec<u16> = (0..6).map(|_| ports::free()).collect();
    let mut proxy = Plan::sidecar("n1", "client", "blue", &wide(&mesh, "blue", &ports)).prepare();
    launch_with(&mut proxy, ENOUGH_FOR_ONE);
    wait_told_of(&proxy, 503, &["inotify", "max_user_instances"]);
    assert_eq!(proxy.count("nightjar_envoy_exits_total"), Some(0));
    proxy.set_map(&wide(&mesh, "blue", &ports[..1]));
    proxy.wait_told(200, "ready\n");
    wait_answers(ports[0], "bank-blue");
    assert_eq!(proxy.count("nightjar_envoy_exits_total"), Some(0));
}
