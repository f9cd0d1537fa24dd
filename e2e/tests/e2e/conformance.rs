//! `nightjar conformance`, against the extensions that come with Nightjar: each keeps every rule that can
//! be tried on it. The samples that need no build are checked by the tests of `nightjar-cli`.

use crate::cloudmap::Registry;
use e2e::{
    aws::{Aws, Fault, Task, TaskDefinition},
    eventually,
    extension::Extension,
    program,
};
use serde_json::Value;
use std::{fs, path::Path, process::Command, thread};

/// What did not pass: that rules are broken, and which could not be tried.
#[derive(Debug, PartialEq, Eq)]
struct Checked {
    code: Option<i32>,
    failed: Vec<String>,
    not_tried: Vec<String>,
}

impl Checked {
    /// Every rule passed but these, which could not be tried for these reasons.
    fn passed(not_tried: &[&str]) -> Self {
        Self {
            code: Some(0),
            failed: Vec::new(),
            not_tried: not_tried.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Checks an extension with its environment.
fn check(kind: &str, extension: &Extension, options: &[&str], own: &[&str]) -> Checked {
    let call = extension.command();
    let mut command = Command::new(program("nightjar"));
    command
        .args(["conformance", kind, "--format=json"])
        .args(options)
        .arg("--")
        .arg(call.get_program())
        .args(own)
        .current_dir(extension.folder())
        .env_clear();
    for (name, value) in call.get_envs() {
        command.env(name, value.unwrap());
    }
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        panic!("{error}: {said}")
    });
    let rows = report["rules"].as_array().unwrap();
    let with = |outcome: &str| {
        let rows = rows.iter().filter(|row| row["outcome"] == outcome);
        rows.map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            let (_, rule) = row["rule"].as_str().unwrap().split_once('/').unwrap();
            format!("{rule}: {}{}", text("reason"), seen(&row["seen"]))
        })
        .collect()
    };
    Checked {
        code: output.status.code(),
        failed: with("fail"),
        not_tried: with("not-tried"),
    }
}

/// What a run of a broken rule said.
fn seen(run: &Value) -> String {
    if run.is_null() {
        String::new()
    } else {
        format!(" {run}")
    }
}

/// What a discovery is checked with: two shell commands that the test answers by changing the source.
const CHANGE: &str =
    "touch change-wanted; for i in $(seq 999); do [ -e changed ] && exit; sleep 0.02; done; exit 1";
const TAKE_AWAY: &str =
    "touch loss-wanted; for i in $(seq 999); do [ -e lost ] && exit; sleep 0.02; done; exit 1";

/// Checks a discovery of AWS, whose source these two change.
fn check_discovery(
    extension: &Extension,
    setting: &str,
    change: impl FnOnce(),
    take_away: impl FnOnce(),
) -> Checked {
    let setting = format!("--setting={setting}");
    let change_option = format!("--change={CHANGE}");
    let take_away_option = format!("--take-away={TAKE_AWAY}");
    let options = [setting.as_str(), &change_option, &take_away_option];
    thread::scope(|scope| {
        let checked = scope.spawn(|| check("discovery-map", extension, &options, &[]));
        let folder = extension.folder();
        wait_for(&folder.join("change-wanted"));
        change();
        fs::write(folder.join("changed"), "").unwrap();
        wait_for(&folder.join("loss-wanted"));
        take_away();
        fs::write(folder.join("lost"), "").unwrap();
        checked.join().unwrap()
    })
}

fn wait_for(file: &Path) {
    eventually(&file.display().to_string(), || file.exists().then_some(()));
}

/// A store without documents, whose settings name files of the test's own.
fn local() -> Extension {
    let store = Extension::new("ext-store-local");
    let templates = store.folder().join("templates.json");
    let map = store.folder().join("discovery-map.json");
    store
        .env("NJ_DSLOCAL_FILE_TEMPLATES", templates.display())
        .env("NJ_DSLOCAL_FILE_DISCOVERY_MAP", map.display())
}

const TAKES_COMMITS: &str = "read-only-says-so: it takes commits";
const NO_SETTING: &str = "setting-from-environment: no --setting names a variable that it needs";

#[test]
fn local_files() {
    let checked = check("data-store", &local(), &[], &[]);
    let not_tried = [
        TAKES_COMMITS,
        NO_SETTING,
        // A file holds one version.
        "list-newest-first: it lists fewer than two versions",
        "older-version: it does not list a version that was current",
        "older-version-30: it does not list a version that was current",
    ];
    assert_eq!(checked, Checked::passed(&not_tried));
}

