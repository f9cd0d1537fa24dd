//! What proxies tell: a JSON access log, and traces.

use super::{Recipe, mounted, server, store};
use e2e::{eventually, mesh::Backend};
use serde_json::{Value, json};
use std::{
    io::Read as _,
    sync::{Arc, Mutex},
};

#[test]
fn each_request_is_a_line_of_json() {
    let recipe = Recipe::named("json-access-log");
    let shop = Backend::start("shop", "blue");
    let proxy = recipe.gateway(&store(&[mounted("shop", &shop)]));
    assert_eq!(proxy.get("/___health_check___").status, 200);
    assert_eq!(proxy.get("/shop/who?secret=7").by(), "shop-blue");
    let line = eventually("a line of JSON", || {
        let log = proxy.log();
        let mut lines = log.lines().filter(|line| line.contains("\"path\":"));
        let line = lines.next()?;
        serde_json::from_str::<Value>(line.get(line.find('{')?..)?).ok()
    });
    let expected =
        json!({"method": "GET", "path": "/shop/who", "status": 200, "cluster": "c-shop-blue-1"});
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&line[member], value, "{line}");
    }
}

/// The 16 bytes of a trace's id, out of the header that services see.
fn trace_id(header: &Value) -> Vec<u8> {
    let text = header.as_str().unwrap().split('-').nth(1).unwrap();
    assert_eq!(text.len(), 32, "{header}");
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..32).step_by(2).map(byte).collect()
}

#[test]
fn traces_reach_the_collector() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&sent);
    let collector = server::serve(move |head, mut stream| {
        assert!(head.starts_with("POST /v1/traces "), "{head}");
        let lines = head.lines();
        let mut lengths = lines.filter_map(|line| line.strip_prefix("content-length: "));
        let length: Option<usize> = lengths.next().map(|length| length.parse().unwrap());
        let mut body = Vec::new();
        let mut part = [0; 4096];
        // Without a length the body comes in chunks, the last of which is empty.
        while length.map_or(!body.ends_with(b"0\r\n\r\n"), |length| body.len() < length) {
            let count = stream.read(&mut part).unwrap();
            assert_ne!(count, 0, "the body ends early");
            body.extend_from_slice(&part[..count]);
        }
        all.lock().unwrap().extend(body);
        server::answer(&stream, "200 OK", "", "");
    });
    let address = "\"address\": \"collector.example\", \"port_value\": 4318";
    let here = format!("\"address\": \"127.0.0.1\", \"port_value\": {collector}");
    let sampled = (
        "\"value\": 10}",
        &"\"value\": 100}" as &dyn std::fmt::Display,
    );
    let recipe = Recipe::with("tracing", &[(address, &here), sampled]);
    let shop = Backend::start("shop", "blue");
    let proxy = recipe.gateway(&store(&[mounted("shop", &shop)]));
    // Envoy sends spans when it has a few of them.
    let ids: Vec<Vec<u8>> = (0..6)
        .map(|_| {
            let echo: Value =
                serde_json::from_str(&proxy.get("/shop/echo?token=hunter2").body).unwrap();
            trace_id(&echo["headers"]["traceparent"])
        })
        .collect();
    eventually("spans come", || {
        let sent = sent.lock().unwrap();
        let has = |text: &[u8]| sent.windows(text.len()).any(|part| part == text);
        let url = b"http://mesh.test/shop/echo";
        (has(&ids[0]) && has(b"store-gateway") && has(url)).then_some(())
    });
    let sent = String::from_utf8_lossy(&sent.lock().unwrap()).into_owned();
    assert!(!sent.contains("hunter2"), "{sent}");
}
