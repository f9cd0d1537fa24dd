//! `nightjar check`, with a real Envoy.

use crate::folder::{Folder, Outcome};
use std::{os::unix::fs::symlink, path::Path};

/// The Envoy that `e2e/setup.sh demo` installs.
fn envoy() -> &'static str {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin/envoy");
    assert!(
        Path::new(path).exists(),
        "there is no {path}: run e2e/setup.sh demo"
    );
    path
}

/// The starter's gateway, rendered into `out` for another folder.
fn rendered() -> Folder {
    let folder = Folder::with_starter();
    let outcome = folder.run(&[
        "render",
        "--discovery-map=discovery-map.json",
        "--mode=gateway",
        "--namespace=demo",
        "--listen-port=8080",
        "--admin-port=9901",
        "--config-dir=/nowhere/envoy",
        "--out=out",
    ]);
    assert_eq!(outcome.code, Some(0));
    folder
}

fn check(folder: &Folder, arguments: &[&str]) -> Outcome {
    folder.run(&[&["check", "out", "--envoy", envoy()], arguments].concat())
}

const USES: &str = "\
cds.json: clusters
envoy-config.yaml: bootstrap
lds.json: listeners
rds-8080.json: routes of routes-8080
";

#[test]
fn files_that_envoy_takes() {
    let folder = rendered();
    folder.write("out/notes.txt", "mine");
    folder.write("out/.hidden", "mine");
    let lines = "\
cds.json: clusters
envoy-config.yaml: bootstrap
lds.json: listeners
notes.txt: not for envoy
rds-8080.json: routes of routes-8080
valid: envoy 1.40.0 takes these files
";
    assert_eq!(check(&folder, &[]), Outcome::new(0, lines, ""));
    let json = r#"{
  "valid": true,
  "envoy": "1.40.0",
  "files": {
    "cds.json": "clusters",
    "envoy-config.yaml": "bootstrap",
    "lds.json": "listeners",
    "notes.txt": null,
    "rds-8080.json": "routes of routes-8080"
  },
  "fault": null
}
"#;
    assert_eq!(
        check(&folder, &["--format=json"]),
        Outcome::new(0, json, "")
    );
}

#[test]
fn a_fault_in_a_file_behind_the_bootstrap() {
    let folder = rendered();
    let routes = folder.read("out/rds-8080.json");
    folder.write(
        "out/rds-8080.json",
        routes.replace("\"prefix\"", "\"prefiks\""),
    );
    let outcome = check(&folder, &[]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(outcome.stderr, "");
    let fault = outcome.stdout.strip_prefix(USES).unwrap();
    assert!(
        fault.starts_with("faulty: envoy refuses the configuration: "),
        "{fault}"
    );
    assert!(fault.contains("prefiks"), "{fault}");
}

#[test]
fn files_that_do_not_fit_together() {
    let folder = rendered();
    std::fs::remove_file(folder.path("out/rds-8080.json")).unwrap();
    let lines = "\
cds.json: not for envoy
envoy-config.yaml: not for envoy
lds.json: not for envoy
faulty: the rendered file \"lds.json\" names the file \"/nowhere/envoy/rds-8080.json\", which no template makes
";
    assert_eq!(check(&folder, &[]), Outcome::new(1, lines, ""));

    folder.write("out/lds.json", "{");
    let lines = "\
cds.json: not for envoy
envoy-config.yaml: not for envoy
lds.json: not for envoy
faulty: the rendered file \"lds.json\" cannot be read: EOF while parsing an object at line 1 column 1
";
    assert_eq!(check(&folder, &[]), Outcome::new(1, lines, ""));
}

#[test]
fn a_bootstrap_without_subscriptions_under_another_name() {
    let folder = Folder::new();
    folder.write(
        "out/static.json",
        r#"{"static_resources": {"clusters": []}}"#,
    );
    let message = "nightjar: out has no file envoy-config.yaml\n  \
                   hint: name the file that Envoy is started with in --bootstrap\n";
    assert_eq!(check(&folder, &[]), Outcome::new(1, "", message));
    let lines = "static.json: bootstrap\nvalid: envoy 1.40.0 takes these files\n";
    assert_eq!(
        check(&folder, &["--bootstrap=static.json"]),
        Outcome::new(0, lines, "")
    );
}

#[test]
fn the_envoy_to_ask() {
    let folder = rendered();
    let missing = folder.run(&["check", "out", "--envoy=/nowhere/envoy"]);
    let message =
        "nightjar: /nowhere/envoy cannot be run: No such file or directory (os error 2)\n";
    assert_eq!(missing, Outcome::new(64, "", message));
    let other = folder.run(&["check", "out", "--envoy=/bin/true"]);
    assert_eq!((other.code, other.stdout.as_str()), (Some(64), ""));

    let none = folder.run(&["check", "out"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(64), ""));
    let last = format!("{USES}valid: envoy 1.40.0 takes these files\n");
    let named = folder
        .command(&["check", "out"])
        .env("ENVOY_EXEC", envoy())
        .output();
    assert_eq!(String::from_utf8(named.unwrap().stdout).unwrap(), last);
    std::fs::create_dir(folder.path("bin")).unwrap();
    symlink(envoy(), folder.path("bin/envoy")).unwrap();
    let found = folder
        .command(&["check", "out"])
        .env("PATH", folder.path("bin"))
        .output();
    assert_eq!(String::from_utf8(found.unwrap().stdout).unwrap(), last);
}
