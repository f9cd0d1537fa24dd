//! gRPC with its health check: servers that say their state, and a caller whose every frame the test decides.

use super::{Recipe, on, store};
use e2e::{
    collector::Collector,
    eventually,
    http2::{self, DATA, END_HEADERS, END_STREAM, Frame, HEADERS, header},
};
use std::net::SocketAddr;

/// The state of a server in the words of its health check.
const SERVING: u8 = 1;
const NOT_SERVING: u8 = 2;

/// A message that says a state.
fn message(state: u8) -> Vec<u8> {
    vec![8, state]
}

/// The message of an answer that ends with trailers; `None` for any other.
fn call(address: SocketAddr) -> Option<Vec<u8>> {
    let mut stream = http2::connect(address).unwrap();
    let head = [
        http2::request("POST", "a", "/prices.Prices/Get"),
        header("content-type", "application/grpc"),
        header("te", "trailers"),
    ];
    http2::write(&mut stream, HEADERS, END_HEADERS, 1, &head.concat()).unwrap();
    // A message without fields.
    http2::write(&mut stream, DATA, END_STREAM, 1, &[0; 5]).unwrap();
    let mut body = Vec::new();
    loop {
        let frame = Frame::read(&mut stream).ok()?;
        match (frame.kind, frame.stream) {
            (DATA, 1) => body.extend(frame.data()),
            (HEADERS, 1) if frame.ends_stream() => {
                return body.strip_prefix(&[0, 0, 0, 0, 2]).map(<[u8]>::to_vec);
            }
            _ => {}
        }
    }
}

#[test]
fn calls_reach_the_servers_that_say_that_they_serve() {
    let servers = [SERVING, NOT_SERVING].map(|state| Collector::grpc(&message(state)));
    let ports = servers.each_ref().map(|server| server.port);
    let recipe = Recipe::with("grpc", &[("5s", &"0.1s")]);
    let mut prices = on(recipe.json("service-color.json"), &ports);
    // Its own path is what a call is for.
    let properties = prices["routes"][0]["properties"].as_object_mut();
    properties.unwrap().remove("prefix-rewrite");
    let proxy = recipe.gateway(&store(&[prices]));
    eventually("the health checks have told", || {
        let stats = proxy.admin("/stats?filter=membership_healthy").body;
        stats
            .contains("c-prices-blue-50051.membership_healthy: 1")
            .then_some(())
    });
    for _ in 0..10 {
        assert_eq!(call(proxy.address()), Some(message(SERVING)));
    }
}
