//! Data stores.

use super::{BROKEN, Checked, check, each_breaks_its_rule, rules, section};
use crate::folder::Folder;
use std::collections::BTreeSet;

/// A store that breaks a rule, held to these rules alone, or to all if there are none.
fn check_store(broken: &str, rules: &[&str]) -> Checked {
    let timeout = if broken == "ends-in-time" {
        "0.5"
    } else {
        "60"
    };
    let timeout = format!("--timeout={timeout}");
    let rules: Vec<String> = rules.iter().map(|rule| format!("--rule={rule}")).collect();
    let rules = rules.iter().map(String::as_str);
    let arguments = ["data-store", "--setting=BROKEN_DIR", &timeout];
    check(
        broken,
        &[],
        &arguments.into_iter().chain(rules).collect::<Vec<_>>(),
    )
}

#[test]
fn one_that_keeps_all_rules_passes_them_all() {
    let found = check_store("", &[]);
    let not_tried = BTreeSet::from(["read-only-says-so".to_owned()]);
    assert_eq!(
        (&found.failed, &found.not_tried),
        (&BTreeSet::new(), &not_tried),
        "{}",
        found.json
    );
    assert_eq!(found.code, Some(0));
}

/// A rule of every run, and the rule of another section whose runs show that it is broken.
const SHOWN_ELSEWHERE: (&str, &str) = ("no-file-on-failure", "other-api-version");

/// Rules that take as many runs as all others of their section, and look at what no other does.
const UNDER_COMMITS: [&str; 2] = ["whole-under-commits", "one-version-one-content"];

/// Each is held to the rules of its own section. `ALL_RULES=1` holds it to all, which takes a minute.
#[test]
fn each_broken_extension_breaks_its_rule_alone() {
    let rules = rules("data-store");
    let env = nightjar_core::env::Env::from_process();
    if env.get("ALL_RULES").is_some() {
        let unstable: &[&str] = &[
            "commit-over-current",
            "list-begins-with-current",
            "same-commit-same-version",
        ];
        let companions = [("same-content-same-version", unstable)];
        each_breaks_its_rule(&rules, &companions, |rule| check_store(&rule.name, &[]));
    } else {
        let unstable: &[&str] = &["same-commit-same-version"];
        let companions = [("same-content-same-version", unstable)];
        each_breaks_its_rule(&rules, &companions, |rule| {
            let mut held_to: Vec<&str> = section(&rules, rule).collect();
            let (name, elsewhere) = SHOWN_ELSEWHERE;
            held_to.extend((rule.name == name).then_some(elsewhere));
            held_to.retain(|it| *it == rule.name || !UNDER_COMMITS.contains(it));
            check_store(&rule.name, &held_to)
        });
    }
}

#[test]
fn rules_that_are_named_are_tried_alone() {
    let named = |broken, rules: &[&str]| {
        let found = check_store(broken, rules);
        let rows = found.json["rules"].as_array().unwrap().iter();
        let told = |row: &serde_json::Value| format!("{} {}", row["rule"], row["outcome"]);
        (found.code, rows.map(told).collect::<Vec<_>>().join(", "))
    };
    // Also one that others make the way for, which are not told.
    let alone = r#""data-store/commit-again" "fail""#.to_owned();
    assert_eq!(named("commit-again", &["commit-again"]), (Some(1), alone));
    let both = r#""data-store/other-version" "pass", "data-store/commit-again" "pass""#.to_owned();
    let two = ["commit-again", "data-store/other-version"];
    assert_eq!(named("unknown-arguments", &two), (Some(0), both));
    // A rule of every run alone looks at all of them.
    let alone = r#""data-store/no-file-on-failure" "fail""#.to_owned();
    assert_eq!(
        named("no-file-on-failure", &["no-file-on-failure"]),
        (Some(1), alone)
    );
}

#[test]
fn a_rule_that_is_not_there_is_told() {
    let arguments = [
        "conformance",
        "data-store",
        "--rule=valid-map",
        "--",
        BROKEN,
    ];
    let said = "nightjar: --rule \"valid-map\" is not a rule of a data-store\n  hint: --list prints them all\n";
    assert_eq!(
        Folder::new().run(&arguments),
        crate::folder::Outcome::new(64, "", said)
    );
    let listed = Folder::new().run(&["conformance", "data-store", "--list", "--rule=unchanged-30"]);
    assert_eq!((listed.code, listed.stdout.lines().count()), (Some(0), 2));
}

/// A run on a store that holds what somebody committed.
fn check_full(broken: &str, arguments: &[&str]) -> (Folder, crate::folder::Outcome) {
    let folder = Folder::new();
    folder.write("data/templates.json", SOMEBODYS);
    folder.write("data/templates.1", SOMEBODYS);
    folder.write("data/templates.count", "1");
    let arguments = [&["conformance", "data-store"], arguments, &["--", BROKEN]].concat();
    let output = folder
        .command(&arguments)
        .env("BROKEN_RULE", broken)
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
    let (folder, outcome) = check_full("", &[]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(64), ""));
    let said = "nightjar: the store holds templates, which commits would replace, so nothing was tried\n  \
                hint: give it an empty store; or --overwrite, which puts back at the end what it found; \
                or --read-only, which tries the rules of fetching alone\n";
    assert_eq!(outcome.stderr, said);
    assert_eq!(folder.read("data/templates.count"), "1");

    let (folder, outcome) = check_full("", &["--read-only"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    assert_eq!(folder.read("data/templates.count"), "1");
}

#[test]
fn what_was_there_is_put_back() {
    let (folder, outcome) = check_full("", &["--overwrite"]);
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

/// It was never replaced, so that nothing is lost.
#[test]
fn what_a_read_only_store_holds_needs_no_putting_back() {
    let (folder, outcome) = check_full("read-only-says-so", &["--overwrite"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stdout);
    let first = outcome.stderr.lines().next();
    assert_eq!(first, Some("nightjar: templates is as it was found"));
    assert_eq!(folder.read("data/templates.json"), SOMEBODYS);
}
