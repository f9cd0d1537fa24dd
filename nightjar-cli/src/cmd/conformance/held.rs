//! What a data store holds, and what has been found out about it.

use super::run::{Fetched, Run};
use nightjar_core::extension::{DocumentName, args::EXIT_UNCHANGED};

/// What a store holds under one name.
#[derive(Debug, Clone)]
pub(super) enum Held {
    /// Nothing yet.
    Nothing,
    /// What an earlier check has left.
    Own,
    /// Somebody's document.
    Somebodys(Fetched),
    /// That cannot be described_code, for this reason.
    Unclear(String),
}

/// What is known of the store.
pub(super) struct State {
    pub(super) templates: Held,
    pub(super) map: Held,
    /// The names that may be committed to; the first is the one that rules are tried with.
    pub(super) usable: Vec<DocumentName>,
    /// Why nothing may be committed, if that is so.
    pub(super) closed: Option<String>,
    /// The first fetch of each document.
    pub(super) looks: Vec<Run>,
    /// The code of a commit over a version where there was nothing.
    pub(super) over_nothing: Option<Run>,
    /// Whether it compares versions, once that is known.
    pub(super) compares: Option<bool>,
    /// Whether this check has committed something.
    pub(super) has_committed: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            templates: Held::Nothing,
            map: Held::Nothing,
            usable: Vec::new(),
            closed: None,
            looks: Vec::new(),
            over_nothing: None,
            compares: None,
            has_committed: false,
        }
    }
}

impl State {
    pub(super) fn of(&self, document: &DocumentName) -> &Held {
        if *document == DocumentName::TEMPLATES {
            &self.templates
        } else {
            &self.map
        }
    }

    /// Whether there is a document to fetch.
    pub(super) fn holds(&self, document: &DocumentName) -> bool {
        self.has_committed || matches!(self.of(document), Held::Own | Held::Somebodys(_))
    }

    /// Whether a first fetch ended with 30, which is an answer to a version alone.
    pub(super) fn has_unasked_30(&self) -> bool {
        self.looks.iter().any(|run| run.code == EXIT_UNCHANGED)
    }

    /// A document that is not there yet and may be.
    pub(super) fn is_new(&self, document: &DocumentName) -> bool {
        !self.has_committed && matches!(self.of(document), Held::Nothing)
    }
}
