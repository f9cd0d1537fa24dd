//! Outlier detection and answers that do not come in time.

use super::{gateway, having, in_turn, mounted, seen, service, stat};
use e2e::{
    eventually, http,
    maps::with,
    mesh::{Backend, Proxy},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, thread};

const SLOW: &str = "504 by Envoy";

fn instances(protocol: &str) -> [Backend; 2] {
    ["one", "other"]
        .map(|name| Backend::start_with(name, "blue", &[("SERVICE_PROTOCOL", protocol)]))
}

/// Requests to `/<service>/slow/…` that are all under way when the first one ends.
fn at_once(proxy: &Proxy, service: &str, count: usize) -> Vec<String> {
    let (address, path) = (proxy.address(), format!("/{service}/slow/delay/20000"));
    thread::scope(|scope| {
        let get = || seen(&http::get(address, &path, &[]).unwrap());
        let begun: Vec<_> = (0..count).map(|_| scope.spawn(get)).collect();
        begun.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// A service-color with a route that ends slow requests, and one that does not.
fn slow(name: &str, ports: &[u16], limit: Value) -> Value {
    let routes = [
        mounted(&format!("/{name}/slow/"), limit),
        mounted(&format!("/{name}/"), json!({})),
    ];
    service(name, ports, &routes)
}

/// Envoy takes a time-out for a failure of its own, as it does a connection that cannot be made.
#[test]
fn an_instance_that_lets_several_requests_time_out_at_once_is_put_aside() {
    for protocol in ["HTTP1.1", "HTTP2"] {
        let backends = instances(protocol);
        let ports = backends.each_ref().map(|backend| backend.port);
        let limits = [
            ("whole", json!({"timeout": "500ms"})),
            (
                "each",
                json!({"timeout": "20s", "per-try-timeout": "500ms"}),
            ),
        ];
        let services = limits
            .clone()
            .map(|(name, limit)| with(slow(name, &ports, limit), json!({"protocol": protocol})));
        let proxy = gateway(&services);
        for (name, _) in limits {
            // Five for each of the two.
            assert_eq!(at_once(&proxy, name, 10), [SLOW; 10]);
            eventually("one is put aside, as half of them may be", || {
                let ejected = stat(&proxy, name, "outlier_detection.ejections_active");
                (ejected == 1).then_some(())
            });
            let answers = in_turn(&proxy, &format!("/{name}/who"), 10);
            assert_eq!(BTreeSet::from_iter(answers).len(), 1, "{protocol} {name}");
        }
    }
}

#[test]
fn no_instance_is_put_aside_for_time_outs_one_after_another_nor_where_that_is_off() {
    let backends = instances("HTTP1.1");
    let ports = backends.each_ref().map(|backend| backend.port);
    let limit = json!({"timeout": "500ms"});
    let off = slow("off", &ports, limit.clone());
    let proxy = gateway(&[
        having(off, json!({"outlier-connect-failures": "0"})),
        slow("idle", &ports, json!({"idle-timeout": "500ms"})),
        slow("alone", &ports[..1], limit.clone()),
        slow("seldom", &ports, limit),
    ]);
    let names = ["off", "idle", "alone"];
    for name in names {
        assert_eq!(at_once(&proxy, name, 10), [SLOW; 10], "{name}");
    }
    // Each begins where the one before it has ended.
    for _ in 0..10 {
        assert_eq!(at_once(&proxy, "seldom", 1), [SLOW]);
    }
    for name in names.into_iter().chain(["seldom"]) {
        assert_eq!(
            stat(&proxy, name, "outlier_detection.ejections_active"),
            0,
            "{name}"
        );
    }
}
