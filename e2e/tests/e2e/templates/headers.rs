//! Headers that routes set and remove. `/echo` says what the service saw.

use super::{gateway_of, having, mounted, service};
use e2e::{
    maps::{namespace, prefix, with},
    mesh::{Backend, Proxy},
};
use serde_json::{Value, json};

/// What Envoy would make something of, where it formats.
const FORMAT: &str = "100% %ENVIRONMENT(PATH)% %REQ(:path)% %% %UPSTREAM_METADATA(a:b)%";

/// The headers that the service saw.
fn echoed(proxy: &Proxy, path: &str, headers: &[(&str, &str)]) -> Value {
    let answer = proxy.get_with(path, headers);
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str::<Value>(&answer.body).unwrap()["headers"].take()
}

#[test]
fn headers_are_set_and_removed_on_both_ways() {
    let shop = Backend::start("shop", "blue");
    let routes = [
        prefix("/"),
        mounted(
            "/set/",
            json!({
                "request-header-set-X-TEAM": "route", "request-header-set-x-format": FORMAT,
                "request-header-remove": "x-secret, X-Other",
                "response-header-set-Cache-Control": "no-store", "response-header-set-x-format": FORMAT,
                "response-header-remove": "content-type",
            }),
        ),
        // None of these may be set, and nothing else of the route suffers from that.
        mounted(
            "/refused/",
            json!({
                "request-header-set-host": "elsewhere.test", "request-header-set-:path": "/who",
                "request-header-set-content-length": "0", "request-header-set-x-envoy-retry-on": "5xx",
                "request-header-set-a b": "1", "request-header-remove": "host",
                "response-header-set-transfer-encoding": "chunked", "response-header-set-server": "mine",
                "response-header-set-x-good": "good",
            }),
        ),
    ];
    let shop = having(
        service("shop", &[shop.port], &routes),
        json!({"request-header-set-x-team": "service"}),
    );
    let namespace = namespace("n1", &[shop]);
    let proxy = gateway_of(&with(
        namespace,
        json!({"properties": {"request-header-set-X-Team": "namespace", "response-header-set-x-mesh": "n1"}}),
    ));

    let seen = echoed(
        &proxy,
        "/set/echo",
        &[("X-Team", "forged"), ("x-secret", "1"), ("x-third", "3")],
    );
    assert_eq!(seen["x-team"], "route");
    assert_eq!(seen["x-format"], FORMAT);
    assert_eq!(
        (&seen["x-secret"], &seen["x-third"]),
        (&Value::Null, &json!("3"))
    );
    let answer = proxy.get("/set/echo");
    assert_eq!(answer.header("x-format"), Some(FORMAT));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), None);
    assert_eq!(answer.header("x-mesh"), Some("n1"));

    assert_eq!(echoed(&proxy, "/echo", &[])["x-team"], "service");
    assert_eq!(
        proxy.get("/echo").header("content-type"),
        Some("application/json")
    );

    let seen = echoed(&proxy, "/refused/echo", &[("x-third", "3")]);
    assert_eq!(
        (&seen["host"], &seen["x-third"]),
        (&json!("mesh.test"), &json!("3"))
    );
    let answer = proxy.get("/refused/echo");
    assert_eq!(answer.header("server"), Some("envoy"));
    assert_eq!(answer.header("x-good"), Some("good"));
    let log = proxy.log();
    for told in [
        "`request-header-set-host` is left out",
        "`request-header-set-:path` is left out",
        "`request-header-set-content-length` is left out",
        "`request-header-set-x-envoy-retry-on` is left out",
        "`request-header-set-a b` is left out",
        "`request-header-remove` is left out",
        "`response-header-set-transfer-encoding` is left out",
        "`response-header-set-server` is left out",
    ] {
        assert!(log.contains(told), "{told}: {log}");
    }
    assert_eq!(
        proxy.metric("nightjar_configuration_refused").to_string(),
        "0"
    );
}
