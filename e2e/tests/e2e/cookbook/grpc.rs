//! gRPC with its health check: a server and a caller whose every frame the test decides.

use super::{Recipe, on, store};
use e2e::eventually;
use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Types of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
/// Flags of frames: the end of a stream (of settings: taken), and of its headers.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200` and `content-type: application/grpc`, as HPACK has them.
const ANSWER: &[u8] = b"\x88\x0f\x10\x10application/grpc";
/// `grpc-status: 0`.
const TRAILERS: &[u8] = b"\x00\x0bgrpc-status\x010";
/// A request for `/prices.Prices/Get` at `a`, with `te: trailers`.
const REQUEST: &[u8] = b"\x83\x86\x01\x01a\x04\x12/prices.Prices/Get\x0f\x10\x10application/grpc\x00\x02te\x08trailers";
/// A message without fields.
const EMPTY: &[u8] = &[0; 5];

/// The state of a server in the words of its health check.
const SERVING: u8 = 1;
const NOT_SERVING: u8 = 2;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn write(to: &mut TcpStream, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length.to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    to.write_all(&frame)
}

/// The next frame; settings are taken.
fn read(from: &mut TcpStream) -> io::Result<Frame> {
    let mut header = [0; 9];
    from.read_exact(&mut header)?;
    let [a, b, c, kind, flags, stream @ ..] = header;
    let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap()];
    from.read_exact(&mut payload)?;
    if kind == SETTINGS && flags & END_STREAM == 0 {
        write(from, SETTINGS, END_STREAM, 0, &[])?;
    }
    let stream = u32::from_be_bytes(stream);
    Ok(Frame {
        kind,
        flags,
        stream,
        payload,
    })
}

/// A server that answers every call with one message, which says its state.
fn start(state: u8) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // It ends when the caller goes.
            thread::spawn(move || serve(stream, state));
        }
    });
    port
}

fn serve(mut stream: TcpStream, state: u8) -> io::Result<()> {
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface)?;
    write(&mut stream, SETTINGS, 0, 0, &[])?;
    loop {
        let frame = read(&mut stream)?;
        if [DATA, HEADERS].contains(&frame.kind) && frame.flags & END_STREAM != 0 {
            let to = frame.stream;
            write(&mut stream, HEADERS, END_HEADERS, to, ANSWER)?;
            write(&mut stream, DATA, 0, to, &[0, 0, 0, 0, 2, 8, state])?;
            write(&mut stream, HEADERS, END_HEADERS | END_STREAM, to, TRAILERS)?;
        }
    }
}

/// The message of an answer that ends with trailers; `None` for any other.
fn call(address: SocketAddr) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(e2e::WAIT_TIMEOUT)).unwrap();
    stream.write_all(PREFACE).unwrap();
    write(&mut stream, SETTINGS, 0, 0, &[]).unwrap();
    write(&mut stream, HEADERS, END_HEADERS, 1, REQUEST).unwrap();
    write(&mut stream, DATA, END_STREAM, 1, EMPTY).unwrap();
    let mut message = Vec::new();
    loop {
        let frame = read(&mut stream).ok()?;
        match (frame.kind, frame.stream) {
            (DATA, 1) => message.extend(frame.payload),
            (HEADERS, 1) if frame.flags & END_STREAM != 0 => {
                return (!message.is_empty()).then_some(message);
            }
            _ => {}
        }
    }
}

#[test]
fn calls_reach_the_servers_that_say_that_they_serve() {
    let ports = [start(SERVING), start(NOT_SERVING)];
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
        assert_eq!(call(proxy.address()), Some(vec![0, 0, 0, 0, 2, 8, SERVING]));
    }
}
