//! What is wrong with a document, or doubtful, and where.

use crate::report::printable;
use std::{collections::BTreeMap, fmt};

/// One thing that is wrong with a document, or doubtful.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where, as a JSON pointer (RFC 6901); empty for the document itself.
    pub pointer: String,
    /// Whom the pointer means, such as `stock/blue in store`, where it is inside a namespace.
    pub subject: Option<String>,
    /// What is wrong, on one line.
    pub message: String,
}

impl Finding {
    /// A finding about a document as a whole.
    pub fn of_document(message: impl Into<String>) -> Self {
        Self {
            pointer: String::new(),
            subject: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() {
            "(document)"
        } else {
            &self.pointer
        };
        // A member's name may hold what would forge a line in a log.
        f.write_str(&printable(pointer))?;
        if let Some(subject) = &self.subject {
            write!(f, " ({})", printable(subject))?;
        }
        write!(f, ": {}", self.message)
    }
}

/// A document that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentError {
    /// Which document it should have been.
    pub name: &'static str,
    /// What is wrong with it, never empty: at most [`MAX_LISTED`], every kind among them.
    pub faults: Vec<Finding>,
    /// How many more faults there are.
    pub unlisted: usize,
}

/// How many faults of a document are kept.
pub const MAX_LISTED: usize = 1000;

/// How many faults a message spells out; a log line is not the place for thousands.
const SPELLED_OUT: usize = 50;

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} document is not valid", self.name)?;
        for fault in self.faults.iter().take(SPELLED_OUT) {
            write!(f, "\n  {fault}")?;
        }
        match self.unlisted + self.faults.len().saturating_sub(SPELLED_OUT) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl std::error::Error for DocumentError {}

/// Findings in bounded memory: the first ones, and the first of each kind.
#[derive(Debug, Default)]
pub(super) struct Findings {
    listed: BTreeMap<(String, String), &'static str>,
    /// How many of each kind there are in the list.
    kinds: BTreeMap<&'static str, usize>,
    unlisted: usize,
}

impl Findings {
    /// Adds one. `kind` is the rule that is broken.
    pub(super) fn add(&mut self, kind: &'static str, pointer: String, message: String) {
        let is_new = !self.kinds.contains_key(kind);
        if self.listed.len() >= MAX_LISTED && !(is_new && self.make_room()) {
            self.unlisted += 1;
            return;
        }
        if self.listed.insert((pointer, message), kind).is_none() {
            *self.kinds.entry(kind).or_default() += 1;
        }
    }

    /// Takes away the last one whose kind is there more than once.
    fn make_room(&mut self) -> bool {
        let kinds = &self.kinds;
        let spare = self
            .listed
            .iter()
            .rev()
            .find(|(_, kind)| kinds.get(*kind) > Some(&1));
        let Some((key, kind)) = spare.map(|(key, kind)| (key.clone(), *kind)) else {
            return false;
        };
        self.listed.remove(&key);
        self.kinds.entry(kind).and_modify(|count| *count -= 1);
        self.unlisted += 1;
        true
    }

    /// The findings of one kind, by pointer.
    pub(super) fn of_kind(self, kind: &str) -> Vec<Finding> {
        let listed = self.listed.into_iter().filter(|(_, found)| *found == kind);
        let findings = listed.map(|((pointer, message), _)| Finding {
            pointer,
            subject: None,
            message,
        });
        findings.collect()
    }

    /// The findings by pointer, and how many more there are.
    pub(super) fn finish(self, subject: impl Fn(&str) -> Option<String>) -> (Vec<Finding>, usize) {
        let findings = self.listed.into_keys().map(|(pointer, message)| Finding {
            subject: subject(&pointer),
            pointer,
            message,
        });
        (findings.collect(), self.unlisted)
    }
}

/// A place in a document.
///
/// The place is a chain of borrowed steps, so that a walk that finds nothing allocates nothing.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
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
