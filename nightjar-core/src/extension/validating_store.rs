//! Data store that validates documents before it commits them, so that no proxy is the first to find
//! an error.

use super::{About, ActionError, CommitOutcome, DataStore, DocumentName, FetchOutcome, Versions};
use crate::{
    document::{
        self, Document, DocumentError, Finding, discovery_map::DiscoveryMap, templates::Templates,
    },
    env::{ConfigurationError, Reader, Setting},
    review,
    template::{BaseLayer, Severity, lint_all},
};
use std::{fs, io, path::Path};

/// `NJ_STORE_ACCEPT_INVALID`
pub const NJ_STORE_ACCEPT_INVALID: Setting = Setting::with_default(
    "NJ_STORE_ACCEPT_INVALID",
    "false",
    "Whether a document that breaks a rule is committed all the same.",
);

/// A data store that refuses to commit a discovery map or templates that break a rule, and warns of
/// what is doubtful in them. It commits other documents unchecked, and with
/// [`NJ_STORE_ACCEPT_INVALID`], which belongs among the settings of the store, every document.
pub struct ValidatingStore<S> {
    store: S,
    /// Only a commit needs it, so only a commit fails if it is invalid.
    accepts_invalid: Result<bool, ConfigurationError>,
}

impl<S: DataStore> DataStore for ValidatingStore<S> {
    const ABOUT: About = S::ABOUT;

    fn from_settings(reader: &mut Reader<'_>) -> Self {
        let mut own = Reader::new(reader.env());
        let accepts_invalid = own.boolean(&NJ_STORE_ACCEPT_INVALID);
        Self {
            accepts_invalid: own.finish().map(|()| accepts_invalid),
            store: S::from_settings(reader),
        }
    }

    fn fetch(
        &self,
        document: &DocumentName,
        previous: Option<&str>,
    ) -> Result<FetchOutcome, ActionError> {
        self.store.fetch(document, previous)
    }

    fn commit(
        &self,
        document: &DocumentName,
        file: &Path,
        previous: Option<&str>,
    ) -> Result<CommitOutcome, ActionError> {
        let accepts_invalid = self.accepts_invalid.clone();
        if !accepts_invalid.map_err(ActionError::Settings)? {
            validate(document, file).map_err(ActionError::fatal)?;
        }
        self.store.commit(document, file, previous)
    }

    fn list(&self, document: &DocumentName) -> Result<Versions, ActionError> {
        self.store.list(document)
    }

    fn fetch_version(
        &self,
        document: &DocumentName,
        version: &str,
    ) -> Result<Vec<u8>, ActionError> {
        self.store.fetch_version(document, version)
    }
}

/// How many warnings of one document are logged.
const MAX_WARNINGS: usize = 100;

/// Why a document is not committed.
#[derive(Debug, thiserror::Error)]
enum CommitError {
    #[error("cannot read {path}")]
    Read { path: String, source: io::Error },
    #[error(
        "{0}\n  hint: correct it (`nightjar validate` lists every error), or commit it as it is with NJ_STORE_ACCEPT_INVALID=true"
    )]
    Document(DocumentError),
}

/// Validates a document of a known name, and warns of what is doubtful in it.
fn validate(name: &DocumentName, file: &Path) -> Result<(), CommitError> {
    let read = || {
        fs::read(file).map_err(|source| CommitError::Read {
            path: file.display().to_string(),
            source,
        })
    };
    if *name == DocumentName::DISCOVERY_MAP {
        let (map, unknown) = document::inspect_first::<DiscoveryMap>(&read()?);
        warn(&unknown);
        warn(&review::discovery_map(&map.map_err(CommitError::Document)?));
    } else if *name == DocumentName::TEMPLATES {
        let (templates, unknown) = document::inspect_first::<Templates>(&read()?);
        warn(&unknown);
        validate_texts(&templates.map_err(CommitError::Document)?)?;
    }
    Ok(())
}

fn validate_texts(templates: &Templates) -> Result<(), CommitError> {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for (pointer, finding) in lint_all(templates, BaseLayer::Shipped) {
        let place = finding.error.position;
        let place = place.map(|place| format!("line {}, column {}: ", place.line, place.column));
        let message = place.unwrap_or_default() + &finding.error.message;
        let list = match finding.severity {
            Severity::Error => &mut errors,
            Severity::Warning => &mut warnings,
        };
        list.push(Finding {
            pointer,
            subject: None,
            message,
        });
    }
    warn(&warnings);
    if errors.is_empty() {
        return Ok(());
    }
    Err(CommitError::Document(DocumentError {
        name: Templates::NAME,
        faults: errors,
        unlisted: 0,
    }))
}

fn warn(findings: &[Finding]) {
    for finding in findings.iter().take(MAX_WARNINGS) {
        tracing::warn!("{finding}");
    }
    let more = findings.len().saturating_sub(MAX_WARNINGS);
    if more > 0 {
        tracing::warn!("and {more} more");
    }
}