/// Nothing can be committed to it, so the rules of commits are not tried.
#[test]
fn a_folder_of_templates() {
    let store = local();
    let templates = store.folder().join("templates");
    fs::create_dir_all(templates.join("gateway/_default")).unwrap();
    fs::write(templates.join("gateway/_default/a.txt.mustache"), "a\n").unwrap();
    let store = store.env("NJ_DSLOCAL_DIR_TEMPLATES", templates.display());
    let mut checked = check("data-store", &store, &["--overwrite"], &[]);
    let is_of_commits = |reason: &String| reason.contains(": it takes no commits: exit code 1 ");
    let of_commits = checked
        .not_tried
        .iter()
        .filter(|it| is_of_commits(it))
        .count();
    checked.not_tried.retain(|reason| !is_of_commits(reason));
    let not_tried = [
        NO_SETTING,
        "list-newest-first: it does not list versions, as a store need not",
        "list-times: it does not list versions, as a store need not",
    ];
    assert_eq!(checked, Checked::passed(&not_tried));
    assert_eq!(of_commits, 24);
}

#[test]
fn a_bucket() {
    let aws = Aws::start();
    let bucket = aws.bucket();
    let store = Extension::new("ext-store-s3")
        .envs(aws.env())
        .env("NJ_DSS3_BUCKET", bucket);
    let checked = check("data-store", &store, &["--setting=NJ_DSS3_BUCKET"], &[]);
    assert_eq!(checked, Checked::passed(&[TAKES_COMMITS]));
}

/// A store as a discovery map, as most proxies use it.
#[test]
fn a_map_in_a_local_file() {
    let map = e2e::maps::shop("blue", 4001);
    let store = local();
    let file = store.folder().join("discovery-map.json");
    fs::write(file, map.to_string()).unwrap();
    let options = [
        "--change=sed -i s/4001/4002/g discovery-map.json",
        "--take-away=rm discovery-map.json",
    ];
    let own = ["--document=discovery-map", "--action=fetch"];
    let checked = check("discovery-map", &store, &options, &own);
    assert_eq!(checked, Checked::passed(&[NO_SETTING]));
}

#[test]
fn tasks_of_ecs() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let host = cluster.instance("10.0.0.5");
    let shop = TaskDefinition::bridge("shop").container("app", &[3000]);
    let shop = cluster.register(shop.tag("NJ_ROUTE_1", "/shop/"));
    let run = |port| {
        let task = Task::of(&shop).on(&host).bind("app", 3000, port);
        cluster.run(task.service_color("n1", "shop", "blue"));
    };
    run(32768);
    let discovery = Extension::new("ext-discovery-ecs")
        .envs(aws.env())
        .env("NJ_DMECS_AWS_CLUSTERS", "mesh");
    let refused = || aws.wire.fail("ecs:ListTasks", Fault::Denied);
    let checked = check_discovery(&discovery, "NJ_DMECS_AWS_CLUSTERS", || run(32769), refused);
    assert_eq!(checked, Checked::passed(&[]));
}

#[test]
fn instances_of_cloud_map() {
    let registry = Registry::new();
    let shop = registry.service("shop", &[("NJ_ROUTE_1", "/shop/")]);
    shop.register("i-1", "10.0.0.1", 3000);
    let discovery = registry.discovery();
    let more = || shop.register("i-2", "10.0.0.2", 3000);
    let refused = || {
        let wire = &registry.aws.wire;
        wire.fail("servicediscovery:ListServices", Fault::Denied);
    };
    let checked = check_discovery(&discovery, "NJ_DMCM_NAMESPACES", more, refused);
    assert_eq!(checked, Checked::passed(&[]));
}

/// A sample in Rust, which asks the resolver of this machine.
#[test]
fn names_of_dns() {
    let discovery =
        Extension::new("discovery-dns").env("MESH_NAMES", "shop blue 3000 /shop/ 127.0.0.1");
    let checked = check("discovery-map", &discovery, &["--setting=MESH_NAMES"], &[]);
    let cannot_be_changed = [
        "new-content-new-version: no --change says how to change what it finds",
        "no-source-no-map: no --take-away says how to take away what it looks at",
    ];
    assert_eq!(checked, Checked::passed(&cannot_be_changed));
}
