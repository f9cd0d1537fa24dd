//! A proxy that has never been ready serves what it can, and changes without loss all the same.

use super::{Mesh, hold, load, none_lost, wait_answers, wait_marked, wait_told_of};
use e2e::{
    eventually,
    http::Connection,
    maps::{prefix, service_color},
    mesh::Plan,
    ports,
    templates::Templates,
};
use serde_json::Value;
use std::thread;

/// The same map, in which the clients of `shop` may also wait.
fn with_delay(mut map: Value, color: &str, port: u16) -> Value {
    let list = map.pointer_mut("/namespaces/0/service-colors").unwrap();
    let routes = [prefix("/who"), prefix("/delay/")];
    list[0] = service_color("shop", color, &[port], &routes);
    map
}

#[test]
fn an_egress_port_in_use_at_the_start_costs_no_later_request() {
    let mesh = Mesh::open();
    let templates = Templates::shipped_for_sidecars();
    let egress = ports::free();
    let held = hold(egress);
    let map = |color: &str| {
        let port = if color == "blue" {
            &mesh.blue
        } else {
            &mesh.green
        }
        .port;
        with_delay(mesh.map(color, &[("bank", egress)]), color, port)
    };
    let proxy = Plan::sidecar("n1", "client", "blue", &map("blue"))
        .envs(templates.env())
        .env("ENVOY_DRAIN_TIME", 4)
        .launch();
    wait_told_of(&proxy, 503, &["egress-bank", &egress.to_string()]);
    proxy.wait_for_answer("/who", "shop-blue");

    // Changes of what it serves.
    let callers = load(&proxy);
    for color in ["green", "blue"].repeat(4) {
        proxy.set_map(&map(color));
        proxy.wait_for_answer("/who", &format!("shop-{color}"));
    }

    none_lost(callers);

    // A changed bootstrap, with requests under way.
    let address = proxy.address();
    let requests: Vec<_> = (0..5)
        .map(|_| {
            thread::spawn(move || {
                let mut connection = Connection::open(address)?;
                connection.request("GET", "/delay/1500", &[])
            })
        })
        .collect();
    eventually("the requests are under way", || {
        let stats = proxy.admin("/stats?filter=upstream_rq_active$").body;
        let stat = "cluster.local-shop-blue-1.upstream_rq_active: ";
        let active = stats.lines().find_map(|line| line.strip_prefix(stat));
        active
            .and_then(|count| count.parse::<u32>().ok())
            .filter(|count| *count == 5)
    });
    let callers = load(&proxy);
    templates.mark_bootstrap("one");
    wait_marked(&proxy, "one");
    for request in requests {
        let answer = request.join().unwrap().expect("an answer");
        assert_eq!((answer.status, answer.by()), (200, "shop-blue"));
    }
    eventually("a hot restart", || {
        (proxy.count("nightjar_envoy_starts_total") == Some(2)).then_some(())
    });
    none_lost(callers);
    assert_eq!(proxy.count("nightjar_envoy_exits_total"), Some(0));

    drop(held);
    wait_answers(egress, "bank-blue");
    proxy.wait_told(200, "ready\n");
}
