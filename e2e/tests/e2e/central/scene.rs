//! A mesh's source, the store that its map is published in, and programs that publish it.

use e2e::{
    WAIT_TIMEOUT, eventually, mesh::Plan, ports, process::Process, program, scripts, status,
};
use nightjar_core::atomic_file::replace_own;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};
use tempfile::TempDir;

/// What discovery finds, and a store of local files that writes down how it is called.
pub(crate) struct Scene {
    folder: TempDir,
}

/// Each call is noted. A fault that a test wishes for comes before the store's own work.
const STORE: &str = r#"
    case $* in *--action=commit*) action=commit ;; *) action=fetch ;; esac
    echo "$action" >>"$SCENE/calls"
    if [ -e "$SCENE/$action.sh" ]; then . "$SCENE/$action.sh"; fi
    exec ext-store-local "$@""#;

impl Scene {
    /// A scene with this mesh, and nothing published yet.
    pub(crate) fn new(map: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scene = Self { folder };
        scene.set_source(map);
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces a file in one step.
    pub(crate) fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        replace_own(&self.path(name), text.as_ref()).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Changes the mesh.
    pub(crate) fn set_source(&self, map: &Value) {
        self.put("source.json", map.to_string());
    }

    /// What is in the store, as it was committed.
    pub(crate) fn published(&self) -> Option<Value> {
        let text = fs::read(self.path("published.json")).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }

    /// Waits until the store holds a map that says the same.
    pub(crate) fn wait_published(&self, map: &Value) {
        eventually("the map is published", || {
            let published = self.published()?;
            (published["namespaces"] == map["namespaces"]).then_some(())
        });
    }

    /// How often the store was asked to do this.
    pub(crate) fn calls(&self, action: &str) -> usize {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().filter(|call| *call == action).count()
    }

    pub(crate) fn commits(&self) -> usize {
        self.calls("commit")
    }

    /// Commands that find the programs of the workspace.
    fn search_path() -> String {
        let programs = program("ext-store-local");
        format!("{}:/usr/bin:/bin", programs.parent().unwrap().display())
    }

    /// A program that publishes this mesh, not started yet.
    pub(crate) fn central(&self) -> Central {
        let folder = tempfile::tempdir().unwrap();
        let status_port = ports::free();
        let discovery = "env NJ_DSLOCAL_FILE_DISCOVERY_MAP=source.json ext-store-local \
                         --document=discovery-map --action=fetch"
            .replace(
                "source.json",
                &self.path("source.json").display().to_string(),
            );
        let pairs = [
            ("PATH", Self::search_path()),
            ("SCENE", self.folder.path().display().to_string()),
            ("DISCOVERY_MAP_EXEC", discovery),
            ("DATA_STORE_EXEC", scripts::extension(STORE)),
            (
                "NJ_DSLOCAL_FILE_DISCOVERY_MAP",
                self.path("published.json").display().to_string(),
            ),
            ("REFRESH_TIME", "0.1".to_owned()),
            ("FAILURE_SLEEP", "0.2".to_owned()),
            ("NJ_STATUS_PORT", status_port.to_string()),
            (
                "NJ_TEMP_DIR",
                folder.path().join("temp").display().to_string(),
            ),
            (
                "TRIGGER_STOP_FILE",
                folder.path().join("stop").display().to_string(),
            ),
        ];
        Central {
            env: pairs.map(|(name, value)| (name.to_owned(), value)).into(),
            status_port,
            process: None,
            folder,
        }
    }

    /// A proxy that reads the map from the store.
    pub(crate) fn reads_store(&self, plan: Plan) -> Plan {
        plan.env(
            "NJ_DSLOCAL_FILE_DISCOVERY_MAP",
            self.path("published.json").display(),
        )
    }
}

/// A nightjar-central.
pub(crate) struct Central {
    pub(crate) env: BTreeMap<String, String>,
    status_port: u16,
    process: Option<Process>,
    folder: TempDir,
}

impl Central {
    /// Sets a variable.
    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.env.insert(name.to_owned(), value.to_string());
        self
    }

