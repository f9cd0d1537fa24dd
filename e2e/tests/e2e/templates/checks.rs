//! Health checks by gRPC and TCP, slow start, and how outlier detection is set.

use super::{gateway, having, in_turn, service, stat};
use e2e::{
    collector::Collector,
    eventually,
    maps::{prefix, with},
    mesh::{Backend, Proxy},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// `grpc.health.v1.HealthCheckResponse` with a status of 1 and 2.
const SERVING: &[u8] = &[8, 1];
const NOT_SERVING: &[u8] = &[8, 2];

fn wait_healthy(proxy: &Proxy, service: &str, count: u64) {
    eventually("Envoy notices", || {
        (stat(proxy, service, "membership_healthy") == count).then_some(())
    });
}

#[test]
fn an_instance_that_does_not_serve_by_its_own_word_gets_nothing() {
    let servers = [SERVING, NOT_SERVING].map(Collector::grpc);
    let ports = servers.each_ref().map(|server| server.port);
    let check = json!({"health-check-protocol": "grpc", "health-check-interval": "100ms"});
    let shop = with(
        service("shop", &ports, &[prefix("/")]),
        json!({"protocol": "HTTP2"}),
    );
    let proxy = gateway(&[having(shop, check)]);
    // Envoy hands several changes of health within a second to its workers at once.
    let wait_served_by = |count: u64, ports: &[u16]| {
        wait_healthy(&proxy, "shop", count);
        let expected = ports.iter().map(|port| format!("200 by grpc-{port}"));
        let expected: BTreeSet<String> = expected.collect();
        eventually("they alone get requests", || {
            let answers = BTreeSet::from_iter(in_turn(&proxy, "/", 6));
            (answers == expected).then_some(())
        });
    };
    wait_served_by(1, &ports[..1]);
    servers[1].set_reply(SERVING);
    wait_served_by(2, &ports);
    servers[0].set_reply(NOT_SERVING);
    wait_served_by(1, &ports[1..]);
}

#[test]
fn an_instance_that_nobody_can_connect_to_gets_nothing() {
    let [steady, shaky] = ["steady", "shaky"].map(|name| Backend::start(name, "blue"));
    let shop = service("shop", &[steady.port, shaky.port], &[prefix("/who")]);
    // Outlier detection alone would not see it: nobody sends a request.
    let check = json!({
        "health-check-protocol": "tcp", "health-check-interval": "100ms",
        "outlier-connect-failures": "0",
    });
    let proxy = gateway(&[having(shop, check)]);
    wait_healthy(&proxy, "shop", 2);
    drop(shaky);
    wait_healthy(&proxy, "shop", 1);
    assert_eq!(in_turn(&proxy, "/who", 10), ["200 by steady-blue"; 10]);
}

#[test]
fn a_check_that_the_cluster_cannot_speak_is_left_out_and_told() {
    let shop = Backend::start("shop", "blue");
    let check = json!({"health-check-protocol": "grpc", "slow-start": "1s", "lb-policy": "RANDOM"});
    let proxy = gateway(&[having(
        service("shop", &[shop.port], &[prefix("/who")]),
        check,
    )]);
    assert_eq!(in_turn(&proxy, "/who", 1), ["200 by shop-blue"]);
    let log = proxy.log();
    for told in [
        "property `health-check-protocol` is left out: `grpc` is set, and a gRPC health check needs",
        "property `slow-start` is left out: the `lb-policy` is RANDOM",
    ] {
        assert!(log.contains(told), "{log}");
    }
}

/// The instance `late` becomes healthy when `steady` has been so for longer than the window.
#[test]
fn an_instance_that_has_become_healthy_gets_its_share_slowly() {
    const WINDOW: Duration = Duration::from_secs(4);
    let [steady, late] = [SERVING, NOT_SERVING].map(Collector::grpc);
    let ports = [steady.port, late.port];
    let of = |name: &str, properties: Value| {
        let route = prefix(&format!("/{name}"));
        let check = json!({"health-check-protocol": "grpc", "health-check-interval": "50ms"});
        let service = with(
            service(name, &ports, &[route]),
            json!({"protocol": "HTTP2"}),
        );
        having(service, with(check, properties))
    };
    let names = ["plain", "round", "least"];
    let proxy = gateway(&[
        of("plain", json!({})),
        of("round", json!({"slow-start": "4s"})),
        of(
            "least",
            json!({"slow-start": "4s", "lb-policy": "LEAST_REQUEST"}),
        ),
    ]);
    let began = Instant::now();
    for name in names {
        wait_healthy(&proxy, name, 1);
    }
    eventually("the window is over", || {
        (began.elapsed() > WINDOW).then_some(())
    });
    late.set_reply(SERVING);
    for name in names {
        wait_healthy(&proxy, name, 2);
    }
    let by = format!("200 by grpc-{}", late.port);
    let share = |name: &str| {
        let answers = in_turn(&proxy, &format!("/{name}"), 40);
        answers.iter().filter(|answer| **answer == by).count()
    };
    // Envoy hands a change of health to its workers within a second.
    eventually("its whole share without slow start", || {
        (share("plain") == 20).then_some(())
    });
    let [round, least] = ["round", "least"].map(share);
    assert!(round < 15 && least < 15, "{round} and {least} of 40");
}

#[test]
fn no_more_instances_are_put_aside_than_may_be() {
    let backends = ["one", "two"].map(|name| Backend::start(name, "blue"));
    let ports = backends.each_ref().map(|backend| backend.port);
    let of = |name: &str, percent: &str| {
        let route = super::mounted(&format!("/{name}/"), json!({}));
        let properties = json!({
            "outlier-consecutive-5xx": "1", "outlier-max-ejection-percent": percent,
        });
        having(service(name, &ports, &[route]), properties)
    };
    let proxy = gateway(&[of("none", "0"), of("all", "100")]);
    for name in ["none", "all"] {
        in_turn(&proxy, &format!("/{name}/status/500"), 4);
    }
    let ejected = |name| stat(&proxy, name, "outlier_detection.ejections_active");
    eventually("both are put aside", || (ejected("all") == 2).then_some(()));
    assert_eq!(ejected("none"), 0);
}

#[test]
fn an_instance_comes_back_when_it_is_looked_at() {
    let backends = ["one", "two"].map(|name| Backend::start(name, "blue"));
    let ports = backends.each_ref().map(|backend| backend.port);
    let of = |name: &str, interval: &str| {
        let route = super::mounted(&format!("/{name}/"), json!({}));
        let properties = json!({
            "outlier-consecutive-5xx": "1", "outlier-base-ejection-time": "100ms",
            "outlier-interval": interval,
        });
        having(service(name, &ports, &[route]), properties)
    };
    let proxy = gateway(&[of("seldom", "1h"), of("often", "100ms")]);
    for name in ["seldom", "often"] {
        in_turn(&proxy, &format!("/{name}/status/500"), 1);
    }
    let of = |name, statistic: &str| stat(&proxy, name, &format!("outlier_detection.{statistic}"));
    eventually("it was put aside and is back", || {
        let was = of("often", "ejections_enforced_total") == 1;
        (was && of("often", "ejections_active") == 0).then_some(())
    });
    assert_eq!(of("seldom", "ejections_active"), 1);
}
