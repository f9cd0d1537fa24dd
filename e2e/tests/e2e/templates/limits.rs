//! Circuit breakers: how much may be under way at once.

use super::{gateway, having, heard, seen, service, stat};
use e2e::{
    eventually, http,
    maps::{prefix, with},
    mesh::{Backend, Proxy},
};
use serde_json::json;
use std::thread::{self, JoinHandle};

const OVERFLOW: &str = "503 by Envoy: upstream connect error or disconnect/reset before headers. reset reason: overflow";

/// A GET whose answer is awaited later.
fn begin(proxy: &Proxy, path: &'static str) -> JoinHandle<String> {
    let address = proxy.address();
    thread::spawn(move || seen(&http::get(address, path, &[]).unwrap()))
}

/// Waits until a statistic of the cluster of `shop/blue` has a value.
fn wait_for(proxy: &Proxy, name: &str, value: u64) {
    eventually(name, || (stat(proxy, "shop", name) == value).then_some(()));
}

fn get_all(proxy: &Proxy, path: &'static str, count: usize) -> Vec<String> {
    let begun: Vec<_> = (0..count).map(|_| begin(proxy, path)).collect();
    begun.into_iter().map(|one| one.join().unwrap()).collect()
}

#[test]
fn max_connections_makes_requests_wait_for_one_another() {
    let shop = Backend::start("shop", "blue");
    let free = service("free", &[shop.port], &[super::mounted("/free/", json!({}))]);
    let bound = service("shop", &[shop.port], &[prefix("/")]);
    let proxy = gateway(&[free, having(bound, json!({"max-connections": "1"}))]);
    assert_eq!(get_all(&proxy, "/delay/200", 4), ["200 by shop-blue"; 4]);
    assert_eq!(stat(&proxy, "shop", "upstream_cx_total"), 1);
    assert_eq!(
        get_all(&proxy, "/free/delay/200", 4),
        ["200 by shop-blue"; 4]
    );
    let connections = stat(&proxy, "free", "upstream_cx_total");
    assert!((2..=4).contains(&connections), "{connections}");
}

#[test]
fn requests_past_max_pending_requests_are_refused() {
    let shop = Backend::start("shop", "blue");
    let limits = json!({"max-connections": "1", "max-pending-requests": "1"});
    let shop = service("shop", &[shop.port], &[prefix("/")]);
    let proxy = gateway(&[having(shop, limits)]);
    let under_way = begin(&proxy, "/delay/2000");
    wait_for(&proxy, "upstream_rq_active", 1);
    let pending = begin(&proxy, "/who");
    wait_for(&proxy, "upstream_rq_pending_active", 1);
    let refused = proxy.get("/who");
    assert_eq!(heard(&refused), OVERFLOW);
    assert_eq!(refused.header("x-envoy-overloaded"), Some("true"));
    assert_eq!(
        [under_way, pending].map(|begun| begun.join().unwrap()),
        ["200 by shop-blue"; 2]
    );
}

#[test]
fn requests_past_max_requests_are_refused() {
    for protocol in ["HTTP1.1", "HTTP2"] {
        let shop = Backend::start_with("shop", "blue", &[("SERVICE_PROTOCOL", protocol)]);
        let shop = with(
            service("shop", &[shop.port], &[prefix("/")]),
            json!({"protocol": protocol, "properties": {"max-requests": "2"}}),
        );
        let proxy = gateway(&[shop]);
        let under_way = [(); 2].map(|()| begin(&proxy, "/delay/1500"));
        wait_for(&proxy, "upstream_rq_active", 2);
        assert_eq!(heard(&proxy.get("/who")), OVERFLOW, "{protocol}");
        assert_eq!(
            under_way.map(|begun| begun.join().unwrap()),
            ["200 by shop-blue"; 2]
        );
        assert_eq!(seen(&proxy.get("/who")), "200 by shop-blue");
    }
}
