//! Commits in place of one version, and what can be had of versions.

use crate::{Outcome, Store, file::version_of};
use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, UNIX_EPOCH},
};

/// A user who may do nothing.
const NOBODY: u32 = 65534;

fn too_late(version: &str) -> Outcome {
    Outcome::ended(
        32,
        &format!("not committed: the current version is not {version}"),
    )
}

#[test]
fn a_commit_replaces_the_version_that_it_is_given_and_no_other() {
    let store = Store::in_files().accepting_invalid();
    let (one, two) = (r#"{"a":1}"#, r#"{"a":2}"#);
    let commit = |previous: &str, content| store.commit_over(previous, "discovery-map", content);
    // Nothing is there that could be replaced.
    assert_eq!(commit(&version_of(one), one), too_late(&version_of(one)));
    assert!(!store.path("map.json").exists());

    assert_eq!(commit("", one), Outcome::ended(0, ""));
    assert_eq!(commit(&version_of(two), two), too_late(&version_of(two)));
    assert_eq!(fs::read_to_string(store.path("map.json")).unwrap(), one);
    assert_eq!(commit(&version_of(one), two), Outcome::ended(0, ""));
    assert_eq!(fs::read_to_string(store.path("map.json")).unwrap(), two);
    // Tried again, as its answer was lost: it is done.
    assert_eq!(commit(&version_of(one), two), Outcome::ended(0, ""));
    // By hand, which no version field tells of.
    store.write("map.json", r#"{"a":3}"#);
    assert_eq!(commit(&version_of(two), one), too_late(&version_of(two)));
    let names: Vec<_> = fs::read_dir(store.root.root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["map.json"], "no lock is left");
}

/// Of another user: one that may not be opened is not held by anybody.
#[test]
fn a_lock_that_was_left_behind_blocks_nobody() {
    let store = Store::in_files().accepting_invalid();
    let lock = store.path(".nightjar-lock-map.json");
    let program = store.path("program");
    fs::copy(env!("CARGO_BIN_EXE_ext-store-local"), &program).unwrap();
    store.write("new.json", r#"{"a":1}"#);
    let root = store.root.root();
    let is_root = fs::metadata(&program).unwrap().uid() == 0;
    if is_root {
        chown(root, Some(NOBODY), None).unwrap();
    }
    for mode in [0o000, 0o444] {
        fs::write(&lock, "").unwrap();
        fs::set_permissions(&lock, fs::Permissions::from_mode(mode)).unwrap();
        let mut command = Command::new(&program);
        if is_root {
            command.uid(NOBODY);
        }
        command
            .env_clear()
            .envs(store.variables.iter().map(|(name, value)| (name, value)))
            .args([
                "--api-version=1",
                "--document=discovery-map",
                "--action=commit",
            ])
            .arg(format!("--action-file={}", root.join("new.json").display()));
        // A child that another test forks holds the copy open for a moment.
        let output = loop {
            match command.output() {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {}
                ended => break ended.unwrap(),
            }
        };
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0), "{mode:o}");
        assert!(!lock.exists());
    }
    fs::create_dir(&lock).unwrap();
    let message = "cannot lock TEMP/.nightjar-lock-map.json, which serializes commits\n  hint: remove the \
                   file if it was left behind; commits that compare versions need a file system \
                   with locks: Is a directory (os error 21)";
    let outcome = store.commit_over("", "discovery-map", r#"{"a":2}"#);
    assert_eq!(outcome, Outcome::ended(1, message));
}

/// Whatever the moment, a version is replaced once: as many commits are done as versions were there.
#[test]
fn two_commits_with_one_version_are_not_both_done() {
    const ROUNDS: usize = 40;
    let store = Store::in_files().accepting_invalid();
    store.commit("discovery-map", r#"{"start":0}"#);
    for round in 0..ROUNDS {
        let content = fs::read_to_string(store.path("map.json")).unwrap();
        let version = version_of(&content);
        let (done, late) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for committer in 0..3 {
                let (store, version, done, late) = (&store, &version, &done, &late);
                scope.spawn(move || {
                    let content = format!("{{\"round\":{round},\"committer\":{committer}}}");
                    let outcome = store.commit_over(version, "discovery-map", &content);
                    let counter = if outcome == Outcome::ended(0, "") {
                        done
                    } else {
                        assert_eq!(outcome, too_late(version));
                        late
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        let counts = [done, late].map(AtomicUsize::into_inner);
        assert_eq!(counts, [1, 2], "{round}");
    }
}

#[test]
fn the_one_version_of_a_file_is_listed_and_fetched() {
    let store = Store::in_files();
    let content = r#"{"a":1}"#;
    store.write("map.json", content);
    let file = fs::File::options()
        .write(true)
        .open(store.path("map.json"))
        .unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_millis(1_795_409_412_345))
        .unwrap();
    let version = version_of(content);
    let call = |arguments: &[&str]| {
        let protocol = ["--api-version=1", "--document=discovery-map"];
        store.run(&[&protocol, arguments].concat())
    };
    let listed = format!(
        r#"{{"versions":[{{"document-version":"{version}","time":"2026-11-23T04:50:12Z"}}]}}"#
    );
    assert_eq!(call(&["--action=list"]), Outcome::done(&listed));
    let this = format!("--document-version={version}");
    assert_eq!(
        call(&["--action=fetch", &this]),
        store.fetch("discovery-map", "")
    );
    let message = format!("TEMP/map.json holds only its current version, {version}");
    assert_eq!(
        call(&["--action=fetch", "--document-version=other"]),
        Outcome::ended(1, &message)
    );
    assert_eq!(
        call(&["--action=list", &this]),
        Outcome::ended(
            64,
            "argument --document-version is not allowed with --action=list"
        )
    );
}

#[test]
fn a_folder_has_no_versions() {
    let store = Store::in_folder();
    let message = "templates come from the folder TEMP/templates, which has no versions";
    for arguments in [
        &["--action=list"][..],
        &["--action=fetch", "--document-version=v"],
    ] {
        let protocol = ["--api-version=1", "--document=templates"];
        let outcome = store.run(&[&protocol, arguments].concat());
        assert_eq!(outcome, Outcome::ended(1, message));
    }
}
