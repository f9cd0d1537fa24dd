//! Arguments and settings.

use crate::{Outcome, Store};

#[test]
fn help_lists_the_settings() {
    let outcome = Store::in_files().run(&["--help"]);
    let stdout = "\
ext-store-local: a data store in local files, and in a folder of templates

An extension point of Nightjar, api version 1. Other programs start it, or you by hand:
  ext-store-local --api-version=1 --action-file=PATH --document=NAME --action=fetch|commit|list
      [--document-version=V]
      [--previous-document-version=V]

Environment:
  NJ_DSLOCAL_FILE_TEMPLATES (default: /usr/share/nightjar/data-store/templates.json)
      the file that holds the templates document
  NJ_DSLOCAL_FILE_DISCOVERY_MAP (default: /usr/share/nightjar/data-store/discovery-map.json)
      the file that holds the discovery map
  NJ_DSLOCAL_DIR_TEMPLATES (not set: the templates come from NJ_DSLOCAL_FILE_TEMPLATES)
      a folder of templates that people edit directly, used instead of the file: \
gateway/<namespace>/<purpose>.mustache and \
service/<namespace>/<service>/<color>/<purpose>.mustache, with _default for any
  NJ_STORE_ACCEPT_INVALID (default: false)
      Whether a document that breaks a rule is committed all the same.
";
    assert_eq!(
        outcome,
        Outcome {
            stdout: stdout.to_owned(),
            ..Outcome::ended(0, "")
        }
    );
}

#[test]
fn version_is_printed() {
    let stdout = format!("ext-store-local {}\n", env!("CARGO_PKG_VERSION"));
    let expected = Outcome {
        stdout,
        ..Outcome::ended(0, "")
    };
    assert_eq!(Store::in_files().run(&["--version"]), expected);
}

#[test]
fn wrong_arguments_are_fatal() {
    let cases: [(&[&str], &str); 7] = [
        (
            &[],
            "this extension supports api version 1, but was called with no --api-version",
        ),
        (
            &["--api-version=2", "--document=templates", "--action=fetch"],
            "this extension supports api version 1, but was called with --api-version=2",
        ),
        (
            &["--api-version=1", "--action=fetch"],
            "argument --document is missing",
        ),
        (
            &["--api-version=1", "--document=templates"],
            "argument --action is missing",
        ),
        (
            &[
                "--api-version=1",
                "--document=templates",
                "--action-file=",
                "--action=fetch",
            ],
            "argument --action-file is missing",
        ),
        (
            &["--api-version=1", "--document=../x", "--action=fetch"],
            "argument --document is \"../x\", which is not a document's name \
             (letters, digits, '.', '_' and '-')",
        ),
        (
            &["--api-version=1", "--document=templates", "--action=delete"],
            "argument --action is \"delete\", which is not one of fetch, commit, list",
        ),
    ];
    for (arguments, message) in cases {
        assert_eq!(
            Store::in_files().run(arguments),
            Outcome::ended(64, message),
            "{arguments:?}"
        );
    }
}

#[test]
fn unknown_arguments_are_ignored_and_the_last_of_a_name_counts() {
    let store = Store::in_files();
    store.write("map.json", "{}");
    let outcome = store.run(&[
        "--api-version=7",
        "--trace-id=5",
        "stray",
        "--document=templates",
        "--action=commit",
        "--api-version=1",
        "--document=discovery-map",
        "--action=fetch",
    ]);
    let expected = "{\"document-version\":\"dc7048f8f8747f561349cde127705c16\"}\n";
    assert_eq!(outcome, Outcome::done(expected));
}

#[test]
fn unknown_documents_are_fatal() {
    let message = "this store keeps discovery-map and templates, not certificates";
    assert_eq!(
        Store::in_files().fetch("certificates", ""),
        Outcome::ended(1, message)
    );
    assert_eq!(
        Store::in_files().commit("certificates", "{}"),
        Outcome::ended(1, message)
    );
}

#[test]
fn an_output_that_cannot_be_written_is_fatal() {
    let store = Store::in_files();
    store.write("map.json", "{}");
    let outcome = store.run_with(
        &store.path("nowhere/action.json"),
        &[
            "--api-version=1",
            "--document=discovery-map",
            "--action=fetch",
        ],
    );
    let start = "ext-store-local: cannot write TEMP/nowhere/action.json: \
                 No such file or directory (os error 2) at path \"TEMP/nowhere/.nightjar-";
    assert_eq!(
        (outcome.code, outcome.stderr.get(..start.len())),
        (Some(1), Some(start))
    );
}
