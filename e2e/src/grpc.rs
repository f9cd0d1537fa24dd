//! The least of an HTTP/2 server that gRPC needs: every call is read, and answered with one message.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::TcpStream,
};

const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// Serves one connection: `answer` gets each message, without its prefix, and gives the one to
/// send back. `name` goes into the header `x-sample-service`.
pub(crate) fn serve(
    mut stream: TcpStream,
    name: &str,
    answer: impl Fn(&[u8]) -> Vec<u8>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; PREFACE])?;
    send(&mut stream, SETTINGS, 0, 0, &[])?;
    let mut bodies = HashMap::<u32, Vec<u8>>::new();
    loop {
        let frame = Frame::read(&mut stream)?;
        match frame.kind {
            SETTINGS if frame.flags & ACK == 0 => send(&mut stream, SETTINGS, ACK, 0, &[])?,
            PING if frame.flags & ACK == 0 => send(&mut stream, PING, ACK, 0, &frame.payload)?,
            GOAWAY => return Ok(()),
            DATA => {
                let length = u32::try_from(frame.payload.len()).unwrap();
                bodies.entry(frame.stream).or_default().extend(frame.data());
                if length > 0 {
                    for id in [0, frame.stream] {
                        send(&mut stream, WINDOW_UPDATE, 0, id, &length.to_be_bytes())?;
                    }
                }
            }
            _ => {}
        }
        if matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0 {
            let body = bodies.remove(&frame.stream).unwrap_or_default();
            let message = answer(body.get(5..).unwrap_or_default());
            respond(&mut stream, frame.stream, name, &message)?;
        }
    }
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let [high, middle, low, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
        stream.read_exact(&mut payload)?;
        Ok(Self {
            kind,
            flags,
            stream: u32::from_be_bytes(id) & 0x7fff_ffff,
            payload,
        })
    }

    fn data(&self) -> &[u8] {
        if self.flags & PADDED == 0 {
            return &self.payload;
        }
        let end = self.payload.len() - usize::from(self.payload[0]);
        &self.payload[1..end]
    }
}

fn send(stream: &mut TcpStream, kind: u8, flags: u8, id: u32, payload: &[u8]) -> io::Result<()> {
    let [_, high, middle, low] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![high, middle, low, kind, flags];
    frame.extend(id.to_be_bytes());
    frame.extend(payload);
    stream.write_all(&frame)
}

fn respond(stream: &mut TcpStream, id: u32, name: &str, message: &[u8]) -> io::Result<()> {
    // `:status: 200` is an entry of HPACK's own table.
    let mut head = vec![0x88];
    head.extend(header("content-type", "application/grpc"));
    head.extend(header("x-sample-service", name));
    send(stream, HEADERS, END_HEADERS, id, &head)?;
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    send(stream, DATA, 0, id, &body)?;
    let end = header("grpc-status", "0");
    send(stream, HEADERS, END_HEADERS | END_STREAM, id, &end)
}

/// A header as HPACK writes one that nobody is to remember.
fn header(name: &str, value: &str) -> Vec<u8> {
    let mut text = vec![0];
    for part in [name, value] {
        text.push(u8::try_from(part.len()).unwrap());
        text.extend(part.as_bytes());
    }
    text
}
