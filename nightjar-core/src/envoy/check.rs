//! Asking a real Envoy whether it would take a set of files.

use super::{Files, Layout, fixed_bootstrap};
use std::{
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

/// How long Envoy may think about a configuration; 2,000 clusters take it two seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// The oldest Envoy that the shipped templates and the rollout were tried with. Earlier ones compare a
/// path with parameters only up to the first, and before 1.39 repeated headers as one list, which opens
/// what is private.
const OLDEST: (u32, u32, u32) = (1, 39, 1);

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
        "{path} is not an Envoy {}.{}.{} or later: `--version` says {said:?}",
        OLDEST.0, OLDEST.1, OLDEST.2
    )]
    Version {
        /// The executable.
        path: PathBuf,
        /// What it printed.
        said: String,
    },
    /// The files could not be laid out for the check.
    #[error("the candidate cannot be written for its check: {0}")]
    Write(std::io::Error),
    /// Envoy refuses the configuration.
    #[error("envoy refuses the configuration: {0}")]
    Refused(String),
    /// Somebody ended Envoy before it answered.
    #[error("envoy was ended by signal {0} while it checked the configuration")]
    Killed(i32),
    /// Envoy did not answer.
    #[error("envoy did not say within {} s whether it takes the configuration", PATIENCE.as_secs())]
    Silent,
}

impl EnvoyProgram {
    /// Asks the program for its version.
    ///
    /// # Errors
    /// [`CheckError::Run`] and [`CheckError::Version`].
    pub async fn version(&self) -> Result<String, CheckError> {
        let output = self.output(&["--version"]).await?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match parse_version(&said) {
            Some((version, parts)) if parts >= OLDEST => Ok(version.to_owned()),
            _ => Err(CheckError::Version {
                path: self.path.clone(),
                said: cut(said.lines().next().unwrap_or_default()),
            }),
        }
    }

    /// Lets Envoy validate everything that a layout holds, the subscribed files included.
    ///
    /// `temp` is a folder that this may write to; what it writes is removed again.
    ///
    /// # Errors
    /// [`CheckError`]; [`CheckError::Refused`] holds Envoy's own words.
    pub async fn check(
        &self,
        layout: &Layout,
        files: &Files,
        config_dir: &str,
        temp: &Path,
    ) -> Result<(), CheckError> {
        std::fs::create_dir_all(temp).map_err(CheckError::Write)?;
        let scratch = tempfile::Builder::new()
            .prefix("check-")
            .tempdir_in(temp)
            .map_err(CheckError::Write)?;
        let root = scratch.path().to_string_lossy().into_owned();
        let fixed = fixed_bootstrap(layout, files, config_dir, &root);
        for (name, text) in files.iter().filter(|(name, _)| layout.get(name).is_none()) {
            write(&scratch.path().join(name), text.as_bytes()).map_err(CheckError::Write)?;
        }
        let bootstrap = scratch.path().join(".bootstrap.json");
        write(&bootstrap, fixed.to_string().as_bytes()).map_err(CheckError::Write)?;
        let path = bootstrap.to_string_lossy();
        let mut args = vec![
            "--mode",
            "validate",
            "--disable-hot-restart",
            "-l",
            "error",
            "-c",
            &path,
        ];
        if !self
            .extra_args
            .iter()
            .any(|arg| arg.starts_with("--log-format"))
        {
            args.extend(["--log-format", "%v"]);
        }
        args.extend(self.extra_args.iter().map(String::as_str));
        let output = self.output(&args).await?;
        if output.status.success() {
            return Ok(());
        }
        // A crash of its own is an answer; being killed is not.
        if let Some(signal @ (9 | 15)) = output.status.signal() {
            return Err(CheckError::Killed(signal));
        }
        Err(CheckError::Refused(reason(&output.stderr)))
    }

    async fn output(&self, args: &[&str]) -> Result<std::process::Output, CheckError> {
        let run = tokio::process::Command::new(&self.path)
            .args(args)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        match tokio::time::timeout(PATIENCE, run).await {
            Err(_) => Err(CheckError::Silent),
            Ok(Err(source)) => Err(CheckError::Run {
                path: self.path.clone(),
                source,
            }),
            Ok(Ok(output)) => Ok(output),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, bytes)
}

/// Finds `1.40.0` in `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn parse_version(said: &str) -> Option<(&str, (u32, u32, u32))> {
    let version = said.split_once("version:")?.1.split('/').nth(1)?;
    let mut parts = version
        .split(['.', '-'])
        .map(|part| part.parse::<u32>().ok());
    Some((version, (parts.next()??, parts.next()??, parts.next()??)))
}

/// What Envoy gave as its reason, on one line and without the file that it repeats after some
/// faults.
fn reason(stderr: &[u8]) -> String {
    const START: &str = "error initializing configuration '";
    let text = String::from_utf8_lossy(stderr);
    let told = text
        .split_once(START)
        .and_then(|(_, rest)| rest.split_once("': "))
        .map(|(_, told)| told);
    let told = match told {
        Some(told) => essence(told),
        None => text
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or("it gave no reason"),
    };
    cut(&on_one_line(told))
}

/// The part of a message that is not the configuration itself, which may hold secrets.
///
/// Envoy puts the input after some faults (`…): {`), and before others
/// (`node { … }\n: Proto constraint validation failed (…)`).
fn essence(told: &str) -> &str {
    if let Some((_, constraint)) = told.rsplit_once("\n: ") {
        return constraint;
    }
    told.find("): {")
        .map_or(told, |input| told.get(..=input).unwrap_or(told))
}

/// Envoy's words without line breaks, and without what Protocol Buffers put in at random so that
/// nobody may rely on the wording.
pub fn on_one_line(words: &str) -> String {
    let mut line = String::new();
    let mut run_on = true;
    for word in words.split_whitespace() {
        let (kept, marked) = match word.split_once("goo.gle/debug") {
            Some((kept, _)) => (kept, true),
            None => (word, false),
        };
        if kept.is_empty() {
            continue;
        }
        if !run_on {
            line.push(' ');
        }
        line.push_str(kept);
        run_on = marked;
    }
    line
}

fn cut(text: &str) -> String {
    const LIMIT: usize = 2000;
    match text.char_indices().nth(LIMIT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn the_reason_is_the_message_alone() {
        for (stderr, told) in [
            (
                "error initializing configuration '/x/b.json': no EDS  config\n",
                "no EDS config",
            ),
            (
                "error initializing configuration '/x': bad time: goo.gle/debugstr    \nseconds: -1\n\n",
                "bad time: seconds: -1",
            ),
            (
                "error initializing configuration '/x': node { id: \"x\" token: \"S3CRET\" }\n\
                 : Proto constraint validation failed (ClusterValidationError.Name: value length \
                 must be at least 1 characters)\n",
                "Proto constraint validation failed (ClusterValidationError.Name: value length \
                 must be at least 1 characters)",
            ),
            (
                "error initializing configuration '/x': Unable to parse (near 1:64): {\"a\":[1] }",
                "Unable to parse (near 1:64)",
            ),
            (
                "in 'goo.gle/debugonly  /x' or 'y' or z\n",
                "in '/x' or 'y' or z",
            ),
            ("one\ntwo\n\n", "two"),
            ("", "it gave no reason"),
        ] {
            assert_eq!(reason(stderr.as_bytes()), told);
        }
    }
}
