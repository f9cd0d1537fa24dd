//! Small servers that speak what the sample service does not.

use e2e::{WAIT_TIMEOUT, eventually, ports, process::Process, root};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::Command,
    thread,
};
use tempfile::TempDir;

/// Serves each connection of a port by a function, which gets the head of its request, on a thread that
/// ends with the tests.
pub(super) fn serve(answer: impl Fn(&str, TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(WAIT_TIMEOUT)).unwrap();
            if let Some(head) = head(&stream) {
                answer(&head, stream);
            }
        }
    });
    port
}

/// The lines of a request or an answer before its body; `None` if the caller has gone.
pub(super) fn head(stream: &TcpStream) -> Option<String> {
    let mut head = String::new();
    // What follows the head is the caller's to read, so there is nothing that is read ahead.
    let mut reader = BufReader::with_capacity(1, stream);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// Writes a whole answer and ends the connection.
pub(super) fn answer(mut stream: &TcpStream, status: &str, headers: &str, body: &str) {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    );
    // Whoever asked may have gone.
    let _ = stream.write_all(text.as_bytes());
}

/// A program in Python that listens on a port.
pub(super) struct Server {
    pub(super) port: u16,
    _process: Process,
    _folder: TempDir,
}

impl Server {
    /// Starts a script, whose first argument is the port, and waits until it listens.
    pub(super) fn start(script: &str, arguments: &[String]) -> Self {
        let port = ports::free();
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(root().join(".venv/bin/python"));
        command
            .args(["-c", script])
            .arg(port.to_string())
            .args(arguments);
        let process = Process::start(&mut command, &folder.path().join("log"));
        eventually("the server listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        Self {
            port,
            _process: process,
            _folder: folder,
        }
    }
}
