//! Single refresh that ends with files instead of a running Envoy.

use crate::{config::Config, files, preflight, refresh::Refresher};
use anyhow::{Result, anyhow, bail};
use nightjar_core::{
    daemon::TempDir,
    envoy::{CheckError, Configuration, EnvoyProgram},
    shutdown::Shutdown,
};
use std::{io, process::ExitCode};

/// What to do with the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputMode {
    /// Write them.
    Write,
    /// Print how they would change.
    PrintDiff,
}

/// Refreshes once, and prints to standard output.
pub(crate) async fn run(config: Config, mode: OutputMode) -> Result<ExitCode> {
    let shutdown = Shutdown::listen(Some(&config.daemon.stop_file))?;
    once(config, shutdown, mode, &mut io::stdout()).await?;
    Ok(ExitCode::SUCCESS)
}

/// Refreshes once, and prints to `out`. `Err` is any failure of it.
async fn once(
    config: Config,
    shutdown: Shutdown,
    mode: OutputMode,
    out: &mut impl io::Write,
) -> Result<()> {
    let temp_dir = TempDir::open(&config.daemon)?;
    let files = tokio::select! {
        biased;
        reason = shutdown.wait() => bail!("stopped before anything was done: {reason}"),
        files = candidate(&config, &temp_dir, &shutdown) => files?,
    };
    match mode {
        OutputMode::PrintDiff => {
            let folder = files::Folder::read_only(&config.config_dir);
            out.write_all(files::difference(&folder, &files).as_bytes())?;
        }
        OutputMode::Write => {
            files::Folder::open(&config.config_dir)?.replace_all(&files)?;
            tracing::info!(
                "{} files are in {}",
                files.len(),
                config.config_dir.display()
            );
        }
    }
    Ok(())
}

/// What a sidecar would run, checked as it would be.
async fn candidate(
    config: &Config,
    temp_dir: &TempDir,
    shutdown: &Shutdown,
) -> Result<Configuration> {
    let mut refresher = Refresher::new(config, temp_dir.path());
    let built = refresher.refresh(None, shutdown).await?;
    if let Some(not_built) = built.not_built {
        bail!("{}", not_built.reason);
    }
    let Some(candidate) = built.candidate else {
        bail!("the refresh built no files");
    };
    if config.data_store.is_some() {
        for (file, origin) in refresher.origins() {
            tracing::info!("{file}: {origin}");
        }
    }
    match &config.launch {
        Some(launch) if config.validate => {
            let program = EnvoyProgram {
                path: launch.program.clone(),
                extra_args: launch.extra_args.clone(),
            };
            let config_dir = config.config_dir.to_string_lossy();
            let log_format = config.proxy.properties.get("access-log-format");
            program
                .check(&candidate.configuration, &config_dir, temp_dir.path())
                .await
                .map_err(|error| match error {
                    CheckError::Refused(_) => {
                        anyhow!(preflight::with_log_format(error.to_string(), log_format))
                    }
                    other => other.into(),
                })?;
        }
        Some(_) => {}
        None => tracing::warn!("there is no envoy on PATH, so the files are not validated"),
    }
    for problem in preflight::problems(config, &candidate.configuration) {
        tracing::warn!("a start would fail: {problem}");
    }
    Ok(candidate.configuration)
}

#[cfg(test)]
mod tests;
