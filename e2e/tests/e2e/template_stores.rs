//! `nightjar template list`, `pull`, `push`, `diff` and `rollback` on the stores that come with Nightjar.

mod local;
mod s3;

use e2e::{envoy, maps, program, templates::Templates};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Where an operator works: `nightjar.toml`, a map, and templates to push.
struct Desk {
    folder: TempDir,
    templates: Templates,
}

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn new(code: i32, stdout: &str, stderr: &str) -> Self {
        Self {
            code: Some(code),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        }
    }
}

impl Desk {
    /// A desk with a store of this command and these variables.
    fn new(exec: &str, env: &BTreeMap<String, String>) -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
            templates: Templates::shipped(),
        };
        desk.describe(exec, env);
        fs::write(desk.path("map.json"), maps::shop("blue", 4001).to_string()).unwrap();
        desk
    }

    fn describe(&self, exec: &str, env: &BTreeMap<String, String>) {
        let variables = env
            .iter()
            .map(|(name, value)| format!("{name} = {value:?}\n"));
        let variables: String = variables.collect();
        let text = format!("[store.prod]\nexec = {exec:?}\n\n[store.prod.env]\n{variables}");
        fs::write(self.path("nightjar.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `nightjar template …`. `TEMPLATES` is the folder of templates, and paths and versions of a test are
    /// told by their names.
    fn run(&self, arguments: &[&str]) -> Ended {
        let templates = self.templates.path().display().to_string();
        let arguments = arguments
            .iter()
            .map(|it| it.replace("TEMPLATES", &templates));
        let output = Command::new(program("nightjar"))
            .arg("template")
            .args(arguments)
            .arg("--retries=0")
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            let text = text.replace(&templates, "TEMPLATES");
            text.replace(&self.folder.path().display().to_string(), "DESK")
        };
        Ended {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Pushes the folder of templates, with a real Envoy to ask.
    fn push(&self, more: &[&str]) -> Ended {
        let envoy = format!("--envoy={}", envoy().display());
        let fixed = ["push", "TEMPLATES", "--discovery-map=map.json", &envoy];
        self.run(&[&fixed, more].concat())
    }

    /// What the store holds, in a folder of this name.
    fn pull(&self, folder: &str) {
        let pulled = self.run(&["pull", &format!("--out={folder}")]);
        assert_eq!(pulled.code, Some(0), "{pulled:?}");
    }

    fn version(&self) -> String {
        let listed = self.run(&["list", "--format=json"]);
        let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        listed["document-version"].as_str().unwrap().to_owned()
    }

    /// The versions that the store lists, newest first.
    fn versions(&self) -> Vec<String> {
        let listed = self.run(&["list", "--versions", "--format=json"]);
        assert_eq!(listed.code, Some(0), "{listed:?}");
        let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        let version =
            |row: &serde_json::Value| row["document-version"].as_str().unwrap().to_owned();
        listed.as_array().unwrap().iter().map(version).collect()
    }
}

/// Every file below a folder, with its text.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let (mut files, mut open) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}
