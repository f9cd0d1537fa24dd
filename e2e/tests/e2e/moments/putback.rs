//! What could not be put back, or not be confirmed, is not taken to be in force.

use super::{
    IGNORES_LIMIT, Mesh, answers, hold_when_free, limit_files, text, wait_answers, wait_told_of,
};
use e2e::{
    eventually,
    maps::{shop, with_nowhere},
    mesh::{Backend, Plan, Proxy},
    ports,
    templates::Templates,
};
use std::net::UdpSocket;

/// How many refreshes failed.
fn failures(proxy: &Proxy) -> Option<u64> {
    proxy.count("nightjar_refreshes_total{result=\"failed\"}")
}

/// Whether a rollout of a map with a name that nobody resolves has begun.
fn has_begun(proxy: &Proxy) -> Option<()> {
    text(proxy, "cds.json")?
        .contains("c-nowhere-blue-1")
        .then_some(())
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_a_rollout_leaves_no_wrong_belief() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let templates = Templates::without_dns(&silent, 1);
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("ENVOY_UPDATE_TIMEOUT", 2)
        .prepare();
    proxy.launch_by(IGNORES_LIMIT);
    proxy.wait_told(200, "ready\n");
    for _ in 0..2 {
        // The first phase lasts as long as the name is waited for, and the disk is full by the time
        // of the last.
        proxy.set_map(&with_nowhere(shop("green", green.port)));
        eventually("the first phase", || has_begun(&proxy));
        let failed = failures(&proxy);
        limit_files(&mut proxy, Some(16));
        eventually("it fails", || (failures(&proxy) > failed).then_some(()));
        // The map goes back while nothing can be written.
        proxy.set_map(&shop("blue", blue.port));
        for _ in 0..5 {
            proxy.wait_refreshes(1);
            let told = proxy.ready();
            if told == Some((200, "ready\n".to_owned())) {
                assert_eq!(answers(proxy.port).as_deref(), Some("shop-blue"));
            }
        }
        limit_files(&mut proxy, None);
        proxy.wait_for_answer("/who", "shop-blue");
        proxy.wait_told(200, "ready\n");
        eventually("what failed has left nothing behind", || {
            has_begun(&proxy).is_none().then_some(())
        });
        assert_eq!(proxy.unfinished(), [""; 0]);
    }
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}

#[test]
fn a_port_that_is_gone_when_a_listener_is_put_back_is_told_and_taken_again() {
    let mesh = Mesh::open();
    let templates = Templates::shipped_for_sidecars();
    let egress = ports::free();
    let proxy = Plan::sidecar(
        "n1",
        "client",
        "blue",
        &mesh.map("blue", &[("bank", egress)]),
    )
    .envs(templates.env())
    .env("NJ_VALIDATE", "false")
    .start();
    wait_answers(egress, "bank-blue");
    let good = templates.text("lds.json");
    // Under other names, and with an address that is none: Envoy closes the old ones, and refuses
    // the new ones. Somebody else takes the port before it is put back.
    let seize = std::thread::spawn(move || hold_when_free(egress));
    let mut number = 0;
    while !seize.is_finished() {
        number += 1;
        assert!(number < 20, "the port is never seen free");
        let bad = good
            .replace("{{name}}-{{mesh_port}}", &format!("{{{{name}}}}-{number}"))
            .replace("{{listen_address}}", "nowhere");
        let refused = proxy.count("nightjar_refreshes_total{result=\"refused\"}");
        templates.set("lds.json", &bad);
        eventually("it is refused", || {
            let now = proxy.count("nightjar_refreshes_total{result=\"refused\"}");
            (now > refused).then_some(())
        });
    }
    let held = seize.join().unwrap();
    wait_told_of(&proxy, 200, &["egress-bank", &egress.to_string()]);
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    drop(held);
    wait_answers(egress, "bank-blue");
    templates.set("lds.json", &good);
    proxy.wait_told(200, "ready\n");
    wait_answers(egress, "bank-blue");
}
