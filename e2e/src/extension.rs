//! One call of an extension, as the protocol says.

use crate::program;
use nightjar_core::env::Env;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// An extension and its environment.
pub struct Extension {
    program: PathBuf,
    env: BTreeMap<String, String>,
    folder: TempDir,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What was printed for people, its times left out.
    pub stderr: String,
    /// What it handed over, if it left a file.
    pub document: Option<Value>,
}

impl Ending {
    /// The version of the document that it handed over.
    pub fn version(&self) -> &str {
        let document = self.document.as_ref();
        let version = document.and_then(|document| document["document-version"].as_str());
        version.unwrap_or_else(|| panic!("no version: {self:?}"))
    }
}

impl Extension {
    /// A program of this workspace. Of the test's own environment it sees `PATH` alone.
    pub fn new(name: &str) -> Self {
        Self::at(program(name))
    }

    /// A program anywhere.
    pub fn at(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            env: BTreeMap::new(),
            folder: tempfile::tempdir().unwrap(),
        }
        .with_folder()
    }

    fn with_folder(self) -> Self {
        let folder = self.folder.path().display().to_string();
        self.env("NJ_TEMP_DIR", folder)
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.env.insert(name.to_owned(), value.to_string());
        self
    }

    /// Sets variables.
    #[must_use]
    pub fn envs(mut self, variables: BTreeMap<String, String>) -> Self {
        self.env.extend(variables);
        self
    }

    /// The folder that `NJ_TEMP_DIR` names, which lasts as long as this.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Calls it with `--api-version=1`, a file for its output, and these arguments.
    pub fn call(&self, arguments: &[&str]) -> Ending {
        let file = self.file();
        let ended = self.ended(&file, arguments);
        let document = fs::read(file)
            .ok()
            .map(|bytes| serde_json::from_slice(&bytes).unwrap());
        Ending { document, ..ended }
    }

    /// Asks for what is newer than a version.
    pub fn call_after(&self, version: &str, arguments: &[&str]) -> Ending {
        let previous = format!("--previous-document-version={version}");
        self.call(&[arguments, &[&previous]].concat())
    }

    /// Calls it with a document for its input.
    pub fn give(&self, document: &Value, arguments: &[&str]) -> Ending {
        let file = self.file();
        fs::write(&file, document.to_string()).unwrap();
        self.ended(&file, arguments)
    }

    /// The same call, and how long it took.
    pub fn timed(&self, arguments: &[&str]) -> (Ending, Duration) {
        let began = Instant::now();
        let ending = self.call(arguments);
        (ending, began.elapsed())
    }

    /// The program with its environment and the arguments that every call has.
    pub fn command(&self) -> Command {
        self.command_with(&self.file())
    }

    fn command_with(&self, file: &std::path::Path) -> Command {
        let own = Env::from_process();
        let search_path = own.get("PATH").unwrap_or_default();
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", search_path)
            .envs(&self.env)
            .arg("--api-version=1")
            .arg(format!("--action-file={}", file.display()));
        command
    }

    fn ended(&self, file: &std::path::Path, arguments: &[&str]) -> Ending {
        let output = self.command_with(file).args(arguments).output().unwrap();
        assert_eq!(output.stdout, b"", "{arguments:?}");
        let place = self.folder.path().display().to_string();
        let said = String::from_utf8_lossy(&output.stderr).replace(&place, "FOLDER");
        let lines = said
            .lines()
            .map(|line| format!("{}\n", crate::told::without_time(line)));
        Ending {
            code: output.status.code(),
            stderr: lines.collect(),
            document: None,
        }
    }

    /// Another file for every call, so that calls may run at the same time.
    fn file(&self) -> PathBuf {
        use std::sync::atomic::{AtomicU64, Ordering};
        static CALLS: AtomicU64 = AtomicU64::new(1);
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("action-{number}.json"))
    }
}
