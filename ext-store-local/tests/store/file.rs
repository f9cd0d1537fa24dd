//! Documents in files.

use crate::{Outcome, Store};
use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
};

/// The version of a file: what the store reports is a hash of its bytes.
pub(crate) fn version_of(content: &str) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(content.as_bytes()))
}

#[test]
fn the_version_is_put_in_and_all_else_stays_as_it_was_written() {
    let store = Store::in_files();
    let content = r#"{
  "schema-version": "v1",
  "document-version": "by hand",
  "namespaces": [ {"b": 1.50, "a": 12345678901234567890123, "ü\n": "\u00e9"} ],
  "own \"field\"": null
}"#;
    store.write("map.json", content);
    let version = version_of(content);
    let expected = Outcome::done(&format!(
        "{{\"document-version\":\"{version}\",\"schema-version\":\"v1\",\"namespaces\":\
         [ {{\"b\": 1.50, \"a\": 12345678901234567890123, \"ü\\n\": \"\\u00e9\"}} ],\
         \"own \\\"field\\\"\":null}}\n"
    ));
    assert_eq!(store.fetch("discovery-map", ""), expected);
    assert_eq!(store.fetch("discovery-map", "by hand"), expected);
    assert_eq!(
        store.fetch("discovery-map", &version),
        Outcome::ended(30, "")
    );
}

#[test]
fn an_edit_is_noticed_though_the_version_field_stays() {
    let store = Store::in_files();
    store.write(
        "templates.json",
        r#"{"document-version":"1","gateway-templates":[]}"#,
    );
    let before = store.fetch("templates", "").file.unwrap();
    let content = r#"{"document-version":"1","gateway-templates":[{}]}"#;
    store.write("templates.json", content);
    let version = version_of(content);
    let expected = format!("{{\"document-version\":\"{version}\",\"gateway-templates\":[{{}}]}}\n");
    let previous = before.split('"').nth(3).unwrap();
    assert_eq!(store.fetch("templates", previous), Outcome::done(&expected));
}

#[test]
fn a_file_that_is_not_there_yet_is_worth_another_try() {
    let store = Store::in_files();
    let expected = |path: &str| {
        let message = format!(
            "TEMP/{path} is not there yet\n  hint: NJ_DSLOCAL_FILE_DISCOVERY_MAP and \
             NJ_DSLOCAL_FILE_TEMPLATES set where documents are"
        );
        Outcome::ended(31, &message)
    };
    assert_eq!(store.fetch("discovery-map", ""), expected("map.json"));
    assert_eq!(store.fetch("templates", "v1"), expected("templates.json"));
}

#[test]
fn half_a_file_is_worth_another_try() {
    let store = Store::in_files();
    let cases: [(&[u8], &str); 4] = [
        (b"", "EOF while parsing a value at line 1 column 0"),
        (
            b"{\"namespaces\": [\n  {\"name",
            "EOF while parsing a string at line 2 column 8",
        ),
        (b"{\"a\": 1,}", "trailing comma at line 1 column 9"),
        (
            b"{\"a\": \"\xff\"}",
            "invalid unicode code point at line 1 column 8",
        ),
    ];
    for (content, message) in cases {
        store.write("map.json", content);
        let message = format!("TEMP/map.json is not complete JSON: {message}");
        assert_eq!(
            store.fetch("discovery-map", ""),
            Outcome::ended(31, &message)
        );
    }
}

#[test]
fn what_is_no_document_is_fatal() {
    let store = Store::in_files();
    store.write("map.json", "[1, 2]");
    let message = "TEMP/map.json is not a JSON object: \
                   invalid type: sequence, expected an object at line 1 column 0";
    assert_eq!(store.fetch("discovery-map", ""), Outcome::ended(1, message));

    fs::create_dir(store.path("templates.json")).unwrap();
    let message = "cannot read TEMP/templates.json: Is a directory (os error 21)";
    assert_eq!(store.fetch("templates", ""), Outcome::ended(1, message));
}

