//! Output of an extension, logged line by line, within bounds.

use crate::report::printable;
use std::collections::VecDeque;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line that is logged, in bytes. The rest of a longer one is dropped.
const MAX_LINE_BYTES: usize = 4096;
/// How much of one stream of one run goes to the log, in bytes.
const MAX_LOGGED_BYTES: usize = 256 * 1024;
/// How many lines an error report quotes.
const LAST_LINES: usize = 10;
/// The longest line that an error report quotes, in characters.
const MAX_QUOTED_CHARS: usize = 400;
/// How much is read at once.
const CHUNK: usize = 4096;

/// One of the two streams of an extension.
pub(super) struct OutputStream<'a> {
    extension: &'a str,
    line: Vec<u8>,
    logged: usize,
    unlogged_lines: u64,
    stderr_tail: VecDeque<String>,
}

impl<'a> OutputStream<'a> {
    pub(super) fn new(extension: &'a str) -> Self {
        Self {
            extension,
            line: Vec::new(),
            logged: 0,
            unlogged_lines: 0,
            stderr_tail: VecDeque::with_capacity(LAST_LINES),
        }
    }

    /// Logs every line until the stream ends. Never holds more than a line and a chunk.
    pub(super) async fn forward(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(mut pipe) = pipe else { return };
        let mut chunk = [0; CHUNK];
        loop {
            match pipe.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(count) => self.push(chunk.get(..count).unwrap_or_default()),
            }
        }
    }

    /// The last lines, oldest first. Ends a line that was not ended by the extension.
    pub(super) fn finish(mut self) -> Vec<String> {
        if !self.line.is_empty() {
            self.end_line();
        }
        if self.unlogged_lines > 0 {
            tracing::warn!(
                extension = self.extension,
                "{} more lines of output were not logged",
                self.unlogged_lines
            );
        }
        self.stderr_tail.into()
    }

    fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let room = MAX_LINE_BYTES.saturating_sub(self.line.len());
            self.line
                .extend_from_slice(text.get(..room).unwrap_or(text));
            if ended {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let text = readable(&self.line);
        self.line.clear();
        if text.is_empty() {
            return;
        }
        if self.logged < MAX_LOGGED_BYTES {
            self.logged += text.len();
            tracing::info!(extension = self.extension, "{text}");
        } else {
            self.unlogged_lines += 1;
        }
        if self.stderr_tail.len() == LAST_LINES {
            self.stderr_tail.pop_front();
        }
        self.stderr_tail
            .push_back(text.chars().take(MAX_QUOTED_CHARS).collect());
    }
}

/// A line as text, without what would disturb a log or a terminal.
fn readable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    printable(&text.trim_end().replace('\t', " ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stderr_tail(chunks: &[&[u8]]) -> Vec<String> {
        let mut stream = OutputStream::new("ext-test");
        for chunk in chunks {
            stream.push(chunk);
            assert!(stream.line.len() <= MAX_LINE_BYTES);
        }
        stream.finish()
    }

    #[test]
    fn lines_are_put_together_across_chunks() {
        let lines = stderr_tail(&[b"one\r\nt", b"w", b"o\n\n", b"not ended"]);
        assert_eq!(lines, ["one", "two", "not ended"]);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let lines: Vec<String> = (0..1000).map(|number| format!("line {number}")).collect();
        assert_eq!(stderr_tail(&[lines.join("\n").as_bytes()]), lines[990..]);
    }

    #[test]
    fn long_lines_are_cut_and_strange_bytes_made_readable() {
        let long = [b"x".repeat(1_000_000), b"\nnext\n".to_vec()].concat();
        assert_eq!(
            stderr_tail(&[&long]),
            ["x".repeat(MAX_QUOTED_CHARS), "next".to_owned()]
        );
        assert_eq!(
            stderr_tail(&[b"a\xffb\x1b[31mc\td\n"]),
            ["a\u{fffd}b\\u{1b}[31mc d"]
        );
    }
}
