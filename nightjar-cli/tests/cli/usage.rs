//! Arguments, exit codes and help.

use crate::folder::{Folder, Outcome};
use std::{io::Read as _, process::Stdio};

#[test]
fn wrong_arguments_are_told_apart_from_faults() {
    let folder = Folder::with_starter();
    let context = [
        "context",
        "--discovery-map=discovery-map.json",
        "--namespace=demo",
    ];
    for arguments in [
        &[][..],
        &["unknown"],
        &["validate"],
        &["validate", "--format=xml", "discovery-map.json"],
        &["context"],
        &["init"],
        &["check"],
        &["render", "--listen-port=1"],
        &["route", "GET", "/"],
        &[
            "route",
            "--discovery-map=discovery-map.json",
            "--from=x",
            "GET",
            "/",
        ],
        &["diff", "discovery-map.json"],
        &["graph", "--discovery-map=discovery-map.json"],
        &["why", "a line"],
        &["why", "GET", "/"],
        &["status"],
        &["why", "--namespace=demo", "GET", "/"],
        &["template"],
        &["template", "lint"],
        &["template", "render"],
        &["template", "list"],
        &["template", "list", "--versions", "--document-version=1"],
        &["template", "push"],
        &["template", "push", "--replace", "--as=gateway/a/b", "x"],
        &["template", "diff"],
        &["template", "diff", "--shipped", "--document-version=1"],
        &["template", "rollback", "1"],
        &["conformance"],
        &["conformance", "discovery-map"],
        &["conformance", "discovery-map", "./extension"],
        &["conformance", "discovery-map", "--timeout=0", "--", "true"],
        &["conformance", "discovery-map", "--", "not-there"],
        &["schema"],
    ] {
        let outcome = folder.run(arguments);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (Some(64), ""),
            "{arguments:?}"
        );
    }
    for port in ["0", "65536", "x"] {
        let port = format!("--listen-port={port}");
        assert_eq!(
            folder.run(&[&context[..], &[&port]].concat()).code,
            Some(64)
        );
    }
    let message = "nightjar: --admin-port is the same as --listen-port\n";
    assert_eq!(
        folder.run(&[&context[..], &["--listen-port=1", "--admin-port=1"]].concat()),
        Outcome::new(64, "", message)
    );
    let stats = |arguments: &[&str]| {
        let property = ["--property=stats-port=2"];
        folder.run(&[&context[..], &property, arguments].concat())
    };
    let fault = |reason: &str| {
        let message = format!("nightjar: --property \"stats-port=2\" {reason}\n");
        Outcome::new(64, "", &message)
    };
    let needs = "needs --admin-port, from which the statistics come";
    assert_eq!(stats(&["--listen-port=1"]), fault(needs));
    let admin = stats(&["--admin-port=2", "--listen-port=1"]);
    assert_eq!(admin, fault("is the same as --admin-port"));
    let listen = stats(&["--admin-port=3", "--listen-port=2"]);
    assert_eq!(listen, fault("is the same as --listen-port"));
}

#[test]
fn every_help_has_an_example() {
    let folder = Folder::new();
    let mut texts = String::new();
    for command in [
        &[][..],
        &["init"],
        &["validate"],
        &["context"],
        &["render"],
        &["check"],
        &["route"],
        &["diff"],
        &["graph"],
        &["why"],
        &["status"],
        &["template"],
        &["template", "render"],
        &["template", "lint"],
        &["template", "list"],
        &["template", "pull"],
        &["template", "push"],
        &["template", "diff"],
        &["template", "rollback"],
        &["conformance"],
        &["conformance", "discovery-map"],
        &["conformance", "data-store"],
        &["schema"],
        &["completions"],
        &["man"],
    ] {
        let outcome = folder.run(&[command, &["--help"]].concat());
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (Some(0), ""),
            "{command:?}"
        );
        let example = outcome.stdout.contains("\nExample:\n  nightjar ") || command.is_empty();
        assert!(example, "{command:?}");
        texts.push_str(&outcome.stdout);
        texts.push_str("\n--------\n\n");
    }
    insta::assert_snapshot!(texts);
}

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let outcome = Folder::new().run(&["completions", shell]);
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
        for command in ["validate", "route", "diff", "status", "completions"] {
            assert!(outcome.stdout.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(Folder::new().run(&["completions", "tcsh"]).code, Some(64));
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Folder::new();
    let page = folder.run(&["man"]);
    assert_eq!((page.code, &*page.stderr), (Some(0), ""));
    assert!(page.stdout.contains(".TH nightjar 1"), "{}", page.stdout);
    let pages = folder.run(&["man", "--out=man1"]);
    assert_eq!((pages.code, &*pages.stderr), (Some(0), ""));
    let mut printed: Vec<&str> = pages.stdout.lines().collect();
    printed.sort_unstable();
    assert_eq!(printed, folder.files());
    assert_eq!(folder.read("man1/nightjar.1"), page.stdout);
    let push = folder.read("man1/nightjar-template-push.1");
    for part in [
        "nightjar template push",
        "\\-\\-dry\\-run",
        "nightjar template push \\-\\-store prod",
    ] {
        assert!(push.contains(part), "{part}: {push}");
    }
    folder.write("file", "");
    assert_eq!(folder.run(&["man", "--out=file/man1"]).code, Some(1));
}

#[test]
fn the_version() {
    let version = concat!("nightjar ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(
        Folder::new().run(&["--version"]),
        Outcome::new(0, version, "")
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = Folder::new();
    // More than a pipe holds, so that the program still writes when its reader has gone.
    folder.write("t", "x".repeat(1 << 20));
    folder.write("c.json", "{}");
    let mut child = folder
        .command(&["template", "render", "--template=t", "--context=c.json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((first, output.status.code()), ([b'x'], Some(0)));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
