//! `nightjar-standalone`: the sidecar or gateway.
//!
//! It fetches the discovery map and the templates, makes Envoy's files of them, and runs Envoy.

mod admin;
mod config;
mod envoy;
mod files;
mod follow;
mod inotify;
mod plan;
mod refresh;
mod rollout;
mod run;
mod status;
mod taken;

use anyhow::Result;
use clap::Parser;
use config::{Config, Need, SETTINGS};
use nightjar_core::{
    context::Role,
    daemon::{TempDir, block_on, in_full, misspelt_settings, word},
    env::{self, EXIT_CONFIGURATION, Env},
    shutdown::Shutdown,
    telemetry,
};
use run::{OneShot, Program};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// Runs Envoy beside a service or as a gateway, with files made from a discovery map and templates.
#[derive(Parser)]
#[command(name = "nightjar-standalone", version, about, after_help = after_help())]
struct Arguments {
    /// Refresh once, write the files, run no Envoy, and exit.
    #[arg(long, conflicts_with_all = ["dry_run", "check_ready"])]
    once: bool,
    /// Refresh once, print how the files would change, write nothing, and exit.
    #[arg(long, conflicts_with = "check_ready")]
    dry_run: bool,
    /// Exit with 0 if a running instance with the same environment is ready, with 1 if not.
    #[arg(long)]
    check_ready: bool,
}

fn after_help() -> String {
    format!(
        "Exit codes: 0 done, or stopped as told; 1 failed; 64 wrong settings or arguments.\n\n\
         Environment:\n{}",
        env::describe(SETTINGS)
    )
}

fn main() -> ExitCode {
    let mut arguments = env::arguments().peekable();
    if arguments.next_if(|first| *first == *envoy::SHIM).is_some() {
        return envoy::shim(arguments);
    }
    let arguments = match Arguments::try_parse_from(
        std::iter::once("nightjar-standalone".into()).chain(arguments),
    ) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(EXIT_CONFIGURATION)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let need = if arguments.once || arguments.dry_run || arguments.check_ready {
        Need::EnvoyIfThere
    } else {
        Need::Envoy
    };
    let env = Env::from_process();
    let config = match Config::read(&env, need) {
        Ok(config) => config,
        Err(faults) => {
            let _ = writeln!(
                io::stderr(),
                "nightjar-standalone: wrong settings\n{faults}"
            );
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    if arguments.check_ready {
        return word::answer(&word::check(&config.config_dir));
    }
    telemetry::init(config.daemon.debug, config.daemon.log_format);
    for line in misspelt_settings(&env, SETTINGS) {
        tracing::warn!("{line}");
    }
    let ended = block_on(act(&arguments, config)).map_err(anyhow::Error::from);
    match ended.flatten() {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{}", in_full(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn act(arguments: &Arguments, config: Config) -> Result<ExitCode> {
    let shutdown = Shutdown::listen(Some(&config.daemon.stop_file))?;
    if arguments.once || arguments.dry_run {
        let temp_dir = TempDir::open(&config.daemon)?;
        let config_dir = config.config_dir.clone();
        let stop = shutdown.clone();
        let once = OneShot { config, shutdown };
        let files = tokio::select! {
            biased;
            reason = stop.wait() => anyhow::bail!("nothing was done: {reason}"),
            files = once.candidate(&temp_dir) => files?,
        };
        if arguments.dry_run {
            let text = files::difference(&files::Folder::look(&config_dir), &files);
            io::stdout().write_all(text.as_bytes())?;
        } else {
            files::Folder::open(&config_dir)?.replace_all(&files)?;
            tracing::info!("{} files are in {}", files.len(), config_dir.display());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let viewer = &config.viewer;
    let hops = viewer
        .properties
        .get("trusted-hops")
        .map_or("0", String::as_str)
        .to_owned();
    let hops = (viewer.role == Role::Gateway).then_some(hops);
    let stop = shutdown.clone();
    let program = tokio::select! {
        biased;
        reason = stop.wait() => {
            tracing::info!("stopping: {reason}");
            return Ok(ExitCode::SUCCESS);
        }
        program = Program::new(config, shutdown) => program,
    };
    let program = match program {
        Ok(program) => program,
        Err(error) => {
            // Nothing runs yet: what stands in the way is the set-up.
            tracing::error!("{}", in_full(error.as_ref()));
            return Ok(ExitCode::from(EXIT_CONFIGURATION));
        }
    };
    if let Some(hops) = hops {
        tracing::info!(
            "this gateway believes {hops} proxies in front of it about the caller's address and scheme \
             (NJ_PROXY_PROP_TRUSTED_HOPS); behind one load balancer that ends TLS it has to be 1"
        );
    }
    program.run().await?;
    Ok(ExitCode::SUCCESS)
}
