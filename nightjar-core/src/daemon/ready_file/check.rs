//! Check of the ready file for `--check-ready`.

use super::{Content, HEARTBEAT, MAX_AGE, NAME, millis, read, uptime_ms};
use crate::daemon::{dir_lock, reaper::state_and_parent};
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// A file that is being overwritten may be read half written.
const READ_TRIES: usize = 3;
const READ_RETRY_DELAY: Duration = Duration::from_millis(20);

/// Why an instance is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReadyError {
    /// No process owns the folder.
    #[error("not ready: no instance uses {}", .0.display())]
    NoInstance(PathBuf),
    /// There is no file.
    #[error(
        "not ready: the running instance has not written {}\n\
         hint: it has just started, or its disk is full; see its log",
        .0.display()
    )]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error(
        "not ready: {} cannot be read: {source}\n\
         hint: run this as the user that the instance runs as; its disk may also be full",
        .path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process that wrote the file is gone.
    #[error("not ready: process {0} is gone")]
    Gone(u32),
    /// The process is stopped, as by SIGSTOP.
    #[error("not ready: process {0} is stopped\nhint: `kill -CONT {0}` resumes it")]
    Stopped(u32),
    /// The file has not been written for too long.
    #[error(
        "not ready: process {pid} last wrote {} {} s ago, but should do so every {} s\n\
         hint: it hangs, or its disk is full; see its log, and restart it",
        .path.display(), .age.as_secs(), HEARTBEAT.as_secs()
    )]
    Old {
        /// The file.
        path: PathBuf,
        /// The process.
        pid: u32,
        /// How old it is.
        age: Duration,
    },
    /// The instance itself reports that it is not ready.
    #[error("{0}")]
    Reported(String),
}

/// The report of the process that owns a folder, if it is ready.
///
/// # Errors
/// Why it is not ready.
pub fn check(dir: &Path) -> Result<String, NotReadyError> {
    if !dir_lock::is_owned(dir) {
        return Err(NotReadyError::NoInstance(dir.to_owned()));
    }
    let path = dir.join(NAME);
    let content = read_with_retries(&path)?;
    let process = process_state(content.pid);
    evaluate(path, content, process, uptime_ms())
}

/// Ends a program that was called with `--check-ready`: writes to standard error why the instance is
/// not ready, or what it reports although it is ready.
pub fn report(checked: &Result<String, NotReadyError>) -> ExitCode {
    let (code, text) = match checked {
        Ok(text) => (
            ExitCode::SUCCESS,
            text.strip_prefix("ready").unwrap_or(text).to_owned(),
        ),
        Err(reason) => (ExitCode::FAILURE, reason.to_string()),
    };
    let text = text.trim();
    if !text.is_empty() {
        let _ = writeln!(io::stderr(), "{text}");
    }
    code
}

/// What a process is doing, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    Runs,
    Stopped,
    Gone,
}

pub(super) fn evaluate(
    path: PathBuf,
    content: Content,
    process: Process,
    now_ms: u64,
) -> Result<String, NotReadyError> {
    let Content {
        pid,
        ready,
        reason,
        uptime_ms,
    } = content;
    match process {
        Process::Gone => return Err(NotReadyError::Gone(pid)),
        Process::Stopped => return Err(NotReadyError::Stopped(pid)),
        Process::Runs => {}
    }
    // A time to come is one from before a restart of the machine.
    let age = now_ms.checked_sub(uptime_ms).unwrap_or(now_ms);
    if age > millis(MAX_AGE) || now_ms < uptime_ms {
        let age = Duration::from_millis(age);
        return Err(NotReadyError::Old { path, pid, age });
    }
    if ready {
        Ok(reason)
    } else {
        Err(NotReadyError::Reported(reason))
    }
}

fn read_with_retries(path: &Path) -> Result<Content, NotReadyError> {
    let mut tries = 1;
    loop {
        let source = match read(path) {
            Ok(content) => return Ok(content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(NotReadyError::Missing(path.to_owned()));
            }
            Err(error) => error,
        };
        if tries == READ_TRIES {
            let path = path.to_owned();
            return Err(NotReadyError::Unreadable { path, source });
        }
        tries += 1;
        std::thread::sleep(READ_RETRY_DELAY);
    }
}

fn process_state(pid: u32) -> Process {
    let id = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // A process of another user lives too.
    if id.is_none_or(|pid| test_kill_process(pid) == Err(Errno::SRCH)) {
        return Process::Gone;
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    match state_and_parent(&stat) {
        // One that is traced has the state `t`, which is over in an instant.
        Some(("T", _)) => Process::Stopped,
        // Dead, and not waited for yet.
        Some(("Z" | "X", _)) => Process::Gone,
        _ => Process::Runs,
    }
}
