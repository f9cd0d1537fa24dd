//! Settings of the sidecar and gateway, from the environment.

use crate::launch::{Launch, RestartMode};
use nightjar_core::{
    context::{ProxyConfig, ProxyRole},
    daemon::PROXY_PROPERTY,
    daemon::settings::{
        DEBUG, DISCOVERY_MAP_EXEC, EXIT_ON_GENERATION_FAILURE, FAILURE_SLEEP, NJ_EMPTY_MAP_GRACE,
        NJ_EXTENSION_TIMEOUT, NJ_LOG_FORMAT, NJ_MAX_DOCUMENT_SIZE_MB, NJ_STATUS_ADDRESS,
        NJ_STATUS_PORT, NJ_TEMP_DIR, REFRESH_TIME, Settings, TRIGGER_STOP_FILE,
    },
    document::{discovery_map::Name, proxy_input::Properties},
    env::{CommandLine, ConfigurationError, Env, Reader, Setting},
    proxy::{check_property, defaults, plain_dir},
};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

const DATA_STORE_EXEC: Setting = Setting::optional(
    "DATA_STORE_EXEC",
    "the shipped templates",
    "The command that gives the templates.",
);
const NJ_PROXY_MODE: Setting = Setting::with_default(
    "NJ_PROXY_MODE",
    defaults::MODE,
    "`service` for a sidecar, `gateway` for a gateway, in upper or lower case.",
);
const NJ_NAMESPACE: Setting = Setting::with_default(
    "NJ_NAMESPACE",
    defaults::NAME,
    "The namespace that this proxy is in.",
);
const NJ_SERVICE: Setting = Setting::with_default(
    "NJ_SERVICE",
    defaults::NAME,
    "The service that this sidecar stands beside.",
);
const NJ_COLOR: Setting = Setting::with_default(
    "NJ_COLOR",
    defaults::NAME,
    "The deployment color of that service.",
);
const NJ_LISTEN_PORT: Setting =
    Setting::required("NJ_LISTEN_PORT", "The port on which Envoy takes requests.");
const NJ_ADMIN_PORT: Setting =
    Setting::required("NJ_ADMIN_PORT", "The port of Envoy's admin interface.");
