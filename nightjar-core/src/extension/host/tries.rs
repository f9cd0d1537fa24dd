//! A call's tries: each is one run of the extension, and is counted.

use super::{
    ExtensionError, Fault, Host, Role, Task,
    action_folder::ActionFolder,
    run::{Ended, Ending, Run},
};
use crate::{
    backoff::Backoff,
    extension::args::{Action, EXIT_RETRY, Request, VARIABLE_DEADLINE, VARIABLE_TEMP_DIR},
    shutdown::Shutdown,
};
use std::{
    ffi::OsString,
    io,
    path::Path,
    sync::PoisonError,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How long a commit under way may still take when this program is to stop.
const COMMIT_GRACE: Duration = Duration::from_secs(5);

impl Host {
    pub(super) async fn try_again<T>(
        &self,
        task: &Task<'_>,
        judge: impl Fn(u8, &Path) -> Result<T, Fault>,
        shutdown: &Shutdown,
    ) -> Result<T, ExtensionError> {
        let mut backoff = Backoff::new(self.retry.start, self.retry.max);
        let mut tries = 1;
        loop {
            let (fault, last_lines) = match self.try_once(task, &judge, shutdown).await {
                Ok(answer) => return Ok(answer),
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
    async fn try_once<T>(
        &self,
        task: &Task<'_>,
        judge: impl Fn(u8, &Path) -> Result<T, Fault>,
        shutdown: &Shutdown,
    ) -> Result<T, (Fault, Vec<String>)> {
        let began = Instant::now();
        let ended = self.run(task, judge, shutdown).await;
        let told = ended.as_ref().map(|(code, _)| *code);
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.count(told.map_err(|(fault, _)| fault), began.elapsed());
        drop(runs);
        ended.map(|(_, answer)| answer)
    }

    /// One run: its exit code and what that means, or why it failed with the last lines of its
    /// standard error.
    async fn run<T>(
        &self,
        task: &Task<'_>,
        judge: impl Fn(u8, &Path) -> Result<T, Fault>,
        shutdown: &Shutdown,
    ) -> Result<(u8, T), (Fault, Vec<String>)> {
        let at_once = |fault| (fault, Vec::new());
        if shutdown.requested() {
            return Err(at_once(Fault::Stopped));
        }
        let folder = self.folder(task).map_err(at_once)?;
        let arguments = self.request(task, &folder).to_arguments();
        let started = self.start(task, arguments, shutdown).await;
        let ended = started.map_err(|source| at_once(Fault::Start(source)))?;
        let judged = match ended.ending {
            Ending::Code(EXIT_RETRY) => Err(Fault::Retry),
            Ending::Code(code) => judge(code, &folder.file).map(|answer| (code, answer)),
            Ending::Stopped => Err(Fault::Stopped),
            Ending::TimedOut => Err(Fault::TimedOut(self.limits.timeout)),
            Ending::Signal(signal) => Err(Fault::Signal(signal)),
        };
        let judged = judged.map_err(|fault| (fault, ended.stderr))?;
        self.folders.keep(folder);
        Ok(judged)
    }

    /// The folder of one run, with what it is to commit.
    pub(super) fn folder(&self, task: &Task<'_>) -> Result<ActionFolder, Fault> {
        let file = format!("{}.json", task.document);
        self.folders.make(&file, task.input)
    }

    /// Starts the extension with these arguments, and waits for its end.
    pub(super) async fn start(
        &self,
        task: &Task<'_>,
        arguments: Vec<OsString>,
        shutdown: &Shutdown,
    ) -> io::Result<Ended> {
        let run = Run {
            name: &self.name,
            command: &self.command,
            arguments,
            variables: &self.variables(),
            timeout: self.limits.timeout,
            stop_grace: match task.action {
                Action::Fetch | Action::List => Duration::ZERO,
                Action::Commit => COMMIT_GRACE,
            },
        };
        run.go(shutdown).await
    }

    /// What is added to the environment of a run that begins now.
    fn variables(&self) -> Vec<(OsString, OsString)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        // Rounded down: whoever counts on it must not be late.
        let deadline = now.unwrap_or_default().saturating_add(self.limits.timeout);
        let own = [
            (VARIABLE_TEMP_DIR, self.folders.temp_dir().into()),
            (VARIABLE_DEADLINE, deadline.as_secs().to_string().into()),
        ];
        let own = own.map(|(name, value)| (name.into(), value));
        self.variables.iter().cloned().chain(own).collect()
    }

    pub(super) fn request(&self, task: &Task<'_>, folder: &ActionFolder) -> Request {
        let is_store = self.role == Role::DataStore;
        // A discovery map that is asked for anything else than a fetch learns so, and refuses.
        let tell_action = is_store || task.action != Action::Fetch;
        Request {
            action_file: folder.file.clone(),
            previous_version: task.previous.map(str::to_owned),
            version: task.version.map(str::to_owned),
            document: is_store.then(|| task.document.clone()),
            action: tell_action.then_some(task.action),
        }
    }
}
