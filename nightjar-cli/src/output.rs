//! Data goes to standard output, and messages go to standard error.

use serde::Serialize;
use std::{
    fmt::{Display, Write as _},
    io::{self, Write as _},
};

/// Writes data. A reader that has seen enough, such as `head`, is no failure.
pub(crate) fn data(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes lines of data.
pub(crate) fn lines(lines: impl IntoIterator<Item = impl Display>) -> io::Result<()> {
    let mut text = String::new();
    for line in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    }
    data(&text)
}

/// Writes data as JSON for people and programs alike, ended by a newline.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(data(&text)?)
}

/// Writes a line for people.
pub(crate) fn message(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes a remark for people.
pub(crate) fn warning(text: &str) {
    message(&format!("nightjar: warning: {text}"));
}
