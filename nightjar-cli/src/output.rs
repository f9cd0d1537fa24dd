//! Data goes to standard output, and messages go to standard error.

use serde::Serialize;
use std::{
    fmt::{Display, Write as _},
    io::{self, IsTerminal as _, Write as _},
};

/// Writes data. A reader that has seen enough, such as `head`, is no failure.
pub(crate) fn data(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a diff of texts that others may have written: what would steer a terminal is escaped there, and
/// a file or another program gets it as it is.
pub(crate) fn diff(text: &str) -> io::Result<()> {
    if io::stdout().is_terminal() {
        data(&for_terminal(text))
    } else {
        data(text)
    }
}

/// A text with its control characters escaped, but for ends of lines and tabs.
fn for_terminal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            character if character.is_control() => shown.extend(character.escape_default()),
            character => shown.push(character),
        }
    }
    shown
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

/// `1 error`, `2 errors`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Rows below their titles, each column as wide as its widest cell.
pub(crate) fn table<const N: usize>(
    titles: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Vec<String> {
    let titles = titles.map(ToOwned::to_owned);
    let table: Vec<[String; N]> = std::iter::once(titles).chain(rows).collect();
    let mut widths = [0; N];
    for row in &table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines = table.iter().map(|cells| {
        let padded = cells.iter().zip(widths);
        let padded = padded.map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::for_terminal;

    #[test]
    fn a_terminal_is_not_steered() {
        let text = "+\tred \u{1b}[31m\n-\r\u{9b}2J \u{7f} é\n";
        let shown = "+\tred \\u{1b}[31m\n-\\r\\u{9b}2J \\u{7f} é\n";
        assert_eq!(for_terminal(text), shown);
    }
}
