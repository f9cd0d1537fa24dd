//! Stores that fail, and callers that come at the same time.

use super::Scene;
use std::fs;

/// What a push prints behind a script, with the version that the store holds afterwards in words.
fn pushed(script: &str) -> String {
    let scene = Scene::with_script(script);
    let before = fs::read(scene.0.path("data/templates.json")).unwrap();
    scene.template(
        "gateway/_default",
        "envoy-config.yaml",
        "node: {id: other}\n",
    );
    let shown = scene.shown(&["push", "templates"]);
    let after = fs::read(scene.0.path("data/templates.json")).unwrap();
    let text = String::from_utf8(after.clone()).unwrap();
    let state = if after == before {
        "what it held"
    } else if text.contains("id: other") {
        "what was pushed"
    } else {
        "what another committed"
    };
    format!("{script}\n{shown}The store holds {state}.\n")
}

#[test]
fn a_failure_at_any_moment_loses_nothing() {
    let told = [
        // Another commits between the look and the commit.
        "case \"$*\" in *=commit*) cp data/templates.json t; sed 's/gateway}/another}/' t >data/templates.json;; esac\nrun \"$@\"",
        // The answer to the commit gets lost.
        "run \"$@\"; code=$?\ncase \"$*\" in *=commit*) exit 31;; esac\nexit $code",
        // It is killed before, and after it has committed.
        "case \"$*\" in *=commit*) kill -9 $$;; esac\nrun \"$@\"",
        "run \"$@\"; code=$?\ncase \"$*\" in *=commit*) kill -9 $$;; esac\nexit $code",
        // It is out of reach, before or after the commit.
        "case \"$*\" in *=commit*) echo throttled >&2; exit 31;; esac\nrun \"$@\"",
        "echo 'no route to host' >&2; exit 31",
        "[ -e gone ] && exit 31\nrun \"$@\"; code=$?\ncase \"$*\" in *=commit*) touch gone;; esac\nexit $code",
        // It says what is not so.
        "case \"$*\" in *=commit*) exit 0;; esac\nrun \"$@\"",
        // It refuses, and says why; and it warns although all went well.
        "case \"$*\" in *=commit*) echo 'not allowed' >&2; exit 1;; esac\nrun \"$@\"",
        "case \"$*\" in *=commit*) echo 'no copy was kept' >&2;; esac\nrun \"$@\"",
    ];
    let told: Vec<String> = told.into_iter().map(pushed).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_a_store_hands_over_is_not_trusted() {
    let hand_over = |json: &str| format!("printf '%s' '{json}' >\"${{2#*=}}\"");
    let scene = Scene::with_templates();
    let mut told = Vec::new();
    for script in [
        "exit 0".to_owned(),
        hand_over("{"),
        hand_over("[]"),
        hand_over("{}"),
        hand_over(r#"{"document-version": "\u001b[31m"}"#),
        hand_over(r#"{"document-version": "1", "schema-version": "v1"}"#),
        "exit 30".to_owned(),
        "echo 'I am lost' >&2; exit 7".to_owned(),
    ] {
        scene.script(&script);
        told.push(format!("{script}\n{}", scene.shown(&["list"])));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_store_need_not_list_versions() {
    let no_list = "case \"$*\" in *=list*) echo 'I have no list' >&2; exit 64;; esac\nrun \"$@\"";
    let scene = Scene::with_script(no_list);
    let mut story = scene.story(&[&["list", "--versions"], &["rollback"]]);
    scene.script(
        "case \"$*\" in *=list*) printf '{\"versions\": {}}' >\"${2#*=}\";; *) run \"$@\";; esac",
    );
    story += &scene.story(&[&["list", "--versions"]]);
    // One that knows no versions hands over the current one.
    scene.script("for a; do shift; case $a in --document-version=*) ;; *) set -- \"$@\" \"$a\";; esac; done; run \"$@\"");
    story += &scene.story(&[&["rollback"], &["rollback", "--to=1"]]);
    insta::assert_snapshot!(story);
}

#[test]
fn a_push_that_is_interrupted_commits_nothing() {
    let scene = Scene::with_templates();
    let version = scene.version();
    scene.template(
        "gateway/_default",
        "envoy-config.yaml",
        "node: {id: other}\n",
    );
    // An Envoy that takes everything, and interrupts whoever asks it.
    let envoy = "#!/bin/sh\ncase $1 in --version) echo 'envoy  version: 0/1.40.0/Clean';;\n\
                 *) kill -INT $PPID; echo \"configuration 'x' OK\";; esac\n";
    scene.0.write("source", envoy);
    let install = std::process::Command::new("install")
        .args(["-m", "755"])
        .args([scene.0.path("source"), scene.0.path("envoy")])
        .status();
    assert!(install.unwrap().success());
    let interrupted = scene.run(&["push", "templates", "--envoy=./envoy"]);
    let end = "nightjar: interrupted: received SIGINT\n";
    assert_eq!(interrupted.code, Some(1));
    assert!(interrupted.stderr.ends_with(end), "{}", interrupted.stderr);
    assert_eq!(scene.version(), version);
}

/// A first push compares with nothing, so that it could replace what is there.
#[test]
fn a_store_that_is_out_of_reach_is_not_an_empty_one() {
    let scene = Scene::with_script(
        "case \"$*\" in *=commit*) run \"$@\";; *) echo throttled >&2; exit 31;; esac",
    );
    let file = scene.0.path("data/templates.json");
    let before = fs::read(&file).unwrap();
    scene.template(
        "gateway/_default",
        "envoy-config.yaml",
        "node: {id: other}\n",
    );
    let refused = scene.run(&["push", "--create", "templates"]);
    assert_eq!(refused.code, Some(31));
    assert!(
        refused.stderr.contains("push with --create and --force"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read(&file).unwrap(), before);
    let forced = scene.run(&["push", "--create", "--force", "templates"]);
    assert_eq!(forced.code, Some(0), "{}", forced.stderr);
    assert_ne!(fs::read(&file).unwrap(), before);
}
