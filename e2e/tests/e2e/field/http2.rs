//! A request over HTTP/2 whose every pseudo-header the test decides.

use e2e::http2::{self, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, RST_STREAM};
use std::net::SocketAddr;

/// The statuses of HPACK's static table, from index 8 on.
const STATUSES: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];

/// The status of an answer; `None` if the stream or connection was ended without one.
pub(super) fn status(
    address: SocketAddr,
    method: &str,
    authority: &str,
    path: &str,
) -> Option<u16> {
    let mut stream = http2::connect(address).unwrap();
    let head = http2::request(method, authority, path);
    http2::write(&mut stream, HEADERS, END_STREAM | END_HEADERS, 1, &head).unwrap();
    loop {
        let frame = Frame::read(&mut stream).ok()?;
        match frame.kind {
            HEADERS => return Some(status_of(&frame.payload)),
            RST_STREAM | GOAWAY => return None,
            _ => {}
        }
    }
}

/// The status is the first header, after changes of the table's size.
fn status_of(head: &[u8]) -> u16 {
    let first = head.iter().find(|byte| **byte >> 5 != 1);
    let index = first.and_then(|byte| byte.checked_sub(0x88));
    let status = index.and_then(|index| STATUSES.get(usize::from(index)));
    *status.unwrap_or_else(|| panic!("an unusual status: {head:02x?}"))
}
