//! Ways to a service: WebSocket, and an HTTP proxy.

use super::{Recipe, mounted, server, store};
use e2e::{maps::service_color, mesh::Backend, root};
use serde_json::Value;
use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    process::Command,
};

/// The example of RFC 6455: what the caller sends, and what proves that the service has read it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// `Hello` in one masked frame, and in one without a mask.
const HELLO: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
const HELLO_BACK: &[u8] = b"\x81\x05Hello";

/// A service that takes a WebSocket, and answers what it is sent.
fn chat() -> u16 {
    server::serve(|head, mut stream| {
        let is_upgrade = head.starts_with("GET /chat/room ") && head.contains(KEY);
        if !is_upgrade {
            return server::answer(&stream, "400 Bad Request", "", head);
        }
        let accepted = format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-accept: {ACCEPT}\r\n\r\n"
        );
        // The talk ends when the caller goes.
        let _ = talk(&mut stream, &accepted);
    })
}

fn talk(stream: &mut TcpStream, accepted: &str) -> io::Result<()> {
    stream.write_all(accepted.as_bytes())?;
    let mut frame = [0; HELLO.len()];
    loop {
        stream.read_exact(&mut frame)?;
        assert_eq!(frame, HELLO);
        stream.write_all(HELLO_BACK)?;
    }
}

#[test]
fn a_websocket_is_passed_on() {
    let recipe = Recipe::named("websocket");
    let route = recipe.json("route.json");
    let chat = service_color("chat", "blue", &[chat()], &[route]);
    let proxy = recipe.gateway(&store(&[chat]));
    let mut caller = TcpStream::connect(proxy.address()).unwrap();
    caller.set_read_timeout(Some(e2e::WAIT_TIMEOUT)).unwrap();
    let request = format!(
        "GET /chat/room HTTP/1.1\r\nhost: chat.example\r\nupgrade: websocket\r\n\
         connection: Upgrade\r\nsec-websocket-key: {KEY}\r\nsec-websocket-version: 13\r\n\r\n"
    );
    caller.write_all(request.as_bytes()).unwrap();
    let head = server::head(&caller).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains(ACCEPT), "{head}");
    for _ in 0..3 {
        caller.write_all(HELLO).unwrap();
        let mut back = [0; HELLO_BACK.len()];
        caller.read_exact(&mut back).unwrap();
        assert_eq!(back, HELLO_BACK);
    }
}

/// What Python's HTTP client gets for a URL with the settings of the recipe.
fn fetched(settings: &str, url: &str) -> Value {
    let script = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())";
    let settings = settings.lines().map(|line| line.split_once('=').unwrap());
    let output = Command::new(root().join(".venv/bin/python"))
        .args(["-c", script, url])
        .env_clear()
        .envs(settings)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_app_keeps_its_urls() {
    let [stock, shop] = ["stock", "shop"].map(|name| Backend::start(name, "blue"));
    let recipe = Recipe::named("http-proxy");
    let stock = service_color("stock", "blue", &[stock.port], &[recipe.json("route.json")]);
    let proxy = recipe.sidecar("shop", &store(&[stock, mounted("shop", &shop)]));
    let settings = recipe.text("app.env");
    assert!(settings.contains("127.0.0.1:3100"), "{settings}");
    let settings = settings.replace("127.0.0.1:3100", &proxy.address().to_string());
    // Nobody resolves the name.
    let echo = fetched(&settings, "http://stock.store.local/echo?x=1");
    assert_eq!(echo["headers"]["host"], "stock.store.local");
    assert_eq!(
        (&echo["path"], &echo["query"]),
        (&"/echo".into(), &"x=1".into())
    );
}
