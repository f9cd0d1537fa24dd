//! Timeouts: what is cut short, next to the same request where nothing is set.

use super::{
    gateway, heard, mounted, seen, service,
    sockets::{Silent, Unreachable},
    stat,
};
use e2e::{maps::prefix, mesh::Backend};
use serde_json::json;

#[test]
fn timeout_and_idle_timeout_cut_a_slow_answer() {
    let shop = Backend::start("shop", "blue");
    let proxy = gateway(&[service(
        "shop",
        &[shop.port],
        &[
            prefix("/"),
            mounted("/timeout/", json!({"timeout": "1s"})),
            mounted("/idle/", json!({"idle-timeout": "1s"})),
            mounted("/none/", json!({"timeout": "0s", "idle-timeout": "0s"})),
        ],
    )]);
    let paths = [
        "/delay/1500",
        "/timeout/delay/10000",
        "/idle/delay/10000",
        "/none/delay/1500",
    ];
    let who = format!(
        r#"{{"color":"blue","port":{},"service":"shop"}}"#,
        shop.port
    );
    let served = format!("200 by shop-blue: {who}");
    let expected = [
        &served,
        "504 by Envoy: upstream request timeout",
        "504 by Envoy: stream timeout",
        &served,
    ];
    assert_eq!(paths.map(|path| heard(&proxy.get(path))), expected);
    let paths = ["/timeout/who", "/idle/who"];
    assert_eq!(
        paths.map(|path| seen(&proxy.get(path))),
        ["200 by shop-blue"; 2]
    );
}

#[test]
fn per_try_timeout_leaves_time_for_another_instance() {
    let (shop, silent) = (Backend::start("shop", "blue"), Silent::start());
    let patient = json!({"timeout": "1s", "retry-on": "5xx"});
    let hasty = json!({"timeout": "20s", "retry-on": "5xx", "per-try-timeout": "500ms"});
    let proxy = gateway(&[
        service(
            "shop",
            &[shop.port, silent.port()],
            &[mounted("/hasty/", hasty)],
        ),
        service("silent", &[silent.port()], &[mounted("/patient/", patient)]),
    ]);
    let got: Vec<String> = (0..4).map(|_| seen(&proxy.get("/hasty/who"))).collect();
    assert_eq!(got, ["200 by shop-blue"; 4]);
    // The silent instance had its turns.
    assert!(stat(&proxy, "shop", "upstream_rq_per_try_timeout") > 0);
    assert_eq!(
        heard(&proxy.get("/patient/who")),
        "504 by Envoy: upstream request timeout"
    );
}

#[test]
fn connect_timeout_gives_up_on_a_host_that_does_not_answer() {
    let (shop, unreachable) = (Backend::start("shop", "blue"), Unreachable::start());
    let properties = json!({"timeout": "1s", "num-retries": "0"});
    let hasty = |service| super::having(service, json!({"connect-timeout": "300ms"}));
    let proxy = gateway(&[
        // Two seconds are allowed where nothing is set, more than the whole request may take.
        service(
            "patient",
            &[unreachable.port],
            &[mounted("/patient/", properties.clone())],
        ),
        hasty(service(
            "hasty",
            &[unreachable.port],
            &[mounted("/hasty/", properties)],
        )),
        hasty(service(
            "shop",
            &[unreachable.port, shop.port],
            &[mounted("/shop/", json!({}))],
        )),
    ]);
    assert_eq!(
        ["/patient/who", "/hasty/who"].map(|path| heard(&proxy.get(path))),
        [
            "504 by Envoy: upstream request timeout",
            "503 by Envoy: upstream connect error or disconnect/reset before headers. reset reason: connection timeout",
        ]
    );
    // With nothing else set, another instance is tried.
    let got: Vec<String> = (0..4).map(|_| seen(&proxy.get("/shop/who"))).collect();
    assert_eq!(got, ["200 by shop-blue"; 4]);
}
