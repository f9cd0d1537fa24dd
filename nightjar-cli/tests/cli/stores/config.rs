//! Which store is meant: `nightjar.toml`, and the environment.

use super::{STORE, Scene};
use crate::folder::Outcome;

fn shown(scene: &Scene, arguments: &[&str], stores: &str) -> String {
    scene.describe(stores);
    let lines = stores.lines();
    let indented: String = lines.flat_map(|line| ["  ", line, "\n"]).collect();
    format!(
        "{indented}{}",
        scene.shown(arguments).replace(STORE, "STORE")
    )
}

#[test]
fn mistakes_have_their_lines_and_the_nearest_known_name() {
    let scene = Scene::empty();
    let list = ["list"];
    let told = [
        shown(
            &scene,
            &list,
            "[store.prod]\nexce = \"ext-store-s3\"\nevn = { A = \"b\" }\n",
        ),
        shown(
            &scene,
            &list,
            "[stores.prod]\nexec = \"x\"\n\n[store.a]\nexec = 1\nenv = { A = 1, \"B=\" = \"x\" }\n",
        ),
        shown(&scene, &list, "[store.prod]\nexec = \"x\n"),
        shown(&scene, &list, "store = 1\n"),
        shown(
            &scene,
            &list,
            "[store.prod]\nexec = \"ext-store-of-nobody\"\nenv = { KEY = \"secret\" }\n",
        ),
        shown(&scene, &list, "[store.prod]\nexec = \"'x\"\n"),
        shown(
            &scene,
            &list,
            "[store.a]\nexec = \"x\"\n[store.b]\nexec = \"x\"\n",
        ),
        shown(&scene, &list, ""),
        shown(
            &scene,
            &["list", "--store=prdo"],
            "[store.prod]\nexec = \"x\"\n",
        ),
        shown(
            &scene,
            &["list", "--store=other"],
            "[store.prod]\nexec = \"x\"\n",
        ),
        shown(&scene, &["list", "--config=none.toml"], ""),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_store_is_named_or_the_only_one_or_in_the_environment() {
    let scene = Scene::with_templates();
    let version = scene.version();
    let told = |name: &str| format!("nightjar: {name}: 2 templates, version {version}\n");
    let stderr = |outcome: Outcome| outcome.stderr;
    assert_eq!(stderr(scene.run(&["list"])), told("prod"));
    assert_eq!(stderr(scene.run(&["list", "--store=prod"])), told("prod"));
    scene.0.write(
        "other.toml",
        scene.0.read("nightjar.toml").replace("prod", "test"),
    );
    assert_eq!(
        stderr(scene.run(&["list", "--config=other.toml"])),
        told("test")
    );
    let with_environment = |arguments: &[&str]| {
        let mut command = scene
            .0
            .command(&[&["template", "list"], arguments].concat());
        let command = command
            .env("DATA_STORE_EXEC", STORE)
            .env("BROKEN_DIR", "data");
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    assert_eq!(with_environment(&[]), told("broken-extension"));
    assert_eq!(with_environment(&["--store=prod"]), told("prod"));
    std::fs::remove_file(scene.0.path("nightjar.toml")).unwrap();
    let message = "nightjar: DATA_STORE_EXEC: is required\n  \
                   hint: set it to the command of a data store, or describe stores in nightjar.toml\n";
    assert_eq!(scene.run(&["list"]), Outcome::new(64, "", message));
}
