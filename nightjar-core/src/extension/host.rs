//! The caller's side of the protocol: runs any executable as an extension point and trusts none of
//! them.
//!
//! Every run has a private folder for its file, a process group of its own, a time limit and a
//! size limit. Whatever the extension does, the group is gone when the run is over.

mod error;
mod observe;
mod output;
mod process;
mod retry;
mod run_dir;
mod run_stats;

pub use error::{ExtensionError, RunError};
pub use observe::Observed;
pub use process::ProcessEnd;
pub use run_stats::RunStats;

use super::{
    CommitOutcome, FetchOutcome, RawDocument, Versions,
    args::{Action, DocumentName, EXIT_CONFLICT, EXIT_DONE, EXIT_UNCHANGED},
};
use crate::{env::CommandLine, shutdown::Shutdown};
use run_dir::{RunDirs, read};
use std::{
    ffi::OsString,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A version longer than this is not sent back to the extension: arguments are limited.
const MAX_VERSION_BYTES: usize = 4096;

/// How much time and space a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// How long one run may last.
    pub timeout: Duration,
    /// How large the document may be, in bytes.
    pub max_document_bytes: u64,
}

/// How temporary failures are retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many more tries there are after the first.
    pub retries: u32,
    /// The wait before the second try. It doubles from try to try.
    pub start: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Default for RetryPolicy {
    /// Five more tries, after 2, 4, 8, 16 and 32 seconds, each a little more by chance.
    fn default() -> Self {
        Self {
            retries: 5,
            start: Duration::from_secs(2),
            max: Duration::from_mins(1),
        }
    }
}

impl RetryPolicy {
    /// The same with no wait longer than this, a little chance aside.
    #[must_use]
    pub fn no_longer_than(self, longest: Duration) -> Self {
        Self {
            retries: self.retries,
            start: self.start.min(longest),
            max: self.max.min(longest),
        }
    }
}

/// An extension point, ready to be run. One run at a time is expected for one document.
#[derive(Debug, Clone)]
pub struct Host {
    command: CommandLine,
    name: String,
    extension_point: ExtensionPoint,
    limits: RunLimits,
    retry: RetryPolicy,
    folders: RunDirs,
    variables: Vec<(OsString, OsString)>,
    /// How its runs went, those of its clones too.
    runs: Arc<Mutex<RunStats>>,
}

/// What the extension is for, which decides the arguments that it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExtensionPoint {
    DiscoveryMap,
    DataStore,
}

impl Host {
    /// A host of a discovery map. Its runs make their private folders in `temp_dir`, which the
    /// extension gets too, to keep things in.
    pub fn discovery_map(command: CommandLine, limits: RunLimits, temp_dir: &Path) -> Self {
        Self::new(command, ExtensionPoint::DiscoveryMap, limits, temp_dir)
    }

    /// A host of a data store. Its runs make their private folders in `temp_dir`, which the
    /// extension gets too, to keep things in.
    pub fn data_store(command: CommandLine, limits: RunLimits, temp_dir: &Path) -> Self {
        Self::new(command, ExtensionPoint::DataStore, limits, temp_dir)
    }

    fn new(
        command: CommandLine,
        extension_point: ExtensionPoint,
        limits: RunLimits,
        temp_dir: &Path,
    ) -> Self {
        Self {
            name: command.name(),
            command,
            extension_point,
            limits,
            retry: RetryPolicy::default(),
            folders: RunDirs::within(temp_dir),
            variables: Vec::new(),
            runs: Arc::default(),
        }
    }

    /// The same with another way to try again.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Changes how temporary failures are retried from the next call on.
    pub fn set_retry(&mut self, retry: RetryPolicy) {
        self.retry = retry;
    }

