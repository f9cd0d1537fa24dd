//! Data store that a command looks into or commits to, run by the host's side of the protocol.

mod args;
mod error;
mod log;
mod profile;

pub(crate) use args::StoreArgs;
pub(crate) use error::StoreError;

use crate::output;
use log::Log;
use nightjar_core::{
    document::{self, Document},
    extension::{
        CommitOutcome, DocumentName, ExtensionError, FetchOutcome, Host, ListedVersion, RawDocument,
    },
    shutdown::Shutdown,
};
use std::{path::Path, time::Duration};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long a look for signals waits.
const SIGNAL_CHECK: Duration = Duration::from_millis(1);

/// A store, ready to be asked.
pub(crate) struct Store {
    /// What messages call it.
    pub(crate) name: String,
    host: Host,
    log: Log,
    runtime: Runtime,
    shutdown: Shutdown,
    temp: TempDir,
}

/// A document that a store handed over.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) version: String,
    pub(crate) bytes: Vec<u8>,
}

impl Stored {
    /// Whether it is the same as another, the version aside.
    fn has_content_of(&self, bytes: &[u8]) -> bool {
        let hash = |bytes| RawDocument::read(bytes).ok().map(|it| it.content_hash());
        hash(&self.bytes).is_some_and(|own| hash(bytes) == Some(own))
    }
}

impl Store {
    /// The document that the store holds now.
    pub(crate) fn current(&self, document: &DocumentName) -> Result<Stored, StoreError> {
        let fetched = self.call(self.host.fetch(document, None, &self.shutdown))?;
        match fetched {
            FetchOutcome::New(bytes) => self.stored(bytes),
            // The host refuses this answer where no version was given.
            FetchOutcome::Unchanged => Err(self.no_document("it is unchanged")),
        }
    }

    /// The document that the store holds, or held as this version.
    pub(crate) fn get(
        &self,
        document: &DocumentName,
        version: Option<&str>,
    ) -> Result<Stored, StoreError> {
        match version {
            Some(version) => self.version(document, version),
            None => self.current(document),
        }
    }

    /// What a document says, in its types.
    pub(crate) fn read<D: Document>(&self, stored: &Stored) -> Result<D, StoreError> {
        document::read(&stored.bytes).map_err(|error| StoreError::Invalid {
            store: self.name.clone(),
            version: stored.version.clone(),
            error,
        })
    }

    fn version(&self, document: &DocumentName, version: &str) -> Result<Stored, StoreError> {
        let fetch = self.host.fetch_version(document, version, &self.shutdown);
        let fetched = self.call(fetch);
        let bytes = fetched.map_err(|error| error.with_hint_if_fatal(error::NO_VERSION))?;
        self.stored(bytes)
    }

    /// The versions that the store can hand over, newest first.
    pub(crate) fn versions(
        &self,
        document: &DocumentName,
    ) -> Result<Vec<ListedVersion>, StoreError> {
        let listed = self.call(self.host.list(document, &self.shutdown));
        let listed = listed.map_err(|error| error.with_hint_if_fatal(error::NO_LIST))?;
        Ok(listed.versions)
    }

    /// Commits a document in place of one version, or of none if `previous` is `None`. Returns the
    /// version that it has now, if that is known.
    ///
    /// Whether a commit whose answer got lost was done is found out by a look at the store.
    pub(crate) fn commit(
        &self,
        document: &DocumentName,
        bytes: &[u8],
        previous: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        let commit = self.host.commit(document, bytes, previous, &self.shutdown);
        let outcome = self.call(commit);
        let now = self.current(document);
        let own = now.as_ref().ok().filter(|now| now.has_content_of(bytes));
        let own = own.map(|now| now.version.clone());
        if let Some(own) = own {
            if !matches!(outcome, Ok(CommitOutcome::Done)) {
                let warning = format!("{} did not confirm the commit, but holds it", self.name);
                output::warning(&warning);
            }
            return Ok(Some(own));
        }
        let found = now.map(|now| now.version).ok();
        let is_as_before = found.is_some() && found.as_deref() == previous;
        match outcome {
            Ok(CommitOutcome::Done) if is_as_before => Err(StoreError::NotKept {
                store: self.name.clone(),
                found: found.unwrap_or_default(),
            }),
            Ok(CommitOutcome::Done) => {
                if let Some(found) = found {
                    let warning = format!("{} holds version {found} by now", self.name);
                    output::warning(&format!("another has committed since: {warning}"));
                }
                Ok(None)
            }
            Ok(CommitOutcome::Conflict) => Err(StoreError::Conflict {
                store: self.name.clone(),
                expected: previous.unwrap_or_default().to_owned(),
                found,
            }),
            Err(error) if is_as_before => Err(error.with_hint(error::AS_BEFORE)),
            Err(error) => Err(error.with_hint(error::UNKNOWN_COMMIT)),
        }
    }

    /// Ends a command that a person has interrupted while nothing was waited for.
    pub(crate) fn check_interrupted(&self) -> anyhow::Result<()> {
        self.wait_for(async {
            // The runtime looks at signals when it waits, however shortly.
            tokio::time::sleep(SIGNAL_CHECK).await;
            Ok(())
        })
    }

    /// Runs something that waits. Ends at once when this program is to stop.
    pub(crate) fn wait_for<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                reason = self.shutdown.wait() => Err(anyhow::anyhow!("interrupted: {reason}")),
                done = work => done,
            }
        })
    }

    /// A folder for temporary files, removed at the end.
    pub(crate) fn temp_dir(&self) -> &Path {
        self.temp.path()
    }

    fn call<T>(
        &self,
        call: impl Future<Output = Result<T, ExtensionError>>,
    ) -> Result<T, StoreError> {
        let ended = self.runtime.block_on(call);
        self.log.end_call(ended.is_err());
        ended.map_err(|error| StoreError::Extension {
            error: Box::new(error),
            hint: None,
        })
    }

    fn stored(&self, bytes: Vec<u8>) -> Result<Stored, StoreError> {
        let read = RawDocument::read(&bytes).map(|it| it.version().map(ToOwned::to_owned));
        match read {
            // Messages and terminals show it.
            Ok(Some(version)) if version.chars().any(char::is_control) => {
                Err(self.no_document("its document-version contains control characters"))
            }
            Ok(Some(version)) => Ok(Stored { version, bytes }),
            Ok(None) => Err(self.no_document("it has no document-version")),
            Err(error) => Err(self.no_document(&error.to_string())),
        }
    }

    fn no_document(&self, reason: &str) -> StoreError {
        StoreError::NoDocument {
            store: self.name.clone(),
            reason: reason.to_owned(),
        }
    }
}
