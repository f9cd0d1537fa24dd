//! Errors of a run and of a whole call.

use super::super::args::{Action, DocumentName};
use std::{fmt, io, path::PathBuf, time::Duration};

/// A call of an extension that failed, after all its tries.
#[derive(Debug)]
pub struct ExtensionError {
    /// The extension's file name.
    pub extension: String,
    /// What it was asked to do.
    pub action: Action,
    /// With which document.
    pub document: DocumentName,
    /// How often it was run.
    pub tries: u32,
    /// What went wrong the last time.
    pub error: RunError,
    /// The last lines that it wrote to standard error that time.
    pub stderr_tail: Vec<String>,
}

/// What went wrong in one run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The program could not be started.
    #[error("it could not be started: {0}")]
    Start(#[source] io::Error),
    /// There is no place for its file.
    #[error("cannot create a folder for its file in {}: {source}", .path.display())]
    TempDir {
        /// The folder for temporary files.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ran longer than it may, and was killed.
    #[error("it was killed after running for {0:?}")]
    TimedOut(Duration),
    /// It ended with the code that asks for another try.
    #[error("it exited with code 31 (worth another try)")]
    Retry,
    /// It ended with another code.
    #[error("it exited with code {0}")]
    Exit(u8),
    /// It was ended by a signal.
    #[error("it was killed by signal {0}")]
    Signal(i32),
    /// It ended well, but there is no file.
    #[error("it exited with code 0, but wrote no file")]
    NoFile,
    /// It ended well, but its file is empty.
    #[error("it exited with code 0, but its file is empty")]
    EmptyFile,
    /// It ended well, but what it made is no regular file.
    #[error("it exited with code 0, but its file is not a regular file")]
    NotAFile,
    /// It ended well, but its file is larger than a document may be.
    #[error("it exited with code 0, but its file has {size} bytes; the limit is {max}")]
    TooLarge {
        /// The file's size in bytes.
        size: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// It ended well, but its file cannot be read.
    #[error("it exited with code 0, but its file cannot be read: {source}")]
    Unreadable {
        /// Why.
        source: io::Error,
    },
    /// It reported that nothing is newer, but was given nothing to compare with.
    #[error("it exited with code 30 (unchanged), but was given no version to compare with")]
    UnexpectedUnchanged,
    /// It reported that another committed first, but was given nothing to compare with.
    #[error("it exited with code 32 (conflict), but was given no version to compare with")]
    UnexpectedConflict,
    /// The version to replace cannot be handed over. The extension was not run.
    #[error(
        "the version to replace cannot be passed as an argument: it is blank, longer than 4096 \
         bytes, or contains a zero byte"
    )]
    InvalidVersion,
    /// It ended well, but what it handed over is not the version that was requested.
    #[error("it exited with code 0, but its file is not the version that was requested")]
    WrongVersion,
    /// It ended well, but what it wrote is not a list of versions.
    #[error("it exited with code 0, but its file is not a list of versions: {source}")]
    InvalidList {
        /// Why.
        source: serde_json::Error,
    },
    /// This program is shutting down, so the run was stopped or not started.
    #[error("it was stopped because this program is shutting down")]
    Stopped,
}

impl ExtensionError {
    /// Whether another try may succeed.
    pub fn is_retry(&self) -> bool {
        match &self.error {
            RunError::Retry | RunError::TimedOut(_) => true,
            // Short of processes or memory, or the executable is just being replaced.
            RunError::Start(error) => matches!(
                error.kind(),
                io::ErrorKind::WouldBlock
                    | io::ErrorKind::OutOfMemory
                    | io::ErrorKind::ExecutableFileBusy
            ),
            _ => false,
        }
    }

    /// Whether it failed only because this program is shutting down.
    pub fn is_stop(&self) -> bool {
        matches!(self.error, RunError::Stopped)
    }
}

impl std::error::Error for ExtensionError {}

impl fmt::Display for ExtensionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            extension,
            action,
            document,
            tries,
            error,
            stderr_tail,
        } = self;
        write!(f, "{} of {document} by {extension} failed", action.as_str())?;
        if *tries > 1 {
            write!(f, " {tries} times")?;
        }
        write!(f, ": {error}")?;
        // It was looked up at the start, so it is there.
        if matches!(error, RunError::Start(error) if error.kind() == io::ErrorKind::NotFound) {
            f.write_str(
                "\n  hint: the program exists, so what is missing is \
                 probably the interpreter of a script or the loader of a binary",
            )?;
        }
        if !stderr_tail.is_empty() {
            f.write_str("; its standard error ends with:")?;
        }
        for line in stderr_tail {
            write!(f, "\n  | {line}")?;
        }
        Ok(())
    }
}
