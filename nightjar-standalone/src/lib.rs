//! The sidecar or gateway: it fetches the discovery map and the templates, makes Envoy's files of them,
//! and runs Envoy.
//!
//! ```text
//! config   settings
//! refresh  discovery map and templates in, a set of files out
//! machine  everything that is known, and what follows from each event, without I/O
//! plan     the order in which files change
//! drive    passes events to the machine and effects to the world
//! world    carries effects out: process, files, admin, phase, drain
//! preflight what Envoy's own check does not see: ports, inotify, the admin interface
//! once     one refresh without an Envoy
//! ```

mod ack;
mod admin;
mod config;
mod drain;
mod drive;
#[cfg(test)]
mod fake;
mod files;
mod inotify;
mod launch;
mod machine;
mod once;
mod phase;
mod plan;
mod preflight;
mod process;
mod refresh;
mod run;
#[cfg(test)]
mod sample;
mod secrets;
mod world;

use clap::Parser;
use config::{Config, Need, SETTINGS};
use nightjar_core::{
    daemon::{block_on, misspelt_settings, ready_file},
    env::{self, EXIT_CONFIGURATION, Env},
    report::in_full,
    shutdown::Shutdown,
    telemetry,
};
use run::Program;
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

/// Runs the program: reads arguments and environment, and gives its exit code.
pub fn main() -> ExitCode {
    let mut arguments = env::arguments().peekable();
    if arguments
        .next_if(|first| *first == *process::SHIM)
        .is_some()
    {
        return process::shim(arguments);
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
        return ready_file::report(&ready_file::check(&config.config_dir));
    }
    let _log = telemetry::init(config.daemon.debug, config.daemon.log_format);
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

async fn act(arguments: &Arguments, config: Config) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::listen(Some(&config.daemon.stop_file))?;
    if arguments.once || arguments.dry_run {
        let then = if arguments.dry_run {
            once::Then::Print
        } else {
            once::Then::Write
        };
        once::once(config, shutdown, then, &mut io::stdout()).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let stop = shutdown.clone();
    let program = tokio::select! {
        biased;
        reason = stop.wait() => {
            tracing::info!("stopping: {reason}");
            return Ok(ExitCode::SUCCESS);
        }
        program = Program::new(config, shutdown) => program,
    };
    match program {
        Ok(program) => program.run().await.map(|()| ExitCode::SUCCESS),
        Err(error) => {
            // Nothing runs yet: what stands in the way is the set-up.
            tracing::error!("{}", in_full(error.as_ref()));
            Ok(ExitCode::from(EXIT_CONFIGURATION))
        }
    }
}
