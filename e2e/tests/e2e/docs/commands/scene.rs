//! The folder that the commands of a page are run in.

use super::shell::Command;
use e2e::{
    aws::{Aws, Task, TaskDefinition},
    program, root,
};
use serde_json::json;
use std::{collections::BTreeMap, fs, path::PathBuf, process};
use tempfile::TempDir;

/// A mesh whose namespaces, services and colors are those of the examples, and the same a day later.
const MAP: &str = "examples/simple-mesh/04-two-namespaces/1-cost-is-private.json";
const NEW_MAP: &str = "examples/simple-mesh/04-two-namespaces/2-cost-is-public.json";

const CATALOG: &str = r#"{"services": [{"service": "shop", "color": "blue", "port": 3000,
    "path": "/shop/", "weight": 1, "hosts": ["10.0.0.1"]}]}"#;
const TABLE: &str = "shop blue 3000 /shop/ 1 10.0.0.1\n";
const OTHER_TABLE: &str = "shop blue 3000 /shop/ 1 10.0.0.2\n";

/// The variable that names the bucket.
const BUCKET: &str = "NJ_DSS3_BUCKET";

/// A store by its name; its bucket is that of the environment.
const PROFILE: &str = "[store.prod]\nexec = \"ext-store-s3\"\n";

/// A folder with the files that commands name, and an environment.
pub(super) struct Scene {
    folder: TempDir,
    env: BTreeMap<String, String>,
}

/// How a command ended.
pub(super) struct Ended {
    /// `None` if it was not reached.
    pub(super) code: Option<i32>,
    pub(super) said: String,
}

/// Registers a service in the namespace `store`, in ECS and in Cloud Map.
fn fill_account(aws: &Aws) {
    let cluster = aws.cluster("mesh");
    let host = cluster.instance("10.0.0.5");
    let shop = TaskDefinition::bridge("shop").container("app", &[3000]);
    let shop = cluster.register(shop.tag("NJ_ROUTE_1", "/shop/"));
    let task = Task::of(&shop).on(&host).bind("app", 3000, 32768);
    cluster.run(task.service_color("store", "shop", "blue"));
    let namespace = json!({"Name": "store"});
    aws.call("servicediscovery", "create_http_namespace", namespace);
}

