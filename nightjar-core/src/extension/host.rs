//! The caller's end: runs any executable as an extension point and trusts none of them.
//!
//! Every run has a private folder for its file, a process group of its own, a time limit and a
//! size limit. Whatever the extension does, the group is gone when the run is over.

mod fault;
mod output;
mod run;
mod runs;

pub use fault::{ExtensionError, Fault};
pub use runs::Runs;

use super::args::{Action, DocumentName, EXIT_DONE, EXIT_RETRY, EXIT_UNCHANGED, Request};
use crate::{backoff::Backoff, env::CommandLine, shutdown::Shutdown};
use run::{Ending, Run};
use std::{
    ffi::OsString,
    fs::{File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A version longer than this is not sent back to the extension: arguments are limited.
const MAX_VERSION_BYTES: usize = 4096;

/// How long a commit under way may still take when this program is to stop.
const COMMIT_GRACE: Duration = Duration::from_secs(5);

/// What a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long one run may last.
    pub timeout: Duration,
    /// How large the document may be, in bytes.
    pub max_document_bytes: u64,
}

/// How failures that may pass are tried again.
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

/// What a fetch brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// A file that is complete as far as the extension says; nothing in it has been checked.
    New(Vec<u8>),
    /// The version that the caller has is the current one.
    Unchanged,
}

/// An extension point, ready to be run. One run at a time is expected for one document.
#[derive(Debug, Clone)]
pub struct Host {
    command: CommandLine,
    name: String,
    role: Role,
    limits: Limits,
    retry: RetryPolicy,
    temp_dir: PathBuf,
    variables: Vec<(OsString, OsString)>,
    /// The folder of the last run that went well, empty again, for the next one.
    kept_folder: Arc<Mutex<Option<TempDir>>>,
    /// How its runs went, those of its clones too.
    runs: Arc<Mutex<Runs>>,
}

/// Which arguments the extension is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    DiscoveryMap,
    DataStore,
}

impl Host {
    /// A host of a discovery map. Its runs make their private folders in `temp_dir`.
    pub fn discovery_map(command: CommandLine, limits: Limits, temp_dir: &Path) -> Self {
        Self::new(command, Role::DiscoveryMap, limits, temp_dir)
    }

    /// A host of a data store. Its runs make their private folders in `temp_dir`.
    pub fn data_store(command: CommandLine, limits: Limits, temp_dir: &Path) -> Self {
        Self::new(command, Role::DataStore, limits, temp_dir)
    }

    fn new(command: CommandLine, role: Role, limits: Limits, temp_dir: &Path) -> Self {
        Self {
            name: command.name(),
            command,
            role,
            limits,
            retry: RetryPolicy::default(),
            temp_dir: temp_dir.to_owned(),
            variables: Vec::new(),
            kept_folder: Arc::default(),
            runs: Arc::default(),
        }
    }

