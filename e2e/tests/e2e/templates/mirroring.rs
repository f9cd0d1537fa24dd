//! Copies of requests, and what happens on the way through another namespace's gateway.

use super::{gateway, having, heard, in_turn, mounted, service, stat};
use e2e::{
    eventually, http,
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Backend, Plan, Proxy},
    ports,
};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// How often a service was asked for `/flaky/0/<key>`, by asking it once more.
fn asked(backend: &Backend, key: &str) -> u64 {
    let address = (Ipv4Addr::LOCALHOST, backend.port).into();
    let answer = http::get(address, &format!("/flaky/0/{key}"), &[]).unwrap();
    let count: Value = serde_json::from_str(&answer.body).unwrap();
    count["attempt"].as_u64().unwrap() - 1
}

/// Waits until the gateway's cluster of `copy/blue` has answered so many requests.
fn wait_for_copies(proxy: &Proxy, count: u64) {
    eventually("the copies", || {
        (stat(proxy, "copy", "upstream_rq_completed") == count).then_some(())
    });
}

#[test]
fn a_service_color_gets_copies_and_its_answers_go_nowhere() {
    let (shop, copy) = (
        Backend::start("shop", "blue"),
        Backend::start("copy", "blue"),
    );
    let secret = Backend::start("secret", "blue");
    let routes = [
        mounted("/all/", json!({"mirror-to": "copy/blue"})),
        mounted(
            "/none/",
            json!({"mirror-to": "copy/blue", "mirror-percent": "0"}),
        ),
        mounted("/secret/", json!({"mirror-to": "secret/blue"})),
        mounted("/nobody/", json!({"mirror-to": "nobody/blue"})),
        mounted(
            "/bad/",
            json!({"mirror-to": "copy", "mirror-percent": "all"}),
        ),
    ];
    // Without a share of any route.
    let idle = with(prefix("/all/"), json!({"weight": 0}));
    let private = with(prefix("/own/"), json!({"default-access": false}));
    let proxy = gateway(&[
        service("shop", &[shop.port], &routes),
        service("copy", &[copy.port], &[idle]),
        service("secret", &[secret.port], &[private]),
    ]);
    assert_eq!(in_turn(&proxy, "/all/who", 5), ["200 by shop-blue"; 5]);
    wait_for_copies(&proxy, 5);
    for path in ["/none/who", "/secret/who", "/nobody/who", "/bad/who"] {
        assert_eq!(in_turn(&proxy, path, 3), ["200 by shop-blue"; 3], "{path}");
    }
    // The copy is the request as the service sees it.
    let answer = proxy.get("/all/flaky/0/a");
    assert_eq!(heard(&answer), "200 by shop-blue: {\"attempt\":1}");
    wait_for_copies(&proxy, 6);
    assert_eq!(asked(&copy, "a"), 1);
    // What the copy is answered with, or that it is not, is nobody's business.
    assert_eq!(asked(&secret, "a"), 0);
    drop(copy);
    assert_eq!(in_turn(&proxy, "/all/who", 5), ["200 by shop-blue"; 5]);
    let log = proxy.log();
    for told in [
        "could reach route `/own/` of `secret/blue`, which the proxy may not reach",
        "`nobody/blue` has no route in namespace `n1`",
        "property `mirror-to` is left out: `copy` is not a service and its color",
        "property `mirror-percent` is left out: `all` is not a number",
    ] {
        assert!(log.contains(told), "{told}: {log}");
    }
}

/// A copy has the path of its request, or the one that a rewrite gives it.
#[test]
fn copies_reach_no_private_route_of_the_target() {
    let (shop, stock) = (
        Backend::start("shop", "blue"),
        Backend::start("stock", "blue"),
    );
    let private = |path: &str| with(prefix(path), json!({"default-access": false}));
    let copied = json!({"mirror-to": "stock/blue"});
    let rewritten = json!({"mirror-to": "stock/blue", "prefix-rewrite": "/secret/"});
    let proxy = gateway(&[
        service(
            "shop",
            &[shop.port],
            &[
                having(prefix("/admin/"), copied),
                having(prefix("/x/"), rewritten),
            ],
        ),
        service(
            "stock",
            &[stock.port],
            &[
                mounted("/pub/", json!({})),
                private("/admin/"),
                private("/secret/"),
            ],
        ),
    ]);
    for path in ["/admin/del", "/x/y"] {
        assert_eq!(proxy.get(path).by(), "shop-blue", "{path}");
    }
    assert_eq!(in_turn(&proxy, "/pub/who", 3), ["200 by stock-blue"; 3]);
    assert_eq!(stat(&proxy, "stock", "upstream_rq_total"), 3);
    let log = proxy.log();
    for path in ["/admin/", "/x/"] {
        let told = format!(
            "the copies of route `{path}` could reach route `/admin/` of `stock/blue`, which the proxy may not reach"
        );
        assert!(log.contains(&told), "{told}: {log}");
    }
}

/// A namespace says all of it for its routes, and prefers its gateway: the proxy before that does none of it.
#[test]
fn nothing_is_done_twice_on_the_way_through_a_gateway() {
    let [own, bank, copy] = ["client", "bank", "copy"].map(|name| Backend::start(name, "blue"));
    let properties = json!({
        "mirror-to": "copy/blue", "rate-limit": "3/h", "retry-statuses": "503", "num-retries": "1",
        // The gateway counts when the delay is over.
        "delay": "400ms", "timeout": "300ms", "idle-timeout": "600ms", "response-header-set-x-way": "gateway",
        "cors-origins": "*",
    });
    let n2 = namespace(
        "n2",
        &[
            service("bank", &[bank.port], &[prefix("/")]),
            service(
                "copy",
                &[copy.port],
                &[with(prefix("/"), json!({"weight": 0}))],
            ),
        ],
    );
    let n2 = having(n2, properties);
    let gateway = Plan::gateway("n2", &map(std::slice::from_ref(&n2))).start();
    let egress = ports::free();
    let gateways = json!({"gateways": {
        "prefer-gateway": true, "instances": [{"ipv4": "127.0.0.1", "port": gateway.port}],
    }});
    let interface = json!({"ipv4": "127.0.0.1", "port": egress});
    let client = with(
        service_color("client", "blue", &[own.port], &[prefix("/")]),
        json!({"namespace-egress": [{"namespace": "n2", "interface": interface}]}),
    );
    let map = map(&[namespace("n1", &[client]), with(n2, gateways)]);
    let _sidecar = Plan::sidecar("n1", "client", "blue", &map).start();
    let address = (Ipv4Addr::LOCALHOST, egress).into();
    let get = |path: &str| http::get(address, path, &[("origin", "https://app.test")]).unwrap();

    let answer = get("/flaky/0/once");
    assert_eq!(heard(&answer), "200 by bank-blue: {\"attempt\":1}");
    let of = |name: &str| {
        answer
            .headers
            .iter()
            .filter(|(known, _)| known == name)
            .count()
    };
    assert_eq!((of("x-way"), of("access-control-allow-origin")), (1, 1));
    wait_for_copies(&gateway, 1);
    assert_eq!(asked(&copy, "once"), 1);
    // Tried again by the gateway alone.
    assert_eq!(
        heard(&get("/flaky/9/twice")),
        "503 by bank-blue: {\"attempt\":2}"
    );
    let last = ["/who", "/who"].map(|path| get(path).status);
    assert_eq!(last, [200, 429]);
}
