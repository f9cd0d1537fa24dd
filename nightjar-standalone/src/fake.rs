//! An Envoy for the tests of this crate: an admin interface in this process that answers as one would
//! that reads the files of a folder, and a program in its place.

use crate::admin::Admin;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What this Envoy is like. A test changes it.
#[derive(Default)]
pub(crate) struct Script {
    folder: PathBuf,
    /// What it does not take.
    pub(crate) refuses: Vec<Refuses>,
    /// Files that it does not look at.
    pub(crate) ignores: Vec<&'static str>,
    /// Clusters that warm.
    pub(crate) warming: Vec<&'static str>,
    /// Listeners in error, each with its reason.
    pub(crate) errors: BTreeMap<&'static str, &'static str>,
    /// What `/stats` of connections says, one answer after the other; the last one stays.
    pub(crate) connections: Vec<&'static str>,
    /// The path of its bootstrap.
    pub(crate) bootstrap: String,
    /// What it answers with to everything, if not with an answer.
    pub(crate) status: Option<u16>,
    /// The requests that came, but for those of statistics.
    pub(crate) asked: Vec<String>,
    /// How often it has tried to bind listeners.
    attempts: u64,
    files: BTreeMap<String, Read>,
    counters: BTreeMap<String, u64>,
}

/// Files of this name with this text in them are refused, with this reason in the dump, if any.
pub(crate) struct Refuses {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) reason: Option<&'static str>,
}

/// A file that it has read.
struct Read {
    /// Which one it was.
    identity: (u64, i64, i64),
    /// Its text, or that of the one before, if it did not take it.
    has: Option<String>,
    reason: Option<&'static str>,
}

/// A running one.
pub(crate) struct FakeEnvoy {
    script: Arc<Mutex<Script>>,
    port: u16,
    server: JoinHandle<()>,
}

impl FakeEnvoy {
    /// One that reads this folder.
    pub(crate) async fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(Script {
            folder: folder.to_owned(),
            ..Script::default()
        }));
        let answers = Arc::clone(&script);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&answers)));
            }
        });
        Self {
            script,
            port,
            server,
        }
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::new(LOOPBACK, self.port)
    }
}

impl Drop for FakeEnvoy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let request = String::from_utf8(request).unwrap();
    let line = request.lines().next().unwrap();
    let (status, body) = script.lock().unwrap().answer(line);
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
}

impl Script {
    fn answer(&mut self, line: &str) -> (u16, String) {
        let parts: Vec<&str> = line.split(' ').collect();
        let (method, path) = (parts[0], parts[1]);
        if !path.starts_with("/stats") {
            self.asked.push(format!("{method} {path}"));
        }
        if let Some(status) = self.status {
            return (status, "not now".to_owned());
        }
        self.read();
        let body = if path == "/server_info" {
            json!({"state": "LIVE", "command_line_options":
                {"restart_epoch": 0, "config_path": self.bootstrap}})
            .to_string()
        } else if path.starts_with("/stats?type=TextReadouts") {
            self.versions()
        } else if path.starts_with("/stats?type=Gauges") {
            let warming = self.warming.len();
            format!("cluster_manager.warming_clusters: {warming}\n")
        } else if path.contains("downstream_cx") {
            let last = self.connections.len() <= 1;
            let now = self.connections.first().copied().unwrap_or_default();
            if !last {
                self.connections.remove(0);
            }
            now.to_owned()
        } else if path.starts_with("/stats") {
            let counters = self.counters.iter();
            counters.fold(String::new(), |mut text, (name, value)| {
                let _ = writeln!(text, "{name}: {value}");
                text
            })
        } else {
            self.dump(path).to_string()
        };
        (200, body)
    }

    fn dump(&self, path: &str) -> Value {
        let error = |reason: &str| json!({"error_state": {"details": reason}});
        let of_file = |name: &str| self.files.get(name)?.reason.map(error);
        let configs: Vec<Value> = match path.rsplit('=').next().unwrap() {
            "dynamic_active_clusters" => of_file("cds.json").into_iter().collect(),
            "dynamic_warming_clusters" => {
                let warming = self.warming.iter();
                warming
                    .map(|name| json!({"cluster": {"name": name}}))
                    .collect()
            }
            "dynamic_listeners" => {
                let attempt = format!("2026-01-01T00:00:00.{:03}Z", self.attempts);
                let errors = self.errors.iter().map(|(name, reason)| {
                    let state = json!({"details": reason, "last_update_attempt": attempt});
                    json!({"name": name, "error_state": state})
                });
                errors.chain(of_file("lds.json")).collect()
            }
            _ => Vec::new(),
        };
        json!({"configs": configs})
    }

