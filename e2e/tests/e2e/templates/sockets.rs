//! Backends that misbehave, or that speak something else than HTTP.

use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    os::fd::OwnedFd,
    thread,
    time::Duration,
};

/// Takes connections and never says a word.
pub(super) struct Silent(TcpListener);

impl Silent {
    pub(super) fn start() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
    }

    pub(super) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}

/// A port on which no connection is ever completed: the kernel's queue of connections that wait
/// for the program to take them is full, and the kernel ignores who comes after.
pub(super) struct Unreachable {
    pub(super) port: u16,
    _listener: OwnedFd,
    _waiting: Vec<TcpStream>,
}

impl Unreachable {
    pub(super) fn start() -> Self {
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
        listen(&listener, 0).unwrap();
        let address = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let waiting = std::iter::from_fn(connect).collect();
        Self {
            port: address.port(),
            _listener: listener,
            _waiting: waiting,
        }
    }
}

/// Takes one connection, agrees to speak websocket and then sends back every byte it gets.
pub(super) fn start_websocket() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut BufReader::new(stream.try_clone().unwrap()));
        let agreed = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-sample-service: echo-blue\r\n\r\n";
        stream.write_all(agreed.as_bytes()).unwrap();
        let mut byte = [0];
        while stream.read(&mut byte).unwrap_or(0) == 1 {
            stream.write_all(&byte).unwrap();
        }
    });
    port
}

/// The lines before the first empty one.
pub(super) fn read_head(stream: &mut BufReader<TcpStream>) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => return lines,
            line => lines.push(line.to_owned()),
        }
    }
}
