//! The one moto of a test program.

use crate::root;
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

/// How long an order may take while other tests keep every core busy.
const LONGEST: Duration = Duration::from_mins(2);

/// A running `e2e/aws/server.py`. It ends when its standard input does, which this holds open: the
/// system closes it at the end of the test program, however that comes about.
pub(super) struct Server {
    aws: u16,
    control: u16,
    _process: Child,
}

/// Starts it, once for all tests of the program.
pub(super) fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    fn start() -> Self {
        let python = root().join(".venv/bin/python");
        assert!(
            python.exists(),
            "{} is missing: run `make setup` first",
            python.display()
        );
        let mut process = Command::new(&python)
            .arg(root().join("e2e/aws/server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let ports: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("moto did not start: {error}: {line:?}"));
        let port = |name: &str| u16::try_from(ports[name].as_u64().unwrap()).unwrap();
        Self {
            aws: port("aws"),
            control: port("control"),
            _process: process,
        }
    }

    /// Where moto answers as AWS does.
    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.aws).into()
    }

    /// Sends an order to the control port and gives what came of it.
    pub(super) fn order(&self, order: &Value) -> Value {
        let body = order.to_string();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.control)).unwrap();
        stream.set_read_timeout(Some(LONGEST)).unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: control\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all(&[head.as_bytes(), body.as_bytes()].concat())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut answer: Value = serde_json::from_str(body).unwrap();
        if let Some(error) = answer.get("error") {
            panic!("{order}: {}", error.as_str().unwrap());
        }
        answer["ok"].take()
    }
}
