//! The program that publishes the map for everybody.

use crate::{eventually, ports, process::Process, program, status};
use std::{collections::BTreeMap, process::Command};
use tempfile::TempDir;

/// A running `nightjar-central`: discovery by `ext-discovery-ecs`, storage by `ext-store-s3`,
/// unless its environment says otherwise.
pub struct Central {
    /// The port of its status.
    pub status_port: u16,
    /// The running program.
    pub process: Process,
    _folder: TempDir,
}

impl Central {
    /// Starts it with these variables more, and waits until it is ready.
    pub fn start(env: BTreeMap<String, String>) -> Self {
        let central = Self::launch(env);
        eventually("central is ready", || {
            status::page(central.status_port, "/ready").filter(|answer| answer.status == 200)
        });
        central
    }

    /// Starts it with these variables more.
    pub fn launch(env: BTreeMap<String, String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let status_port = ports::free();
        let of = |name: &str| program(name).display().to_string();
        let mut command = Command::new(program("nightjar-central"));
        command
            .env("DISCOVERY_MAP_EXEC", of("ext-discovery-ecs"))
            .env("DATA_STORE_EXEC", of("ext-store-s3"))
            .env("NJ_STATUS_PORT", status_port.to_string())
            .env("TRIGGER_STOP_FILE", folder.path().join("stop"))
            .env("REFRESH_TIME", "0.3")
            .env("FAILURE_SLEEP", "0.3")
            .env("NJ_EMPTY_MAP_GRACE", "1")
            .envs(env);
        let process = Process::start(&mut command, &folder.path().join("log"));
        Self {
            status_port,
            process,
            _folder: folder,
        }
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// A metric by its name with labels.
    pub fn metric(&self, name: &str) -> f64 {
        status::metric(self.status_port, name)
    }

    /// Waits until so many more refreshes have ended, whatever their result.
    pub fn wait_refreshes(&self, count: u32) {
        status::wait_refreshes(self.status_port, count);
    }

    /// Waits for a text in its log.
    pub fn wait_logged(&self, text: &str) {
        eventually(&format!("{text:?} in the log of central"), || {
            self.log().contains(text).then_some(())
        });
    }
}

impl Drop for Central {
    #[expect(
        clippy::print_stderr,
        reason = "a test that fails shows what its programs said"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of central:\n{}", self.log());
        }
    }
}
