//! Environment variables of all long-running programs.

use super::Pauses;
use crate::{
    env::{CommandLine, Reader, Setting},
    extension::RunLimits,
    telemetry::LogFormat,
};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// `DISCOVERY_MAP_EXEC`
pub const DISCOVERY_MAP_EXEC: Setting = Setting::required(
    "DISCOVERY_MAP_EXEC",
    "The command that gives the discovery map.",
);
/// `REFRESH_TIME`
pub const REFRESH_TIME: Setting =
    Setting::with_default("REFRESH_TIME", "30", "Seconds between refreshes, ±10 %.");
/// `FAILURE_SLEEP`
pub const FAILURE_SLEEP: Setting = Setting::with_default(
    "FAILURE_SLEEP",
    "300",
    "The longest pause in seconds after failed refreshes, ±10 %; it doubles from `REFRESH_TIME`.",
);
/// `EXIT_ON_GENERATION_FAILURE`
pub const EXIT_ON_GENERATION_FAILURE: Setting = Setting::with_default(
    "EXIT_ON_GENERATION_FAILURE",
    "false",
    "Whether a failed refresh ends the program, with exit code 1.",
);
/// `TRIGGER_STOP_FILE`
pub const TRIGGER_STOP_FILE: Setting = Setting::with_default(
    "TRIGGER_STOP_FILE",
    "/tmp/stop.txt",
    "The program stops cleanly when this file appears.",
);
/// `NJ_TEMP_DIR`
pub const NJ_TEMP_DIR: Setting = Setting::optional(
    "NJ_TEMP_DIR",
    "a new private folder, removed at exit",
    "The folder for temporary files; extensions get it too.",
);
/// `NJ_EXTENSION_TIMEOUT`
pub const NJ_EXTENSION_TIMEOUT: Setting = Setting::with_default(
    "NJ_EXTENSION_TIMEOUT",
    "60",
    "Seconds that an extension may run before it is killed.",
);
/// `NJ_MAX_DOCUMENT_SIZE_MB`
pub const NJ_MAX_DOCUMENT_SIZE_MB: Setting = Setting::with_default(
    "NJ_MAX_DOCUMENT_SIZE_MB",
    "64",
    "The largest document, in MiB, that an extension may hand over.",
);
/// `NJ_EMPTY_MAP_GRACE`
pub const NJ_EMPTY_MAP_GRACE: Setting = Setting::with_default(
    "NJ_EMPTY_MAP_GRACE",
    "3",
    "Refreshes in a row, one in `REFRESH_TIME` at most, until a map without endpoints is accepted.",
);
/// `NJ_STATUS_PORT`
pub const NJ_STATUS_PORT: Setting = Setting::optional(
    "NJ_STATUS_PORT",
    "off",
    "The port that serves `/live`, `/ready` and `/metrics`.",
);
/// `NJ_STATUS_ADDRESS`
pub const NJ_STATUS_ADDRESS: Setting = Setting::with_default(
    "NJ_STATUS_ADDRESS",
    "127.0.0.1",
    "The IP address for that port.",
);
/// `DEBUG`
pub const DEBUG: Setting = Setting::with_default("DEBUG", "false", "Whether to log more.");
/// `NJ_LOG_FORMAT`
pub const NJ_LOG_FORMAT: Setting = Setting::with_default(
    "NJ_LOG_FORMAT",
    "text",
    "How log lines look: `text` or `json`.",
);

/// The shared settings, read and checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The command that gives the discovery map.
    pub discovery_map: CommandLine,
    /// The time between refreshes.
    pub refresh_time: Duration,
    /// The longest time to wait after failed ones.
    pub failure_sleep: Duration,
    /// Whether a failed refresh ends the program.
    pub exit_on_failure: bool,
    /// The program stops when this file appears.
    pub stop_file: PathBuf,
    /// The folder for temporary files, if one is given.
    pub temp_dir: Option<PathBuf>,
    /// The system's folder for such files.
    pub system_temp_dir: PathBuf,
    /// What a run of an extension may take.
    pub limits: RunLimits,
    /// How many refreshes in a row have to show an empty map until it is accepted.
    pub empty_map_grace: u64,
    /// Where the status is served, if anywhere.
    pub status: Option<SocketAddr>,
    /// Whether to log more.
    pub debug: bool,
    /// How log lines look.
    pub log_format: LogFormat,
}

impl Settings {
    /// The pauses between refreshes.
    pub fn pauses(&self) -> Pauses {
        Pauses {
            refresh_time: self.refresh_time,
            failure_sleep: self.failure_sleep,
        }
    }

    /// Reads them all; the reader collects the errors.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let discovery_map = reader.command(&DISCOVERY_MAP_EXEC);
        let status_port = reader.optional(&NJ_STATUS_PORT, Reader::port);
        Self {
            discovery_map,
            refresh_time: reader.seconds(&REFRESH_TIME),
            failure_sleep: reader.seconds(&FAILURE_SLEEP),
            exit_on_failure: reader.boolean(&EXIT_ON_GENERATION_FAILURE),
            stop_file: reader.path(&TRIGGER_STOP_FILE),
            temp_dir: reader.optional(&NJ_TEMP_DIR, Reader::path),
            system_temp_dir: reader.env().temp_dir(),
            limits: RunLimits {
                timeout: reader.seconds(&NJ_EXTENSION_TIMEOUT),
                max_document_bytes: reader.integer(&NJ_MAX_DOCUMENT_SIZE_MB, 1..=4096) << 20,
            },
            empty_map_grace: reader.integer(&NJ_EMPTY_MAP_GRACE, 1..=1000),
            status: {
                let address = reader.ip_address(&NJ_STATUS_ADDRESS);
                status_port.map(|port| SocketAddr::new(address, port))
            },
            debug: reader.boolean(&DEBUG),
            log_format: reader.one_of(
                &NJ_LOG_FORMAT,
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            ),
        }
    }
}
