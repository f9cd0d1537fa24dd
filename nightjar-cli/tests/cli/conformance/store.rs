//! Data stores.

use super::{BROKEN, Checked, check, each_breaks_its_rule, rules};
use crate::folder::Folder;
use std::collections::BTreeSet;

fn check_store(rule: &str) -> Checked {
    let timeout = if rule == "ends-in-time" { "0.5" } else { "60" };
    let timeout = format!("--timeout={timeout}");
    check(rule, &[], &["data-store", "--setting=BROKEN_DIR", &timeout])
}

#[test]
fn one_that_keeps_all_rules_passes_them_all() {
    let found = check_store("");
    let not_tried = BTreeSet::from(["read-only-says-so".to_owned()]);
    assert_eq!(
        (&found.failed, &found.not_tried),
        (&BTreeSet::new(), &not_tried),
        "{}",
        found.json
    );
    assert_eq!(found.code, Some(0));
}

#[test]
fn each_broken_extension_breaks_its_rule_alone() {
    let unstable: &[&str] = &[
        "commit-over-current",
        "list-begins-with-current",
        "same-commit-same-version",
    ];
    let companions = [("same-content-same-version", unstable)];
    each_breaks_its_rule(&rules("data-store"), &companions, check_store);
}

/// A run on a store that holds what somebody committed.
fn check_full(arguments: &[&str]) -> (Folder, crate::folder::Outcome) {
    let folder = Folder::new();
    folder.write("data/templates.json", SOMEBODYS);
    folder.write("data/templates.1", SOMEBODYS);
    folder.write("data/templates.count", "1");
    let arguments = [&["conformance", "data-store"], arguments, &["--", BROKEN]].concat();
    let output = folder
        .command(&arguments)
        .env("BROKEN_DIR", folder.path("data"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
    let outcome = crate::folder::Outcome {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    };
    (folder, outcome)
}

const SOMEBODYS: &str = r#"{"schema-version":"v1","document-version":"1","gateway-templates":[],"service-templates":[]}"#;

#[test]
fn a_store_that_holds_documents_is_left_alone() {
    let (folder, outcome) = check_full(&[]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(64), ""));
    let said = "nightjar: the store holds templates, which commits would replace, so nothing was tried\n  \
                hint: give it an empty store; or --overwrite, which puts back at the end what it found; \
                or --read-only, which tries the rules of fetching alone\n";
    assert_eq!(outcome.stderr, said);
    assert_eq!(folder.read("data/templates.count"), "1");

    let (folder, outcome) = check_full(&["--read-only"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    assert_eq!(folder.read("data/templates.count"), "1");
}

#[test]
fn what_was_there_is_put_back() {
    let (folder, outcome) = check_full(&["--overwrite"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    let last = outcome.stderr.lines().next();
    assert_eq!(last, Some("nightjar: templates is as it was found"));
    let there: serde_json::Value =
        serde_json::from_str(&folder.read("data/templates.json")).unwrap();
    assert_eq!(there["gateway-templates"], serde_json::json!([]));
    assert_eq!(there["x-nightjar-conformance"], serde_json::Value::Null);
    assert_ne!(folder.read("data/templates.count"), "1");
    assert!(!folder.path("data/discovery-map.json").exists());
}
