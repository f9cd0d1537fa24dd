//! HTTP/2 by its frames: connections whose every frame a test decides.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a frame is: a part of a body.
pub const DATA: u8 = 0;
/// What a frame is: headers or trailers.
pub const HEADERS: u8 = 1;
/// What a frame is: the end of a stream without an answer.
pub const RST_STREAM: u8 = 3;
/// What a frame is: settings of the connection.
pub const SETTINGS: u8 = 4;
/// What a frame is: a question whether the other end is there.
pub const PING: u8 = 6;
/// What a frame is: the end of the connection.
pub const GOAWAY: u8 = 7;
/// What a frame is: leave to send more.
pub const WINDOW_UPDATE: u8 = 8;

/// A flag of data and headers: the last frame of its stream.
pub const END_STREAM: u8 = 1;
/// A flag of headers: the last frame of these.
pub const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
const PADDED: u8 = 8;

/// A frame that the other end sent.
pub struct Frame {
    /// What it is.
    pub kind: u8,
    /// Its stream.
    pub stream: u32,
    /// Its content, padding included.
    pub payload: Vec<u8>,
    flags: u8,
}

impl Frame {
    /// Reads the next frame. Settings and pings are acknowledged.
    pub fn read(from: &mut TcpStream) -> io::Result<Self> {
        let mut head = [0; 9];
        from.read_exact(&mut head)?;
        let [high, middle, low, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
        from.read_exact(&mut payload)?;
        if flags & ACK == 0 {
            match kind {
                SETTINGS => write(from, SETTINGS, ACK, 0, &[])?,
                PING => write(from, PING, ACK, 0, &payload)?,
                _ => {}
            }
        }
        Ok(Self {
            kind,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
            payload,
            flags,
        })
    }

    /// Whether the other end sends no more on its stream.
    pub fn ends_stream(&self) -> bool {
        [DATA, HEADERS].contains(&self.kind) && self.flags & END_STREAM != 0
    }

    /// The content of data, without padding.
    pub fn data(&self) -> &[u8] {
        if self.flags & PADDED == 0 {
            return &self.payload;
        }
        let end = self.payload.len() - usize::from(self.payload[0]);
        &self.payload[1..end]
    }
}

/// Opens a connection.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(crate::WAIT_TIMEOUT))?;
    stream.write_all(PREFACE)?;
    write(&mut stream, SETTINGS, 0, 0, &[])?;
    Ok(stream)
}

/// Begins a connection that another opened.
pub fn accept(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; PREFACE.len()])?;
    write(stream, SETTINGS, 0, 0, &[])
}

/// Sends a frame.
pub fn write(
    to: &mut TcpStream,
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &[u8],
) -> io::Result<()> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length.to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    to.write_all(&frame)
}

/// The headers with which a request begins, for `http`.
pub fn request(method: &str, authority: &str, path: &str) -> Vec<u8> {
    // Entries of HPACK's own table: `:scheme: http`, which is all there, and names without their values.
    let mut head = vec![0x86];
    for (index, value) in [(1, authority), (2, method), (4, path)] {
        head.push(index);
        head.extend(text(value));
    }
    head
}

/// A header as HPACK writes one that nobody is to remember.
pub fn header(name: &str, value: &str) -> Vec<u8> {
    [vec![0], text(name), text(value)].concat()
}

fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 127, "a longer length has another form");
    [&[length], text.as_bytes()].concat()
}
