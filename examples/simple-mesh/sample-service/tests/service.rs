//! The program as its callers see it: a process that is asked over HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, client::conn, header::HeaderMap};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Command, Stdio},
};
use tokio::{net::TcpStream, runtime::Runtime};

/// A running service, ended with the test.
struct Service {
    process: Child,
    address: String,
}

impl Service {
    fn start(settings: &[(&str, &str)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_sample-service"))
            .env_clear()
            .envs([("SERVICE_PORT", "0"), ("SERVICE_ADDRESS", "127.0.0.1")])
            .envs([("SERVICE_NAME", "nest"), ("SERVICE_COLOR", "blue")])
            .envs(settings.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stderr.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .split("listens on ")
            .nth(1)
            .unwrap()
            .split(',')
            .next()
            .unwrap();
        Self {
            address: address.to_owned(),
            process,
        }
    }

    fn port(&self) -> u16 {
        self.address.rsplit(':').next().unwrap().parse().unwrap()
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let (status, _, body) = self.send(Request::get(path).body(Full::default()).unwrap());
        (status, body)
    }

    fn send(&self, request: Request<Full<Bytes>>) -> (u16, HeaderMap, Value) {
        run(async {
            let stream = TcpStream::connect(&self.address).await.unwrap();
            let (mut sender, connection) =
                conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            read(sender.send_request(request).await.unwrap()).await
        })
    }

    fn send_http2(&self, request: Request<Full<Bytes>>) -> (u16, HeaderMap, Value) {
        run(async {
            let stream = TcpStream::connect(&self.address).await.unwrap();
            let (mut sender, connection) =
                conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                    .await
                    .unwrap();
            tokio::spawn(connection);
            read(sender.send_request(request).await.unwrap()).await
        })
    }

    fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime: Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

async fn read(response: Response<hyper::body::Incoming>) -> (u16, HeaderMap, Value) {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        head.status.as_u16(),
        head.headers,
        serde_json::from_slice(&body).unwrap(),
    )
}

#[test]
fn it_says_who_it_is() {
    let service = Service::start(&[]);
    let who = json!({"service": "nest", "color": "blue", "port": service.port()});
    assert_eq!(service.get("/"), (200, who.clone()));
    assert_eq!(service.get("/who?now"), (200, who.clone()));
    assert_eq!(service.get("/delay/1"), (200, who));
}

#[test]
fn every_response_names_the_service() {
    let service = Service::start(&[]);
    for (path, expected) in [("/who", 200), ("/status/418", 418), ("/nothing", 404)] {
        let (status, headers, _) = service.send(Request::get(path).body(Full::default()).unwrap());
        assert_eq!(
            (status, &headers["x-sample-service"]),
            (expected, &"nest-blue".parse().unwrap())
        );
    }
}

#[test]
fn every_response_says_what_was_asked_for() {
    let service = Service::start(&[("PATH_PREFIX", "/nest")]);
    for path in ["/", "/nest/who?a=%61", "/a//./%2f;x=%zz/..", "*"] {
        let (_, headers, _) = service.send(Request::get(path).body(Full::default()).unwrap());
        assert_eq!(headers["x-sample-path"], path);
    }
}

#[test]
fn it_answers_the_keys_it_has() {
    let service = Service::start(&[("KEYS", "eggs"), ("EGGS_VALUE", "three")]);
    assert_eq!(service.get("/key/eggs"), (200, json!({"value": "three"})));
    assert_eq!(
        service.get("/key/feathers").1,
        json!({"error": "no key \"feathers\" in KEYS"})
    );
}

#[test]
fn it_hands_back_what_another_service_answers() {
    let nest = Service::start(&[("KEYS", "eggs"), ("EGGS_VALUE", "three")]);
    let trail = Service::start(&[
        ("FORWARD_KEYS", "eggs,teapot,lost"),
        ("EGGS_URL", &format!("http://{}/key/eggs", nest.address)),
        ("TEAPOT_URL", &format!("http://{}/status/418", nest.address)),
        ("LOST_URL", "http://127.0.0.1:1/"),
    ]);
    assert_eq!(trail.get("/forward/eggs"), (200, json!({"value": "three"})));
    assert_eq!(trail.get("/forward/teapot"), (418, json!({"status": 418})));
    let refused = "GET http://127.0.0.1:1/ failed: Connection refused (os error 111)";
    assert_eq!(trail.get("/forward/lost"), (502, json!({"error": refused})));
    let unknown = "no key \"gold\" in FORWARD_KEYS";
    assert_eq!(trail.get("/forward/gold"), (404, json!({"error": unknown})));
}

#[test]
fn it_also_answers_below_its_prefix() {
    let service = Service::start(&[
        ("PATH_PREFIX", "/nest/"),
        ("KEYS", "eggs"),
        ("EGGS_VALUE", "3"),
    ]);
    let eggs = (200, json!({"value": "3"}));
    assert_eq!(service.get("/nest/key/eggs"), eggs);
    assert_eq!(service.get("/key/eggs"), eggs);
    assert_eq!(service.get("/nest").0, 200);
    let missing = (404, json!({"error": "there is nothing at /nestkey/eggs"}));
    assert_eq!(service.get("/nestkey/eggs"), missing);
}

#[test]
fn it_echoes_requests() {
    let service = Service::start(&[]);
    let request = Request::post("/echo?q=1")
        .header("x-one", "a")
        .header("x-one", "b")
        .body(Full::from("hello"))
        .unwrap();
    let expected = json!({
        "method": "POST", "path": "/echo", "query": "q=1", "version": "HTTP1.1",
        "headers": {"x-one": "a, b", "content-length": "5"}, "body": "hello",
    });
    assert_eq!(service.send(request).2, expected);
}

#[test]
fn it_fails_as_often_as_asked() {
    let service = Service::start(&[]);
    let ask = |path| service.get(path).0;
    assert_eq!(
        [
            ask("/flaky/2"),
            ask("/flaky/2"),
            ask("/flaky/2"),
            ask("/flaky/2")
        ],
        [503, 503, 200, 200]
    );
    assert_eq!(
        [
            ask("/flaky/1/mine"),
            ask("/flaky/1/yours"),
            ask("/flaky/1/mine")
        ],
        [503, 503, 200]
    );
    assert_eq!(
        [ask("/flaky/x"), ask("/status/99"), ask("/delay/soon")],
        [400, 400, 400]
    );
}

#[test]
fn it_takes_http2_beside_http1() {
    let service = Service::start(&[]);
    let request = Request::get(format!("http://{}/echo", service.address))
        .body(Full::default())
        .unwrap();
    assert_eq!(service.send_http2(request).2["version"], "HTTP2");
    assert_eq!(service.get("/echo").1["version"], "HTTP1.1");
}

#[test]
fn http2_can_be_all_it_takes() {
    let service = Service::start(&[("SERVICE_PROTOCOL", "HTTP2")]);
    let request = Request::get(format!("http://{}/echo", service.address))
        .body(Full::default())
        .unwrap();
    assert_eq!(service.send_http2(request).2["version"], "HTTP2");
    run(async {
        let stream = TcpStream::connect(&service.address).await.unwrap();
        let (mut sender, connection) = conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get("/who").body(Full::<Bytes>::default()).unwrap();
        assert!(sender.send_request(request).await.is_err());
    });
}

#[test]
fn it_listens_on_ipv6() {
    let service = Service::start(&[("SERVICE_ADDRESS", "::1")]);
    assert_eq!(service.address, format!("[::1]:{}", service.port()));
    assert_eq!(service.get("/who").0, 200);
}

#[test]
fn it_finishes_what_it_has_begun_when_told_to_stop() {
    let mut service = Service::start(&[]);
    let mut slow = std::net::TcpStream::connect(&service.address).unwrap();
    slow.write_all(b"GET /delay/200 HTTP/1.1\r\nhost: nest\r\n\r\n")
        .unwrap();
    // Connections are taken in order, so an answer to a later one means that this one has begun.
    assert_eq!(service.get("/who").0, 200);
    service.terminate();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert_eq!(answer.lines().next(), Some("HTTP/1.1 200 OK"));
    assert_eq!(service.process.wait().unwrap().code(), Some(0));
}

#[test]
fn wrong_settings_are_listed_and_end_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_sample-service"))
        .env_clear()
        .env("SERVICE_PROTOCOL", "gopher")
        .output()
        .unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap().as_str()
        ),
        (
            Some(64),
            "sample-service: SERVICE_PORT is not set; it names the port to listen on\n\
             sample-service: SERVICE_PROTOCOL is \"gopher\", neither HTTP1.1 nor HTTP2\n"
        )
    );
}
