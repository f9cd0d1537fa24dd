//! A maintenance page, and circuit breaking behind a gateway.

use super::{Recipe, STORE, mounted, on, store};
use e2e::{
    eventually, http,
    maps::{map, namespace, with},
    mesh::{Backend, Plan},
    ports,
};
use serde_json::json;
use std::{fs, net::Ipv4Addr, thread};

#[test]
fn a_maintenance_page_is_shown_while_its_file_is_there() {
    let recipe = Recipe::named("maintenance-page");
    let [shop, stock] = ["shop", "stock"].map(|name| Backend::start(name, "blue"));
    let proxy = recipe.gateway(&store(&[mounted("shop", &shop), mounted("stock", &stock)]));
    let page = proxy.get("/shop/who");
    assert_eq!(page.status, 503);
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert_eq!(page.header("retry-after"), Some("600"));
    assert!(page.body.contains("The shop is back"), "{}", page.body);
    assert_eq!(proxy.get("/shop?x=1").body, page.body);
    assert_eq!(proxy.get("/shopping").status, 404);
    // Others are served, and whoever looks whether the gateway is there is told so.
    assert_eq!(proxy.get("/stock/who").by(), "stock-blue");
    assert_eq!(proxy.get("/___health_check___").status, 200);

    let purpose = "gateway/_default/routes.mustache.mustache";
    fs::remove_file(recipe.templates().path().join(purpose)).unwrap();
    proxy.wait_for_answer("/shop/who", "shop-blue");
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}

#[test]
fn one_route_takes_so_many_requests_and_no_more() {
    let recipe = Recipe::named("rate-limit");
    let [shop, stock] = ["shop", "stock"].map(|name| Backend::start(name, "blue"));
    let limited = with(
        mounted("shop", &shop),
        json!({"properties": {"limited": "yes"}}),
    );
    let proxy = recipe.gateway(&store(&[limited, mounted("stock", &stock)]));
    let statuses: Vec<u16> = (0..7).map(|_| proxy.get("/shop/who").status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
    let refused = proxy.get("/shop/who");
    assert_eq!(refused.header("retry-after"), Some("60"));
    for _ in 0..7 {
        assert_eq!(proxy.get("/stock/who").by(), "stock-blue");
    }
}

#[test]
fn a_circuit_breaker_behind_a_gateway_is_that_of_one_service() {
    let recipe = Recipe::named("circuit-breaking");
    let [rates, accounts, shop] =
        ["rates", "accounts", "shop"].map(|name| Backend::start(name, "blue"));
    let (port, egress) = (ports::free(), ports::free());
    let mut bank = recipe.json("namespace.json");
    bank["gateways"]["instances"] = json!([{"ipv4": "127.0.0.1", "port": port}]);
    let limited = on(bank["service-colors"][0].clone(), &[rates.port]);
    assert_eq!(limited["properties"]["max-requests"], "20");
    bank["service-colors"] = json!([limited, mounted("accounts", &accounts)]);
    let caller = with(
        mounted("shop", &shop),
        json!({"namespace-egress": [
            {"namespace": "bank", "interface": {"ipv4": "127.0.0.1", "port": egress}}
        ]}),
    );
    let map = map(&[namespace(STORE, &[caller]), bank]);
    let gateway = recipe.start(Plan::gateway("bank", &map).env("NJ_LISTEN_PORT", port));
    let _sidecar = recipe.sidecar("shop", &map);

    let get = move |path: &str| http::get((Ipv4Addr::LOCALHOST, egress).into(), path, &[]).unwrap();
    let under_way: Vec<_> = (0..20)
        .map(|_| thread::spawn(move || get("/rates/delay/3000").status))
        .collect();
    eventually("20 requests are under way", || {
        let stats = gateway
            .admin("/stats?filter=c-rates-blue-3000.upstream_rq_active")
            .body;
        stats.contains("upstream_rq_active: 20").then_some(())
    });
    let refused = get("/rates/who");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("x-envoy-overloaded"), Some("true"));
    assert_eq!(get("/accounts/who").by(), "accounts-blue");
    for begun in under_way {
        assert_eq!(begun.join().unwrap(), 200);
    }
    assert_eq!(get("/rates/who").by(), "rates-blue");
}
