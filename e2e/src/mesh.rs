//! Sample services, and proxies under nightjar-standalone.

use crate::{
    envoy, eventually,
    http::{self, Answer},
    ports,
    process::Process,
    program, status,
};
use nightjar_core::atomic_file::replace_own;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// A sample service on a loopback port.
pub struct Backend {
    /// The port it listens on.
    pub port: u16,
    /// The running program.
    pub process: Process,
    _folder: TempDir,
}

impl Backend {
    /// Starts a sample service and waits until it answers.
    pub fn start(name: &str, color: &str) -> Self {
        Self::start_with(name, color, &[])
    }

    /// The same with more environment, such as `SERVICE_PROTOCOL=HTTP2`.
    pub fn start_with(name: &str, color: &str, env: &[(&str, &str)]) -> Self {
        Self::start_at(ports::free(), name, color, env)
    }

    /// The same on a given port, which several may share that have a `SERVICE_ADDRESS` each.
    pub fn start_at(port: u16, name: &str, color: &str, env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program("sample-service"));
        command
            .env("SERVICE_PORT", port.to_string())
            .env("SERVICE_ADDRESS", "127.0.0.1")
            .env("SERVICE_NAME", name)
            .env("SERVICE_COLOR", color)
            .envs(env.iter().copied());
        let process = Process::start(&mut command, &folder.path().join("log"));
        let host = env
            .iter()
            .find(|(name, _)| *name == "SERVICE_ADDRESS")
            .map_or("127.0.0.1", |(_, host)| host);
        let address = SocketAddr::new(host.parse().unwrap(), port);
        eventually("the sample service listens", || {
            std::net::TcpStream::connect(address).ok()
        });
        Self {
            port,
            process,
            _folder: folder,
        }
    }
}

/// What a proxy is to be, before it is started.
pub struct Plan {
    env: BTreeMap<String, String>,
    map: String,
}

impl Plan {
    /// A gateway of a namespace, with the map it begins with.
    pub fn gateway(namespace: &str, map: &Value) -> Self {
        Self::new(map)
            .env("NJ_PROXY_MODE", "gateway")
            .env("NJ_NAMESPACE", namespace)
    }

    /// A sidecar of a service-color.
    pub fn sidecar(namespace: &str, service: &str, color: &str, map: &Value) -> Self {
        Self::new(map)
            .env("NJ_NAMESPACE", namespace)
            .env("NJ_SERVICE", service)
            .env("NJ_COLOR", color)
    }

    fn new(map: &Value) -> Self {
        Self {
            env: BTreeMap::new(),
            map: map.to_string(),
        }
        .env("REFRESH_TIME", "0.1")
        .env("FAILURE_SLEEP", "0.2")
        .env("ENVOY_DRAIN_TIME", "2")
        .env("ENVOY_LOG_LEVEL", "warning")
        .env("NJ_EMPTY_MAP_GRACE", "1")
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.env.insert(name.to_owned(), value.to_string());
        self
    }

    /// Finds the mesh by an extension's command line instead of by the map.
    #[must_use]
    pub fn discovery(self, command: impl std::fmt::Display) -> Self {
        self.env("DISCOVERY_MAP_EXEC", command)
    }

    /// Sets variables.
    #[must_use]
    pub fn envs(mut self, variables: BTreeMap<String, String>) -> Self {
        self.env.extend(variables);
        self
    }

    /// Starts it and waits until it is ready.
    pub fn start(self) -> Proxy {
        let proxy = self.launch();
        proxy.wait_ready();
        proxy
    }

    /// Starts it.
    pub fn launch(self) -> Proxy {
        let mut proxy = self.prepare();
        proxy.launch();
        proxy
    }

