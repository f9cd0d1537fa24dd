//! Ready file of a running program, which `--check-ready` reads, in a folder that the program owns.
//!
//! A program that ends, hangs or is stopped cannot say so. Therefore the file is a heartbeat too: it
//! is written again every [`HEARTBEAT`], with the time, and one that is older than [`MAX_AGE`] is
//! not accepted. The time is that of `CLOCK_BOOTTIME`, which no change of the clock moves.

mod check;
mod write;

pub use check::{NotReadyError, check, report};

use super::Readiness;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The file's name.
pub const NAME: &str = ".nightjar-status.json";

/// How often the file is written at least.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// A file that is older than this is not accepted.
pub const MAX_AGE: Duration = Duration::from_secs(30);

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    pid: u32,
    ready: bool,
    /// Lines for people.
    reason: String,
    /// When it was written, in milliseconds since the machine started.
    uptime_ms: u64,
}

/// The time since the machine started, time in which it was suspended included.
fn uptime_ms() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let millis = u64::try_from(time.tv_nsec / 1_000_000).unwrap_or_default();
    seconds.saturating_mul(1000).saturating_add(millis)
}

/// The file of this process. Clones are one and the same.
#[derive(Debug, Clone)]
pub struct ReadyFile {
    path: PathBuf,
    last: Arc<Mutex<LastWrite>>,
}

/// What the last attempt to write the file left there.
#[derive(Debug, Default)]
struct LastWrite {
    /// The content of the file, if this process wrote it.
    content: Option<Content>,
    /// Whether the attempt failed.
    failed: bool,
}

impl ReadyFile {
    /// The file in a folder that this process owns.
    pub fn within(dir: &Path) -> Self {
        Self {
            path: dir.join(NAME),
            last: Arc::default(),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file if there is news or if the last heartbeat was [`HEARTBEAT`] ago.
    ///
    /// If it cannot be replaced, as on a full disk, it is overwritten where it is; failing that, it is
    /// removed, so that no old news is read. Failures, and their end, are logged.
    pub fn publish(&self, readiness: &Readiness) {
        self.publish_at(readiness, uptime_ms());
    }

    fn publish_at(&self, readiness: &Readiness, uptime_ms: u64) {
        let content = Content {
            pid: std::process::id(),
            ready: readiness.ready,
            reason: readiness.text.clone(),
            uptime_ms,
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.content.as_ref().is_some_and(|last| {
            let due = last.uptime_ms.saturating_add(millis(HEARTBEAT));
            last.ready == content.ready && last.reason == content.reason && uptime_ms < due
        }) {
            return;
        }
        let path = self.path.display();
        let problem = match write::write(&self.path, &content) {
            write::WriteOutcome::Replaced => {
                last.content = Some(content);
                None
            }
            write::WriteOutcome::Overwritten(error) => {
                last.content = Some(content);
                Some(format!(
                    "cannot replace {path}, so it is overwritten: {error}"
                ))
            }
            write::WriteOutcome::Removed(error) => {
                last.content = None;
                Some(format!("cannot write {path}, so it is removed: {error}"))
            }
            write::WriteOutcome::Stale(error) => {
                last.content = None;
                Some(format!(
                    "cannot write or remove {path}: {error}; --check-ready accepts it for {} s at most",
                    MAX_AGE.as_secs()
                ))
            }
        };
        match &problem {
            Some(problem) if !last.failed => {
                tracing::warn!(
                    "{problem}\nhint: --check-ready reads this file; its disk may be full"
                );
            }
            None if last.failed => tracing::info!("{path} can be written again"),
            _ => {}
        }
        last.failed = problem.is_some();
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Reads a file's content.
fn read(path: &Path) -> io::Result<Content> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

#[cfg(test)]
mod tests;
