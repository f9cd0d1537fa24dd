//! Validation of a set of files by a real Envoy.

use super::{
    configuration::Configuration, error_location, error_text, static_bootstrap::static_bootstrap,
};
use crate::oom::raise_oom_score;
use std::{
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

/// How long Envoy may think about a configuration; 2,000 clusters take it two seconds.
const VALIDATION_TIMEOUT: Duration = Duration::from_mins(1);

/// How much of what Envoy says is kept, from the beginning and from the end; it repeats the whole
/// configuration after some faults.
const KEPT_STDERR: usize = 64 * 1024;

/// The oldest Envoy that the shipped templates and the rollout were tried with. Earlier ones compare a
/// path with parameters only up to the first, and before 1.39 repeated headers as one list, which opens
/// what is private.
const MIN_VERSION: (u32, u32, u32) = (1, 39, 1);

/// An Envoy executable.
#[derive(Debug, Clone)]
pub struct EnvoyProgram {
    /// The executable's path.
    pub path: PathBuf,
    /// Arguments that a person wants every Envoy to have.
    pub extra_args: Vec<String>,
}

/// Why Envoy would not take a configuration, or could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The program did not start.
    #[error("{path} cannot be run: {source}")]
    Run {
        /// The executable.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The program is not an Envoy, or one too old.
    #[error(
        "{path} is not an Envoy {}.{}.{} or later: `--version` prints {output:?}",
        MIN_VERSION.0, MIN_VERSION.1, MIN_VERSION.2
    )]
    Version {
        /// The executable.
        path: PathBuf,
        /// What it printed.
        output: String,
    },
    /// The files could not be laid out for the check.
    #[error("the candidate cannot be written for the check: {0}")]
    Write(std::io::Error),
    /// Envoy refuses the configuration.
    #[error("envoy refuses the configuration: {0}")]
    Refused(String),
    /// Somebody ended Envoy before it answered.
    #[error("envoy was killed by signal {0} while it validated the configuration")]
    Killed(i32),
    /// Envoy did not answer.
    #[error("envoy did not validate the configuration within {} s", VALIDATION_TIMEOUT.as_secs())]
    TimedOut,
}

impl EnvoyProgram {
    /// Asks the program for its version.
    ///
    /// # Errors
    /// [`CheckError::Run`] and [`CheckError::Version`].
    pub async fn version(&self) -> Result<String, CheckError> {
        let output = self.output(&["--version"]).await?;
        let output = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match parse_version(&output) {
            Some((version, parts)) if parts >= MIN_VERSION => Ok(version.to_owned()),
            _ => Err(CheckError::Version {
                path: self.path.clone(),
                output: error_text::truncated(output.lines().next().unwrap_or_default()),
            }),
        }
    }

    /// Lets Envoy validate everything that a configuration holds, the subscribed files included.
    ///
    /// `config_dir` is the folder that the files will be in, as they spell it. `temp` is a
    /// folder that this may write to; what it writes is removed again.
    ///
    /// # Errors
    /// [`CheckError`]; [`CheckError::Refused`] holds Envoy's own message.
    pub async fn check(
        &self,
        configuration: &Configuration,
        config_dir: &str,
        temp: &Path,
    ) -> Result<(), CheckError> {
        std::fs::create_dir_all(temp).map_err(CheckError::Write)?;
        let scratch = tempfile::Builder::new()
            .prefix("check-")
            .tempdir_in(temp)
            .map_err(CheckError::Write)?;
        let root = scratch.path().to_string_lossy().into_owned();
        for file in configuration.iter().filter(|file| file.role().is_none()) {
            write(&scratch.path().join(file.name()), file.text()).map_err(CheckError::Write)?;
        }
        let bootstrap = scratch.path().join(".bootstrap.json");
        let fixed = static_bootstrap(configuration, config_dir, &root);
        write(&bootstrap, &fixed).map_err(CheckError::Write)?;
        drop(fixed);
        match self.validate(&bootstrap.to_string_lossy()).await? {
            ValidationOutcome::Valid => Ok(()),
            // A crash of its own is an answer; being killed is not.
            ValidationOutcome::Ended(status, stderr) => {
                if let Some(signal @ (9 | 15)) = status.signal() {
                    return Err(CheckError::Killed(signal));
                }
                let words = error_text::reason(&stderr).replace(&root, config_dir);
                Err(CheckError::Refused(error_location::locate(
                    &words,
                    configuration,
                )))
            }
        }
    }

