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

use config::{Config, SETTINGS};
use nightjar_core::{
    daemon::{EntryError, EntryPoint, Settings, entry, ready_file::NotReadyError},
    env::{ConfigurationError, Env, Setting},
};
use std::{ffi::OsString, process::ExitCode};

/// Runs discovery for a whole mesh and publishes the map in a data store.
#[derive(clap::Parser)]
#[command(name = "nightjar-central", version, about, after_help = entry::after_help(SETTINGS))]
struct Arguments {
    /// Refresh once, publish the map if it has changed, and exit.
    #[arg(long, conflicts_with = "check_ready")]
    once: bool,
    /// Exit with 0 if a running instance with the same environment is ready, with 1 if not.
    #[arg(long)]
    check_ready: bool,
}

impl EntryPoint for Arguments {
    const SETTINGS: &'static [Setting] = SETTINGS;
    type Config = Config;

    fn configure(&self, env: &Env) -> Result<Config, ConfigurationError> {
        Config::read(env)
    }

    fn settings(config: &Config) -> &Settings {
        &config.daemon
    }

    fn check_ready(&self, config: &Config) -> Option<Result<String, NotReadyError>> {
        self.check_ready
            .then(|| instance_dir::check(&config.instance_dirs))
    }

    async fn run(self, config: Config) -> Result<ExitCode, EntryError> {
        let code = if self.once {
            run::once(config).await?
        } else {
            run::until_stopped(config).await?
        };
        Ok(code)
    }
}

/// The program, with its arguments but without its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>, env: &Env) -> ExitCode {
    entry::main::<Arguments>(arguments, env)
}