    /// The same with another way to try again.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Changes how failures are tried again from the next call on.
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
    pub fn runs(&self) -> Runs {
        *self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches a document, unless `previous` is its current version. Failures that may pass are
    /// tried again; a stop ends the run and the waiting at once.
    pub async fn fetch(
        &self,
        document: &DocumentName,
        previous: Option<&str>,
        shutdown: &Shutdown,
    ) -> Result<Fetched, ExtensionError> {
        let previous = previous.filter(|version| fits_an_argument(version));
        let task = Task {
            action: Action::Fetch,
            document,
            previous,
            input: None,
        };
        self.try_again(&task, shutdown).await
    }

    /// Hands a document to a data store to keep. Failures that may pass are tried again. A stop
    /// leaves a run that has begun a few seconds to end by itself.
    pub async fn commit(
        &self,
        document: &DocumentName,
        bytes: &[u8],
        shutdown: &Shutdown,
    ) -> Result<(), ExtensionError> {
        let task = Task {
            action: Action::Commit,
            document,
            previous: None,
            input: Some(bytes),
        };
        self.try_again(&task, shutdown).await.map(drop)
    }

    async fn try_again(
        &self,
        task: &Task<'_>,
        shutdown: &Shutdown,
    ) -> Result<Fetched, ExtensionError> {
        let mut backoff = Backoff::new(self.retry.start, self.retry.max);
        let mut tries = 1;
        loop {
            let (fault, last_lines) = match self.try_once(task, shutdown).await {
                Ok(fetched) => return Ok(fetched),
                Err(failed) => failed,
            };
            let error = ExtensionError {
                extension: self.name.clone(),
                action: task.action,
                document: task.document.clone(),
                tries,
                fault,
                last_lines,
            };
            if !error.is_retry() || tries > self.retry.retries {
                return Err(error);
            }
            let delay = backoff.next_delay();
            tracing::warn!(
                extension = self.name,
                "{error}; trying again in {delay:.1?}"
            );
            let mut refreshes = shutdown.refreshes();
            let slept = tokio::select! {
                slept = shutdown.sleep(delay) => slept,
                () = refreshes.wait() => !shutdown.requested(),
            };
            if !slept {
                return Err(ExtensionError {
                    fault: Fault::Stopped,
                    ..error
                });
            }
            tries += 1;
        }
    }

    /// One run, which is counted.
    async fn try_once(
        &self,
        task: &Task<'_>,
        shutdown: &Shutdown,
    ) -> Result<Fetched, (Fault, Vec<String>)> {
        let began = Instant::now();
        let ended = self.run(task, shutdown).await;
        let told = ended.as_ref().map_err(|(fault, _)| fault);
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.count(told, task.action == Action::Fetch, began.elapsed());
        drop(runs);
        ended
    }

    async fn run(
        &self,
        task: &Task<'_>,
        shutdown: &Shutdown,
    ) -> Result<Fetched, (Fault, Vec<String>)> {
        if shutdown.requested() {
            return Err((Fault::Stopped, Vec::new()));
        }
        let folder = self
            .action_folder(task)
            .map_err(|fault| (fault, Vec::new()))?;
        let action_file = folder.path().join(format!("{}.json", task.document));
        let run = Run {
            name: &self.name,
            command: &self.command,
            arguments: self.request(task, &action_file).to_arguments(),
            variables: &self.variables,
            timeout: self.limits.timeout,
            stop_grace: match task.action {
                Action::Fetch => Duration::ZERO,
                Action::Commit => COMMIT_GRACE,
            },
        };
        let (ending, last_lines) = run
            .go(shutdown)
            .await
            .map_err(|source| (Fault::Start(source), Vec::new()))?;
        let fetched = self
            .judge(task, ending, &action_file)
            .map_err(|fault| (fault, last_lines))?;
        self.keep(folder, &action_file);
        Ok(fetched)
    }

    /// Keeps a folder for the next run. One run's folder is the next one's only if all is well:
    /// whatever a failed run may have left is removed with it.
    fn keep(&self, folder: TempDir, action_file: &Path) {
        let _ = std::fs::remove_file(action_file);
        let is_empty = folder
            .path()
            .read_dir()
            .is_ok_and(|mut entries| entries.next().is_none());
        if is_empty {
            *self.kept() = Some(folder);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<TempDir>> {
        self.kept_folder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the folder of one run, and in it the file that a commit hands over.
    fn action_folder(&self, task: &Task<'_>) -> Result<TempDir, Fault> {
        let make = || {
            let kept = self.kept().take().filter(|folder| folder.path().is_dir());
            let folder = kept.map_or_else(|| self.new_folder(), Ok)?;
            if let Some(bytes) = task.input {
                let path = folder.path().join(format!("{}.json", task.document));
                File::create_new(path)?.write_all(bytes)?;
            }
            Ok(folder)
        };
        make().map_err(|source| Fault::TempDir {
            path: self.temp_dir.clone(),
            source,
        })
    }

    fn new_folder(&self) -> io::Result<TempDir> {
        // Whoever clears old files away may have taken the folder around it.
        std::fs::create_dir_all(&self.temp_dir)?;
        tempfile::Builder::new()
            .prefix("run-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&self.temp_dir)
    }

    fn request(&self, task: &Task<'_>, action_file: &Path) -> Request {
        let is_store = self.role == Role::DataStore;
        // A discovery map that is asked to commit learns so, and refuses.
        let tell_action = is_store || task.action == Action::Commit;
        Request {
            action_file: action_file.to_owned(),
            previous_version: task.previous.map(str::to_owned),
            document: is_store.then(|| task.document.clone()),
            action: tell_action.then_some(task.action),
        }
    }

    /// What the end of a run means.
    fn judge(&self, task: &Task<'_>, ending: Ending, file: &Path) -> Result<Fetched, Fault> {
        match (ending, task.action) {
            (Ending::Stopped, _) => Err(Fault::Stopped),
            (Ending::TimedOut, _) => Err(Fault::TimedOut(self.limits.timeout)),
            (Ending::Signal(signal), _) => Err(Fault::Signal(signal)),
            (Ending::Code(EXIT_DONE), Action::Commit) => Ok(Fetched::Unchanged),
            (Ending::Code(EXIT_DONE), Action::Fetch) => self.read_output(file).map(Fetched::New),
            (Ending::Code(EXIT_UNCHANGED), Action::Fetch) if task.previous.is_some() => {
                Ok(Fetched::Unchanged)
            }
            (Ending::Code(EXIT_UNCHANGED), Action::Fetch) => Err(Fault::UnaskedUnchanged),
            (Ending::Code(EXIT_RETRY), _) => Err(Fault::Retry),
            (Ending::Code(code), _) => Err(Fault::Exit(code)),
        }
    }

    /// Reads the file, never more of it than a document may have.
    fn read_output(&self, path: &Path) -> Result<Vec<u8>, Fault> {
        let max = self.limits.max_document_bytes;
        let unreadable = |source| Fault::Unreadable { source };
        let file = match open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Fault::NoFile),
            opened => opened.map_err(unreadable)?,
        };
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(Fault::NotAFile);
        }
        let size = metadata.len();
        if size > max {
            return Err(Fault::TooLarge { size, max });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        file.take(max.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        match bytes.len() as u64 {
            0 => Err(Fault::EmptyFile),
            read if read > max => Err(Fault::TooLarge { size: read, max }),
            _ => Ok(bytes),
        }
    }
}

/// What a call is about.
struct Task<'a> {
    action: Action,
    document: &'a DocumentName,
    previous: Option<&'a str>,
    input: Option<&'a [u8]>,
}

fn fits_an_argument(version: &str) -> bool {
    !version.is_empty() && version.len() <= MAX_VERSION_BYTES && !version.contains('\0')
}

/// Opens a file that may be anything: opening a pipe must not wait for a writer.
fn open(path: &Path) -> io::Result<File> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    File::options()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)
}
