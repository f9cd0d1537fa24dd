//! `nightjar template list`, `pull`, `push`, `diff` and `rollback`: with a store that keeps every rule
//! of the protocol, and with stores that fail at each moment.

mod config;
mod failures;
mod folders;
mod pushes;

use crate::folder::{Folder, Outcome};

/// A store that keeps versions, and lists them.
const STORE: &str = env!("CARGO_BIN_EXE_broken-extension");

/// A folder with a store `prod` that `nightjar.toml` describes, a map in it, and templates to push.
struct Scene(Folder);

impl Scene {
    /// A store without templates.
    fn empty() -> Self {
        let folder = Folder::with_starter();
        folder.write("data/discovery-map.json", folder.read("discovery-map.json"));
        std::fs::remove_dir_all(folder.path("templates")).unwrap();
        let scene = Self(folder);
        scene.template(
            "gateway/_default",
            "envoy-config.yaml",
            "node: {id: gateway}\n",
        );
        scene.template(
            "service/_default/_default/_default",
            "envoy-config.yaml",
            "node: {id: \"{{service_member}}\"}\n",
        );
        scene.describe(&format!(
            "[store.prod]\nexec = \"{STORE}\"\nenv = {{ BROKEN_DIR = \"data\" }}\n"
        ));
        scene
    }

    /// A store that holds the templates of the folder.
    fn with_templates() -> Self {
        let scene = Self::empty();
        let created = scene.run(&["push", "--create", "templates"]);
        assert_eq!(created.code, Some(0), "{}", created.stderr);
        scene
    }

    /// The same store behind a script, which may do what it likes before it runs the store.
    fn with_script(script: &str) -> Self {
        let scene = Self::with_templates();
        scene.script(script);
        scene
    }

    fn script(&self, script: &str) {
        let text = format!("run() {{ BROKEN_DIR=data {STORE} \"$@\"; }}\n{script}\n");
        self.0.write("store.sh", text);
        self.describe("[store.prod]\nexec = \"sh store.sh\"\n");
    }

    fn describe(&self, stores: &str) {
        self.0.write("nightjar.toml", stores);
    }

    /// Writes a template to the folder.
    fn template(&self, scope: &str, purpose: &str, text: &str) {
        self.0
            .write(&format!("templates/{scope}/{purpose}.mustache"), text);
    }

    /// Runs `nightjar template …`. A store that fails for the moment is asked once, and there is an Envoy
    /// only where a test names one.
    fn run(&self, arguments: &[&str]) -> Outcome {
        let retries = match arguments {
            ["render" | "lint", ..] => &[][..],
            _ => &["--retries=0"],
        };
        let output = self
            .0
            .command(&[&["template"], arguments, retries].concat())
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Outcome {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// What a run printed, with its exit code, as a terminal would show it.
    fn shown(&self, arguments: &[&str]) -> String {
        let Outcome {
            code,
            stdout,
            stderr,
        } = self.run(arguments);
        let code = code.map_or_else(String::new, |code| format!("[exit code {code}]\n"));
        format!(
            "$ nightjar template {}\n{stdout}{stderr}{code}",
            arguments.join(" ")
        )
    }

    /// What several runs printed.
    fn story(&self, runs: &[&[&str]]) -> String {
        let shown: Vec<String> = runs.iter().map(|run| self.shown(run)).collect();
        shown.join("\n")
    }

    /// The version that the store holds now.
    fn version(&self) -> String {
        let listed = self.run(&["list", "--format=json"]);
        let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        listed["document-version"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_set_is_pushed_changed_and_rolled_back() {
    let scene = Scene::empty();
    let mut story = scene.story(&[
        &["list"],
        &["push", "templates"],
        &["push", "templates", "--create", "--dry-run"],
        &["push", "templates", "--create"],
        &["list"],
        &["list", "--format=json"],
        &["push", "templates"],
    ]);
    scene.template(
        "gateway/_default",
        "envoy-config.yaml",
        "node: {id: other}\n",
    );
    story.push_str(&scene.story(&[
        &["diff", "templates"],
        &["diff", "templates", "--exit-code", "--format=json"],
        &["push", "templates"],
        &["list", "--versions"],
        &["list", "--versions", "--format=json"],
        &["rollback", "--dry-run"],
        &["rollback"],
        &["list", "--versions"],
        &["rollback", "--to=not-there"],
    ]));
    insta::assert_snapshot!(story);
}

#[test]
fn a_list_says_where_each_template_is_from_and_why() {
    let scene = Scene::empty();
    for (scope, purpose) in [
        ("gateway/demo", "cds.json"),
        ("gateway/_default", "route.mustache"),
        ("service/demo/_default/_default", "envoy-config.yaml"),
        ("service/_default/hello/_default", "envoy-config.yaml"),
        ("service/_default/hello/blue", "notes.txt"),
        ("service/_default/other/_default", "notes.txt"),
    ] {
        scene.template(scope, purpose, "");
    }
    let pushed = scene.run(&["push", "--create", "--force", "templates"]);
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    let listed = scene.run(&["list"]).stdout;
    let alone = scene.run(&["list", "--shipped-templates=false"]).stdout;
    let [of_all, of_store] = [&listed, &alone].map(|text| text.split_once("\n\n").unwrap().1);
    insta::assert_snapshot!(format!("{of_all}\n--shipped-templates=false:\n{of_store}"));
}

#[test]
fn versions_are_compared() {
    let scene = Scene::with_templates();
    let first = scene.version();
    scene.template(
        "gateway/_default",
        "envoy-config.yaml",
        "node: {id: other}\n",
    );
    assert_eq!(scene.run(&["push", "templates"]).code, Some(0));
    let changed = "--- a/gateway/_default/envoy-config.yaml.mustache\n\
                   +++ b/gateway/_default/envoy-config.yaml.mustache\n\
                   @@ -1 +1 @@\n-node: {id: gateway}\n+node: {id: other}\n";
    let counts = "nightjar: 1 changed, 0 added, 0 removed\n";
    let since = format!("--document-version={first}");
    assert_eq!(
        scene.run(&["diff", &since]),
        Outcome::new(0, changed, counts)
    );
    let with_code = scene.run(&["diff", &since, "templates", "--exit-code"]);
    assert_eq!(with_code, Outcome::new(1, changed, counts));
    let same = Outcome::new(0, "", "nightjar: 0 changed, 0 added, 0 removed\n");
    assert_eq!(scene.run(&["diff", "templates", "--exit-code"]), same);
    let older = scene.run(&["pull", &since, "gateway/_default/envoy-config.yaml"]);
    assert_eq!(older, Outcome::new(0, "node: {id: gateway}\n", ""));
    // The shipped set has more files, and others in them. No store is asked about a folder.
    scene.describe("");
    let counts = "nightjar: 2 changed, 0 added, 6 removed\n";
    let shipped = scene.run(&["diff", "--shipped", "templates", "--exit-code"]);
    assert_eq!((shipped.code, shipped.stderr.as_str()), (Some(1), counts));
}
