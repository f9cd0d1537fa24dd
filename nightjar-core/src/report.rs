//! Text for people: made safe for a log or a terminal, made short, and errors with their causes.

use std::{borrow::Cow, error::Error};

/// A text without control characters: these are escaped.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return text.into();
    }
    let mut printable = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable.into()
}

/// A value as a message shows it: quoted, control characters escaped, and not too long.
pub fn shown(text: &str) -> String {
    const LIMIT: usize = 120;
    // A character is four bytes at the most, and is not shorter when it is quoted.
    let head = text
        .char_indices()
        .nth(LIMIT)
        .map_or(text, |(end, _)| text.get(..end).unwrap_or(text));
    let quoted = format!("{head:?}");
    match quoted.char_indices().nth(LIMIT) {
        None if head.len() == text.len() => quoted,
        None => format!("{}…\"", quoted.strip_suffix('"').unwrap_or(&quoted)),
        Some((end, _)) => format!("{}…\"", quoted.get(..end).unwrap_or_default()),
    }
}

/// A value as a warning quotes it: not too long.
pub fn cut(text: &str) -> Cow<'_, str> {
    const LIMIT: usize = 120;
    match text.char_indices().nth(LIMIT) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
    }
}

/// A message that may quote what is long, on one line.
pub fn shortened(message: &str) -> String {
    const LIMIT: usize = 300;
    let message = printable(message);
    match message.char_indices().nth(LIMIT) {
        None => message.into_owned(),
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
    }
}

/// An error with its causes, each told once: many name their cause in their own text.
pub fn in_full(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.ends_with(&told) {
            text = format!("{text}: {told}");
        }
        cause = error.source();
    }
    text
}