const NJ_LISTEN_ADDRESS: Setting = Setting::with_default(
    "NJ_LISTEN_ADDRESS",
    defaults::LISTEN_ADDRESS,
    "The IP address that Envoy's listeners bind; `::` takes IPv4 and IPv6.",
);
const NJ_ADMIN_ADDRESS: Setting = Setting::with_default(
    "NJ_ADMIN_ADDRESS",
    defaults::ADMIN_ADDRESS,
    "The IP address of Envoy's admin interface, which lets anyone who reaches it stop Envoy.",
);
const ENVOY_EXEC: Setting = Setting::with_default("ENVOY_EXEC", "envoy", "The Envoy program.");
const ENVOY_ARGS: Setting = Setting::optional(
    "ENVOY_ARGS",
    "none",
    "More arguments for Envoy, split by shell rules.",
);
const ENVOY_LOG_LEVEL: Setting = Setting::with_default(
    "ENVOY_LOG_LEVEL",
    "info",
    "Envoy's log level: `trace`, `debug`, `info`, `warning`, `error`, `critical` or `off`.",
);
const ENVOY_BASE_ID: Setting = Setting::with_default(
    "ENVOY_BASE_ID",
    "0",
    "Tells apart the hot-restarting Envoys of one host (or one network and IPC namespace).",
);
const ENVOY_CONFIGURATION_TEMPLATE: Setting = Setting::with_default(
    "ENVOY_CONFIGURATION_TEMPLATE",
    defaults::BOOTSTRAP,
    "The purpose of the template that makes Envoy's bootstrap.",
);
const ENVOY_CONFIGURATION_DIR: Setting = Setting::with_default(
    "ENVOY_CONFIGURATION_DIR",
    defaults::CONFIG_DIR,
    "The folder that the files are written to; one for each proxy.",
);
const ENVOY_RESTART_MODE: Setting = Setting::with_default(
    "ENVOY_RESTART_MODE",
    "hot",
    "What to do when the bootstrap changes: `hot` restart, `cold` restart, or `none`.",
);
const ENVOY_DRAIN_TIME: Setting = Setting::with_default(
    "ENVOY_DRAIN_TIME",
    "20",
    "Seconds that connections get to end when Envoy stops or is replaced.",
);
const ENVOY_KILL_WAIT_TIME: Setting = Setting::with_default(
    "ENVOY_KILL_WAIT_TIME",
    "60",
    "Seconds that Envoy gets to exit after SIGTERM, before SIGKILL.",
);
const ENVOY_UPDATE_TIMEOUT: Setting = Setting::with_default(
    "ENVOY_UPDATE_TIMEOUT",
    "10",
    "Seconds to wait for Envoy to take one phase of an update.",
);
const NJ_VALIDATE: Setting = Setting::with_default(
    "NJ_VALIDATE",
    "true",
    "Whether `envoy --mode validate` checks a configuration before it goes live.",
);
const NJ_SHIPPED_TEMPLATES: Setting = Setting::with_default(
    "NJ_SHIPPED_TEMPLATES",
    "true",
    "Whether the shipped templates make the files that the data store's do not make.",
);
const NJ_PREVIOUS_KEEP: Setting = Setting::with_default(
    "NJ_PREVIOUS_KEEP",
    "5",
    "How many previous maps are kept, each with the files that were replaced; 0 keeps none.",
);
const NJ_PREVIOUS_DIR: Setting = Setting::optional(
    "NJ_PREVIOUS_DIR",
    "`ENVOY_CONFIGURATION_DIR` with `.previous`",
    "The folder that they are kept in.",
);
/// Every variable that this program reads.
pub(crate) const SETTINGS: &[Setting] = &[
    DISCOVERY_MAP_EXEC,
    DATA_STORE_EXEC,
    NJ_SHIPPED_TEMPLATES,
    NJ_PROXY_MODE,
    NJ_NAMESPACE,
    NJ_SERVICE,
    NJ_COLOR,
    NJ_LISTEN_PORT,
    NJ_ADMIN_PORT,
    NJ_LISTEN_ADDRESS,
    NJ_ADMIN_ADDRESS,
    ENVOY_EXEC,
    ENVOY_ARGS,
    ENVOY_LOG_LEVEL,
    ENVOY_BASE_ID,
    ENVOY_CONFIGURATION_TEMPLATE,
    ENVOY_CONFIGURATION_DIR,
    ENVOY_RESTART_MODE,
    ENVOY_DRAIN_TIME,
    ENVOY_KILL_WAIT_TIME,
    ENVOY_UPDATE_TIMEOUT,
    NJ_VALIDATE,
    NJ_PREVIOUS_KEEP,
    NJ_PREVIOUS_DIR,
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
    pub(crate) data_store: Option<CommandLine>,
    /// Whether the shipped templates lie beneath those of the store.
    pub(crate) shipped_templates: bool,
    pub(crate) proxy: ProxyConfig,
    /// `None` if there is no Envoy and this run can do without.
    pub(crate) launch: Option<Launch>,
    pub(crate) admin: (IpAddr, u16),
    pub(crate) bootstrap: String,
    pub(crate) config_dir: PathBuf,
    pub(crate) update_timeout: Duration,
    pub(crate) validate: bool,
    /// Where previous maps and files are kept, and how many.
    pub(crate) previous_dir: PathBuf,
    pub(crate) previous_keep: usize,
}

/// Whether this run can do without an Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// It runs one.
    Envoy,
    /// It asks one for its opinion if there is one.
    EnvoyIfThere,
}

impl Config {
    /// Reads every setting.
    ///
    /// # Errors
    /// All the faults at once.
    pub(crate) fn read(env: &Env, need: Need) -> Result<Self, ConfigurationError> {
        let mut reader = Reader::new(env);
        let config = Self::read_all(&mut reader, need);
        reader.finish()?;
        Ok(config)
    }

