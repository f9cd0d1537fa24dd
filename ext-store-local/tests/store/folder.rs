//! Templates in a folder.

use crate::{Outcome, Store};
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
};

fn version(outcome: &Outcome) -> String {
    outcome
        .file
        .as_ref()
        .unwrap()
        .split('"')
        .nth(7)
        .unwrap()
        .to_owned()
}

fn filled() -> Store {
    let store = Store::in_folder();
    store.write(
        "templates/gateway/_default/envoy-config.yaml.mustache",
        "gateway",
    );
    store.write(
        "templates/gateway/n1/envoy-config.yaml.mustache",
        "gateway of n1",
    );
    store.write(
        "templates/service/_default/_default/_default/cds.json.mustache",
        "a\n\"b\"\n",
    );
    store.write(
        "templates/service/n1/shop/blue/sub/rds-{{mesh_port}}.json.mustache",
        "{{name}}",
    );
    store
}

#[test]
fn folders_say_what_a_template_is_for() {
    let outcome = filled().fetch("templates", "");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        outcome.file.unwrap(),
        concat!(
            r#"{"schema-version":"v1","document-version":"38585a3801d3bee930090eeb23f54c4e","#,
            r#""gateway-templates":["#,
            r#"{"namespace":null,"purpose":"envoy-config.yaml","template":"gateway"},"#,
            r#"{"namespace":"n1","purpose":"envoy-config.yaml","template":"gateway of n1"}],"#,
            r#""service-templates":["#,
            r#"{"namespace":null,"service":null,"color":null,"#,
            r#""purpose":"cds.json","template":"a\n\"b\"\n"},"#,
            r#"{"namespace":"n1","service":"shop","color":"blue","#,
            r#""purpose":"sub/rds-{{mesh_port}}.json","template":"{{name}}"}]}"#,
            "\n"
        )
    );
}

#[test]
fn the_version_follows_every_name_and_text() {
    let store = filled();
    let first = version(&store.fetch("templates", ""));
    assert_eq!(store.fetch("templates", &first), Outcome::ended(30, ""));

    store.write(
        "templates/gateway/n1/envoy-config.yaml.mustache",
        "gateway of n2",
    );
    let edited = version(&store.fetch("templates", &first));
    assert_ne!(edited, first);

    fs::rename(
        store.path("templates/gateway/n1"),
        store.path("templates/gateway/n2"),
    )
    .unwrap();
    let renamed = version(&store.fetch("templates", &edited));
    assert_ne!(renamed, edited);

    fs::rename(
        store.path("templates/gateway/n2"),
        store.path("templates/gateway/n1"),
    )
    .unwrap();
    store.write(
        "templates/gateway/n1/envoy-config.yaml.mustache",
        "gateway of n1",
    );
    assert_eq!(store.fetch("templates", &first), Outcome::ended(30, ""));
}

#[test]
fn other_files_are_ignored_and_misplaced_templates_noted_once() {
    let store = filled();
    let first = version(&store.fetch("templates", ""));
    store.write("templates/README.md", "how to edit");
    store.write("templates/.git/config", "\n");
    store.write("templates/gateway/n1/.envoy-config.yaml.mustache.swp", "\n");
    store.write("templates/gateway/n1/.hidden.mustache", "\n");
    store.write("templates/gateway/n1/envoy-config.yaml.mustache~", "\n");
    symlink(
        "nowhere",
        store.path("templates/gateway/n1/dangling.mustache"),
    )
    .unwrap();
    assert_eq!(store.fetch("templates", &first), Outcome::ended(30, ""));

    store.write("templates/cds.json.mustache", "top");
    store.write("templates/gateway/cds.json.mustache", "no namespace");
    store.write("templates/service/n1/shop/cds.json.mustache", "no color");
    assert_eq!(store.fetch("templates", &first), Outcome::ended(30, ""));
    let outcome = store.fetch("templates", "");
    assert_eq!((outcome.code, version(&outcome)), (Some(0), first));
    let rest = "is ignored: a template belongs in gateway/<namespace>/ or \
                service/<namespace>/<service>/<color>/, with _default for any\n";
    assert_eq!(
        outcome.stderr,
        [
            " WARN cds.json.mustache ",
            rest,
            " WARN gateway/cds.json.mustache ",
            rest,
            " WARN service/n1/shop/cds.json.mustache ",
            rest
        ]
        .concat()
    );
}

#[test]
fn links_are_followed_and_loops_rejected() {
    let store = Store::in_folder();
    store.write("elsewhere/_default/lds.json.mustache", "linked");
    fs::create_dir(store.path("templates")).unwrap();
    symlink(store.path("elsewhere"), store.path("templates/gateway")).unwrap();
    let outcome = store.fetch("templates", "");
    assert_eq!(
        outcome.file.unwrap(),
        concat!(
            r#"{"schema-version":"v1","document-version":"5ff9efb9d6d172010f2d16f3b707c7d1","#,
            r#""gateway-templates":["#,
            r#"{"namespace":null,"purpose":"lds.json","template":"linked"}],"#,
            r#""service-templates":[]}"#,
            "\n"
        )
    );

    symlink(
        store.path("elsewhere"),
        store.path("elsewhere/_default/again"),
    )
    .unwrap();
    let message =
        "TEMP/templates/gateway/_default/again is a symbolic link to a folder that contains it";
    assert_eq!(store.fetch("templates", ""), Outcome::ended(1, message));
}

#[test]
fn text_and_names_have_to_be_utf8() {
    let store = filled();
    store.write("templates/gateway/n1/lds.json.mustache", b"caf\xe9");
    let message = "the text of TEMP/templates/gateway/n1/lds.json.mustache is not UTF-8";
    assert_eq!(store.fetch("templates", ""), Outcome::ended(1, message));

    let store = filled();
    let name = OsStr::from_bytes(b"caf\xe9.mustache");
    fs::write(store.path("templates/gateway/n1").join(name), "x").unwrap();
    let message = "the name of TEMP/templates/gateway/n1/caf\u{fffd}.mustache is not UTF-8";
    assert_eq!(store.fetch("templates", ""), Outcome::ended(1, message));
}

#[test]
fn a_folder_that_is_not_ready_is_worth_another_try() {
    let store = Store::in_folder();
    let message = "TEMP/templates is not there yet";
    assert_eq!(store.fetch("templates", ""), Outcome::ended(31, message));
    fs::create_dir(store.path("templates")).unwrap();
    let message = "TEMP/templates contains neither a folder `gateway` nor a folder `service`";
    assert_eq!(store.fetch("templates", ""), Outcome::ended(31, message));
}

#[test]
fn a_file_in_place_of_the_folder_is_fatal() {
    let store = Store::in_folder();
    store.write("templates", "{}");
    let message = "cannot read TEMP/templates: Not a directory (os error 20)";
    assert_eq!(store.fetch("templates", ""), Outcome::ended(1, message));
}

#[test]
fn the_folder_takes_no_commits_but_the_map_still_does() {
    let store = filled().accepting_invalid();
    let message = "templates come from the folder TEMP/templates, which is edited directly \
                   and accepts no commits\n  hint: unset NJ_DSLOCAL_DIR_TEMPLATES to commit to \
                   NJ_DSLOCAL_FILE_TEMPLATES";
    assert_eq!(store.commit("templates", "{}"), Outcome::ended(1, message));
    assert_eq!(store.commit("discovery-map", "{}"), Outcome::ended(0, ""));
}