    /// Reads what has been put into the folder.
    fn read(&mut self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let (Ok(text), Ok(metadata)) =
                (fs::read_to_string(entry.path()), fs::metadata(entry.path()))
            else {
                continue;
            };
            let Some(statistic) = statistic(&name, &text) else {
                continue;
            };
            let identity = (metadata.ino(), metadata.ctime(), metadata.ctime_nsec());
            let before = self.files.get(&name);
            if before.is_some_and(|before| before.identity == identity)
                || self.ignores.contains(&name.as_str())
            {
                continue;
            }
            let mut refuses = self.refuses.iter();
            let rejection = refuses.find(|it| it.name == name && text.contains(it.text));
            self.attempts += u64::from(name.starts_with("lds") && rejection.is_none());
            let is_closed = name.starts_with("lds") && !self.errors.is_empty();
            let accepted = rejection.is_none() && !is_closed;
            let read = Read {
                identity,
                has: if accepted {
                    Some(text)
                } else {
                    before.and_then(|before| before.has.clone())
                },
                reason: rejection.and_then(|it| it.reason),
            };
            let counter = if accepted {
                "update_success"
            } else {
                "update_rejected"
            };
            let counter = self.counters.entry(format!("{statistic}.{counter}"));
            *counter.or_default() += 1;
            self.files.insert(name, read);
        }
    }

    fn versions(&self) -> String {
        let line = |(name, read): (&String, &Read)| {
            let text = read.has.as_deref()?;
            let file: Value = serde_json::from_str(text).ok()?;
            let version = file["version_info"].as_str()?;
            let statistic = statistic(name, text)?;
            Some(format!("{statistic}.version_text: \"{version}\"\n"))
        };
        self.files.iter().filter_map(line).collect()
    }
}

/// The statistics of a file's subscription.
fn statistic(name: &str, text: &str) -> Option<String> {
    if Path::new(name).extension().is_none_or(|end| end != "json") {
        return None;
    }
    match name.split(['-', '.']).next()? {
        "cds" => Some("cluster_manager.cds".to_owned()),
        "lds" => Some("listener_manager.lds".to_owned()),
        "rds" => {
            let file: Value = serde_json::from_str(text).ok()?;
            let routes = file.pointer("/resources/0/name")?.as_str()?;
            Some(format!("http.main.rds.{routes}"))
        }
        _ => None,
    }
}

/// A shell script that can be run.
pub(crate) fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    let unfinished = folder.join(format!("{name}.new"));
    fs::write(&unfinished, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(unfinished, &path).unwrap();
    path
}

/// A program that takes every configuration without `no-such-flag` in it, and does nothing until it is ended.
pub(crate) fn envoy_program(folder: &Path) -> PathBuf {
    let text = r#"case "$*" in
*--version*) echo 'envoy  version: 0/1.40.0/Clean/RELEASE/BoringSSL'; exit ;;
*"--mode validate"*)
  while [ $# -gt 1 ]; do [ "$1" = -c ] && bootstrap=$2; shift; done
  if grep -q no-such-flag "$bootstrap"; then echo 'error: this is refused' >&2; exit 1; fi
  echo "configuration '$bootstrap' OK"; exit ;;
esac
echo 'info main starting' >&2
exec sleep 600"#;
    script(folder, "envoy", text)
}

/// An extension that hands over a document, unless it has not changed, or ends with a code.
pub(crate) fn extension(folder: &Path, name: &str, document: &Path) -> PathBuf {
    let text = format!(
        r#"for argument; do case $argument in
--action-file=*) file=${{argument#*=}} ;;
--previous-document-version=*) before=${{argument#*=}} ;;
esac; done
[ -f '{0}' ] || exit 9
if [ -n "$before" ] && grep -q "\"document-version\": *\"$before\"" '{0}'; then exit 30; fi
cp '{0}' "$file""#,
        document.display()
    );
    script(folder, name, &text)
}

/// A map with one service that answers everything, at this port.
pub(crate) fn discovery_map(version: &str, port: u16) -> String {
    json!({"schema-version": "v1", "document-version": version, "namespaces": [{
        "namespace": "n1", "network-id": "n1",
        "gateways": {"prefer-gateway": false, "protocol": "HTTP1.1", "instances": []},
        "service-colors": [{
            "service": "shop", "color": "blue", "index": 1, "protocol": "HTTP1.1",
            "instances": [{"ipv4": "127.0.0.1", "port": port}],
            "routes": [{
                "path-match": {"match-type": "prefix", "value": "/"},
                "weight": 1, "default-access": true, "namespace-access": [],
            }],
            "namespace-egress": [],
        }],
    }]})
    .to_string()
}