    /// The same with a variable added to the environment that the extension inherits.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// The extension's name in logs: its file name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its runs went so far, with those of its clones.
    pub fn runs(&self) -> RunStats {
        *self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches a document, unless `previous` is its current version. Temporary failures are
    /// retried; a stop ends the run and the waiting at once.
    ///
    /// # Errors
    /// [`ExtensionError`], after all tries.
    pub async fn fetch(
        &self,
        document: &DocumentName,
        previous: Option<&str>,
        shutdown: &Shutdown,
    ) -> Result<FetchOutcome, ExtensionError> {
        let call = Call {
            previous: previous.filter(|version| can_be_argument(version)),
            ..Call::new(Action::Fetch, document)
        };
        let interpret = |code, file: &Path| match code {
            EXIT_DONE => self.read(file).map(FetchOutcome::New),
            EXIT_UNCHANGED if call.previous.is_some() => Ok(FetchOutcome::Unchanged),
            EXIT_UNCHANGED => Err(RunError::UnexpectedUnchanged),
            code => Err(RunError::Exit(code)),
        };
        self.call_with_retries(&call, interpret, shutdown).await
    }

    /// Fetches one version of a document from a data store, current or not.
    ///
    /// # Errors
    /// [`ExtensionError`], after all tries. A store that does not know versions fails, or hands
    /// over another one, which is an error too.
    pub async fn fetch_version(
        &self,
        document: &DocumentName,
        version: &str,
        shutdown: &Shutdown,
    ) -> Result<Vec<u8>, ExtensionError> {
        let call = Call {
            version: Some(version),
            ..Call::new(Action::Fetch, document)
        };
        let interpret = |code, file: &Path| match code {
            EXIT_DONE => self.read(file).and_then(|bytes| {
                let read = RawDocument::read(&bytes);
                let is_it = read.is_ok_and(|document| document.version() == Some(version));
                is_it.then_some(bytes).ok_or(RunError::WrongVersion)
            }),
            code => Err(RunError::Exit(code)),
        };
        self.call_with_retries(&call, interpret, shutdown).await
    }

    /// Asks a data store which versions of a document it can hand over.
    ///
    /// # Errors
    /// [`ExtensionError`], after all tries; a store that does not offer this fails.
    pub async fn list(
        &self,
        document: &DocumentName,
        shutdown: &Shutdown,
    ) -> Result<Versions, ExtensionError> {
        let interpret = |code, file: &Path| match code {
            EXIT_DONE => serde_json::from_slice(&self.read(file)?)
                .map_err(|source| RunError::InvalidList { source }),
            code => Err(RunError::Exit(code)),
        };
        let call = Call::new(Action::List, document);
        self.call_with_retries(&call, interpret, shutdown).await
    }

    /// Hands a document to a data store to keep: in place of `previous` alone, or of whatever is
    /// there if that is `None`. Temporary failures are retried. A stop leaves a run that
    /// has begun a few seconds to end by itself.
    ///
    /// A commit whose answer got lost may find its own document when it is tried again: then the
    /// outcome may be a conflict too.
    ///
    /// # Errors
    /// [`ExtensionError`], after all tries. The store may have done it all the same. Without a try
    /// if `previous` is no version that [can be handed over](can_be_argument).
    pub async fn commit(
        &self,
        document: &DocumentName,
        bytes: &[u8],
        previous: Option<&str>,
        shutdown: &Shutdown,
    ) -> Result<CommitOutcome, ExtensionError> {
        let call = Call {
            previous,
            input: Some(bytes),
            ..Call::new(Action::Commit, document)
        };
        // To drop it would make this a commit over whatever is there.
        if previous.is_some_and(|version| !can_be_argument(version)) {
            return Err(ExtensionError {
                extension: self.name.clone(),
                action: call.action,
                document: document.clone(),
                tries: 0,
                error: RunError::InvalidVersion,
                stderr_tail: Vec::new(),
            });
        }
        let interpret = |code, _: &Path| match code {
            EXIT_DONE => Ok(CommitOutcome::Done),
            EXIT_CONFLICT if call.previous.is_some() => Ok(CommitOutcome::Conflict),
            EXIT_CONFLICT => Err(RunError::UnexpectedConflict),
            code => Err(RunError::Exit(code)),
        };
        self.call_with_retries(&call, interpret, shutdown).await
    }

    fn read(&self, file: &Path) -> Result<Vec<u8>, RunError> {
        read(file, self.limits.max_document_bytes)
    }
}

/// One call of the extension, which may take several runs.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What is to be done.
    pub action: Action,
    /// With which document.
    pub document: &'a DocumentName,
    /// The version that the caller has, or on a commit the one to replace.
    pub previous: Option<&'a str>,
    /// The version to hand over, if it is not the current one.
    pub version: Option<&'a str>,
    /// What is to be committed.
    pub input: Option<&'a [u8]>,
}

impl<'a> Call<'a> {
    /// A call that names no version and hands nothing over.
    pub fn new(action: Action, document: &'a DocumentName) -> Self {
        Self {
            action,
            document,
            previous: None,
            version: None,
            input: None,
        }
    }
}

/// Whether a version can be handed to an extension: it is not blank, not longer than 4096 bytes, and
/// without a zero byte. A fetch leaves out one that cannot, and a commit fails.
pub fn can_be_argument(version: &str) -> bool {
    !version.trim().is_empty() && version.len() <= MAX_VERSION_BYTES && !version.contains('\0')
}
