//! Discovery once for everybody: `nightjar-central` fetches the discovery map and commits it to a data
//! store whenever it has changed, so that any number of proxies can read it there.
//!
//! ```text
//! config        the settings
//! publish       what is known of mesh and store, and what is to be done next (pure)
//! extensions    what is to be done with discovery and store, done
//! run           the loop: refresh, wait
//! status        readiness and metrics, from the state
//! instance_dir  where an instance keeps its ready file
//! ```

mod config;
mod extensions;
mod instance_dir;
pub mod publish;
mod run;
mod status;

use clap::Parser;
use config::{Config, SETTINGS};
use nightjar_core::{
    daemon::{block_on, misspelt_settings, ready_file},
    env::{self, EXIT_CONFIGURATION, Env},
    report::in_full,
    telemetry,
};
use std::{
    ffi::OsString,
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

/// The program, with its arguments but without its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>, env: &Env) -> ExitCode {
    let name = std::iter::once("nightjar-central".into());
    let arguments = match Arguments::try_parse_from(name.chain(arguments)) {
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
    let config = match Config::read(env) {
        Ok(config) => config,
        Err(faults) => {
            let _ = writeln!(io::stderr(), "nightjar-central: wrong settings\n{faults}");
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    if arguments.check_ready {
        return ready_file::report(&instance_dir::check(&config.instance_dirs));
    }
    let _log = telemetry::init(config.daemon.debug, config.daemon.log_format);
    for line in misspelt_settings(env, SETTINGS) {
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
