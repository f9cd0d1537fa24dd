//! A port that somebody else holds keeps back its listener, and nothing else.

use super::{
    Mesh, answers, hold, hold_when_free, load, none_lost, only_envoy, send, wait_answers,
    wait_told_of,
};
use e2e::{
    eventually,
    maps::prefix,
    mesh::{Plan, Proxy},
    ports,
};
use rustix::process::Signal;

fn sidecar(mesh: &Mesh, egress: &[(&str, u16)]) -> Plan {
    Plan::sidecar("n1", "client", "blue", &mesh.map("blue", egress))
}

/// Whether the last configuration counts as refused.
fn refused(proxy: &Proxy) -> Option<u64> {
    proxy.count("nightjar_configuration_refused")
}

#[test]
fn an_egress_port_in_use_keeps_back_its_listener_alone() {
    let mesh = Mesh::open();
    let proxy = sidecar(&mesh, &[]).start();
    let (free, taken) = (ports::free(), ports::free());
    let held = hold(taken);
    let load = load(&proxy);
    let egress = [("bank", taken), ("stock", free)];
    proxy.set_map(&mesh.map("green", &egress));
    proxy.wait_for_answer("/who", "shop-green");
    wait_answers(free, "stock-blue");
    wait_told_of(&proxy, 200, &["egress-bank", &taken.to_string()]);
    assert_eq!(refused(&proxy), Some(0));
    // The mesh goes on changing.
    for color in ["blue", "green", "blue"] {
        proxy.set_map(&mesh.map(color, &egress));
        proxy.wait_for_answer("/who", &format!("shop-{color}"));
    }
    wait_told_of(&proxy, 200, &["egress-bank", &taken.to_string()]);
    drop(held);
    wait_answers(taken, "bank-blue");
    proxy.wait_told(200, "ready\n");
    none_lost(load);
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}

#[test]
fn a_port_that_is_free_again_is_taken_at_the_next_refresh() {
    let mesh = Mesh::open();
    let mut proxy = sidecar(&mesh, &[]).env("REFRESH_TIME", 3600).start();
    let taken = ports::free();
    let held = hold(taken);
    proxy.set_map(&mesh.map("blue", &[("bank", taken)]));
    proxy.process().signal(Signal::HUP);
    wait_told_of(&proxy, 200, &["egress-bank", &taken.to_string()]);
    drop(held);
    proxy.process().signal(Signal::HUP);
    wait_answers(taken, "bank-blue");
    proxy.wait_told(200, "ready\n");
}

#[test]
fn a_map_without_the_port_that_is_in_use_ends_the_matter() {
    let mesh = Mesh::open();
    let proxy = sidecar(&mesh, &[]).start();
    let (taken, other) = (ports::free(), ports::free());
    let _held = hold(taken);
    proxy.set_map(&mesh.map("blue", &[("bank", taken)]));
    wait_told_of(&proxy, 200, &["egress-bank", &taken.to_string()]);
    proxy.set_map(&mesh.map("blue", &[("bank", other)]));
    wait_answers(other, "bank-blue");
    proxy.wait_told(200, "ready\n");
}

#[test]
fn a_port_that_is_gone_when_envoy_comes_back_is_told() {
    let mesh = Mesh::open();
    let egress = ports::free();
    let proxy = sidecar(&mesh, &[("bank", egress)]).start();
    wait_answers(egress, "bank-blue");
    send(only_envoy(&proxy), Signal::KILL);
    let held = hold_when_free(egress);
    // It has been ready before, and its main listener is there.
    wait_told_of(&proxy, 200, &["egress-bank", &egress.to_string()]);
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    proxy.set_map(&mesh.map("green", &[("bank", egress)]));
    proxy.wait_for_answer("/who", "shop-green");
    drop(held);
    wait_answers(egress, "bank-blue");
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(2));
}

#[test]
fn the_main_listener_is_what_a_proxy_is_ready_for() {
    let mesh = Mesh::open();
    let (main, egress) = (ports::free(), ports::free());
    let proxy = sidecar(&mesh, &[("bank", egress)])
        .env("NJ_LISTEN_PORT", main)
        .start();
    send(only_envoy(&proxy), Signal::KILL);
    let held = hold_when_free(main);
    // Though it has been ready, and the other listener is there.
    wait_answers(egress, "bank-blue");
    wait_told_of(&proxy, 503, &[&main.to_string()]);
    let (code, _, said) = proxy.run(&["--check-ready"]);
    assert_eq!(code, Some(1));
    assert!(said.contains(&main.to_string()), "{said}");
    proxy.set_map(&mesh.map("green", &[("bank", egress)]));
    drop(held);
    eventually("it listens", || {
        (answers(main)? == "shop-green").then_some(())
    });
    proxy.wait_told(200, "ready\n");
}

#[test]
fn routes_of_a_closed_listener_go_on_changing() {
    let mesh = Mesh::open();
    let egress = ports::free();
    let map = |path: &str| {
        let mut map = mesh.map("blue", &[("bank", egress)]);
        let route = map.pointer_mut("/namespaces/1/service-colors/0/routes/0");
        *route.expect("the route of bank") = prefix(path);
        map
    };
    let proxy = sidecar(&mesh, &[("bank", egress)])
        .env("ENVOY_UPDATE_TIMEOUT", 1)
        .start();
    wait_answers(egress, "bank-blue");
    send(only_envoy(&proxy), Signal::KILL);
    let held = hold_when_free(egress);
    wait_told_of(&proxy, 200, &["egress-bank", &egress.to_string()]);
    for path in ["/a", "/b", "/who"] {
        proxy.set_map(&map(path));
        eventually("the routes are those of the map", || {
            let routes = super::text(&proxy, &format!("rds-{egress}.json"))?;
            let ready = proxy.status("/ready")?;
            (routes.contains(path) && ready.status == 200 && !ready.body.contains("failed"))
                .then_some(())
        });
    }
    drop(held);
    wait_answers(egress, "bank-blue");
    proxy.wait_told(200, "ready\n");
    let late = |line: &&String| line.contains("did not accept");
    assert_eq!(proxy.logged("ERROR").iter().find(late), None);
}
