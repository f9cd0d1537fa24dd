//! The page of promises: every test that it names is there.

use e2e::root;
use std::{fs, path::PathBuf};

const PAGE: &str = "docs/promises.md";

/// Where tests are, by the first part of their names.
const FOLDERS: [(&str, &str); 9] = [
    ("containers", "e2e/tests/docker"),
    ("core", "nightjar-core/tests/core"),
    ("e2e", "e2e/tests/e2e"),
    ("nightjar", "nightjar-cli/src"),
    ("nightjar_central", "nightjar-central/src"),
    ("nightjar_core", "nightjar-core/src"),
    ("nightjar_standalone", "nightjar-standalone/src"),
    ("repository", "e2e/tests/repository"),
    ("store", "ext-store-local/tests/store"),
];

#[test]
fn every_promise_names_a_test() {
    let text = fs::read_to_string(root().join(PAGE)).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let mut missing = Vec::new();
    let mut count = 0;
    for row in rows {
        let names: Vec<&str> = row.split('`').filter(|part| is_name(part)).collect();
        count += names.len();
        let is_head = row.starts_with("| promise") || row.starts_with("| first part");
        if names.is_empty() && !is_head && !row.starts_with("| `") {
            missing.push(format!("no test: {row}"));
        }
        let unknown = names.into_iter().filter(|name| !is_test(name));
        missing.extend(unknown.map(|name| format!("there is no {name}")));
    }
    assert!(missing.is_empty(), "{PAGE}:\n{}", missing.join("\n"));
    assert!(count > 50, "the page names {count} tests");
}

/// Whether it looks like a test's name: `e2e::rollout::no_request_is_lost`.
fn is_name(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.contains("::") && text.split("::").all(is_part)
}

/// Whether there is a test of this name, in the file of its module.
fn is_test(name: &str) -> bool {
    let Some((first, rest)) = name.split_once("::") else {
        return false;
    };
    let (modules, function) = rest.rsplit_once("::").unwrap_or(("main", rest));
    let folder = FOLDERS.iter().find(|(known, _)| *known == first);
    let Some((_, folder)) = folder else {
        return false;
    };
    let file = |modules: &str| -> PathBuf {
        let path = format!("{folder}/{}.rs", modules.replace("::", "/"));
        root().join(path)
    };
    // The last module may be in its parent's file.
    let outer = modules
        .rsplit_once("::")
        .map_or(modules, |(outer, _)| outer);
    let texts = [modules, outer].map(file).map(fs::read_to_string);
    let wanted = format!("fn {function}(");
    texts
        .into_iter()
        .flatten()
        .any(|text| text.contains(&wanted))
}

#[test]
fn a_test_that_is_not_there_is_noticed() {
    for missing in [
        "e2e::rollout::no_request_is_found",
        "e2e::no_such_module::no_request_is_lost_over_rollouts_of_every_kind",
        "nowhere::rollout::no_request_is_lost_over_rollouts_of_every_kind",
    ] {
        assert!(is_name(missing) && !is_test(missing), "{missing}");
    }
}
