//! The settings, from the environment.

use nightjar_core::{
    daemon::settings::{
        DEBUG, DISCOVERY_MAP_EXEC, EXIT_ON_GENERATION_FAILURE, FAILURE_SLEEP, NJ_EMPTY_MAP_GRACE,
        NJ_EXTENSION_TIMEOUT, NJ_LOG_FORMAT, NJ_MAX_DOCUMENT_SIZE_MB, NJ_STATUS_ADDRESS,
        NJ_STATUS_PORT, NJ_TEMP_DIR, REFRESH_TIME, Settings, TRIGGER_STOP_FILE,
    },
    env::{CommandLine, ConfigurationError, Env, Reader, Setting},
};
use std::path::PathBuf;
use xxhash_rust::xxh3::Xxh3;

const DATA_STORE_EXEC: Setting = Setting::required(
    "DATA_STORE_EXEC",
    "The command of the data store that the map is published in.",
);

/// Every variable that this program reads.
pub(crate) const SETTINGS: &[Setting] = &[
    DISCOVERY_MAP_EXEC,
    DATA_STORE_EXEC,
    REFRESH_TIME,
    FAILURE_SLEEP,
    EXIT_ON_GENERATION_FAILURE,
    TRIGGER_STOP_FILE,
    NJ_TEMP_DIR,
    NJ_EXTENSION_TIMEOUT,
    NJ_MAX_DOCUMENT_SIZE_MB,
    NJ_EMPTY_MAP_GRACE,
    NJ_STATUS_PORT,
    NJ_STATUS_ADDRESS,
    DEBUG,
    NJ_LOG_FORMAT,
];

/// All settings, read and checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// What every long-running program has.
    pub(crate) daemon: Settings,
    pub(crate) data_store: CommandLine,
    /// What the folders begin with by which `--check-ready` finds instances with this environment.
    pub(crate) instance_dirs: PathBuf,
}

impl Config {
    /// Reads every setting.
    ///
    /// # Errors
    /// All the faults at once.
    pub(crate) fn read(env: &Env) -> Result<Self, ConfigurationError> {
        let mut reader = Reader::new(env);
        let daemon = Settings::read(&mut reader);
        let data_store = reader.command(&DATA_STORE_EXEC);
        reader.finish()?;
        let folder = daemon.temp_dir.as_ref().unwrap_or(&daemon.system_temp_dir);
        let instance_dirs = folder.join(format!("nightjar-central-{:016x}", identity(env)));
        Ok(Self {
            daemon,
            data_store,
            instance_dirs,
        })
    }
}

/// A number that is the same for the same settings, those of Nightjar's extensions included, and
/// no other variable's.
fn identity(env: &Env) -> u64 {
    let mut hash = Xxh3::new();
    let mut add = |text: &[u8]| {
        hash.update(&text.len().to_le_bytes());
        hash.update(text);
    };
    let own = SETTINGS.iter().map(|setting| setting.name);
    for name in own.filter(|name| !name.starts_with("NJ_")) {
        let value = env.get(name).unwrap_or_default();
        add(value.as_encoded_bytes());
    }
    for (name, value) in env.with_prefix("NJ_") {
        add(name.as_encoded_bytes());
        add(value.as_encoded_bytes());
    }
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::{Env, identity};

    #[test]
    fn the_identity_is_that_of_the_settings_alone() {
        let env = |pairs: &[(&str, &str)]| {
            let more = [("DISCOVERY_MAP_EXEC", "a"), ("NJ_DSS3_BUCKET", "b")];
            identity(&Env::from_pairs(more.into_iter().chain(pairs.to_vec())))
        };
        let plain = env(&[]);
        assert_eq!(env(&[("HOSTNAME", "x"), ("AWS_REGION", "y")]), plain);
        for (name, value) in [
            ("DISCOVERY_MAP_EXEC", "c"),
            ("REFRESH_TIME", "5"),
            ("NJ_STATUS_PORT", "9000"),
            ("NJ_DSS3_BUCKET", "c"),
        ] {
            assert_ne!(env(&[(name, value)]), plain, "{name}");
        }
    }
}
