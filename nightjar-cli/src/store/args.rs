//! Which store a command is about: a profile, or the environment.

#![expect(clippy::doc_markdown, reason = "help shows these comments as they are")]

use super::{
    Store,
    log::Log,
    profile::{Profile, ProfileError, Profiles},
};
use crate::Usage;
use nightjar_core::{
    env::{CommandLine, Env, Reader, Setting},
    extension::{Host, RetryPolicy, RunLimits},
    shutdown::Shutdown,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

const DATA_STORE_EXEC: Setting = Setting::required(
    "DATA_STORE_EXEC",
    "set it to the command of a data store, or describe stores in nightjar.toml",
);
const EXEC: Setting = Setting::required("exec", "the command of a data store");
const TIMEOUT: Setting = Setting::with_default(
    "NJ_EXTENSION_TIMEOUT",
    "60",
    "Seconds that a run of the store may take.",
);
const MAX_DOCUMENT_SIZE: Setting = Setting::with_default(
    "NJ_MAX_DOCUMENT_SIZE_MB",
    "64",
    "The largest document, in MiB.",
);

/// Where stores are described, if nothing else is said.
const CONFIG: &str = "nightjar.toml";

/// Which store a command is about.
#[derive(clap::Args)]
pub(crate) struct StoreArgs {
    /// A store that the file of --config describes; DATA_STORE_EXEC, or else the only one of the file, if not given
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// The file that describes stores; nightjar.toml if not given
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How often a store that fails for the moment (exit code 31) is asked again
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    retries: u32,
}

impl StoreArgs {
    /// Finds the store, and starts nothing yet.
    pub(crate) fn open(self) -> anyhow::Result<Store> {
        let env = Env::from_process();
        let (name, command, profile) = self.locate(&env)?;
        let variables = profile.map(|profile| profile.env).unwrap_or_default();
        let env = env.with(&variables);
        let mut reader = Reader::new(&env);
        let limits = RunLimits {
            timeout: reader.seconds(&TIMEOUT),
            max_document_bytes: reader.integer(&MAX_DOCUMENT_SIZE, 1..=4096) << 20,
        };
        reader.finish().map_err(|error| Usage(error.to_string()))?;
        let temp = tempfile::Builder::new()
            .prefix("nightjar-store-")
            .tempdir_in(env.temp_dir())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let shutdown = runtime.block_on(async { Shutdown::listen(None) })?;
        let retry = RetryPolicy {
            retries: self.retries,
            start: Duration::from_secs(1),
            max: Duration::from_secs(8),
        };
        let mut host = Host::data_store(command, limits, temp.path()).with_retry(retry);
        for (name, value) in variables {
            host = host.with_variable(name, value);
        }
        Ok(Store {
            name: name.unwrap_or_else(|| host.name().to_owned()),
            host,
            log: Log::install(),
            runtime,
            shutdown,
            temp,
        })
    }

    /// The store's name and profile, if it has them, and its command.
    fn locate(&self, env: &Env) -> Result<(Option<String>, CommandLine, Option<Profile>), Usage> {
        let is_set = env.get(DATA_STORE_EXEC.name).is_some();
        let default = Path::new(CONFIG);
        let path = self.config.as_deref().unwrap_or(default);
        let reads_file = self.store.is_some()
            || self.config.is_some()
            || (!is_set && env.current_dir().join(default).is_file());
        if !reads_file {
            let mut reader = Reader::new(env);
            let command = reader.command(&DATA_STORE_EXEC);
            reader.finish().map_err(|error| Usage(error.to_string()))?;
            return Ok((None, command, None));
        }
        let usage = |error: ProfileError| Usage(error.to_string());
        let profiles = Profiles::read(path).map_err(usage)?;
        let name = match &self.store {
            Some(name) => name.clone(),
            None => profiles.only().map_err(usage)?,
        };
        let profile = profiles.take(&name).map_err(usage)?;
        let command = command_of(&env.clone().with(&profile.env), &profile).map_err(|reason| {
            let (path, line) = (path.display(), profile.line);
            Usage(format!("{path}:{line}: store.{name}: {reason}"))
        })?;
        Ok((Some(name), command, Some(profile)))
    }
}

/// The command line of a profile, looked up as that of `DATA_STORE_EXEC` is.
fn command_of(env: &Env, profile: &Profile) -> Result<CommandLine, String> {
    let env = env.clone().with([(EXEC.name, &profile.exec)]);
    let mut reader = Reader::new(&env);
    let command = reader.command(&EXEC);
    reader.finish().map_err(|error| error.to_string())?;
    Ok(command)
}
