//! Servers that take telemetry and keep it: datagrams, HTTP bodies, gRPC messages.

use crate::{eventually, grpc};
use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{Arc, Mutex},
    thread,
};

type Kept = Arc<Mutex<Vec<Vec<u8>>>>;

/// A server on a loopback port. What it has got is kept, each datagram, body or message by itself.
pub struct Collector {
    /// The port it listens on.
    pub port: u16,
    kept: Kept,
    reply: Arc<Mutex<Vec<u8>>>,
    shutdown: Option<SocketAddr>,
}

impl Collector {
    /// One that takes datagrams.
    pub fn udp() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let collector = Self::new(port, None);
        let kept = Arc::clone(&collector.kept);
        socket.set_read_timeout(Some(crate::WAIT_TIMEOUT)).unwrap();
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(length) = socket.recv(&mut buffer) {
                // Nobody looks any more.
                if Arc::strong_count(&kept) == 1 {
                    return;
                }
                kept.lock().unwrap().push(buffer[..length].to_vec());
            }
        });
        collector
    }

    /// One that takes bodies over HTTP/1.1, and answers with 202 and `{}`.
    pub fn http() -> Self {
        Self::tcp(|stream, kept, _| {
            let mut stream = BufReader::new(stream);
            while let Some(body) = read_request(&mut stream)? {
                kept.lock().unwrap().push(body);
                let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}";
                stream.get_mut().write_all(answer)?;
            }
            Ok(())
        })
    }

    /// One that takes messages over gRPC, and answers each with the same one. Responses carry
    /// `x-sample-service: grpc-<port>`.
    pub fn grpc(reply: &[u8]) -> Self {
        let collector = Self::tcp(|stream, kept, reply| {
            let name = format!("grpc-{}", stream.local_addr()?.port());
            grpc::serve(stream, &name, |message| {
                kept.lock().unwrap().push(message.to_vec());
                reply.lock().unwrap().clone()
            })
        });
        collector.set_reply(reply);
        collector
    }

    /// What the next messages are answered with.
    pub fn set_reply(&self, reply: &[u8]) {
        *self.reply.lock().unwrap() = reply.to_vec();
    }

    /// All that it has got.
    pub fn kept(&self) -> Vec<Vec<u8>> {
        self.kept.lock().unwrap().clone()
    }

    /// Waits until something that it has got holds all of these, and gives it.
    pub fn wait_for(&self, parts: &[&[u8]]) -> Vec<u8> {
        let has = |kept: &[u8], part: &[u8]| kept.windows(part.len()).any(|found| found == part);
        let holds = |kept: &&Vec<u8>| parts.iter().all(|part| has(kept, part));
        let shown: Vec<_> = parts
            .iter()
            .map(|part| String::from_utf8_lossy(part))
            .collect();
        eventually(&format!("{shown:?} at the collector"), || {
            self.kept.lock().unwrap().iter().find(holds).cloned()
        })
    }

    fn new(port: u16, shutdown: Option<SocketAddr>) -> Self {
        Self {
            port,
            kept: Kept::default(),
            reply: Arc::default(),
            shutdown,
        }
    }

    fn tcp(
        serve: impl Fn(TcpStream, &Kept, &Mutex<Vec<u8>>) -> io::Result<()> + Copy + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let collector = Self::new(address.port(), Some(address));
        let (kept, reply) = (Arc::clone(&collector.kept), Arc::clone(&collector.reply));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if Arc::strong_count(&kept) == 1 {
                    return;
                }
                let (kept, reply) = (Arc::clone(&kept), Arc::clone(&reply));
                // A connection that ends is no matter of the test.
                thread::spawn(move || stream.and_then(|stream| serve(stream, &kept, &reply)));
            }
        });
        collector
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // So that the thread that listens sees that nobody looks any more.
        self.kept = Kept::default();
        if let Some(address) = self.shutdown {
            drop(TcpStream::connect(address));
        }
    }
}

/// The body of the next request; `None` at the end of the connection.
fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let (mut length, mut is_chunked) = (0, false);
    for count in 0.. {
        let line = read_line(stream)?;
        match line.to_ascii_lowercase().split_once(": ") {
            None if line.is_empty() && count == 0 => return Ok(None),
            None if line.is_empty() => break,
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("transfer-encoding", value)) => is_chunked = value == "chunked",
            _ => {}
        }
    }
    let mut body = Vec::new();
    loop {
        if is_chunked {
            length = usize::from_str_radix(&read_line(stream)?, 16).unwrap();
        }
        let mut part = vec![0; length];
        stream.read_exact(&mut part)?;
        body.extend(part);
        if is_chunked {
            read_line(stream)?;
        }
        if !is_chunked || length == 0 {
            return Ok(Some(body));
        }
    }
}

fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
