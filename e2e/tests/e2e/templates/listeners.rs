//! What holds for every request, whatever its route.

use super::{gateway, heard, mounted, seen, service, sockets};
use e2e::{
    eventually,
    maps::{map, namespace, prefix, with},
    mesh::{Backend, Plan},
};
use serde_json::{Value, json};
use std::{
    io::{BufReader, Read as _, Write as _},
    net::TcpStream,
};

#[test]
fn the_health_path_answers_before_any_route() {
    let shop = Backend::start("shop", "blue");
    let with_routes = gateway(&[service("shop", &[shop.port], &[prefix("/")])]);
    let without_routes = gateway(&[]);
    for (proxy, elsewhere) in [
        (with_routes, "404 by shop-blue"),
        (without_routes, "404 by Envoy"),
    ] {
        let got = ["/___health_check___", "/___health_check___/x", "/elsewhere"];
        let got = got.map(|path| seen(&proxy.get(path)));
        assert_eq!(got, ["200 by Envoy", elsewhere, elsewhere]);
    }
}

/// A line of the access log with what differs from run to run replaced.
fn access_log_line(proxy: &e2e::mesh::Proxy, id: &str) -> String {
    let line = eventually("the access log", || {
        let log = proxy.log();
        let end = format!(" id={id}");
        let line = log.lines().find(|line| line.ends_with(&end));
        line.map(str::to_owned)
    });
    let (_, line) = line.split_at(line.find('[').unwrap());
    let words = line.split(' ').map(|word| {
        let milliseconds = word.strip_suffix("ms");
        if milliseconds.is_some_and(|number| number.parse::<u32>().is_ok()) {
            "<duration>"
        } else if word.starts_with('[') && word.len() == "[2026-01-31T12:00:00.000Z]".len() {
            "[<time>]"
        } else if word.starts_with("127.0.0.1:") && !word.ends_with(&format!(":{}", proxy.port)) {
            "<client>"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_access_log_says_who_asked_what_and_where_it_went() {
    let shop = Backend::start("shop", "blue");
    let routes = [
        mounted("/shop/", json!({})),
        mounted("/slow/", json!({"timeout": "100ms"})),
    ];
    let proxy = gateway(&[
        service("shop", &[shop.port], &routes),
        service("empty", &[], &[prefix("/empty")]),
    ]);
    let paths = [
        ("served", "/shop/who?secret=1"),
        ("slow", "/slow/delay/20000"),
        ("empty", "/empty"),
        ("nowhere", "/nowhere"),
        ("tidied", "/x/..//shop/%77ho"),
    ];
    let body = proxy.get("/shop/who").body.len();
    proxy.get_with("/___health_check___", &[("x-request-id", "health")]);
    let lines = paths.map(|(id, path)| {
        proxy.get_with(path, &[("x-request-id", id)]);
        access_log_line(&proxy, id)
    });
    let to = format!("to=c-shop-blue-1@127.0.0.1:{}", shop.port);
    let begin = format!("[<time>] <client> > 127.0.0.1:{}", proxy.port);
    assert_eq!(
        lines,
        [
            format!(
                "{begin} \"GET /shop/who HTTP/1.1\" 200 - <duration> in=0 out={body} {to} id=served"
            ),
            format!(
                "{begin} \"GET /slow/delay/20000 HTTP/1.1\" 504 UT <duration> in=0 out=24 {to} id=slow"
            ),
            format!(
                "{begin} \"GET /empty HTTP/1.1\" 503 UH <duration> in=0 out=19 to=c-empty-blue-1@- id=empty"
            ),
            format!(
                "{begin} \"GET /nowhere HTTP/1.1\" 404 NR <duration> in=0 out=0 to=-@- id=nowhere"
            ),
            // The path as it was routed and sent on.
            format!(
                "{begin} \"GET /shop/who HTTP/1.1\" 200 - <duration> in=0 out={body} {to} id=tidied"
            ),
        ]
    );
    let health = proxy
        .log()
        .lines()
        .filter(|line| line.ends_with("id=health"))
        .count();
    assert_eq!(health, 0, "health checks are not logged");
}

#[test]
fn every_spelling_of_a_path_takes_the_same_route() {
    let [shop, root] = [("shop", "/shop"), ("root", "")]
        .map(|(name, path)| Backend::start_with(name, "blue", &[("PATH_PREFIX", path)]));
    let exact = with(
        prefix(""),
        json!({"path-match": {"match-type": "exact", "value": "/shop/echo"}}),
    );
    let proxy = gateway(&[
        service("root", &[root.port], &[prefix("/")]),
        service("shop", &[shop.port], &[exact]),
    ]);
    let spellings = [
        "/shop/echo",
        "//shop/echo",
        "/shop//echo",
        "/shop/./echo",
        "/shop/x/../echo",
        "/../shop/echo",
        "/shop/%65cho",
        "/%73hop/echo",
        "/shop%2Fecho",
        "/shop%2fecho",
        "/shop/%2e/echo",
        "/shop/x/%2E%2e/echo",
        "/shop\\echo",
        "/shop%5Cecho",
    ];
    for path in spellings {
        let answer = proxy.get(path);
        assert_eq!(seen(&answer), "200 by shop-blue", "{path}");
        let echo: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(echo["path"], "/shop/echo", "{path}");
    }
    let others = ["/shop/ech", "/shop/echo/", "/Shop/echo", "/shop/../echo"];
    let got = others.map(|path| seen(&proxy.get(path)));
    let elsewhere = "404 by root-blue";
    assert_eq!(got, [elsewhere, elsewhere, elsewhere, "200 by root-blue"]);
}

#[test]
fn callers_do_not_steer_envoy() {
    let shop = Backend::start("shop", "blue");
    let proxy = gateway(&[service("shop", &[shop.port], &[prefix("/")])]);
    let steering = [
        // Envoy alone would trust a caller who is said to have a private address.
        ("x-forwarded-for", "10.0.0.1"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoy-upstream-rq-per-try-timeout-ms", "1"),
        ("x-envoy-expected-rq-timeout-ms", "1"),
        ("x-envoy-upstream-stream-duration-ms", "1"),
        ("x-envoy-upstream-alt-stat-name", "mine"),
        ("x-envoy-retry-on", "5xx"),
        ("x-envoy-max-retries", "3"),
        ("x-envoy-retriable-status-codes", "404"),
        ("x-envoy-hedge-on-per-try-timeout", "true"),
        ("x-envoy-internal", "true"),
        ("x-envoy-force-trace", "true"),
        ("x-envoy-ip-tags", "mine"),
        ("x-envoy-downstream-service-cluster", "mine"),
        ("x-envoy-downstream-service-node", "mine"),
        ("x-envoy-decorator-operation", "mine"),
        ("x-envoy-original-path", "/mine"),
        ("x-envoy-original-host", "mine"),
        ("x-envoy-original-method", "mine"),
        ("x-envoy-original-url", "mine"),
        ("x-envoy-original-dst-host", "127.0.0.1:1"),
        ("x-envoy-external-address", "192.0.2.7"),
        ("x-envoy-attempt-count", "7"),
        ("x-envoy-is-timeout-retry", "true"),
        ("x-envoy-degraded", "true"),
        ("x-envoy-overloaded", "true"),
        ("x-envoy-immediate-health-check-fail", "true"),
        ("x-envoy-fault-delay-request", "1000"),
        ("x-envoy-fault-abort-request", "500"),
        ("x-envoy-retriable-header-names", "x-a"),
        ("x-envoy-peer-metadata", "mine"),
    ];
    assert_eq!(
        seen(&proxy.get_with("/delay/200", &steering)),
        "200 by shop-blue"
    );
    assert_eq!(
        heard(&proxy.get_with("/flaky/1/x", &steering)),
        "503 by shop-blue: {\"attempt\":1}"
    );
    let echo = proxy.get_with("/echo", &steering);
    let echo: Value = serde_json::from_str(&echo.body).unwrap();
    let mut headers = echo["headers"].as_object().unwrap().clone();
    headers.retain(|name, _| name.starts_with("x-envoy-"));
    // What Envoy itself says of the route's limit and of the caller.
    let own = json!({
        "x-envoy-expected-rq-timeout-ms": "15000",
        "x-envoy-external-address": "127.0.0.1",
    });
    assert_eq!(Value::from(headers), own);
}

#[test]
fn what_a_load_balancer_in_front_says_is_passed_on() {
    let shop = Backend::start("shop", "blue");
    let map = map(&[namespace(
        "n1",
        &[service("shop", &[shop.port], &[prefix("/echo")])],
    )]);
    let proxy = Plan::gateway("n1", &map)
        .env("NJ_PROXY_PROP_TRUSTED_HOPS", 1)
        .start();
    let said = [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "from-outside"),
    ];
    let answer = proxy.get_with("/echo", &said);
    let echo: Value = serde_json::from_str(&answer.body).unwrap();
    let passed = said.map(|(name, _)| {
        let value = echo["headers"][name].as_str().unwrap_or_default();
        // A gateway adds whom it was asked by, to a list that the callers before began.
        (name, value.split(',').next().unwrap_or_default())
    });
    assert_eq!(passed, said);
    let own: Vec<&str> = answer
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(
        !own.iter().any(|name| name.starts_with("x-envoy-")),
        "{own:?}"
    );
}

#[test]
fn a_websocket_passes() {
    let proxy = gateway(&[service(
        "echo",
        &[sockets::start_websocket()],
        &[prefix("/")],
    )]);
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(e2e::WAIT_TIMEOUT)).unwrap();
    let request = "GET /chat HTTP/1.1\r\nhost: mesh.test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = sockets::read_head(&mut reader);
    head.retain(|line| !line.starts_with("date: "));
    let expected = [
        "HTTP/1.1 101 Switching Protocols",
        "connection: upgrade",
        "upgrade: websocket",
        "x-sample-service: echo-blue",
        "server: envoy",
    ];
    head.sort();
    let mut expected = expected.map(str::to_owned);
    expected.sort();
    assert_eq!(head, expected);
    for message in ["first", "second"] {
        stream.write_all(message.as_bytes()).unwrap();
        let mut back = vec![0; message.len()];
        reader.read_exact(&mut back).unwrap();
        assert_eq!(String::from_utf8(back).unwrap(), message);
    }
}
