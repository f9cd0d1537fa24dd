//! Where a proxy's telemetry goes: properties that the context hands out taken apart.

use super::{gateway, map, namespace, route, service_color, sidecar, warnings};
use nightjar_core::{
    context::{ProxyConfig, proxy_input},
    document::{discovery_map::DiscoveryMap, proxy_input::Proxy},
};
use serde_json::{Value, json};

fn mesh(properties: &Value) -> DiscoveryMap {
    let shop = service_color("shop", "blue", &[route("/", &json!({}))], &json!({}));
    let mut namespace = namespace("n1", &[shop]);
    namespace["properties"] = properties.clone();
    map(&[namespace])
}

fn with_own(own: &[(&str, &str)]) -> ProxyConfig {
    let own = own
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    ProxyConfig {
        properties: own.collect(),
        ..sidecar("shop", "blue")
    }
}

fn proxy(map: &DiscoveryMap, own: &[(&str, &str)]) -> Proxy {
    proxy_input(map, &with_own(own)).unwrap().input.proxy
}

#[test]
fn what_a_proxy_sends_and_serves_is_taken_apart() {
    let quiet = proxy(&mesh(&json!({})), &[]);
    let flags = [quiet.has_stats_port, quiet.has_statsd, quiet.has_trace];
    assert_eq!((flags, quiet.access_log.is_text), ([false; 3], true));

    let own = [
        ("stats-port", "09102"),
        ("statsd-to", "localhost:8125"),
        ("trace-to", "zipkin://zipkin.test:9411"),
    ];
    let told = proxy(&mesh(&json!({ "trace-percent": "2.50" })), &own);
    assert_eq!((told.has_stats_port, told.stats_port), (true, 9102));
    let statsd = (told.has_statsd, &*told.statsd.host, told.statsd.port);
    assert_eq!(statsd, (true, "127.0.0.1", 8125));
    let trace = &told.trace;
    let place = (&*trace.host, trace.port, trace.host_is_name);
    assert_eq!(place, ("zipkin.test", 9411, true));
    assert_eq!((&*trace.percent, &*trace.fraction), ("2.5", "0.025"));
    // The proxy's own environment counts before the map.
    let own = [("trace-to", "otlp://10.0.0.1:4317"), ("trace-percent", "7")];
    let told = proxy(&mesh(&json!({ "trace-percent": "2.50" })), &own);
    assert_eq!(
        (&*told.trace.percent, told.trace.host_is_name),
        ("7", false)
    );
}

#[test]
fn the_statistics_come_from_where_the_admin_interface_is() {
    let host = |address: &str| {
        let proxy = ProxyConfig {
            admin_address: address.parse().unwrap(),
            ..gateway()
        };
        proxy_input(&mesh(&json!({})), &proxy)
            .unwrap()
            .input
            .proxy
            .admin_host
    };
    for (bound, reached) in [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("10.0.0.7", "10.0.0.7"),
    ] {
        assert_eq!(host(bound), reached);
    }
    let without = ProxyConfig {
        admin_port: None,
        ..with_own(&[("stats-port", "9102")])
    };
    let input = proxy_input(&mesh(&json!({})), &without).unwrap().input;
    assert!(!input.proxy.has_stats_port);
}

#[test]
fn the_access_log_is_what_its_nearest_says() {
    let log = |map: &Value, own: &[(&str, &str)]| {
        let log = proxy(&mesh(map), own).access_log;
        let kinds = [log.is_text, log.is_json, log.is_none];
        assert_eq!(kinds.iter().filter(|is| **is).count(), 1);
        let kind = ["text", "json", "none"][kinds.iter().position(|is| *is).unwrap()];
        (kind, log.has_format.then_some(log.format))
    };
    let json = json!({ "access-log": "JSON" });
    assert_eq!(log(&json!({}), &[]), ("text", None));
    assert_eq!(log(&json, &[]), ("json", None));
    assert_eq!(log(&json, &[("access-log", "text")]), ("text", None));
    assert_eq!(log(&json, &[("access-log", "none")]), ("none", None));
    let format = ("access-log-format", "%PROTOCOL%");
    let own = Some("%PROTOCOL%".to_owned());
    assert_eq!(log(&json, &[format]), ("text", own.clone()));
    assert_eq!(log(&json, &[format, ("access-log", "none")]), ("none", own));
}

#[test]
fn what_a_proxy_itself_sets_without_effect_is_told() {
    let told = |own: &[(&str, &str)], map: &Value| warnings(&mesh(map), &with_own(own));
    let none = json!({});
    let place = "namespace `n1`, service-color `shop/blue`: property";
    for (own, name, reason) in [
        (
            vec![("trace-percent", "5")],
            "trace-percent",
            "without `trace-to`; set NJ_PROXY_PROP_TRACE_TO too",
        ),
        (
            vec![("access-log", "JSON"), ("access-log-format", "%PROTOCOL%")],
            "access-log",
            "beside `access-log-format`, which takes precedence over json; remove one of them",
        ),
        (
            vec![("access-log", "none"), ("access-log-format", "%PROTOCOL%")],
            "access-log-format",
            "beside `access-log` none, which writes no log; remove one of them",
        ),
        (
            vec![("timeout", "5s")],
            "timeout",
            "for a proxy; set it in the discovery map, for a service-color or a namespace",
        ),
    ] {
        let expected =
            format!("{place} `{name}` of the proxy's own environment has no effect {reason}");
        assert_eq!(told(&own, &none), [expected]);
    }
    let to = ("trace-to", "otlp://10.0.0.1:4317");
    assert_eq!(told(&[("trace-percent", "5"), to], &none), [""; 0]);
    let format = ("access-log-format", "%PROTOCOL%");
    assert_eq!(told(&[("access-log", "text"), format], &none), [""; 0]);
    // A namespace sets these for all of its proxies.
    let all = json!({ "trace-percent": "5", "access-log": "json" });
    assert_eq!(told(&[], &all), [""; 0]);
    assert_eq!(told(&[format], &all), [""; 0]);
}

/// Whoever can tag a task must not open a port, redirect telemetry or silence a log.
#[test]
fn a_map_neither_opens_a_port_nor_redirects_telemetry_nor_silences_a_log() {
    let said = json!({
        "stats-port": "9102", "statsd-to": "10.0.0.9:8125", "trace-to": "otlp://10.0.0.9:4317",
        "access-log-format": "%REQ(AUTHORIZATION)%", "access-log": "none",
    });
    let map = mesh(&said);
    assert_eq!(proxy(&map, &[]), proxy(&mesh(&json!({})), &[]));
    let only = |name: &str, why: &str| {
        let setting = name.to_uppercase().replace('-', "_");
        format!(
            "namespace `n1`: property `{name}` {why}, and is left out; set NJ_PROXY_PROP_{setting} where the \
             proxy runs"
        )
    };
    let alone = "is read only from a proxy's own environment";
    let expected = [
        only("access-log-format", alone),
        only(
            "access-log",
            "can be `none` only in a proxy's own environment",
        ),
        only("stats-port", alone),
        only("statsd-to", alone),
        only("trace-to", alone),
    ];
    assert_eq!(warnings(&map, &gateway()), expected);
}
