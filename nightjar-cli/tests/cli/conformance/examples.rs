//! The sample extensions that need no build, and what a broken rule looks like.

use super::BROKEN;
use crate::folder::Folder;
use std::{path::Path, process::Output};

/// The file of a sample extension.
fn sample(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/extensions");
    folder.join(name).display().to_string()
}

/// Checks a sample, and gives the lines of what did not pass.
fn check(folder: &Folder, variable: &str, arguments: &[&str]) -> (Option<i32>, Vec<String>) {
    let output = folder
        .command(&[&["conformance"], arguments].concat())
        .env(variable, folder.path("data"))
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    passed(&output)
}

/// The exit code, and the lines of what did not pass.
fn passed(output: &Output) -> (Option<i32>, Vec<String>) {
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter(|line| !line.starts_with("pass "));
    (output.status.code(), lines.map(str::to_owned).collect())
}

#[test]
fn the_table_in_shell_passes() {
    let folder = Folder::new();
    folder.write("data", "shop blue 3000 /shop/ 1 10.0.0.1\n");
    let arguments = [
        "discovery-map",
        "--setting=MESH_TABLE",
        "--change=sed -i s/10.0.0.1/10.0.0.2/ $MESH_TABLE",
        "--take-away=rm $MESH_TABLE",
        "--",
        &sample("discovery-table.sh"),
    ];
    assert_eq!(check(&folder, "MESH_TABLE", &arguments), (Some(0), vec![]));
}

#[test]
fn the_catalog_in_python_passes() {
    let folder = Folder::new();
    let services = r#"{"services": [{"service": "shop", "color": "blue", "port": 3000, "path": "/shop/",
                       "weight": 1, "hosts": ["10.0.0.1"]}]}"#;
    folder.write("data", services);
    let output = folder
        .command(&[
            "conformance",
            "discovery-map",
            "--setting=MESH_CATALOG",
            "--change=sed -i s/10.0.0.1/10.0.0.2/ data",
            "--take-away=rm data",
            "--",
            &sample("discovery-catalog.py"),
        ])
        .env(
            "MESH_CATALOG",
            format!("file://{}", folder.path("data").display()),
        )
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    assert_eq!(passed(&output), (Some(0), vec![]));
}

#[test]
fn the_store_in_python_passes() {
    let folder = Folder::new();
    let arguments = [
        "data-store",
        "--setting=MESH_DATABASE",
        "--",
        &sample("store-sqlite.py"),
    ];
    let lists_none = "it does not list versions, as a store need not";
    let not_tried = [
        ("read-only-says-so", "it takes commits"),
        ("list-begins-with-current", lists_none),
        ("list-newest-first", lists_none),
        ("list-times", lists_none),
        ("older-version", lists_none),
        ("older-version-30", lists_none),
    ];
    let not_tried = not_tried.map(|(rule, why)| format!("not tried  data-store/{rule}: {why}"));
    assert_eq!(
        check(&folder, "MESH_DATABASE", &arguments),
        (Some(0), not_tried.to_vec())
    );
}

#[test]
fn a_broken_rule_is_told_with_the_call_that_broke_it() {
    let folder = Folder::new();
    folder.write(
        "data/discovery-map.json",
        r#"{"schema-version": "v1", "namespaces": []}"#,
    );
    let output = folder
        .command(&["conformance", "discovery-map", "--", BROKEN])
        .env("BROKEN_DIR", folder.path("data"))
        .env("BROKEN_RULE", "unknown-arguments")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().skip_while(|line| !line.starts_with("fail "));
    let mut next = || lines.next().unwrap_or_default();
    let first = "fail       discovery-map/unknown-arguments: exit code 64 (failed for good) instead of \
                 exit code 0 (done)";
    assert_eq!(next(), first);
    let rule = "    rule: Arguments that it does not know are ignored: a later version of the protocol may \
                pass more. (docs/extension-points.md#how-it-is-called)";
    assert_eq!(next(), rule);
    let ran = next();
    assert!(
        ran.starts_with(&format!(
            "    ran:  {BROKEN} --api-version=1 --action-file="
        )),
        "{ran}"
    );
    let end = " --previous-document-version= --of-a-later-version=x";
    assert!(ran.ends_with(end), "{ran}");
    let rest = [next(), next(), next()];
    let expected = [
        "    end:  exit code 64 (failed for good)",
        "    file: none",
        "    err:  broken-extension: an unknown argument",
    ];
    assert_eq!(rest, expected);
    let last = "nightjar: 32 rules: 28 passed, 1 failed, 3 not tried\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), last);
    assert_eq!(output.status.code(), Some(1));
}