impl Scene {
    /// With an account of AWS, if a command asks for one.
    pub(super) fn new(commands: &[Command]) -> Self {
        let mut scene = Self {
            env: BTreeMap::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        scene.fill();
        scene.env = scene.settings();
        scene.fetch_templates();
        let is_of_aws = |it: &Command| {
            let programs = ["ext-store-s3 ", "ext-discovery-", "--store prod"];
            programs.iter().any(|program| it.script.contains(program))
        };
        if commands.iter().any(is_of_aws) {
            let aws = Aws::start();
            fill_account(&aws);
            scene.env.extend(aws.env_without_wire());
            scene.env.insert(BUCKET.to_owned(), aws.bucket());
            scene.fill_bucket();
        }
        scene
    }

    /// Runs a store, and fails if it does.
    fn store(&self, program: &str, arguments: [&str; 3]) {
        let mut command = self.command(e2e::program(program));
        let output = command
            .arg("--api-version=1")
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Makes `templates.json`.
    fn fetch_templates(&self) {
        let file = "--action-file=templates.json";
        self.store(
            "ext-store-local",
            ["--document=templates", "--action=fetch", file],
        );
    }

    /// Commits a map, and two versions of the templates.
    fn fill_bucket(&self) {
        let templates = fs::read_to_string(self.path("templates.json")).unwrap();
        let older = templates.replacen("\\n\"", "\\n\\n\"", 1);
        assert_ne!(older, templates);
        let new_map = fs::read_to_string(self.path("new-map.json")).unwrap();
        for (document, text) in [
            ("discovery-map", new_map),
            ("templates", older),
            ("templates", templates),
        ] {
            fs::write(self.path("committed.json"), text).unwrap();
            let document = format!("--document={document}");
            let file = "--action-file=committed.json";
            self.store("ext-store-s3", [&document, "--action=commit", file]);
        }
        fs::remove_file(self.path("committed.json")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn fill(&self) {
        let made = process::Command::new(program("nightjar"))
            .args(["init", "."])
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let copy = |from: &str, to: &[&str]| {
            let bytes = fs::read(root().join(from)).unwrap();
            for name in to {
                fs::write(self.path(name), &bytes).unwrap();
            }
        };
        copy(MAP, &["map.json", "before.json"]);
        copy(NEW_MAP, &["new-map.json", "after.json"]);
        let template = self.path("templates/gateway/_default/cds.json.mustache");
        fs::copy(template, self.path("cds.json.mustache")).unwrap();
        let template = self.path("templates/service/_default/_default/_default/cds.json.mustache");
        fs::copy(template, self.path("cds.json")).unwrap();
        for (name, text) in [
            ("nightjar.toml", PROFILE),
            ("catalog.json", CATALOG),
            ("table.txt", TABLE),
            ("other.txt", OTHER_TABLE),
        ] {
            fs::write(self.path(name), text).unwrap();
        }
        for (sample, name) in [
            ("discovery-catalog.py", "my-discovery.py"),
            ("store-sqlite.py", "my-store.py"),
        ] {
            let sample = root().join("examples/extensions").join(sample);
            fs::copy(sample, self.path(name)).unwrap();
        }
        std::os::unix::fs::symlink(root().join("examples"), self.path("examples")).unwrap();
        for folder in [
            "tmp/envoy.previous/0006",
            "tmp/envoy.previous/0007",
            ".local/share/bash-completion/completions",
        ] {
            fs::create_dir_all(self.path(folder)).unwrap();
        }
        copy(MAP, &["tmp/envoy.previous/0006/discovery-map.json"]);
        copy(NEW_MAP, &["tmp/envoy.previous/0007/discovery-map.json"]);
    }

    fn settings(&self) -> BTreeMap<String, String> {
        let programs = program("nightjar");
        let programs = programs.parent().unwrap().display();
        let tools = root().join(".venv/bin");
        let at = |name: &str| self.path(name).display().to_string();
        let own = [
            (
                "PATH",
                format!("{programs}:{}:/usr/bin:/bin", tools.display()),
            ),
            ("HOME", at("")),
            ("TMPDIR", at("tmp")),
            ("MESH_CATALOG", format!("file://{}", at("catalog.json"))),
            ("MESH_TABLE", at("table.txt")),
            ("MESH_DATABASE", at("mesh.db")),
            ("NJ_DSLOCAL_DIR_TEMPLATES", at("templates")),
            ("NJ_DSLOCAL_FILE_DISCOVERY_MAP", at("map.json")),
            ("STACK", "mesh".to_owned()),
        ];
        own.map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> process::Command {
        let mut command = process::Command::new(program);
        command
            .env_clear()
            .envs(&self.env)
            .current_dir(self.folder.path())
            .stdin(process::Stdio::null());
        command
    }

    /// A script with places of the test's own: for files, the bucket, and a version of a document.
    fn with_places(&self, script: &str) -> String {
        let tmp = self.path("tmp").display().to_string();
        let bucket = self.env.get(BUCKET).map_or("", String::as_str);
        let version = format!(
            r#"document-version="$(sed 's/.*"document-version": *"\([^"]*\)".*/\1/' {tmp}/versions.json)" "#
        );
        script
            .replace("/tmp/", &format!("{tmp}/"))
            .replace("/etc/nightjar/", &format!("{}/", self.path("").display()))
            .replace("my-bucket", bucket)
            .replace("document-version=V ", &version)
    }

    /// Runs commands one after another in one shell.
    pub(super) fn run(&self, commands: &[Command]) -> Vec<Ended> {
        let told = self.path("told");
        fs::create_dir(&told).unwrap();
        let steps = commands.iter().enumerate().map(|(number, command)| {
            let text = match &command.file {
                Some(name) => format!(
                    "cat >{name} <<'END OF FILE'\n{}END OF FILE\n",
                    command.script
                ),
                None => self.with_places(&command.script),
            };
            let told = told.join(number.to_string()).display().to_string();
            format!("{{\n{text}}} >{told} 2>&1\necho $? >{told}.code\n")
        });
        let script: String = steps.collect();
        let output = self.command("sh").args(["-c", &script]).output().unwrap();
        let last = String::from_utf8_lossy(&output.stderr).into_owned();
        let numbers = 0..commands.len();
        numbers
            .map(|number| {
                let said = fs::read_to_string(told.join(number.to_string()));
                let code = fs::read_to_string(told.join(format!("{number}.code"))).ok();
                Ended {
                    code: code.and_then(|code| code.trim().parse().ok()),
                    said: said.unwrap_or_else(|_| last.clone()),
                }
            })
            .collect()
    }

    /// What a program of ours says against the arguments of a command, which it does not carry out.
    pub(super) fn misread(&self, command: &Command) -> Option<String> {
        let is_redirection = |word: &String| word.starts_with('>') || word.starts_with('<');
        command.ours().into_iter().find_map(|words| {
            let own = words
                .iter()
                .take_while(|word| *word != "--" && !is_redirection(word));
            let own: Vec<&String> = own.collect();
            let (first, rest) = own.split_first()?;
            let mut trial = self.command(first.as_str());
            let output = trial.args(rest).arg("--help").output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let is_read = output.status.success() && said.is_empty();
            (!is_read).then(|| format!("{}: {said}", command.text))
        })
    }
}
