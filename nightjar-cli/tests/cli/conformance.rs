//! `nightjar conformance`, against an extension that breaks one rule at a time.

mod discovery;
mod examples;
mod store;

use crate::folder::Folder;
use serde_json::Value;
use std::collections::BTreeSet;

/// The extension that breaks the rule that `BROKEN_RULE` names.
const BROKEN: &str = env!("CARGO_BIN_EXE_broken-extension");

/// What came of a check, each rule without its kind.
struct Checked {
    code: Option<i32>,
    failed: BTreeSet<String>,
    not_tried: BTreeSet<String>,
    json: Value,
}

/// Checks the extension that breaks a rule, in a folder with these files.
fn check(rule: &str, files: &[(&str, &str)], arguments: &[&str]) -> Checked {
    let folder = Folder::new();
    folder.write("data/.keep", "");
    for (name, text) in files {
        folder.write(name, text);
    }
    let output = folder
        .command(
            &[
                &["conformance"],
                arguments,
                &["--format=json", "--", BROKEN],
            ]
            .concat(),
        )
        .env("BROKEN_RULE", rule)
        .env("BROKEN_DIR", folder.path("data"))
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let json: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{rule}: {error}: {output:?}"));
    let named = |outcome: &str| {
        let rows = json["rules"].as_array().unwrap().iter();
        let rows = rows.filter(|row| row["outcome"] == outcome);
        rows.map(|row| {
            row["rule"]
                .as_str()
                .unwrap()
                .split_once('/')
                .unwrap()
                .1
                .to_owned()
        })
        .collect()
    };
    Checked {
        code: output.status.code(),
        failed: named("fail"),
        not_tried: named("not-tried"),
        json,
    }
}

/// A rule, and the section of the page on the protocol that it is from.
struct Rule {
    name: String,
    section: String,
}

/// All rules of a kind.
fn rules(kind: &str) -> Vec<Rule> {
    let listed = Folder::new().run(&["conformance", kind, "--list", "--format=json"]);
    let rules: Value = serde_json::from_str(&listed.stdout).unwrap();
    let rules = rules.as_array().unwrap().iter();
    let after = |text: &Value, separator| {
        let (_, rest) = text.as_str().unwrap().split_once(separator).unwrap();
        rest.to_owned()
    };
    rules
        .map(|rule| Rule {
            name: after(&rule["rule"], '/'),
            section: after(&rule["page"], '#'),
        })
        .collect()
}

/// The names of those rules that are in one section with a rule.
fn section<'a>(rules: &'a [Rule], rule: &'a Rule) -> impl Iterator<Item = &'a str> {
    let same = rules.iter().filter(|it| it.section == rule.section);
    same.map(|it| it.name.as_str())
}

/// Each broken extension breaks the rule of its name, and it alone but for these companions.
fn each_breaks_its_rule(
    rules: &[Rule],
    companions: &[(&str, &[&str])],
    check: impl Fn(&Rule) -> Checked + Sync,
) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    let work = || {
        while let Some(rule) = rules.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            let found = check(rule);
            let others = companions.iter().find(|(name, _)| *name == rule.name);
            let others = others.map_or(&[][..], |(_, others)| others);
            let expected: BTreeSet<String> = others
                .iter()
                .copied()
                .chain([rule.name.as_str()])
                .map(str::to_owned)
                .collect();
            if found.failed != expected || found.code != Some(1) {
                let (failed, code) = (&found.failed, found.code);
                let message = format!("{}: {failed:?}, exit code {code:?}", rule.name);
                wrong.lock().unwrap().push(message);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
