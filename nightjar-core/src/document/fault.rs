//! What is wrong with a document, and where.

use std::{borrow::Cow, fmt};

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where, as a JSON pointer (RFC 6901); empty for the document itself.
    pub pointer: String,
    /// What is wrong, on one line.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() {
            "(document)"
        } else {
            &self.pointer
        };
        // A member's name may hold what would forge a line in a log.
        write!(f, "{}: {}", printable(pointer), self.message)
    }
}

/// A text without control characters: these are escaped.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
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

/// A document that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidDocument {
    /// Which document it should have been.
    pub name: &'static str,
    /// Everything that is wrong with it, never empty.
    pub faults: Vec<Fault>,
}

/// How many faults a message spells out; a log line is not the place for thousands.
const SPELLED_OUT: usize = 50;

impl fmt::Display for InvalidDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} document is not valid", self.name)?;
        for fault in self.faults.iter().take(SPELLED_OUT) {
            write!(f, "\n  {fault}")?;
        }
        match self.faults.len().saturating_sub(SPELLED_OUT) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl std::error::Error for InvalidDocument {}

/// Collects faults while a document is walked; knows where the walk is.
///
/// The place is a chain of borrowed steps, so that a walk without faults allocates nothing.
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Root,
    Key(&'a str),
    Item(usize),
}

impl<'a> Place<'a> {
    pub(super) const ROOT: Place<'static> = Place {
        parent: None,
        step: Step::Root,
    };

    pub(super) fn key(&'a self, key: &'a str) -> Place<'a> {
        Place {
            parent: Some(self),
            step: Step::Key(key),
        }
    }

    pub(super) fn item(&'a self, index: usize) -> Place<'a> {
        Place {
            parent: Some(self),
            step: Step::Item(index),
        }
    }

    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault {
            pointer: self.to_string(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Key(key) => write!(f, "/{}", key.replace('~', "~0").replace('/', "~1")),
            Step::Item(index) => write!(f, "/{index}"),
        }
    }
}

/// A value as a message shows it: quoted, control characters escaped, and not too long.
pub(crate) fn shown(text: &str) -> String {
    const LIMIT: usize = 120;
    let quoted = format!("{text:?}");
    match quoted.char_indices().nth(LIMIT) {
        None => quoted,
        Some((end, _)) => format!("{}…\"", quoted.get(..end).unwrap_or_default()),
    }
}