    /// Makes all that it needs, and does not start it.
    pub fn prepare(self) -> Proxy {
        let folder = tempfile::tempdir().unwrap();
        let (port, admin_port, status_port) = (ports::free(), ports::free(), ports::free());
        let map_file = folder.path().join("map.json");
        std::fs::write(&map_file, &self.map).unwrap();
        let store = program("ext-store-local");
        let mut env = BTreeMap::from(
            [
                (
                    "DISCOVERY_MAP_EXEC",
                    format!(
                        "{} --document=discovery-map --action=fetch",
                        store.display()
                    ),
                ),
                (
                    "NJ_DSLOCAL_FILE_DISCOVERY_MAP",
                    map_file.display().to_string(),
                ),
                ("NJ_LISTEN_PORT", port.to_string()),
                ("NJ_LISTEN_ADDRESS", "127.0.0.1".to_owned()),
                ("NJ_ADMIN_PORT", admin_port.to_string()),
                ("NJ_STATUS_PORT", status_port.to_string()),
                ("ENVOY_EXEC", envoy().display().to_string()),
                ("ENVOY_BASE_ID", port.to_string()),
                (
                    "ENVOY_CONFIGURATION_DIR",
                    folder.path().join("envoy").display().to_string(),
                ),
                (
                    "TRIGGER_STOP_FILE",
                    folder.path().join("stop").display().to_string(),
                ),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        env.extend(self.env);
        Proxy {
            port,
            admin_port,
            status_port,
            map_file,
            process: None,
            env,
            folder,
        }
    }
}

/// A proxy: nightjar-standalone with its Envoy.
pub struct Proxy {
    /// The port of its `local` or `gateway` listener.
    pub port: u16,
    /// The port of Envoy's admin interface.
    pub admin_port: u16,
    /// The port of Nightjar's own status.
    pub status_port: u16,
    /// The discovery map that it reads.
    pub map_file: PathBuf,
    /// The environment it is started with.
    pub env: BTreeMap<String, String>,
    process: Option<Process>,
    folder: TempDir,
}

impl Proxy {
    /// Starts the program, again if it has ended.
    pub fn launch(&mut self) {
        self.process = None;
        let log = self.folder.path().join("log");
        self.process = Some(Process::start(&mut self.command(), &log));
    }

    /// Starts the program by a shell script, which ends with `exec "$0"`.
    pub fn launch_by(&mut self, script: &str) {
        let log = self.folder.path().join("log");
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .arg(program("nightjar-standalone"))
            .envs(&self.env);
        self.process = Some(Process::start(&mut command, &log));
    }

    /// The program with the proxy's environment, to be run in another way.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program("nightjar-standalone"));
        command.envs(&self.env);
        command
    }

    /// The running program.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it is running")
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// A folder for the test's own files, removed with the proxy.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration folder.
    pub fn config_dir(&self) -> PathBuf {
        self.env.get("ENVOY_CONFIGURATION_DIR").unwrap().into()
    }

    /// The names of the files that Envoy reads, without Nightjar's own hidden ones.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.config_dir()).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    /// Replaces the discovery map as an editor does that knows its trade.
    pub fn set_map(&self, map: &Value) {
        self.set_map_text(map.to_string());
    }

    /// The same with any bytes.
    pub fn set_map_text(&self, text: impl AsRef<[u8]>) {
        replace_own(&self.map_file, text.as_ref()).unwrap();
    }

    /// Where it takes requests.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// A GET through its main listener.
    pub fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    /// The same with headers.
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::get(self.address(), path, headers)
            .unwrap_or_else(|error| panic!("GET {path}: {error}\n{}", self.log()))
    }

    /// A page of Envoy's admin interface.
    pub fn admin(&self, path: &str) -> Answer {
        http::get((Ipv4Addr::LOCALHOST, self.admin_port).into(), path, &[]).unwrap()
    }

    /// A page of Nightjar's own status; `None` if the port does not answer.
    pub fn status(&self, path: &str) -> Option<Answer> {
        status::page(self.status_port, path)
    }

    /// A metric by its name with labels, such as `nightjar_refreshes_total{result="changed"}`.
    pub fn metric(&self, name: &str) -> f64 {
        status::metric(self.status_port, name)
    }

    /// Waits until it says that it is ready.
    pub fn wait_ready(&self) {
        eventually(
            &format!(
                "ready; the log:\n{}",
                self.folder.path().join("log").display()
            ),
            || self.status("/ready").filter(|answer| answer.status == 200),
        );
    }

    /// Waits until a GET is answered by the sample service `by` (`<name>-<color>`).
    pub fn wait_for_answer(&self, path: &str, by: &str) {
        let seen = || {
            http::get(self.address(), path, &[])
                .ok()
                .filter(|answer| answer.by() == by)
        };
        eventually(&format!("{path} answered by {by}"), seen);
    }

    /// Waits until a GET is answered with a status.
    pub fn wait_for_status(&self, path: &str, status: u16) {
        let seen = || {
            http::get(self.address(), path, &[])
                .ok()
                .filter(|answer| answer.status == status)
        };
        eventually(&format!("{path} answered with {status}"), seen);
    }

    /// Waits until the next refreshes have ended, whatever their result.
    pub fn wait_refreshes(&self, count: u32) {
        status::wait_refreshes(self.status_port, count);
    }
}
