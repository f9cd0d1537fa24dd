//! The least of a gRPC server: every call is read, and answered with one message.

use crate::http2::{
    self, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, WINDOW_UPDATE, header,
};
use std::{collections::HashMap, io, net::TcpStream};

/// Serves one connection: `answer` gets each message, without its prefix, and gives the one to
/// send back. `name` goes into the header `x-sample-service`.
pub(crate) fn serve(
    mut stream: TcpStream,
    name: &str,
    answer: impl Fn(&[u8]) -> Vec<u8>,
) -> io::Result<()> {
    http2::accept(&mut stream)?;
    let mut bodies = HashMap::<u32, Vec<u8>>::new();
    loop {
        let frame = Frame::read(&mut stream)?;
        match frame.kind {
            GOAWAY => return Ok(()),
            DATA => {
                let length = u32::try_from(frame.payload.len()).unwrap();
                bodies.entry(frame.stream).or_default().extend(frame.data());
                if length > 0 {
                    for id in [0, frame.stream] {
                        let more = length.to_be_bytes();
                        http2::write(&mut stream, WINDOW_UPDATE, 0, id, &more)?;
                    }
                }
            }
            _ => {}
        }
        if frame.ends_stream() {
            let body = bodies.remove(&frame.stream).unwrap_or_default();
            let message = answer(body.get(5..).unwrap_or_default());
            respond(&mut stream, frame.stream, name, &message)?;
        }
    }
}

fn respond(stream: &mut TcpStream, id: u32, name: &str, message: &[u8]) -> io::Result<()> {
    // `:status: 200` is an entry of HPACK's own table.
    let mut head = vec![0x88];
    head.extend(header("content-type", "application/grpc"));
    head.extend(header("x-sample-service", name));
    http2::write(stream, HEADERS, END_HEADERS, id, &head)?;
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    http2::write(stream, DATA, 0, id, &body)?;
    let end = header("grpc-status", "0");
    http2::write(stream, HEADERS, END_HEADERS | END_STREAM, id, &end)
}
