//! Other servers on the way: one that stalls in the middle of an answer, and a proxy.

use super::{MAP, Store, ended, fetch};
use e2e::extension::Extension;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A server that gives every request the same bytes.
pub(super) struct Server {
    pub(super) url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// After its bytes, it holds each connection for `pause`.
    pub(super) fn start(answer: impl Into<String>, pause: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&heads), answer.into());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                seen.lock().unwrap().push(head(&stream));
                let _ = (&stream).write_all(answer.as_bytes());
                thread::sleep(pause);
            }
        });
        Self { url, heads }
    }

    /// The head of each request so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn head(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let lines: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// An answer with this body.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_body_that_stalls_is_not_waited_for() {
    let head = "HTTP/1.1 200 OK\r\netag: \"abc\"\r\ncontent-length: 1000\r\n\r\n{\"namespaces\":";
    let server = Server::start(head, Duration::from_mins(2));
    let store = Store::new();
    let program = store.program().env("AWS_ENDPOINT_URL", &server.url);
    let (ending, time) = program.timed(&["--document=discovery-map", "--action=fetch"]);
    let message = format!(
        "s3:GetObject on s3://BUCKET/{MAP} got no complete response: it took longer than 25s"
    );
    assert_eq!(store.told(ending), ended(31, &message));
    assert!(time < Duration::from_secs(35), "{time:?}");
    assert_eq!(server.heads().len(), 1);
}

/// The message names the call, which it would not if the caller had to kill the program.
#[test]
fn a_body_is_not_waited_for_past_the_caller_s_deadline() {
    let head = "HTTP/1.1 200 OK\r\netag: \"abc\"\r\ncontent-length: 1000\r\n\r\n{\"namespaces\":";
    let server = Server::start(head, Duration::from_mins(2));
    let store = Store::new();
    let deadline = SystemTime::now() + Duration::from_secs(5);
    let seconds = deadline.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let program = store
        .program()
        .env("AWS_ENDPOINT_URL", &server.url)
        .env("NJ_DEADLINE", seconds);
    let ending = store.told(fetch(&program));
    assert!(SystemTime::now() < deadline, "{ending:?}");
    let start = format!(
        "ext-store-s3: s3:GetObject on s3://BUCKET/{MAP} got no complete response: it took longer than "
    );
    assert!(ending.stderr.starts_with(&start), "{}", ending.stderr);
    assert_eq!((ending.code, ending.document), (Some(31), None));
}

#[test]
fn a_proxy_is_used_where_the_environment_says_so() {
    let unchanged = answer("304 Not Modified", "", "");
    let proxy = Server::start(unchanged, Duration::ZERO);
    let store = Store::new();
    for (variable, exceptions, is_used) in [
        ("HTTP_PROXY", "", true),
        ("http_proxy", "169.254.170.2", true),
        ("ALL_PROXY", "", true),
        ("HTTP_PROXY", "s3.test", false),
        ("HTTPS_PROXY", "", false),
    ] {
        let program = Extension::new("ext-store-s3")
            .envs(store.env())
            .env("AWS_ENDPOINT_URL", "http://s3.test")
            .env("AWS_MAX_ATTEMPTS", 1)
            .env("NJ_DSS3_FORCE_PATH_STYLE", "yes")
            .env(variable, &proxy.url)
            .env("NO_PROXY", exceptions);
        let before = proxy.heads().len();
        let ending = program.call_after("abc", &["--document=discovery-map", "--action=fetch"]);
        let code = if is_used { 30 } else { 31 };
        assert_eq!(ending.code, Some(code), "{variable}: {}", ending.stderr);
        let heads = proxy.heads();
        assert_eq!(heads.len() - before, usize::from(is_used), "{variable}");
        if is_used {
            let target = format!(
                "GET http://s3.test/{}/{MAP}?x-id=GetObject HTTP/1.1\n",
                store.bucket
            );
            assert!(heads[before].starts_with(&target), "{}", heads[before]);
        }
    }
}

#[test]
fn the_bucket_s_name_is_in_the_host_name_unless_the_path_is_asked_for() {
    let server = Server::start(answer("404 Not Found", "", ""), Duration::ZERO);
    let store = Store::new();
    for (style, target, host) in [
        (
            "no",
            format!("GET /{MAP}?"),
            format!("host: {}.s3.test", store.bucket),
        ),
        (
            "yes",
            format!("GET /{}/{MAP}?", store.bucket),
            "host: s3.test".to_owned(),
        ),
    ] {
        let program = store
            .program()
            .env("AWS_ENDPOINT_URL_S3", "http://s3.test")
            .env("HTTP_PROXY", &server.url)
            .env("NJ_DSS3_FORCE_PATH_STYLE", style);
        let message = format!("s3://BUCKET/{MAP} is not there yet");
        assert_eq!(store.told(fetch(&program)), ended(31, &message));
        let head = server.heads().pop().unwrap().replace("http://", "");
        let head = head.replacen(host.trim_start_matches("host: "), "", 1);
        assert!(head.starts_with(&target), "{head}");
        assert!(head.contains(&host), "{head}");
    }
}
