//! A request over HTTP/2 whose every pseudo-header the test decides.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Types of frames.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
/// Flags of frames: the end of a stream (of settings: taken), and of its headers.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The statuses of HPACK's static table, from index 8 on.
const STATUSES: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];

/// The status of an answer; `None` if the stream or connection was ended without one.
pub(super) fn status(
    address: SocketAddr,
    method: &str,
    authority: &str,
    path: &str,
) -> Option<u16> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(e2e::WAIT_TIMEOUT)).unwrap();
    // Literal values that are not added to the table, for the indices of the static one; and
    // `:scheme: http`, which is all there.
    let mut head = vec![0x86];
    for (index, value) in [(1, authority), (2, method), (4, path)] {
        let length = u8::try_from(value.len()).unwrap();
        assert!(length < 127, "a longer length has another form");
        head.extend([index, length]);
        head.extend(value.bytes());
    }
    let request = [
        PREFACE.to_vec(),
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &head),
    ];
    stream.write_all(&request.concat()).unwrap();
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).ok()?;
        let [a, b, c, kind, flags, ..] = header;
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).ok()?;
        match kind {
            SETTINGS if flags & END_STREAM == 0 => {
                let taken = frame(SETTINGS, END_STREAM, 0, &[]);
                stream.write_all(&taken).unwrap();
            }
            HEADERS => return Some(status_of(&payload)),
            RST_STREAM | GOAWAY => return None,
            _ => {}
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length.to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The status is the first header, after changes of the table's size.
fn status_of(head: &[u8]) -> u16 {
    let first = head.iter().find(|byte| **byte >> 5 != 1);
    let index = first.and_then(|byte| byte.checked_sub(0x88));
    let status = index.and_then(|index| STATUSES.get(usize::from(index)));
    *status.unwrap_or_else(|| panic!("an unusual status: {head:02x?}"))
}