#[test]
fn the_handed_over_file_is_private_and_alone() {
    let store = Store::in_files();
    store.write("map.json", "{}");
    let folder = tempfile::tempdir_in(store.root.root()).unwrap();
    let action_file = folder.path().join("action.json");
    store.run_with(
        &action_file,
        &[
            "--api-version=1",
            "--document=discovery-map",
            "--action=fetch",
        ],
    );
    assert_eq!(
        fs::metadata(&action_file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_commit_is_fetched_again_with_a_version_of_its_own() {
    let store = Store::in_files();
    let content = r#"{"document-version":"theirs","schema-version":"v1","namespaces":[]}"#;
    assert_eq!(
        store.commit("discovery-map", content),
        Outcome::ended(0, "")
    );
    assert_eq!(fs::read_to_string(store.path("map.json")).unwrap(), content);
    let mode = fs::metadata(store.path("map.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
    let version = version_of(content);
    let expected = format!(
        "{{\"document-version\":\"{version}\",\"schema-version\":\"v1\",\"namespaces\":[]}}\n"
    );
    assert_eq!(
        store.fetch("discovery-map", "theirs"),
        Outcome::done(&expected)
    );

    // Nothing else is left in the folder.
    let names: Vec<_> = fs::read_dir(store.root.root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["map.json"]);
}

#[test]
fn a_bad_commit_changes_nothing() {
    let store = Store::in_files().accepting_invalid();
    store.write("map.json", "{}");
    let cases = [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{\"a\":", "EOF while parsing a value at line 1 column 5"),
        (
            "\"text\"",
            "invalid type: string \"text\", expected an object at line 1 column 6",
        ),
    ];
    for (content, message) in cases {
        let message = format!("the document to commit is not a JSON object: {message}");
        assert_eq!(
            store.commit("discovery-map", content),
            Outcome::ended(1, &message)
        );
    }
    assert_eq!(fs::read_to_string(store.path("map.json")).unwrap(), "{}");
}

#[test]
fn a_commit_makes_missing_folders_and_follows_links() {
    let mut store = Store::in_files();
    store.variables = vec![(
        "NJ_DSLOCAL_FILE_TEMPLATES",
        store.path("a/b/templates.json"),
    )];
    store = store.accepting_invalid();
    assert_eq!(store.commit("templates", "{}"), Outcome::ended(0, ""));
    assert_eq!(
        fs::read_to_string(store.path("a/b/templates.json")).unwrap(),
        "{}"
    );

    store.write("real/map.json", "{}");
    symlink(store.path("real/map.json"), store.path("link.json")).unwrap();
    store.variables = vec![("NJ_DSLOCAL_FILE_DISCOVERY_MAP", store.path("link.json"))];
    store = store.accepting_invalid();
    assert_eq!(
        store.commit("discovery-map", "{\"a\":1}"),
        Outcome::ended(0, "")
    );
    assert!(store.path("link.json").is_symlink());
    assert_eq!(
        fs::read_to_string(store.path("real/map.json")).unwrap(),
        "{\"a\":1}"
    );
}

#[test]
fn a_commit_to_a_place_that_cannot_be_written_is_fatal() {
    let store = Store::in_files();
    store.write("map.json", "{}");
    // Not a permission: tests may run as root.
    fs::set_permissions(store.path("map.json"), Permissions::from_mode(0o644)).unwrap();
    let mut store = store;
    store.variables = vec![(
        "NJ_DSLOCAL_FILE_DISCOVERY_MAP",
        store.path("map.json/below.json"),
    )];
    store = store.accepting_invalid();
    let message = "cannot write TEMP/map.json/below.json: Not a directory (os error 20)";
    assert_eq!(
        store.commit("discovery-map", "{}"),
        Outcome::ended(1, message)
    );
}
