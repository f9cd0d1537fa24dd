//! `nightjar-central`: one discovery for everybody.
//!
//! It fetches the discovery map and commits it to a data store whenever it has changed, so that
//! any number of proxies can read it there.

mod config;
mod fingerprint;
mod publish;
mod run;
mod seat;
mod status;

use clap::Parser;
use config::{Config, SETTINGS};
use nightjar_core::{
    daemon::{block_on, in_full, misspelt_settings, word},
    env::{self, EXIT_CONFIGURATION, Env},
    telemetry,
};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// Runs discovery for a whole mesh and publishes the map in a data store.
#[derive(Parser)]
#[command(name = "nightjar-central", version, about, after_help = after_help())]
struct Arguments {
    /// Refresh once, publish the map if it has changed, and exit.
    #[arg(long, conflicts_with = "check_ready")]
    once: bool,
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
    let name = std::iter::once("nightjar-central".into());
    let arguments = match Arguments::try_parse_from(name.chain(env::arguments())) {
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
    let env = Env::from_process();
    let config = match Config::read(&env) {
        Ok(config) => config,
        Err(faults) => {
            let _ = writeln!(io::stderr(), "nightjar-central: wrong settings\n{faults}");
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    if arguments.check_ready {
        return word::answer(&seat::check(&config.seats));
    }
    telemetry::init(config.daemon.debug, config.daemon.log_format);
    for line in misspelt_settings(&env, SETTINGS) {
        tracing::warn!("{line}");
    }
    let ended = if arguments.once {
        block_on(run::once(config))
    } else {
        block_on(run::until_stopped(config))
    };
    match ended.map_err(anyhow::Error::from).flatten() {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{}", in_full(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
