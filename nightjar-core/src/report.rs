//! Text in messages: escaped, shortened, listed, and errors with their causes.

use std::{borrow::Cow, error::Error, fmt::Display};

/// The longest value that a message quotes, in characters.
const MAX_VALUE: usize = 120;
/// The longest message of a library that a message holds, in characters.
const MAX_MESSAGE: usize = 300;

/// A text in which control characters are escaped.
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

/// A value as a message quotes it: in quotes, escaped, and at most 120 characters long.
pub fn quoted(text: &str) -> String {
    quoted_within(text, MAX_VALUE)
}

/// [`quoted`] with another limit, in characters.
pub fn quoted_within(text: &str, limit: usize) -> String {
    // A character is four bytes at the most, and is not shorter when it is quoted.
    let head = text
        .char_indices()
        .nth(limit)
        .map_or(text, |(end, _)| text.get(..end).unwrap_or(text));
    let quoted = format!("{head:?}");
    match quoted.char_indices().nth(limit) {
        None if head.len() == text.len() => quoted,
        None => format!("{}…\"", quoted.strip_suffix('"').unwrap_or(&quoted)),
        Some((end, _)) => format!("{}…\"", quoted.get(..end).unwrap_or_default()),
    }
}

/// A value as a warning shows it: at most 120 characters long.
pub fn truncated(text: &str) -> Cow<'_, str> {
    truncated_within(text, MAX_VALUE)
}

/// [`truncated`] with another limit, in characters.
pub fn truncated_within(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
    }
}

/// A message that may quote what is long, on one line of at most 300 characters.
pub fn one_line(message: &str) -> String {
    truncated_within(&printable(message), MAX_MESSAGE).into_owned()
}

/// The first `limit` items, and how many more there are: `a, b and 3 more`.
pub fn listed<T: Display>(items: impl IntoIterator<Item = T>, limit: usize) -> String {
    let mut items = items.into_iter();
    let first: Vec<String> = items
        .by_ref()
        .take(limit)
        .map(|item| item.to_string())
        .collect();
    let first = first.join(", ");
    match items.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// An error with its causes. A cause whose text ends the text before it is not repeated: many errors
/// name their cause in their own text.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_escaped_and_cut() {
        assert_eq!(quoted("a \"b\"\n"), r#""a \"b\"\n""#);
        let long = "x".repeat(200);
        assert_eq!(quoted(&long), format!("\"{}…\"", "x".repeat(119)));
        assert_eq!(quoted_within("abcdef", 4), "\"abc…\"");
        assert_eq!(quoted_within("ab", 4), "\"ab\"");
    }

    #[test]
    fn a_list_says_how_many_more_there_are() {
        assert_eq!(listed(["a"], 2), "a");
        assert_eq!(listed(["a", "b"], 2), "a, b");
        assert_eq!(listed(1..=5, 2), "1, 2 and 3 more");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    #[test]
    fn a_cause_that_is_named_already_is_not_repeated() {
        let link = |text, source| Link { text, source };
        let named = link(
            "cannot read: no file",
            Some(Box::new(link("no file", None))),
        );
        let chain = link("cannot start", Some(Box::new(named)));
        assert_eq!(error_chain(&chain), "cannot start: cannot read: no file");
    }
}
