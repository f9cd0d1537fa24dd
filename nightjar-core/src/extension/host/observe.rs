//! One run as it went, for tools that check extensions.

use super::{Call, Host, RunError, process::ProcessEnd, read};
use crate::shutdown::Shutdown;
use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

/// What one run did. Nothing in it is checked but the file, which is read as every caller reads it.
#[derive(Debug)]
pub struct Observed {
    /// What the extension was called with, behind the words of its own command line.
    pub arguments: Vec<OsString>,
    /// How it ended.
    pub end: ProcessEnd,
    /// How long it ran.
    pub took: Duration,
    /// What its file holds now; on a commit, what is left of the document that was handed over.
    pub file: Result<Vec<u8>, RunError>,
    /// What else is in the folder of its file, sorted.
    pub others: Vec<PathBuf>,
    /// The last lines of its standard output.
    pub stdout: Vec<String>,
    /// The last lines of its standard error.
    pub stderr: Vec<String>,
}

impl Host {
    /// Runs the extension once and describes how that went. `arrange` is given the arguments that a call
    /// has, and makes those that this one gets. Nothing is retried or counted.
    ///
    /// # Errors
    /// If there is no folder for its file, or the extension cannot be started.
    pub async fn observe(
        &self,
        call: &Call<'_>,
        arrange: impl FnOnce(Vec<OsString>) -> Vec<OsString>,
        shutdown: &Shutdown,
    ) -> Result<Observed, RunError> {
        let folder = self.folder(call)?;
        let arguments = arrange(self.request(call, &folder).to_arguments());
        let began = Instant::now();
        let started = self.start(call, arguments.clone(), shutdown).await;
        let ended = started.map_err(RunError::Start)?;
        let took = began.elapsed();
        let entries = folder.file.parent().and_then(|dir| fs::read_dir(dir).ok());
        let entries = entries.into_iter().flatten().flatten();
        let mut others: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        others.retain(|path| *path != folder.file);
        others.sort();
        Ok(Observed {
            arguments,
            end: ended.end,
            took,
            file: read(&folder.file, self.limits.max_document_bytes),
            others,
            stdout: ended.stdout,
            stderr: ended.stderr,
        })
    }
}
