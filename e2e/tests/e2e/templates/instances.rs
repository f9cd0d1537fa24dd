//! Which instance of a service gets a request.

use super::{gateway, having, in_turn, seen, service, stat};
use e2e::{
    eventually,
    http::{self, Connection},
    maps::prefix,
    mesh::Backend,
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

const STEADY: &str = "200 by steady-blue";
const SHAKY: &str = "200 by shaky-blue";

/// Two instances, of which `shaky` answers `/flaky/3/x` with 503 three times, and `steady` no
/// longer does.
fn steady_and_shaky() -> [Backend; 2] {
    let backends = ["steady", "shaky"].map(|name| Backend::start(name, "blue"));
    let steady = (std::net::Ipv4Addr::LOCALHOST, backends[0].port).into();
    let before = [(); 4].map(|()| http::get(steady, "/flaky/3/x", &[]).unwrap().status);
    assert_eq!(before, [503, 503, 503, 200]);
    backends
}

#[test]
fn an_instance_that_fails_is_put_aside_and_comes_back() {
    let [steady, shaky] = steady_and_shaky();
    let shop = service("shop", &[steady.port, shaky.port], &[prefix("/")]);
    let limits = json!({"outlier-consecutive-5xx": "3", "outlier-base-ejection-time": "3s"});
    let proxy = gateway(&[having(shop, limits)]);
    // In turn, until the third failure; then not at all.
    let mut connection = Connection::open(proxy.address()).unwrap();
    let mut next = || seen(&connection.request("GET", "/flaky/3/x", &[]).unwrap());
    let mut before = vec![next()];
    while before.iter().filter(|answer| *answer != STEADY).count() < 3 {
        before.push(next());
    }
    let failed = "503 by shaky-blue";
    let turns = if before[0] == STEADY {
        vec![STEADY, failed, STEADY, failed, STEADY, failed]
    } else {
        vec![failed, STEADY, failed, STEADY, failed]
    };
    assert_eq!(before, turns);
    eventually("Envoy puts it aside", || {
        (stat(&proxy, "shop", "outlier_detection.ejections_active") == 1).then_some(())
    });
    let ejected = Instant::now();
    assert_eq!([(); 10].map(|()| next()), [STEADY; 10]);
    eventually("the instance is back", || {
        let answers = in_turn(&proxy, "/flaky/3/x", 2);
        answers.iter().any(|answer| answer == SHAKY).then_some(())
    });
    // Without the property it would take half a minute.
    assert!(ejected.elapsed() < Duration::from_secs(25));
}

#[test]
fn an_instance_that_fails_its_health_check_gets_nothing() {
    let steady = Backend::start_with(
        "steady",
        "blue",
        &[("KEYS", "health"), ("HEALTH_VALUE", "good")],
    );
    let shaky = Backend::start("shaky", "blue");
    let ports = [steady.port, shaky.port];
    let check = json!({"health-check-path": "/key/health", "health-check-interval": "100ms"});
    let proxy = gateway(&[
        having(service("checked", &ports, &[prefix("/who")]), check),
        service("unchecked", &ports, &[prefix("/echo")]),
    ]);
    assert_eq!(in_turn(&proxy, "/who", 10), [STEADY; 10]);
    let unchecked = BTreeSet::from_iter(in_turn(&proxy, "/echo", 10));
    assert_eq!(unchecked, [SHAKY, STEADY].map(str::to_owned).into());
}

#[test]
fn an_instance_gets_requests_once_its_health_check_is_good() {
    let [steady, shaky] = steady_and_shaky();
    let shop = service("shop", &[steady.port, shaky.port], &[prefix("/who")]);
    // The fourth check is the first good one.
    let check = json!({"health-check-path": "/flaky/3/x", "health-check-interval": "100ms"});
    let proxy = gateway(&[having(shop, check)]);
    eventually("the instance is well", || {
        let answers = in_turn(&proxy, "/who", 2);
        answers.iter().any(|answer| answer == SHAKY).then_some(())
    });
}

#[test]
fn an_instance_that_falls_ill_gets_nothing_any_more() {
    let [steady, shaky] = ["steady", "shaky"].map(|name| Backend::start(name, "blue"));
    let shop = service("shop", &[steady.port, shaky.port], &[prefix("/who")]);
    let check = json!({"health-check-path": "/who", "health-check-interval": "100ms"});
    let proxy = gateway(&[having(shop, check)]);
    assert_eq!(
        BTreeSet::from_iter(in_turn(&proxy, "/who", 4)),
        [SHAKY, STEADY].map(str::to_owned).into()
    );
    drop(shaky);
    eventually("Envoy notices", || {
        (stat(&proxy, "shop", "membership_healthy") == 1).then_some(())
    });
    assert_eq!(in_turn(&proxy, "/who", 10), [STEADY; 10]);
}

#[test]
fn health_is_checked_as_often_as_is_set() {
    let shop = Backend::start("shop", "blue");
    let checked = |name: &str, interval: &str| {
        let path = format!("/flaky/0/{name}");
        let check = json!({"health-check-path": path, "health-check-interval": interval});
        let route = prefix(&format!("/{name}"));
        having(service(name, &[shop.port], &[route]), check)
    };
    let proxy = gateway(&[checked("often", "50ms"), checked("seldom", "1h")]);
    let checks = |service| stat(&proxy, service, "health_check.attempt");
    eventually("many checks", || (checks("often") > 20).then_some(()));
    assert_eq!(checks("seldom"), 1);
}

#[test]
fn an_instance_that_answers_its_health_check_too_late_is_ill() {
    let slow = Backend::start("slow", "blue");
    let checked = |name: &str, timeout: &str| {
        let check = json!({"health-check-path": "/delay/500", "health-check-timeout": timeout});
        let path = prefix(&format!("/{name}"));
        having(service(name, &[slow.port], &[path]), check)
    };
    let proxy = gateway(&[checked("hasty", "100ms"), checked("patient", "1m")]);
    let healthy = |service| stat(&proxy, service, "membership_healthy");
    assert_eq!((healthy("hasty"), healthy("patient")), (0, 1));
}

#[test]
fn instances_take_turns_unless_the_policy_is_another() {
    let backends = ["one", "two", "three"].map(|name| Backend::start(name, "blue"));
    let ports = backends.each_ref().map(|backend| backend.port);
    let policies = [
        "ROUND_ROBIN",
        "LEAST_REQUEST",
        "RANDOM",
        "RING_HASH",
        "MAGLEV",
    ];
    let mut services: Vec<_> = policies
        .iter()
        .map(|policy| {
            let path = format!("/{policy}/");
            let route = super::mounted(&path, json!({}));
            having(
                service(policy, &ports, &[route]),
                json!({"lb-policy": policy}),
            )
        })
        .collect();
    services.push(service(
        "default",
        &ports,
        &[super::mounted("/default/", json!({}))],
    ));
    let proxy = gateway(&services);
    let everybody: BTreeSet<String> = ["one", "two", "three"]
        .map(|name| format!("200 by {name}-blue"))
        .into();
    for name in policies.iter().chain(&["default"]) {
        let answers = in_turn(&proxy, &format!("/{name}/who"), 60);
        // That one of three gets none of 60 requests by chance happens once in billions of runs.
        assert_eq!(BTreeSet::from_iter(answers.clone()), everybody, "{name}");
        let in_turn = answers
            .windows(4)
            .all(|four| four[0] == four[3] && BTreeSet::from_iter(&four[..3]).len() == 3);
        let takes_turns = ["ROUND_ROBIN", "default"].contains(name);
        assert_eq!(in_turn, takes_turns, "{name}: {answers:?}");
    }
    // Three of the policies look alike from outside.
    let dump = proxy.admin("/config_dump?resource=dynamic_active_clusters");
    let dump: serde_json::Value = serde_json::from_str(&dump.body).unwrap();
    let mut found: Vec<(String, String)> = dump["configs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|config| &config["cluster"])
        .map(|cluster| {
            let text = |name: &str| cluster[name].as_str().unwrap_or("ROUND_ROBIN").to_owned();
            (text("name"), text("lb_policy"))
        })
        .collect();
    found.sort();
    let mut expected: Vec<_> = policies
        .map(|policy| (format!("c-{policy}-blue-1"), policy.to_owned()))
        .into();
    expected.push(("c-default-blue-1".to_owned(), "ROUND_ROBIN".to_owned()));
    expected.sort();
    assert_eq!(found, expected);
}
