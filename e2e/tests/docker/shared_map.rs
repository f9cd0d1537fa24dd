//! One central, a store, and proxies that read it: what each of them survives.

use crate::{
    engine::{docker, inspect},
    example::Example,
};
use e2e::{
    eventually,
    load::{Clients, Load},
};
use std::{thread, time::Duration};

const FILE: &str = "central-and-s3/docker-compose.yaml";
const WITH_SHOP: &str = "../simple-mesh/02-dynamic-configuration/1-stock-and-shop.json";
const WITHOUT_SHOP: &str = "../simple-mesh/02-dynamic-configuration/2-shop-without-route.json";
const CLIENTS: Clients = Clients {
    keep_alive: 2,
    one_shot: 1,
};

#[test]
fn central_publishes_and_may_be_stopped_or_killed() {
    let example = Example::up(FILE, "/shop/forward/apples");
    example.assert_unprivileged();
    example.expect("/shop/forward/apples", 200, "shop-blue", r#""12""#);
    let central = example.container("central");
    let load = Load::start(example.gateway, "/stock/who", CLIENTS);

    example.save_map(WITHOUT_SHOP);
    shop(&example, 404);

    docker(&["stop", "--time", "30", &central]);
    assert_eq!(inspect("container", &central)["State"]["ExitCode"], 0);
    example.save_map(WITH_SHOP);
    stays(&example, 404);
    docker(&["start", &central]);
    shop(&example, 200);

    docker(&["kill", &central]);
    example.save_map(WITHOUT_SHOP);
    stays(&example, 200);
    // A proxy that is new finds what was published last.
    let sidecar = example.container("shop-blue-sidecar");
    docker(&[
        "restart",
        "--time",
        "30",
        &example.container("store-gateway"),
    ]);
    drop(load);
    shop(&example, 200);
    docker(&["start", &central]);
    shop(&example, 404);
    assert_eq!(inspect("container", &sidecar)["State"]["Running"], true);
}

#[test]
fn a_proxy_without_its_store_keeps_the_last_good_configuration() {
    let example = Example::up(FILE, "/shop/forward/apples");
    let gateway = example.container("store-gateway");
    let network = example.network("storage");
    let load = Load::start(example.gateway, "/shop/forward/apples", CLIENTS);
    docker(&["network", "disconnect", &network, &gateway]);
    example.save_map(WITHOUT_SHOP);
    eventually("the gateway says that it cannot read the store", || {
        (example.told("store-gateway", "s3:GetObject") > 0).then_some(())
    });
    stays(&example, 200);
    docker(&["exec", &gateway, "nightjar-standalone", "--check-ready"]);
    let report = load.stop();
    println!(
        "cut off from the store: {} requests, {} lost",
        report.sent,
        report.lost.len()
    );
    assert_eq!(report.lost, Vec::<String>::new(), "of {}", report.sent);

    docker(&["network", "connect", &network, &gateway]);
    // It would ask again by itself, after a pause that has grown meanwhile.
    docker(&["kill", "--signal", "HUP", &gateway]);
    shop(&example, 404);
}

/// Waits until the gateway answers so for the shop.
fn shop(example: &Example, status: u16) {
    eventually(&format!("the shop is answered with {status}"), || {
        (example.get("/shop/who")?.status == status).then_some(())
    });
}

/// Fails if the answer changes within some refreshes.
fn stays(example: &Example, status: u16) {
    for _ in 0..25 {
        thread::sleep(Duration::from_millis(100));
        assert_eq!(
            example.get("/shop/who").map(|answer| answer.status),
            Some(status)
        );
    }
}
