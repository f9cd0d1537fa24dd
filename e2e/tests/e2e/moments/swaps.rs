//! Ports that pass from one listener to another.

use super::{Mesh, load, none_lost, wait_answers, wait_told_of};
use e2e::{eventually, mesh::Plan, ports, templates::Templates};

#[test]
fn egress_listeners_swap_their_ports_and_hand_them_on() {
    let mesh = Mesh::open();
    let (one, two) = (ports::free(), ports::free());
    let proxy = Plan::sidecar(
        "n1",
        "client",
        "blue",
        &mesh.map("blue", &[("bank", one), ("stock", two)]),
    )
    .start();
    wait_answers(one, "bank-blue");
    wait_answers(two, "stock-blue");
    let load = load(&proxy);
    for (color, egress) in [
        // They swap, and swap back.
        ("blue", &[("bank", two), ("stock", one)][..]),
        ("green", &[("bank", one), ("stock", two)]),
        // One goes, and the other takes its place.
        ("green", &[("stock", one)]),
        // The one comes where the other was.
        ("blue", &[("bank", one), ("stock", two)]),
    ] {
        proxy.set_map(&mesh.map(color, egress));
        for (namespace, port) in egress {
            wait_answers(*port, &format!("{namespace}-blue"));
        }
        proxy.wait_for_answer("/who", &format!("shop-{color}"));
        proxy.wait_told(200, "ready\n");
    }
    none_lost(load);
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
    assert_eq!(proxy.logged("ERROR"), [""; 0]);
}

#[test]
fn listeners_without_a_port_in_their_name_cost_one_hot_restart() {
    let mesh = Mesh::open();
    let templates = Templates::shipped_for_sidecars();
    templates.edit("lds.json", "{{name}}-{{mesh_port}}", "{{name}}");
    let (one, two) = (ports::free(), ports::free());
    let straight = mesh.map("blue", &[("bank", one), ("stock", two)]);
    let proxy = Plan::sidecar("n1", "client", "blue", &straight)
        .envs(templates.env())
        .env("ENVOY_DRAIN_TIME", 1)
        .start();
    let load = load(&proxy);
    proxy.set_map(&mesh.map("blue", &[("bank", two), ("stock", one)]));
    wait_answers(two, "bank-blue");
    wait_answers(one, "stock-blue");
    eventually("the restart", || {
        (proxy.count("nightjar_rollout_seconds_count") == Some(2)).then_some(())
    });
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(2));
    none_lost(load);

    // Once in ten minutes. What Envoy says no to then is refused, and what was there is served.
    proxy.set_map(&straight);
    wait_told_of(&proxy, 200, &["refused", "lds.json"]);
    assert_eq!(proxy.count("nightjar_configuration_refused"), Some(1));
    proxy.set_map(&mesh.map("green", &[("bank", two), ("stock", one)]));
    proxy.wait_for_answer("/who", "shop-green");
    wait_answers(two, "bank-blue");
    wait_answers(one, "stock-blue");
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(2));
}

#[test]
fn no_hot_restart_is_made_where_none_may_be() {
    let mesh = Mesh::open();
    let templates = Templates::shipped_for_sidecars();
    templates.edit("lds.json", "{{name}}-{{mesh_port}}", "{{name}}");
    let (one, two) = (ports::free(), ports::free());
    let proxy = Plan::sidecar(
        "n1",
        "client",
        "blue",
        &mesh.map("blue", &[("bank", one), ("stock", two)]),
    )
    .envs(templates.env())
    .env("ENVOY_RESTART_MODE", "none")
    .start();
    proxy.set_map(&mesh.map("blue", &[("bank", two), ("stock", one)]));
    wait_told_of(&proxy, 200, &["refused", "lds.json"]);
    proxy.set_map(&mesh.map("green", &[("bank", one), ("stock", two)]));
    proxy.wait_for_answer("/who", "shop-green");
    wait_answers(one, "bank-blue");
    wait_answers(two, "stock-blue");
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}
