//! Findings: what is wrong with a document, or doubtful, and where.

use crate::report::printable;
use std::{collections::BTreeMap, fmt};

/// One thing that is wrong with a document, or doubtful.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where, as a JSON pointer (RFC 6901); empty for the document itself.
    pub pointer: String,
    /// The namespace or service-color that the pointer means, such as `stock/blue in store`, where it is inside a namespace.
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
    /// What is wrong with it, never empty: at most [`MAX_FINDINGS`], every kind among them.
    pub faults: Vec<Finding>,
    /// How many more faults there are.
    pub unlisted: usize,
}

/// How many faults of a document are kept.
pub const MAX_FINDINGS: usize = 1000;

/// How many faults a message spells out; a log line is not the place for thousands.
const MAX_PRINTED: usize = 50;

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} document is not valid", self.name)?;
        for fault in self.faults.iter().take(MAX_PRINTED) {
            write!(f, "\n  {fault}")?;
        }
        match self.unlisted + self.faults.len().saturating_sub(MAX_PRINTED) {
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
        if self.listed.len() >= MAX_FINDINGS && !(is_new && self.drop_duplicate_kind()) {
            self.unlisted += 1;
            return;
        }
        if self.listed.insert((pointer, message), kind).is_none() {
            *self.kinds.entry(kind).or_default() += 1;
        }
    }

    /// Drops the last finding whose kind is there more than once.
    fn drop_duplicate_kind(&mut self) -> bool {
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

/// A JSON pointer into a document.
///
/// It is a chain of borrowed steps, so that a walk that finds nothing allocates nothing.
#[derive(Clone, Copy)]
pub(super) struct Pointer<'a> {
    parent: Option<&'a Pointer<'a>>,
    step: Segment<'a>,
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Root,
    Key(&'a str),
    Item(usize),
}

impl<'a> Pointer<'a> {
    pub(super) const ROOT: Pointer<'static> = Pointer {
        parent: None,
        step: Segment::Root,
    };

    pub(super) fn key(&'a self, key: &'a str) -> Pointer<'a> {
        Pointer {
            parent: Some(self),
            step: Segment::Key(key),
        }
    }

    pub(super) fn item(&'a self, index: usize) -> Pointer<'a> {
        Pointer {
            parent: Some(self),
            step: Segment::Item(index),
        }
    }
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Segment::Root => Ok(()),
            Segment::Key(key) => write!(f, "/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Item(index) => write!(f, "/{index}"),
        }
    }
}