    /// Discovery by a shell script, which writes the map to `$file`; its folder is `$SCENE`.
    #[must_use]
    pub(crate) fn discovers_by(self, script: &str) -> Self {
        self.env("DISCOVERY_MAP_EXEC", scripts::extension(script))
    }

    /// Starts it, and waits until it is ready.
    pub(crate) fn start(self) -> Self {
        let central = self.launch();
        central.wait_told(200, "ready\n");
        central
    }

    /// Starts it.
    pub(crate) fn launch(mut self) -> Self {
        self.relaunch();
        self
    }

    /// Starts it again.
    pub(crate) fn relaunch(&mut self) {
        self.process = None;
        let log = self.folder.path().join("log");
        self.process = Some(Process::start(&mut self.command(), &log));
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(program("nightjar-central"));
        command.envs(&self.env);
        command
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        self.process.as_mut().unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn status_port(&self) -> u16 {
        self.status_port
    }

    /// A page of its status: code and text.
    pub(crate) fn page(&self, path: &str) -> Option<(u16, String)> {
        let answer = status::page(self.status_port, path)?;
        Some((answer.status, self.plain(&answer.body)))
    }

    /// Waits until `/ready` says this.
    pub(crate) fn wait_told(&self, status: u16, text: &str) {
        let wanted = Some((status, text.to_owned()));
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut last = self.page("/ready");
        while last != wanted && Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(5));
            last = self.page("/ready");
        }
        let log = self.log();
        let end = log.lines().rev().take(20).collect::<Vec<_>>().join("\n");
        assert_eq!(last, wanted, "the log, last line first:\n{end}");
    }

    /// A metric by its name with labels, without `nightjar_`.
    pub(crate) fn metric(&self, name: &str) -> Option<u64> {
        let value = status::metric(self.status_port, &format!("nightjar_{name}"));
        value.to_string().parse().ok()
    }

    /// Waits until a metric has this value.
    pub(crate) fn wait_metric(&self, name: &str, value: u64) {
        eventually(&format!("{name} is {value}"), || {
            (self.metric(name) == Some(value)).then_some(())
        });
    }

    /// Waits until so many more refreshes have ended.
    pub(crate) fn wait_refreshes(&self, count: u32) {
        status::wait_refreshes(self.status_port, count);
    }

    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        self.plain(&String::from_utf8_lossy(&log))
    }

    /// The lines of its log that begin with this, without their times.
    pub(crate) fn logged(&self, start: &str) -> Vec<String> {
        let log = self.log();
        let lines = log.lines().map(without_time);
        let wanted = lines.filter(|line| line.starts_with(start));
        wanted.map(ToOwned::to_owned).collect()
    }

    /// Waits until a line of its log begins with this.
    pub(crate) fn wait_logged(&self, start: &str) -> Vec<String> {
        eventually(&format!("{start:?} in its log"), || {
            Some(self.logged(start)).filter(|lines| !lines.is_empty())
        })
    }

    /// Runs the program with arguments: exit code, standard output and standard error.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.command().args(arguments).output().unwrap();
        let text = |bytes: &[u8]| {
            let text = self.plain(&String::from_utf8_lossy(bytes));
            let lines = text.lines().map(|line| format!("{}\n", without_time(line)));
            lines.collect::<String>()
        };
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    fn plain(&self, text: &str) -> String {
        let scene = self.env.get("SCENE").cloned().unwrap_or_default();
        let text = text
            .replace(&self.folder.path().display().to_string(), "FOLDER")
            .replace(&scene, "SCENE");
        status::without_moments(&text)
    }
}

fn without_time(line: &str) -> &str {
    match line.split_once(' ') {
        Some((time, rest)) if time.ends_with('Z') && time.contains('T') => rest.trim_start(),
        _ => line,
    }
}
