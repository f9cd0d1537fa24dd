//! `nightjar check`

#![expect(clippy::doc_markdown, reason = "help shows these comments as they are")]

use crate::{ExitStatus, Usage, format::Format, input, output};
use nightjar_core::{
    env::{Env, Reader, Setting},
    envoy::{CheckError, Configuration, EnvoyProgram, Files, config_dir_of},
    template::repeated_members,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

const ENVOY_EXEC: Setting = Setting::with_default("ENVOY_EXEC", "envoy", "the Envoy to ask");

/// Ask a real Envoy whether it takes a folder of rendered files
#[derive(clap::Args)]
#[command(after_help = "\
Every file that the bootstrap leads to is checked, which `envoy --mode validate` alone does not do.

Example:
  nightjar render --discovery-map map.json --mode gateway --namespace store \\
      --listen-port 8080 --out /tmp/gateway
  nightjar check /tmp/gateway")]
pub(crate) struct Check {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The file in it that Envoy is started with
    #[arg(long, value_name = "FILE", default_value = nightjar_core::proxy::defaults::BOOTSTRAP)]
    bootstrap: String,
    /// The folder that the files were made for; found in the bootstrap if not given
    #[arg(long, value_name = "DIR")]
    config_dir: Option<String>,
    /// The Envoy to ask; ENVOY_EXEC, or envoy on PATH, if not given
    #[arg(long, value_name = "PROGRAM")]
    envoy: Option<PathBuf>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Report {
    valid: bool,
    /// The version of the Envoy that was asked, if it came to that.
    envoy: Option<String>,
    /// What Envoy uses each file for; `null` for nothing.
    files: BTreeMap<String, Option<String>>,
    /// What Envoy takes without a word, and hardly anybody means.
    warnings: Vec<String>,
    fault: Option<String>,
}

impl Check {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let env = Env::from_process();
        let envoy = envoy(self.envoy.as_deref(), &env)?;
        let files = input::folder(&self.folder)?;
        if !files.contains_key(&self.bootstrap) {
            anyhow::bail!(
                "{} has no file {}\n  hint: name the file that Envoy is started with in --bootstrap",
                self.folder.display(),
                self.bootstrap
            );
        }
        let report = self.report(&env, &envoy, files)?;
        match self.format {
            Format::Text => {
                for warning in &report.warnings {
                    output::warning(warning);
                }
                output::data(&report.lines())?;
            }
            Format::Json => output::json(&report)?,
        }
        Ok(if report.valid {
            ExitStatus::Success
        } else {
            ExitStatus::Findings
        })
    }

    fn report(&self, env: &Env, envoy: &EnvoyProgram, files: Files) -> anyhow::Result<Report> {
        let mut report = Report {
            valid: false,
            envoy: None,
            files: files.keys().map(|name| (name.clone(), None)).collect(),
            warnings: repeated_members(&files)
                .iter()
                .map(ToString::to_string)
                .collect(),
            fault: None,
        };
        let config_dir = self.config_dir(&files);
        let read = Configuration::read(files, &self.bootstrap, &config_dir, None);
        let configuration = match read {
            Ok(configuration) => configuration,
            Err(error) => {
                report.fault = Some(error.to_string());
                return Ok(report);
            }
        };
        let uses = configuration.iter().map(|file| {
            let role = file.role().map(ToString::to_string);
            (file.name().to_owned(), role)
        });
        report.files.extend(uses);
        let temp = tempfile::tempdir_in(env.temp_dir())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        report.fault = runtime.block_on(async {
            report.envoy = Some(version(envoy).await?);
            refusal(envoy, &configuration, &config_dir, temp.path()).await
        })?;
        report.valid = report.fault.is_none();
        Ok(report)
    }

    /// As the files spell it. A bootstrap that cannot be read is reported when it is read next.
    fn config_dir(&self, files: &Files) -> String {
        let given = self.config_dir.as_deref();
        given
            .map(|path| path.trim_end_matches('/').to_owned())
            .or_else(|| config_dir_of(files, &self.bootstrap).ok()?)
            .unwrap_or_else(|| self.folder.to_string_lossy().into_owned())
    }
}

/// The Envoy to ask: the one that is given, or `ENVOY_EXEC`, or `envoy` on `PATH`.
pub(super) fn envoy(given: Option<&Path>, env: &Env) -> Result<EnvoyProgram, Usage> {
    let path = if let Some(path) = given {
        path.to_owned()
    } else {
        let mut reader = Reader::new(env);
        let command = reader.command(&ENVOY_EXEC);
        reader
            .finish()
            .map_err(|faults| Usage(faults.to_string()))?;
        command.program
    };
    Ok(EnvoyProgram {
        path,
        extra_args: Vec::new(),
    })
}

/// Whether a person has said which Envoy to ask.
pub(super) fn is_envoy_named(given: Option<&Path>, env: &Env) -> bool {
    given.is_some() || env.get(ENVOY_EXEC.name).is_some()
}

/// The version of an Envoy.
pub(super) async fn version(envoy: &EnvoyProgram) -> anyhow::Result<String> {
    envoy.version().await.map_err(not_asked)
}

/// Why an Envoy refuses a configuration; `None` if it takes it.
pub(super) async fn refusal(
    envoy: &EnvoyProgram,
    configuration: &Configuration,
    config_dir: &str,
    temp: &Path,
) -> anyhow::Result<Option<String>> {
    match envoy.check(configuration, config_dir, temp).await {
        Ok(()) => Ok(None),
        Err(refused @ CheckError::Refused(_)) => Ok(Some(refused.to_string())),
        Err(other) => Err(not_asked(other)),
    }
}

/// Envoy did not answer. That it is none, or none that can be used, is up to the caller that named it.
fn not_asked(error: CheckError) -> anyhow::Error {
    match error {
        CheckError::Run { .. } | CheckError::Version { .. } => Usage(error.to_string()).into(),
        other => other.into(),
    }
}

impl Report {
    fn lines(&self) -> String {
        let mut text = String::new();
        for (name, role) in &self.files {
            let role = role.as_deref().unwrap_or("not for envoy");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}: {role}");
        }
        let _ = match (&self.fault, &self.envoy) {
            (Some(fault), _) => writeln!(text, "faulty: {fault}"),
            (None, version) => {
                let version = version.as_deref().unwrap_or("unknown");
                writeln!(text, "valid: envoy {version} takes these files")
            }
        };
        text
    }
}
