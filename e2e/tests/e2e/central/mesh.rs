//! A mesh of real proxies that follow what is published.

use super::scene::Scene;
use e2e::{
    WAIT_TIMEOUT,
    load::{Clients, Load},
    maps::{map, namespace, prefix, service_color, shop, with},
    mesh::{Backend, Plan},
};
use rustix::process::Signal;
use serde_json::{Value, json};

/// One namespace in which two colors of `shop` share the requests by weight.
fn colors(blue: (&Backend, u16), green: (&Backend, u16)) -> Value {
    let color = |name: &str, (backend, weight): (&Backend, u16)| {
        let route = with(prefix("/"), json!({"weight": weight}));
        service_color("shop", name, &[backend.port], &[route])
    };
    map(&[namespace(
        "n1",
        &[color("blue", blue), color("green", green)],
    )])
}

#[test]
fn a_sidecar_and_a_gateway_follow_what_is_published() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let scene = Scene::new(&shop("blue", blue.port));
    // The proxies may be there first.
    let plan = |plan: Plan| scene.reads_store(plan).launch();
    let gateway = plan(Plan::gateway("n1", &Value::Null));
    let sidecar = plan(Plan::sidecar("n1", "shop", "blue", &Value::Null));
    let central = scene.central().start();
    for proxy in [&gateway, &sidecar] {
        proxy.wait_for_answer("/who", "shop-blue");
    }
    assert_eq!(scene.commits(), 1);

    scene.set_source(&colors((&blue, 1), (&green, 9)));
    for proxy in [&gateway, &sidecar] {
        proxy.wait_for_answer("/who", "shop-green");
    }
    central.wait_refreshes(5);
    assert_eq!(scene.commits(), 2);
    assert_eq!(
        central.metric("refreshes_total{result=\"changed\"}"),
        Some(2)
    );
}

#[test]
fn what_is_published_under_load_loses_no_request() {
    const CHANGES: u16 = 20;
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let scene = Scene::new(&shop("blue", blue.port));
    let central = scene.central().start();
    let gateway = scene.reads_store(Plan::gateway("n1", &Value::Null)).start();
    let load = Load::start(
        gateway.address(),
        "/who",
        Clients {
            keep_alive: 2,
            one_shot: 2,
        },
    );
    for change in 1..=CHANGES {
        let (kept, name) = if change % 2 == 0 {
            (&blue, "blue")
        } else {
            (&green, "green")
        };
        let source = shop(name, kept.port);
        scene.set_source(&source);
        scene.wait_published(&source);
        gateway.wait_for_answer("/who", &format!("shop-{name}"));
    }
    let report = load.stop();
    assert!(report.lost.is_empty(), "{report:?}");
    assert!(report.sent > u64::from(CHANGES), "{report:?}");
    central.wait_refreshes(3);
    assert_eq!(scene.commits(), usize::from(CHANGES) + 1);
}

#[test]
fn proxies_serve_on_while_nobody_publishes() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let scene = Scene::new(&shop("blue", blue.port));
    let mut central = scene.central().start();
    let gateway = scene.reads_store(Plan::gateway("n1", &Value::Null)).start();
    central.process().signal(Signal::KILL);
    central.process().wait(WAIT_TIMEOUT);
    gateway.wait_refreshes(5);
    assert_eq!(gateway.get("/who").by(), "shop-blue");

    // Started again, it finds its map in the store.
    central.relaunch();
    central.wait_told(200, "ready\n");
    central.wait_refreshes(3);
    assert_eq!(scene.commits(), 1);

    central.process().signal(Signal::KILL);
    central.process().wait(WAIT_TIMEOUT);
    scene.set_source(&shop("green", green.port));
    gateway.wait_refreshes(5);
    assert_eq!(gateway.get("/who").by(), "shop-blue");
    central.relaunch();
    gateway.wait_for_answer("/who", "shop-green");
    assert_eq!(scene.commits(), 2);
}
