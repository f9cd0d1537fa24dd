//! HTTP/1.1 messages, read to their end and written anew.

use std::{
    fmt::Write as _,
    io::{self, BufRead, Write as _},
};

/// A request.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) target: String,
    /// Names in lower case, and values.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether the client wants the connection closed after the answer.
    pub(super) closes: bool,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// Headers that are about one connection, or about how a body is framed there.
const HOP_BY_HOP: [&str; 5] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "transfer-encoding",
];

impl Asked {
    /// Reads a request; `None` if the client has closed the connection instead.
    pub(super) fn read<R>(reader: &mut io::BufReader<R>) -> io::Result<Option<Self>>
    where
        R: io::Read + AsWriter,
    {
        let Some(line) = line(reader)? else {
            return Ok(None);
        };
        let mut words = line.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(bad(&format!("request line {line:?}")));
        };
        let (method, target) = (method.to_owned(), target.to_owned());
        let headers = headers(reader)?;
        if header(&headers, "expect").is_some() {
            reader.get_ref().say(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = body(reader, &headers)?.unwrap_or_default();
        let closes = header(&headers, "connection").is_some_and(|value| is(value, "close"));
        Ok(Some(Self {
            closes: closes || line.ends_with("HTTP/1.0"),
            method,
            target,
            headers,
            body,
        }))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The request as it goes on, on a connection for itself.
    pub(super) fn bytes(&self, more: &[(&str, &str)]) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        write_end_to_end(&mut head, &self.headers);
        for (name, value) in more {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "connection: close\r\n");
        if !self.body.is_empty() || self.header("content-length").is_some() {
            let _ = write!(head, "content-length: {}\r\n", self.body.len());
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

impl Answered {
    /// Reads the answer to a request of this method.
    pub(super) fn read(reader: &mut impl BufRead, method: &str) -> io::Result<Self> {
        let line = line(reader)?.ok_or_else(|| bad("no answer"))?;
        let mut words = line.splitn(3, ' ').skip(1);
        let status = words.next().and_then(|code| code.parse().ok());
        let status: u16 = status.ok_or_else(|| bad(&format!("status line {line:?}")))?;
        let reason = words.next().unwrap_or_default().to_owned();
        let headers = headers(reader)?;
        let body = if has_body(method, status) {
            body(reader, &headers)?.map_or_else(
                || {
                    let mut rest = Vec::new();
                    reader.read_to_end(&mut rest).map(|_| rest)
                },
                Ok,
            )?
        } else {
            Vec::new()
        };
        Ok(Self {
            status,
            reason,
            headers,
            body,
        })
    }

    /// The answer to this request, for a connection that may be kept.
    pub(super) fn bytes(&self, to: &Asked) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, self.reason);
        write_end_to_end(&mut head, &self.headers);
        if to.closes {
            head.push_str("connection: close\r\n");
        }
        let has_body = has_body(&to.method, self.status);
        if has_body {
            let _ = write!(head, "content-length: {}\r\n", self.body.len());
        } else if let Some(length) = header(&self.headers, "content-length")
            && to.method == "HEAD"
        {
            let _ = write!(head, "content-length: {length}\r\n");
        }
        let body: &[u8] = if has_body { &self.body } else { &[] };
        [head.as_bytes(), b"\r\n", body].concat()
    }
}

/// A stream that can be answered while it is being read.
pub(super) trait AsWriter {
    fn say(&self, bytes: &[u8]) -> io::Result<()>;
}

impl AsWriter for &std::net::TcpStream {
    fn say(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = *self;
        stream.write_all(bytes)
    }
}

fn has_body(method: &str, status: u16) -> bool {
    method != "HEAD" && status != 204 && status != 304
}

fn write_end_to_end(head: &mut String, headers: &[(String, String)]) {
    for (name, value) in headers {
        if !HOP_BY_HOP.contains(&name.as_str()) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
}

/// A body with its length told; `None` if it would last until the connection ends.
fn body(reader: &mut impl BufRead, headers: &[(String, String)]) -> io::Result<Option<Vec<u8>>> {
    if header(headers, "transfer-encoding").is_some_and(|value| is(value, "chunked")) {
        return chunks(reader).map(Some);
    }
    let Some(length) = header(headers, "content-length") else {
        return Ok(None);
    };
    let length = length.parse().map_err(|_| bad("content-length"))?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(body))
}

fn chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = line(reader)?.ok_or_else(|| bad("a chunk is missing"))?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| bad("chunk size"))?;
        if size == 0 {
            headers(reader)?;
            return Ok(body);
        }
        let mut chunk = vec![0; size];
        reader.read_exact(&mut chunk)?;
        body.extend(chunk);
        self::line(reader)?;
    }
}

fn headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = line(reader)?.ok_or_else(|| bad("the head ends early"))?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad("header"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// A line without its end; `None` at the end of the stream.
fn line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = reader.read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end().to_owned()))
}

fn is(value: &str, word: &str) -> bool {
    value.eq_ignore_ascii_case(word)
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
