//! What a program leaves behind for `--check-ready`: a small file in a folder that it owns.

use super::Readiness;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    process::{Pid, test_kill_process},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// Held while a process owns a folder.
pub const LOCK: &str = ".nightjar-lock";
/// Holds the word.
const STATUS: &str = ".nightjar-status.json";
/// Ends the names of files that are being written.
pub const UNFINISHED: &str = ".nightjar-new";

const TRIES: usize = 5;
const INSTANT: Duration = Duration::from_millis(5);

/// A folder's ownership, which ends with this.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, and never read")] File);

/// Takes possession of a folder; `None` if a running process has it.
///
/// # Errors
/// If the folder cannot be written.
pub fn own(folder: &Path) -> io::Result<Option<Lock>> {
    lock(&folder.join(LOCK))
}

/// Locks a file, which is made if it is not there; `None` if a running process holds it.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn lock(path: &Path) -> io::Result<Option<Lock>> {
    // Whoever checks for readiness holds the lock for an instant.
    for _ in 0..TRIES {
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o644)
            .open(path)?;
        let is_ours = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        // An owner may have removed the folder at its end, with the file that was just opened.
        if is_ours && is_at(&lock, path) {
            return Ok(Some(Lock(lock)));
        }
        std::thread::sleep(INSTANT);
    }
    Ok(None)
}

fn is_at(file: &File, path: &Path) -> bool {
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let (ours, there) = (file.metadata().map(place), fs::metadata(path).map(place));
    matches!((ours, there), (Ok(ours), Ok(there)) if ours == there)
}

/// Whether a running process has possession of a folder.
pub fn is_owned(folder: &Path) -> bool {
    is_locked(&folder.join(LOCK))
}

/// Whether a running process holds a file.
pub(super) fn is_locked(path: &Path) -> bool {
    let lock = File::open(path);
    lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockShared).is_err())
}

/// What `--check-ready` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    pid: u32,
    ready: bool,
    reason: String,
}

impl Word {
    /// This process's word.
    pub fn of(readiness: Readiness) -> Self {
        Self {
            pid: std::process::id(),
            ready: readiness.ready,
            reason: readiness.text,
        }
    }
}

/// Where a word is left.
#[derive(Debug, Clone)]
pub struct Place(PathBuf);

impl Place {
    /// The place in a folder that this process owns.
    pub fn within(folder: &Path) -> Self {
        Self(folder.join(STATUS))
    }

    /// Its path, for messages.
    pub fn display(&self) -> impl std::fmt::Display {
        self.0.display()
    }

    /// Replaces the word that is there.
    pub fn leave(&self, word: &Word) -> io::Result<()> {
        let mut unfinished = self.0.clone().into_os_string();
        unfinished.push(UNFINISHED);
        fs::write(&unfinished, serde_json::to_vec(word)?)?;
        fs::rename(&unfinished, &self.0)
    }
}

/// Ends a program that was asked with `--check-ready`. What there is to say goes to standard error:
/// what stands against readiness, or what is amiss all the same.
pub fn answer(checked: &Result<String, String>) -> ExitCode {
    let (code, text) = match checked {
        Ok(text) => (
            ExitCode::SUCCESS,
            text.strip_prefix("ready").unwrap_or(text),
        ),
        Err(reason) => (ExitCode::FAILURE, reason.as_str()),
    };
    let text = text.trim();
    if !text.is_empty() {
        let _ = writeln!(io::stderr(), "{text}");
    }
    code
}

/// Whether the process that owns a folder says that it is ready, and all that it says.
///
/// # Errors
/// What stands against it, for people.
pub fn check(folder: &Path) -> Result<String, String> {
    if !is_owned(folder) {
        let folder = folder.display();
        return Err(format!("not ready: no instance uses {folder}"));
    }
    let path = folder.join(STATUS);
    let text = fs::read(&path).map_err(|error| {
        format!(
            "not ready: no instance left word in {}: {error}",
            path.display()
        )
    })?;
    let word: Word = serde_json::from_slice(&text)
        .map_err(|error| format!("not ready: {} is not readable: {error}", path.display()))?;
    let process = i32::try_from(word.pid).ok().and_then(Pid::from_raw);
    // A process of another user lives too.
    let gone = process.is_none_or(|pid| test_kill_process(pid) == Err(Errno::SRCH));
    match (gone, word.ready) {
        (true, _) => Err(format!("not ready: process {} is gone", word.pid)),
        (false, false) => Err(word.reason),
        (false, true) => Ok(word.reason),
    }
}
