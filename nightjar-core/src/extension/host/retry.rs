//! Retries of a call. Each try is one run of the extension, and is counted.

use super::{
    Call, ExtensionError, ExtensionPoint, Host, RunError,
    process::{Ended, Process, ProcessEnd},
    run_dir::RunDir,
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

/// How long a running commit may still take when this program shuts down.
const COMMIT_GRACE: Duration = Duration::from_secs(5);

impl Host {
    pub(super) async fn call_with_retries<T>(
        &self,
        call: &Call<'_>,
        interpret: impl Fn(u8, &Path) -> Result<T, RunError>,
        shutdown: &Shutdown,
    ) -> Result<T, ExtensionError> {
        let mut backoff = Backoff::new(self.retry.start, self.retry.max);
        let mut tries = 1;
        loop {
            let (error, stderr_tail) = match self.run_counted(call, &interpret, shutdown).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let error = ExtensionError {
                extension: self.name.clone(),
                action: call.action,
                document: call.document.clone(),
                tries,
                error,
                stderr_tail,
            };
            if !error.is_retry() || tries > self.retry.retries {
                return Err(error);
            }
            let delay = backoff.next_delay();
            tracing::warn!(extension = self.name, "{error}; retrying in {delay:.1?}");
            let mut refreshes = shutdown.refresh_requests();
            let slept = tokio::select! {
                slept = shutdown.sleep(delay) => slept,
                () = refreshes.wait() => !shutdown.is_requested(),
            };
            if !slept {
                return Err(ExtensionError {
                    error: RunError::Stopped,
                    ..error
                });
            }
            tries += 1;
        }
    }

    /// One run, which is counted.
    async fn run_counted<T>(
        &self,
        call: &Call<'_>,
        interpret: impl Fn(u8, &Path) -> Result<T, RunError>,
        shutdown: &Shutdown,
    ) -> Result<T, (RunError, Vec<String>)> {
        let began = Instant::now();
        let ended = self.run(call, interpret, shutdown).await;
        let code = ended.as_ref().map(|(code, _)| *code);
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.count(code.map_err(|(error, _)| error), began.elapsed());
        drop(runs);
        ended.map(|(_, answer)| answer)
    }

    /// One run: its exit code and what that means, or why it failed with the last lines of its
    /// standard error.
    async fn run<T>(
        &self,
        call: &Call<'_>,
        interpret: impl Fn(u8, &Path) -> Result<T, RunError>,
        shutdown: &Shutdown,
    ) -> Result<(u8, T), (RunError, Vec<String>)> {
        let at_once = |error| (error, Vec::new());
        if shutdown.is_requested() {
            return Err(at_once(RunError::Stopped));
        }
        let folder = self.folder(call).map_err(at_once)?;
        let arguments = self.request(call, &folder).to_arguments();
        let started = self.start(call, arguments, shutdown).await;
        let ended = started.map_err(|source| at_once(RunError::Start(source)))?;
        let outcome = match ended.end {
            ProcessEnd::Code(EXIT_RETRY) => Err(RunError::Retry),
            ProcessEnd::Code(code) => interpret(code, &folder.file).map(|answer| (code, answer)),
            ProcessEnd::Stopped => Err(RunError::Stopped),
            ProcessEnd::TimedOut => Err(RunError::TimedOut(self.limits.timeout)),
            ProcessEnd::Signal(signal) => Err(RunError::Signal(signal)),
        };
        let outcome = outcome.map_err(|error| (error, ended.stderr))?;
        self.folders.keep(folder);
        Ok(outcome)
    }

    /// The folder of one run, with what it is to commit.
    pub(super) fn folder(&self, call: &Call<'_>) -> Result<RunDir, RunError> {
        let file = format!("{}.json", call.document);
        self.folders.make(&file, call.input)
    }

    /// Starts the extension with these arguments, and waits for its end.
    pub(super) async fn start(
        &self,
        call: &Call<'_>,
        arguments: Vec<OsString>,
        shutdown: &Shutdown,
    ) -> io::Result<Ended> {
        let run = Process {
            name: &self.name,
            command: &self.command,
            arguments,
            variables: &self.variables(),
            timeout: self.limits.timeout,
            stop_grace: match call.action {
                Action::Fetch | Action::List => Duration::ZERO,
                Action::Commit => COMMIT_GRACE,
            },
        };
        run.run(shutdown).await
    }

    /// What is added to the environment of a run that begins now.
    fn variables(&self) -> Vec<(OsString, OsString)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        // Rounded down: an extension that relies on it must not be late.
        let deadline = now.unwrap_or_default().saturating_add(self.limits.timeout);
        let own = [
            (VARIABLE_TEMP_DIR, self.folders.temp_dir().into()),
            (VARIABLE_DEADLINE, deadline.as_secs().to_string().into()),
        ];
        let own = own.map(|(name, value)| (name.into(), value));
        self.variables.iter().cloned().chain(own).collect()
    }

    pub(super) fn request(&self, call: &Call<'_>, folder: &RunDir) -> Request {
        let is_store = self.extension_point == ExtensionPoint::DataStore;
        // A discovery map that is asked for anything else than a fetch learns so, and refuses.
        let pass_action = is_store || call.action != Action::Fetch;
        Request {
            action_file: folder.file.clone(),
            previous_version: call.previous.map(str::to_owned),
            version: call.version.map(str::to_owned),
            document: is_store.then(|| call.document.clone()),
            action: pass_action.then_some(call.action),
        }
    }
}
