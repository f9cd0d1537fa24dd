//! `nightjar status`.

use crate::folder::{Folder, Outcome};
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

/// Serves the two pages of one proxy, as often as `nightjar status` asks for them.
fn proxy(status: u16, ready: &'static str, metrics: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            let (status, body) = if request.starts_with(b"GET /ready ") {
                (status, ready)
            } else {
                (200, metrics)
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

const METRICS: &str = "\
# HELP nightjar_map_in_force_info The version of the discovery map that Envoy serves.
nightjar_map_in_force_info{version=\"map-1\"} 1
nightjar_templates_in_force_info{version=\"set-2\"} 1
nightjar_proxy_info{proxy=\"n1/shop/blue\"} 1
nightjar_envoy_info{version=\"1.40.0\"} 1
";

#[test]
fn proxies_are_seen_at_a_glance() {
    let good = proxy(200, "ready\n", METRICS);
    let bad = proxy(
        503,
        "not ready: no map yet\nfailed: \u{1b}[2Jno bucket\n",
        "",
    );
    let outcome = Folder::new().run(&["status", &good, &format!("http://{bad}/ready")]);
    let width = "http:///ready".len() + bad.len();
    let text = format!(
        "{:width$}  PROXY         READY  MAP    TEMPLATES  ENVOY   LAST SUCCESS\n\
         {good:width$}  n1/shop/blue  yes    map-1  set-2      1.40.0  -\n\
         http://{bad}/ready  -             no     -      -          -       -\n  \
         not ready: no map yet\n  \
         failed: \\u{{1b}}[2Jno bucket\n",
        "URL"
    );
    assert_eq!(outcome, Outcome::new(1, &text, ""));
    assert_eq!(Folder::new().run(&["status", &good]).code, Some(0));
}

#[test]
fn who_does_not_answer_is_not_ready() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let outcome = Folder::new().run(&["status", "--format=json", &address]);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(1), ""));
    let json: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let expected = serde_json::json!([{
        "url": address, "proxy": null, "ready": false,
        "says": ["no answer: Connection refused (os error 111)"],
        "map-version": null, "templates-version": null, "envoy-version": null, "last-success-seconds-ago": null,
    }]);
    assert_eq!(json, expected);
}
