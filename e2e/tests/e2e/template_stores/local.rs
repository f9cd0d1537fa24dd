//! `ext-store-local`: a file, and a folder that people edit.

use super::{Desk, Ended, files};
use e2e::program;
use std::{collections::BTreeMap, fs};

fn desk(variables: &[(&str, &str)]) -> Desk {
    let variables = variables.iter();
    let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let exec = program("ext-store-local").display().to_string();
    Desk::new(&exec, &variables.collect::<BTreeMap<_, _>>())
}

#[test]
fn templates_in_a_file_are_pushed_once_envoy_takes_them() {
    let desk = desk(&[("NJ_DSLOCAL_FILE_TEMPLATES", "templates.json")]);
    let missing = desk.push(&[]);
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(31), ""));
    let hint = "  hint: if the store holds no templates yet, push with --create\n";
    assert!(missing.stderr.ends_with(hint), "{}", missing.stderr);
    let created = desk.push(&["--create"]);
    let version = desk.version();
    let end = format!(
        "nightjar: prod: 0 changed, 4 added, 0 removed\n\
         nightjar: rendered for 1 of 1 proxy, envoy 1.40.0 asked about 1\n\
         nightjar: committed: prod holds version {version} now\n"
    );
    assert_eq!(created.code, Some(0), "{}", created.stderr);
    assert!(created.stderr.ends_with(&end), "{}", created.stderr);
    desk.pull("pulled");
    assert_eq!(files(&desk.path("pulled")), files(desk.templates.path()));

    // What Envoy refuses is not committed.
    let before = fs::read(desk.path("templates.json")).unwrap();
    desk.templates
        .edit("cds.json", "ROUND_ROBIN", "NO_SUCH_POLICY");
    let refused = desk.push(&[]);
    let message = "nightjar: prod: 1 changed, 0 added, 0 removed\n\
         nightjar: rendered for 1 of 1 proxy, envoy 1.40.0 asked about 1\n\
         nightjar: for gateway:n1: envoy refuses the configuration: cds.json, cluster \"c-shop-blue-1\", \
         line 8: unknown enum value: 'NO_SUCH_POLICY'\n\
         nightjar: nothing was committed\n  hint: --force commits it all the same\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (Some(1), message));
    assert_eq!(fs::read(desk.path("templates.json")).unwrap(), before);

    // A file has one version, so there is nothing to go back to.
    assert_eq!(desk.versions(), [version.as_str()]);
    let message = format!("nightjar: prod lists no version besides the current one, {version}\n");
    assert_eq!(desk.run(&["rollback"]), Ended::new(1, "", &message));
    let older = format!("--document-version={version}");
    let counts = "nightjar: 0 changed, 0 added, 0 removed\n";
    assert_eq!(desk.run(&["diff", &older]), Ended::new(0, "", counts));
}

#[test]
fn a_file_that_is_edited_meanwhile_is_not_overwritten() {
    let desk = desk(&[("NJ_DSLOCAL_FILE_TEMPLATES", "templates.json")]);
    assert_eq!(desk.push(&["--create"]).code, Some(0));
    let version = desk.version();
    // Somebody edits the file just before the commit.
    let store = program("ext-store-local").display().to_string();
    fs::write(
        desk.path("store.sh"),
        format!("case \"$*\" in *=commit*) echo >>templates.json;; esac\nexec {store} \"$@\"\n"),
    )
    .unwrap();
    let env = BTreeMap::from([(
        "NJ_DSLOCAL_FILE_TEMPLATES".to_owned(),
        "templates.json".to_owned(),
    )]);
    desk.describe("sh store.sh", &env);
    desk.templates.mark_bootstrap("mine");
    let late = desk.push(&[]);
    let now = desk.version();
    let end = format!(
        "nightjar: not committed, and nothing is lost: prod no longer holds version {version}, but {now}\n  \
         hint: another has committed meanwhile; look at what is there with nightjar template diff, and try \
         again\n"
    );
    assert_eq!(late.code, Some(32));
    assert!(late.stderr.ends_with(&end), "{}", late.stderr);
    assert!(
        !fs::read_to_string(desk.path("templates.json"))
            .unwrap()
            .contains("mine")
    );
}

#[test]
fn a_folder_is_read_and_takes_no_commits() {
    let desk = desk(&[("NJ_DSLOCAL_DIR_TEMPLATES", "folder")]);
    fs::create_dir_all(desk.path("folder/gateway/_default")).unwrap();
    fs::write(desk.path("folder/gateway/_default/x.txt.mustache"), "x").unwrap();
    fs::write(desk.path("folder/gateway/misplaced.mustache"), "x").unwrap();
    let version = desk.version();
    let listed = "FOR      NAMESPACE  SERVICE  COLOR  PURPOSE  BYTES\n\
                  gateway  _default   -        -      x.txt    1\n\n\
                  FOR      PURPOSE  ORIGIN                           WHY\n\
                  gateway  x.txt    from the store, for every proxy  the only one that fits\n";
    let told = format!(
        "ext-store-local:  WARN gateway/misplaced.mustache is ignored: a template belongs in \
         gateway/<namespace>/ or service/<namespace>/<service>/<color>/, with _default for any\n\
         nightjar: prod: 1 template, version {version}\n"
    );
    let list = ["list", "--shipped-templates=false"];
    assert_eq!(desk.run(&list), Ended::new(0, listed, &told));
    let versions = desk.run(&["list", "--versions"]);
    assert_eq!((versions.code, versions.stdout.as_str()), (Some(1), ""));
    let hint = "  hint: a store need not offer a list of versions\n";
    assert!(versions.stderr.ends_with(hint), "{}", versions.stderr);
    let before = files(&desk.path("folder"));
    let refused = desk.push(&[]);
    assert_eq!(refused.code, Some(1));
    let hint = "  hint: nothing has changed: the store holds what it held before\n";
    assert!(refused.stderr.ends_with(hint), "{}", refused.stderr);
    assert_eq!(files(&desk.path("folder")), before);
}
