//! Callers with older protocols, and of either family of addresses.

use super::{by, me, service};
use e2e::{
    http,
    maps::{map, namespace, prefix},
    mesh::{Backend, Plan},
    ports,
};
use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
};

/// A whole answer to a request over HTTP/1.0, which ends with the connection.
fn over_http_1_0(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(e2e::WAIT_TIMEOUT)).unwrap();
    // As nginx asks an upstream by default.
    let request = format!("GET {path} HTTP/1.0\r\nHost: mesh.test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_caller_over_http_1_0_is_answered() {
    let rates = Backend::start_with("rates", "blue", &[("PATH_PREFIX", "/rates")]);
    let egress = ports::free();
    let map = map(&[
        namespace(
            "n1",
            &[service("rates", &[rates.port], &[prefix("/rates/")])],
        ),
        namespace("n2", &[me(egress)]),
    ]);
    let gateway = Plan::gateway("n1", &map).start();
    let inside = Plan::sidecar("n1", "rates", "blue", &map).start();
    let _caller = Plan::sidecar("n2", "me", "blue", &map).start();
    let egress = (Ipv4Addr::LOCALHOST, egress).into();
    for address in [gateway.address(), inside.address(), egress] {
        let answer = over_http_1_0(address, "/rates/who");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let line = head.lines().next().unwrap_or_default();
        assert!(line.ends_with(" 200 OK"), "{answer}");
        assert!(head.contains("x-sample-service: rates-blue"), "{answer}");
        assert!(body.contains("\"service\":\"rates\""), "{answer}");
        let health = over_http_1_0(address, "/___health_check___");
        assert!(health.contains(" 200 OK"), "{health}");
    }
}

#[test]
fn both_families_are_served_at_the_unspecified_ipv6_address() {
    let rates = Backend::start("rates", "blue");
    let egress = ports::free();
    let n1 = namespace("n1", &[service("rates", &[rates.port], &[prefix("/")])]);
    let map = map(&[n1, namespace("n2", &[me(egress)])]);
    let gateway = Plan::gateway("n1", &map)
        .env("NJ_LISTEN_ADDRESS", "::")
        .start();
    let _caller = Plan::sidecar("n2", "me", "blue", &map)
        .env("NJ_LISTEN_ADDRESS", "::")
        .start();
    for port in [gateway.port, egress] {
        for ip in [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ] {
            let answer = http::get((ip, port).into(), "/who", &[]);
            let answer = answer.unwrap_or_else(|error| panic!("{ip} {port}: {error}"));
            assert_eq!(by(&answer), "rates-blue", "{ip} {port}");
        }
    }
}
