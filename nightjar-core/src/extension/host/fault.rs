//! How a run can fail.

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
    pub fault: Fault,
    /// The last lines that it wrote to standard error that time.
    pub last_lines: Vec<String>,
}

/// What went wrong in one run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The program could not be started.
    #[error("it could not be started: {0}")]
    Start(#[source] io::Error),
    /// There is no place for its file.
    #[error("no folder for its file could be made in {}: {source}", .path.display())]
    TempDir {
        /// The folder for temporary files.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ran longer than it may, and was killed.
    #[error("it was killed after {0:?} without an answer")]
    TimedOut(Duration),
    /// It ended with the code that asks for another try.
    #[error("it ended with exit code 31 (worth another try)")]
    Retry,
    /// It ended with another code.
    #[error("it ended with exit code {0}")]
    Exit(u8),
    /// It was ended by a signal.
    #[error("it was ended by signal {0}")]
    Signal(i32),
    /// It ended well, but there is no file.
    #[error("it ended with exit code 0, but wrote no file")]
    NoFile,
    /// It ended well, but its file is empty.
    #[error("it ended with exit code 0, but its file is empty")]
    EmptyFile,
    /// It ended well, but what it made is no regular file.
    #[error("it ended with exit code 0, but what it made is not a regular file")]
    NotAFile,
    /// It ended well, but its file is larger than a document may be.
    #[error("it ended with exit code 0, but its file has {size} bytes, and {max} are allowed")]
    TooLarge {
        /// The file's size in bytes.
        size: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// It ended well, but its file cannot be read.
    #[error("it ended with exit code 0, but its file cannot be read: {source}")]
    Unreadable {
        /// Why.
        source: io::Error,
    },
    /// It said that nothing is newer, where there was nothing to compare with.
    #[error("it ended with exit code 30 (nothing newer), but was given no version")]
    UnaskedUnchanged,
    /// It said that another committed first, where there was nothing to compare with.
    #[error("it ended with exit code 32 (another was first), but was given no version")]
    UnaskedConflict,
    /// The version to replace cannot be handed over. The extension was not run.
    #[error(
        "the version that it is to replace cannot be an argument: it is blank, longer than 4096 \
         bytes, or has a zero byte"
    )]
    UnfitVersion,
    /// It ended well, but what it handed over is not the version that it was asked for.
    #[error("it ended with exit code 0, but its file is not the version that it was asked for")]
    OtherVersion,
    /// It ended well, but what it wrote is not a list of versions.
    #[error("it ended with exit code 0, but its file is not a list of versions: {source}")]
    NoList {
        /// Why.
        source: serde_json::Error,
    },
    /// This program is to stop, so the run was ended or not begun.
    #[error("it was not let finish, as this program is to stop")]
    Stopped,
}

impl ExtensionError {
    /// Whether another try may succeed.
    pub fn is_retry(&self) -> bool {
        match &self.fault {
            Fault::Retry | Fault::TimedOut(_) => true,
            // Short of processes or memory, or the executable is just being replaced.
            Fault::Start(error) => matches!(
                error.kind(),
                io::ErrorKind::WouldBlock
                    | io::ErrorKind::OutOfMemory
                    | io::ErrorKind::ExecutableFileBusy
            ),
            _ => false,
        }
    }

    /// Whether it failed only because this program is to stop.
    pub fn is_stop(&self) -> bool {
        matches!(self.fault, Fault::Stopped)
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
            fault,
            last_lines,
        } = self;
        write!(f, "{} of {document} by {extension} failed", action.as_str())?;
        if *tries > 1 {
            write!(f, " {tries} times")?;
        }
        write!(f, ": {fault}")?;
        // It was looked up at the start, so it is there.
        if matches!(fault, Fault::Start(error) if error.kind() == io::ErrorKind::NotFound) {
            f.write_str(
                "\n  hint: if the program is there, what runs it is not: \
                 the interpreter of a script, or the loader of a program",
            )?;
        }
        if !last_lines.is_empty() {
            f.write_str("; the end of its standard error:")?;
        }
        for line in last_lines {
            write!(f, "\n  | {line}")?;
        }
        Ok(())
    }
}