    fn read_all(reader: &mut Reader<'_>, need: Need) -> Self {
        let config_dir = read_config_dir(reader);
        let admin = (
            reader.ip_address(&NJ_ADMIN_ADDRESS),
            reader.port(&NJ_ADMIN_PORT),
        );
        let bootstrap = reader.checked(&ENVOY_CONFIGURATION_TEMPLATE, |text| {
            nightjar_core::template::check_purpose(text).map(|()| text.to_owned())
        });
        let mut proxy = read_proxy(reader, &config_dir, admin);
        if proxy.listen_port == admin.1 && admin.1 != 0 {
            reader.reject(&NJ_ADMIN_PORT, "is the same as NJ_LISTEN_PORT");
        }
        let daemon = Settings::read(reader);
        proxy.status = daemon.status;
        let status = daemon.status.map(|address| address.port());
        for (other, port) in [
            ("NJ_LISTEN_PORT", proxy.listen_port),
            ("NJ_ADMIN_PORT", admin.1),
        ] {
            if status == Some(port) && port != 0 {
                reader.reject(&NJ_STATUS_PORT, format!("is the same as {other}"));
            }
        }
        reject_shared_stats_port(reader, &proxy);
        let data_store = reader.optional(&DATA_STORE_EXEC, Reader::command);
        let shipped_templates = reader.boolean(&NJ_SHIPPED_TEMPLATES);
        if data_store.is_none() && !shipped_templates {
            reader.reject(
                &NJ_SHIPPED_TEMPLATES,
                "leaves no templates at all: set DATA_STORE_EXEC",
            );
        }
        Self {
            daemon,
            data_store,
            shipped_templates,
            proxy,
            launch: read_launch(reader, need, config_dir.join(&bootstrap)),
            admin,
            bootstrap,
            previous_dir: reader
                .optional(&NJ_PREVIOUS_DIR, Reader::path)
                .unwrap_or_else(|| beside(&config_dir)),
            previous_keep: reader
                .integer(&NJ_PREVIOUS_KEEP, 0..=1000)
                .try_into()
                .unwrap_or_default(),
            config_dir,
            update_timeout: reader.seconds(&ENVOY_UPDATE_TIMEOUT),
            validate: reader.boolean(&NJ_VALIDATE),
        }
    }
}

/// The folder beside another, with `.previous` behind its name.
fn beside(config_dir: &Path) -> PathBuf {
    let mut name = config_dir.as_os_str().to_owned();
    name.push(".previous");
    name.into()
}

fn read_config_dir(reader: &mut Reader<'_>) -> PathBuf {
    let path = reader.path(&ENVOY_CONFIGURATION_DIR);
    plain_dir(&path).map_or_else(
        || {
            reader.reject(
                &ENVOY_CONFIGURATION_DIR,
                "contains control characters or is not UTF-8",
            );
            path.clone()
        },
        PathBuf::from,
    )
}

fn name(reader: &mut Reader<'_>, setting: &Setting) -> String {
    reader.checked(setting, |text| {
        let name: Result<Name, _> = text.parse();
        name.map(String::from).map_err(|_| {
            "is not 1 to 128 letters, digits, dots, underscores and hyphens".to_owned()
        })
    })
}

fn read_proxy(reader: &mut Reader<'_>, config_dir: &Path, admin: (IpAddr, u16)) -> ProxyConfig {
    let is_gateway = reader.one_of(&NJ_PROXY_MODE, &[("service", false), ("gateway", true)]);
    let (service, color) = (name(reader, &NJ_SERVICE), name(reader, &NJ_COLOR));
    ProxyConfig {
        role: if is_gateway {
            ProxyRole::Gateway
        } else {
            ProxyRole::Service { service, color }
        },
        namespace: name(reader, &NJ_NAMESPACE),
        listen_port: reader.port(&NJ_LISTEN_PORT),
        listen_address: reader.ip_address(&NJ_LISTEN_ADDRESS),
        admin_port: Some(admin.1),
        admin_address: admin.0,
        status: None,
        config_dir: config_dir.to_string_lossy().into_owned(),
        properties: read_properties(reader),
    }
}

/// The variable of the port that serves Envoy's statistics.
pub(crate) const STATS_PORT: &str = "NJ_PROXY_PROP_STATS_PORT";

