//! The sidecar or gateway: it fetches the discovery map and the templates, makes Envoy's files of them,
//! and runs Envoy.
//!
//! ```text
//! config      settings
//! refresh     discovery map and templates in, a set of files out
//! machine     everything that is known, and what follows from each event, without I/O
//! plan        the order in which files change
//! event_loop  passes events to the machine and effects to the executor
//! executor    carries effects out: process, files, admin, phase, drain
//! preflight   what Envoy's own validation does not see: ports, inotify, the admin interface
//! once        one refresh without an Envoy
//! ```

mod ack;
mod admin;
mod config;
mod drain;
mod event_loop;
mod executor;
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
mod previous;
mod process;
mod refresh;
mod run;
#[cfg(test)]
mod sample;
mod secrets;

use config::{Config, Need, SETTINGS};
use nightjar_core::{
    daemon::{
        EntryError, EntryPoint, Settings, entry,
        ready_file::{self, NotReadyError},
    },
    env::{self, ConfigurationError, Env, Setting},
};
use std::process::ExitCode;

/// Runs Envoy beside a service or as a gateway, with files made from a discovery map and templates.
#[derive(clap::Parser)]
#[command(name = "nightjar-standalone", version, about, after_help = entry::after_help(SETTINGS))]
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

impl EntryPoint for Arguments {
    const SETTINGS: &'static [Setting] = SETTINGS;
    type Config = Config;

    fn configure(&self, env: &Env) -> Result<Config, ConfigurationError> {
        let need = if self.once || self.dry_run || self.check_ready {
            Need::EnvoyIfThere
        } else {
            Need::Envoy
        };
        Config::read(env, need)
    }

    fn settings(config: &Config) -> &Settings {
        &config.daemon
    }

    fn check_ready(&self, config: &Config) -> Option<Result<String, NotReadyError>> {
        self.check_ready
            .then(|| ready_file::check(&config.config_dir))
    }

    async fn run(self, config: Config) -> Result<ExitCode, EntryError> {
        let code = if self.once {
            once::run(config, once::OutputMode::Write).await?
        } else if self.dry_run {
            once::run(config, once::OutputMode::PrintDiff).await?
        } else {
            run::until_stopped(config).await?
        };
        Ok(code)
    }
}

/// Runs the program: reads arguments and environment, and gives its exit code.
pub fn main() -> ExitCode {
    let mut arguments = env::arguments().peekable();
    let is_shim = arguments.next_if(|first| *first == *process::SHIM);
    if is_shim.is_some() {
        return process::shim(arguments);
    }
    entry::main::<Arguments>(arguments, &Env::from_process())
}