    async fn validate(&self, bootstrap: &str) -> Result<ValidationOutcome, CheckError> {
        let mut command = Command::new(&self.path);
        command
            .args(["--mode", "validate", "--disable-hot-restart"])
            .args(["-l", "error", "-c", bootstrap]);
        let has_format = |arg: &String| arg.starts_with("--log-format");
        if !self.extra_args.iter().any(has_format) {
            command.args(["--log-format", "%v"]);
        }
        command
            .args(&self.extra_args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let child = command.spawn().map_err(|source| self.cannot_run(source))?;
        if let Some(pid) = child.id() {
            raise_oom_score(pid, 1000);
        }
        match tokio::time::timeout(VALIDATION_TIMEOUT, verdict(child)).await {
            Err(_) => Err(CheckError::TimedOut),
            Ok(verdict) => verdict.map_err(|source| self.cannot_run(source)),
        }
    }

    async fn output(&self, args: &[&str]) -> Result<std::process::Output, CheckError> {
        let run = Command::new(&self.path)
            .args(args)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        match tokio::time::timeout(VALIDATION_TIMEOUT, run).await {
            Err(_) => Err(CheckError::TimedOut),
            Ok(output) => output.map_err(|source| self.cannot_run(source)),
        }
    }

    fn cannot_run(&self, source: std::io::Error) -> CheckError {
        CheckError::Run {
            path: self.path.clone(),
            source,
        }
    }
}

/// How a validation ended.
enum ValidationOutcome {
    Valid,
    /// Without the message that it is valid, and with this on standard error.
    Ended(ExitStatus, Vec<u8>),
}

/// Waits for Envoy's verdict, and not for it to clear up after it.
async fn verdict(mut child: Child) -> std::io::Result<ValidationOutcome> {
    let stderr = child
        .stderr
        .take()
        .map(|stderr| tokio::spawn(read_both_ends(stderr)));
    if let Some(stdout) = child.stdout.take()
        && says_valid(stdout).await
    {
        child.start_kill()?;
        tokio::spawn(async move { child.wait().await });
        return Ok(ValidationOutcome::Valid);
    }
    let status = child.wait().await?;
    let stderr = match stderr {
        Some(stderr) => stderr.await.unwrap_or_default(),
        None => Vec::new(),
    };
    if status.success() {
        return Ok(ValidationOutcome::Valid);
    }
    Ok(ValidationOutcome::Ended(status, stderr))
}

/// Whether Envoy prints `configuration '…' OK` before it closes its standard output.
async fn says_valid(stdout: ChildStdout) -> bool {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with("configuration '") && line.trim_end().ends_with("' OK") {
            return true;
        }
    }
    false
}

/// Reads to the end, and keeps the beginning and the end of it.
async fn read_both_ends(mut stderr: tokio::process::ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    loop {
        match stderr.read_buf(&mut kept).await {
            Ok(0) | Err(_) => return kept,
            Ok(_) if kept.len() > 4 * KEPT_STDERR => {
                let end = kept.len() - KEPT_STDERR;
                kept.drain(KEPT_STDERR..end);
            }
            Ok(_) => {}
        }
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

/// Finds `1.40.0` in `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn parse_version(output: &str) -> Option<(&str, (u32, u32, u32))> {
    let version = output.split_once("version:")?.1.split('/').nth(1)?;
    let mut parts = version
        .split(['.', '-'])
        .map(|part| part.parse::<u32>().ok());
    Some((version, (parts.next()??, parts.next()??, parts.next()??)))
}
