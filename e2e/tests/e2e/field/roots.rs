//! Properties of the whole proxy, from its own environment, its service-color and its namespace.

use super::{all_of, by, having, service};
use e2e::{
    eventually,
    http::Answer,
    maps::{map, namespace, prefix},
    mesh::{Backend, Plan, Proxy},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

/// The map of one service, whose namespace says these properties.
fn mesh(shop: &Backend, properties: Value) -> Value {
    let shop = service("shop", &[shop.port], &[prefix("/")]);
    map(&[having(namespace("n1", &[shop]), properties)])
}

fn gateway(map: &Value) -> Plan {
    Plan::gateway("n1", map).env(
        "ENVOY_ARGS",
        "--concurrency 1 --file-flush-interval-msec 50",
    )
}

fn sidecar(map: &Value) -> Plan {
    Plan::sidecar("n1", "shop", "blue", map).env(
        "ENVOY_ARGS",
        "--concurrency 1 --file-flush-interval-msec 50",
    )
}

/// A header as the service got it.
fn passed(answer: &Answer, name: &str) -> Value {
    let echo: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    echo["headers"][name].clone()
}

/// The line of the access log of the request with this id.
fn logged(proxy: &Proxy, id: &str) -> String {
    let end = format!(" id={id}");
    eventually("the access log", || {
        let log = proxy.log();
        let line = log.lines().find(|line| line.ends_with(&end));
        line.map(str::to_owned)
    })
}

/// What a caller claims, as a load balancer would say it.
const CLAIMS: [(&str, &str); 3] = [
    ("x-forwarded-for", "192.0.2.7"),
    ("x-forwarded-proto", "https"),
    ("x-request-id", "claimed"),
];

#[test]
fn a_gateway_believes_nobody_unless_told_how_many() {
    let shop = Backend::start("shop", "blue");
    let map = mesh(&shop, json!({}));
    let proxy = gateway(&map).start();
    let answer = proxy.get_with("/echo", &CLAIMS);
    assert_eq!(passed(&answer, "x-forwarded-proto"), "http");
    let line = logged(&proxy, "claimed");
    assert!(!line.contains("192.0.2.7"), "{line}");
    // It is told at start, because behind a load balancer it has to be 1.
    let log = proxy.log().to_ascii_uppercase().replace('-', "_");
    assert!(log.contains("TRUSTED_HOPS"), "{log}");

    let proxy = gateway(&map).env("NJ_PROXY_PROP_TRUSTED_HOPS", 1).start();
    let answer = proxy.get_with("/echo", &CLAIMS);
    assert_eq!(passed(&answer, "x-forwarded-proto"), "https");
    let line = logged(&proxy, "claimed");
    assert!(line.contains("192.0.2.7"), "{line}");
}

#[test]
fn a_sidecar_passes_on_what_callers_say() {
    let shop = Backend::start("shop", "blue");
    let proxy = sidecar(&mesh(&shop, json!({}))).start();
    let answer = proxy.get_with("/echo", &CLAIMS);
    for (name, value) in CLAIMS {
        assert_eq!(passed(&answer, name), value, "{name}");
    }
}

#[test]
fn a_map_cannot_make_a_gateway_believe() {
    let shop = Backend::start("shop", "blue");
    let proxy = gateway(&mesh(&shop, json!({"trusted-hops": "1"}))).start();
    let answer = proxy.get_with("/echo", &CLAIMS);
    assert_eq!(passed(&answer, "x-forwarded-proto"), "http");
    proxy.wait_refreshes(5);
    let told = super::warnings(&proxy, &["trusted-hops"]);
    assert_eq!(told, 1, "{}", proxy.log());
}

#[test]
fn headers_with_underscores_are_dropped_allowed_or_reasons_to_refuse() {
    const SETTING: &str = "NJ_PROXY_PROP_UNDERSCORE_HEADERS";
    let shop = Backend::start("shop", "blue");
    let plain = mesh(&shop, json!({}));
    let rejecting = mesh(&shop, json!({"underscore-headers": "reject"}));
    let dropped = (200_u16, Value::Null);
    let allowed = (200, json!("1"));
    let rejected = (400, Value::Null);
    for (name, plan, expected) in [
        ("gateway", gateway(&plain), &dropped),
        ("sidecar", sidecar(&plain), &allowed),
        ("allow", gateway(&plain).env(SETTING, "allow"), &allowed),
        ("reject", gateway(&plain).env(SETTING, "reject"), &rejected),
        ("drop", sidecar(&plain).env(SETTING, "drop"), &dropped),
        ("namespace", gateway(&rejecting), &rejected),
        // The proxy's own environment counts before the map.
        ("own", gateway(&rejecting).env(SETTING, "allow"), &allowed),
    ] {
        let proxy = plan.start();
        let answer = proxy.get_with("/echo", &[("x_mode", "1")]);
        let seen = (answer.status, passed(&answer, "x_mode"));
        assert_eq!(seen, *expected, "{name}");
    }
}

/// How a request that never ends is answered: status, or nothing where the connection just ends.
fn unfinished(proxy: &Proxy, part: &str) -> (String, Duration) {
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(e2e::WAIT_TIMEOUT)).unwrap();
    let began = Instant::now();
    stream.write_all(part.as_bytes()).unwrap();
    let mut answer = [0; 12];
    let length = stream.read(&mut answer).unwrap_or_default();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    (answer, began.elapsed())
}

/// The values of a setting of all listeners, as it is rendered.
fn rendered(proxy: &Proxy, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(proxy.config_dir().join("lds.json")).unwrap();
    let listeners: Value = serde_json::from_str(&text).unwrap();
    all_of(&listeners, name).into_iter().cloned().collect()
}

#[test]
fn slow_senders_are_cut_where_a_time_is_set() {
    let shop = Backend::start("shop", "blue");
    let map = mesh(&shop, json!({}));
    let patient = gateway(&map).start();
    assert_eq!(rendered(&patient, "request_headers_timeout"), ["10s"]);
    let is_off = |values: Vec<Value>| values.iter().all(|value| value == "0s");
    assert!(is_off(rendered(&patient, "request_timeout")));
    let inside = sidecar(&map).start();
    assert!(is_off(rendered(&inside, "request_headers_timeout")));
    assert!(is_off(rendered(&inside, "request_timeout")));

    let half_a_head = "GET /who HTTP/1.1\r\nhost: mesh.test\r\n";
    let half_a_body = "POST /echo HTTP/1.1\r\nhost: mesh.test\r\ncontent-length: 9\r\n\r\nhalf";
    for (setting, part) in [
        ("NJ_PROXY_PROP_REQUEST_HEADERS_TIMEOUT", half_a_head),
        ("NJ_PROXY_PROP_REQUEST_TIMEOUT", half_a_body),
    ] {
        let hasty = gateway(&map).env(setting, "600ms").start();
        let (answer, time) = unfinished(&hasty, part);
        assert!(answer.is_empty() || answer == "HTTP/1.1 408", "{answer}");
        assert!(time < Duration::from_secs(8), "{part:?}: {time:?}");
        // A slow answer is not a slow request.
        assert_eq!(by(&hasty.get("/delay/1500")), "shop-blue");
    }
}