/// Tells if the port of Envoy's statistics is another port of the proxy, too.
fn reject_shared_stats_port(reader: &mut Reader<'_>, proxy: &ProxyConfig) {
    let Some(stats) = proxy.stats_port() else {
        return;
    };
    for (other, port) in [
        ("NJ_LISTEN_PORT", Some(proxy.listen_port)),
        ("NJ_ADMIN_PORT", proxy.admin_port),
        ("NJ_STATUS_PORT", proxy.status.map(|status| status.port())),
    ] {
        if port == Some(stats) {
            let reason = format!("is the same as {other}");
            reader.reject_variable(STATS_PORT, &stats.to_string(), reason);
        }
    }
}

/// The proxy's own properties, which count before what a map says.
fn read_properties(reader: &mut Reader<'_>) -> Properties {
    let mut properties = Properties::new();
    for (name, value) in reader.env().with_prefix(PROXY_PROPERTY) {
        let (Some(variable), Some(value)) = (name.to_str(), value.to_str()) else {
            continue;
        };
        let name = variable.strip_prefix(PROXY_PROPERTY).unwrap_or_default();
        let name = name.to_lowercase().replace('_', "-");
        if value.is_empty() {
            continue;
        }
        match check_property(&name, value) {
            Err(reason) => reader.reject_variable(variable, value, reason),
            Ok(()) => drop(properties.insert(name, value.to_owned())),
        }
    }
    properties
}

/// What Nightjar says to Envoy itself, which takes each of them but once.
const OWN_ARGUMENTS: [&str; 11] = [
    "-c",
    "--config-path",
    "-l",
    "--log-level",
    "--mode",
    "--base-id",
    "--restart-epoch",
    "--drain-time-s",
    "--parent-shutdown-time-s",
    "--disable-hot-restart",
    "--use-dynamic-base-id",
];

fn split_arguments(text: &str) -> Result<Vec<String>, String> {
    let arguments = shell_words::split(text).map_err(|_| "has an unclosed quote")?;
    let is_own = |argument: &&String| {
        let name = argument.split('=').next().unwrap_or_default();
        OWN_ARGUMENTS.contains(&name)
    };
    match arguments.iter().find(is_own) {
        Some(own) => Err(format!(
            "has {own}, which nightjar sets by a variable of its own"
        )),
        None => Ok(arguments),
    }
}

fn read_launch(reader: &mut Reader<'_>, need: Need, bootstrap: PathBuf) -> Option<Launch> {
    const LEVELS: [&str; 8] = [
        "trace", "debug", "info", "warning", "warn", "error", "critical", "off",
    ];
    let program = if need == Need::EnvoyIfThere && !reader.is_set(&ENVOY_EXEC) {
        let path = reader.env().get("PATH").map(ToOwned::to_owned);
        which::which_in("envoy", path, reader.env().current_dir()).ok()
    } else {
        Some(reader.command(&ENVOY_EXEC)).map(|command| {
            if !command.arguments.is_empty() {
                reader.reject(&ENVOY_EXEC, "has arguments; they belong in ENVOY_ARGS");
            }
            command.program
        })
    };
    let launch = Launch {
        program: program.clone().unwrap_or_default(),
        bootstrap,
        log_level: reader
            .one_of(&ENVOY_LOG_LEVEL, &LEVELS.map(|level| (level, level)))
            .to_owned(),
        base_id: u32::try_from(reader.integer(&ENVOY_BASE_ID, 0..=u64::from(u32::MAX)))
            .unwrap_or_default(),
        extra_args: reader
            .optional(&ENVOY_ARGS, |reader, setting| {
                reader.checked(setting, split_arguments)
            })
            .unwrap_or_default(),
        restart_mode: reader.checked(&ENVOY_RESTART_MODE, |text| {
            match text.to_ascii_lowercase().as_str() {
                "hot" => Ok(RestartMode::Hot),
                "cold" => Ok(RestartMode::Cold),
                "none" => Ok(RestartMode::None),
                _ => Err("is not one of hot, cold, none".to_owned()),
            }
        }),
        drain_time: reader.seconds(&ENVOY_DRAIN_TIME),
        kill_wait_time: reader.seconds_or_zero(&ENVOY_KILL_WAIT_TIME),
    };
    program.map(|_| launch)
}

#[cfg(test)]
mod tests;
