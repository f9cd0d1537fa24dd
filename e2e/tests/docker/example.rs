//! A compose file that is up, and goes when its test ends.

use crate::engine::{complaint, compose, docker, inspect, logs};
use e2e::{
    http::{self, Answer},
    ports,
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// One test at a time: another's containers would take the processors from what is measured.
static TURN: Mutex<()> = Mutex::new(());

/// Waits until no other test uses the engine.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A compose project of its own, with ports of its own.
pub(crate) struct Example {
    /// Where the gateway of `store` answers.
    pub(crate) gateway: SocketAddr,
    /// Where a second published port is, if the file has one.
    pub(crate) second: SocketAddr,
    /// From the start of Compose to the first good answer of the gateway.
    pub(crate) first_answer: Duration,
    project: String,
    file: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Example {
    /// Starts what `examples/<file>` describes, and waits until `path` is answered with 200.
    pub(crate) fn up(file: &str, path: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let turn = turn();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let address = || SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        let mut example = Self {
            gateway: address(),
            second: address(),
            first_answer: Duration::ZERO,
            project: format!("nightjar-test-{}-{count}", process::id()),
            file: e2e::root().join("examples").join(file),
            _turn: turn,
        };
        let began = Instant::now();
        let up = example
            .compose(&["up", "--detach"])
            .stdout(process::Stdio::piped())
            .stderr(process::Stdio::piped())
            .spawn()
            .unwrap();
        e2e::eventually(&format!("{file} answers {path}"), || {
            (example.get(path)?.status == 200).then_some(())
        });
        example.first_answer = began.elapsed();
        let up = up.wait_with_output().unwrap();
        assert!(up.status.success(), "up failed: {}", complaint(&up));
        example
    }

    /// Asks the gateway; nothing if nobody takes the request.
    pub(crate) fn get(&self, path: &str) -> Option<Answer> {
        http::get(self.gateway, path, &[]).ok()
    }

    /// Asks the gateway, which has to answer so.
    pub(crate) fn expect(&self, path: &str, status: u16, by: &str, body: &str) {
        expect(self.gateway, path, status, by, body);
    }

    /// The container of a service.
    pub(crate) fn container(&self, service: &str) -> String {
        let label = format!("label=com.docker.compose.service={service}");
        let found = docker(&[
            "ps",
            "--all",
            "--quiet",
            "--filter",
            &self.label(),
            "--filter",
            &label,
        ]);
        assert!(
            !found.is_empty() && !found.contains('\n'),
            "{service}: {found:?}"
        );
        found
    }

    /// All of its containers.
    pub(crate) fn containers(&self) -> Vec<String> {
        let all = docker(&["ps", "--all", "--quiet", "--filter", &self.label()]);
        all.lines().map(ToOwned::to_owned).collect()
    }

    /// The full name of one of its networks.
    pub(crate) fn network(&self, name: &str) -> String {
        format!("{}_{name}", self.project)
    }

    /// Puts a map beside the compose file where the proxies read theirs, as README says.
    pub(crate) fn save_map(&self, map: &str) {
        let from = self.folder().join(map);
        let to = format!(
            "{}:/usr/share/nightjar/data-store/discovery-map.json",
            self.container("map")
        );
        docker(&["cp", &from.display().to_string(), &to]);
    }

    /// How often a line with `what` is in a service's log.
    pub(crate) fn told(&self, service: &str, what: &str) -> usize {
        let log = logs(&self.container(service));
        log.lines().filter(|line| line.contains(what)).count()
    }

    /// The text that Compose makes of the file.
    pub(crate) fn compose(&self, arguments: &[&str]) -> Command {
        let mut command = compose();
        command
            .arg("--project-name")
            .arg(&self.project)
            .arg("--file")
            .arg(&self.file)
            .args(arguments)
            .current_dir(self.folder());
        for port in ["GATEWAY_PORT", "SHOP_PORT"] {
            command.env(port, self.gateway.port().to_string());
        }
        for port in ["BANK_PORT", "STOCK_PORT"] {
            command.env(port, self.second.port().to_string());
        }
        command
    }

    /// Fails unless every container is as little as a container can be.
    pub(crate) fn assert_unprivileged(&self) {
        let containers = self.containers();
        assert!(!containers.is_empty());
        for id in containers {
            let told = inspect("container", &id);
            let name = told["Name"].to_string();
            assert_eq!(told["Config"]["User"], "65532:65532", "{name}");
            let host = &told["HostConfig"];
            assert_eq!(host["ReadonlyRootfs"], true, "{name}");
            assert_eq!(host["Privileged"], false, "{name}");
            assert_eq!(host["CapAdd"], serde_json::Value::Null, "{name}");
            assert_eq!(host["CapDrop"], serde_json::json!(["ALL"]), "{name}");
            assert_eq!(
                host["SecurityOpt"],
                serde_json::json!(["no-new-privileges:true"]),
                "{name}"
            );
            for bindings in host["PortBindings"]
                .as_object()
                .into_iter()
                .flat_map(|ports| ports.values())
            {
                for binding in bindings.as_array().into_iter().flatten() {
                    assert_eq!(binding["HostIp"], "127.0.0.1", "{name}");
                }
            }
        }
    }

    fn folder(&self) -> &Path {
        self.file.parent().unwrap()
    }

    fn label(&self) -> String {
        format!("label=com.docker.compose.project={}", self.project)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for id in self.containers() {
                let log = logs(&id);
                let lines: Vec<_> = log.lines().collect();
                let last = &lines[lines.len().saturating_sub(12)..];
                println!(
                    "{}:\n  {}",
                    inspect("container", &id)["Name"],
                    last.join("\n  ")
                );
            }
        }
        let down = self
            .compose(&["down", "--volumes", "--timeout", "2"])
            .output();
        if let Ok(down) = down
            && !down.status.success()
        {
            println!("down failed: {}", complaint(&down));
        }
    }
}

/// Asks, and fails unless the answer has this status, comes from this service, and has this in it.
pub(crate) fn expect(address: SocketAddr, path: &str, status: u16, by: &str, body: &str) {
    let answer = http::get(address, path, &[]).unwrap();
    assert_eq!(
        (answer.status, answer.by()),
        (status, by),
        "GET {path}: {answer:?}"
    );
    assert!(answer.body.contains(body), "GET {path}: {answer:?}");
}
