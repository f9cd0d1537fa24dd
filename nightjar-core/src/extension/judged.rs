//! Data stores that refuse faulty documents: no proxy should be the first to find a fault.

use super::{About, Answer, CommitOutcome, DataStore, DocumentName, Failure, Versions};
use crate::{
    document::{
        self, Document, DocumentError, Finding, discovery_map::DiscoveryMap, templates::Templates,
    },
    env::{Reader, Setting},
    review,
    template::{Severity, lint_all},
};
use std::{fs, io, path::Path};

/// `NJ_STORE_ACCEPT_INVALID`
pub const NJ_STORE_ACCEPT_INVALID: Setting = Setting::preset(
    "NJ_STORE_ACCEPT_INVALID",
    "false",
    "Whether a document that breaks a rule is committed all the same.",
);

/// A data store that refuses to commit a discovery map or templates that break a rule, and warns of
/// what is doubtful in them; other documents pass. [`NJ_STORE_ACCEPT_INVALID`], which belongs among
/// the settings of the store, lets faults pass.
pub struct Judged<S> {
    store: S,
    accepts_invalid: bool,
}

impl<S: DataStore> DataStore for Judged<S> {
    const ABOUT: About = S::ABOUT;

    fn from_settings(reader: &mut Reader<'_>) -> Self {
        Self {
            accepts_invalid: reader.boolean(&NJ_STORE_ACCEPT_INVALID),
            store: S::from_settings(reader),
        }
    }

    fn fetch(&self, document: &DocumentName, previous: Option<&str>) -> Result<Answer, Failure> {
        self.store.fetch(document, previous)
    }

    fn commit(
        &self,
        document: &DocumentName,
        file: &Path,
        previous: Option<&str>,
    ) -> Result<CommitOutcome, Failure> {
        if !self.accepts_invalid {
            judge(document, file).map_err(Failure::fatal)?;
        }
        self.store.commit(document, file, previous)
    }

    fn list(&self, document: &DocumentName) -> Result<Versions, Failure> {
        self.store.list(document)
    }

    fn fetch_version(&self, document: &DocumentName, version: &str) -> Result<Vec<u8>, Failure> {
        self.store.fetch_version(document, version)
    }
}

/// How many warnings of one document are logged.
const MAX_WARNINGS: usize = 100;

/// Why a document is not kept.
#[derive(Debug, thiserror::Error)]
enum CommitError {
    #[error("cannot read {path}")]
    Read { path: String, source: io::Error },
    #[error(
        "{0}\n  hint: mend it (`nightjar validate` tells every fault), or let it pass with NJ_STORE_ACCEPT_INVALID=true"
    )]
    Document(DocumentError),
}

/// Judges a document of a known kind, and warns of what is doubtful in it.
fn judge(name: &DocumentName, file: &Path) -> Result<(), CommitError> {
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
        texts(&templates.map_err(CommitError::Document)?)?;
    }
    Ok(())
}

fn texts(templates: &Templates) -> Result<(), CommitError> {
    let (mut faults, mut warnings) = (Vec::new(), Vec::new());
    for (pointer, finding) in lint_all(templates) {
        let place = finding.error.position;
        let place = place.map(|place| format!("line {}, column {}: ", place.line, place.column));
        let message = place.unwrap_or_default() + &finding.error.message;
        let list = match finding.severity {
            Severity::Error => &mut faults,
            Severity::Warning => &mut warnings,
        };
        list.push(Finding {
            pointer,
            subject: None,
            message,
        });
    }
    warn(&warnings);
    if faults.is_empty() {
        return Ok(());
    }
    Err(CommitError::Document(DocumentError {
        name: Templates::NAME,
        faults,
        unlisted: 0,
    }))
}

fn warn(findings: &[Finding]) {
    for finding in findings.iter().take(MAX_WARNINGS) {
        tracing::warn!("{finding}");
    }
    if let Some(more) = findings
        .len()
        .checked_sub(MAX_WARNINGS)
        .filter(|more| *more > 0)
    {
        tracing::warn!("and {more} more");
    }
}
