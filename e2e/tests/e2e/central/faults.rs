//! Discovery and the store in every bad shape: what is published stays, and the reason is told.

use super::scene::{Central, Scene};
use e2e::{
    WAIT_TIMEOUT, eventually,
    maps::{map, namespace, prefix, service_color, shop, with},
    process::with_argument,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A program whose discovery does what the file `discovery.sh` says.
fn scripted(scene: &Scene) -> Central {
    scene.put("discovery.sh", COPY);
    scene.central().discovers_by(r#". "$SCENE/discovery.sh""#)
}

const COPY: &str = r#"cp "$SCENE/source.json" "$file""#;

#[test]
fn a_discovery_that_fails_publishes_nothing() {
    let source = shop("blue", 4001);
    let scene = Scene::new(&source);
    let central = scripted(&scene).start();
    let failed = |fault: &str| format!("fetch of discovery-map by sh failed: {fault}");
    for (script, reason) in [
        (
            "echo one >&2; exit 3",
            failed("it exited with code 3; its standard error ends with:\n  | one"),
        ),
        (
            "exit 0",
            failed("it exited with code 0, but wrote no file"),
        ),
        (
            r#"echo "{}" >"$file""#,
            "sh provided an invalid document: the discovery-map document is not valid\n  \
             (document): \"document-version\" is missing\n  (document): \"namespaces\" is missing\n  \
             (document): \"schema-version\" is missing"
                .to_owned(),
        ),
        (
            r#"head -c 60 "$SCENE/source.json" >"$file""#,
            "sh provided an invalid document: the discovery-map document is not valid\n  \
             (document): is not JSON: EOF while parsing a string at line 1 column 60"
                .to_owned(),
        ),
    ] {
        scene.put("discovery.sh", script);
        central.wait_told(200, &format!("ready\nfailed: {reason}\n"));
        scene.put("discovery.sh", COPY);
        central.wait_told(200, "ready\n");
    }
    scene.wait_published(&source);
    assert_eq!(scene.commits(), 1);
}

#[test]
fn a_discovery_that_hangs_is_ended_and_tried_again() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scripted(&scene).env("NJ_EXTENSION_TIMEOUT", "0.5").start();
    let mark = format!("3600.{}", central.status_port());
    scene.put("discovery.sh", format!("sleep {mark}"));
    let warnings = central.wait_logged("WARN fetch");
    let (what, _) = warnings[0].split_once("; retrying in ").unwrap();
    assert_eq!(
        what,
        "WARN fetch of discovery-map by sh failed: it was killed after running for 500ms"
    );
    assert_eq!(with_argument(&mark), []);
    let source = shop("blue", 4002);
    scene.set_source(&source);
    scene.put("discovery.sh", COPY);
    scene.wait_published(&source);
}

#[test]
fn a_map_without_endpoints_is_believed_only_after_a_while() {
    let source = shop("blue", 4001);
    let scene = Scene::new(&source);
    let central = scene
        .central()
        .env("REFRESH_TIME", 0.5)
        .env("NJ_EMPTY_MAP_GRACE", 3)
        .start();
    let empty = map(&[namespace("n1", &[])]);
    scene.set_source(&empty);
    scene.wait_published(&empty);
    let seen = central.logged("WARN the discovery map lost its last endpoint");
    assert_eq!(seen.len(), 2);
    central.wait_metric("commits_total{result=\"done\"}", 2);
    assert_eq!(central.metric("empty_map_refreshes"), Some(0));
}

#[test]
fn a_burst_of_hangups_does_not_make_an_empty_map_more_believable() {
    let source = shop("blue", 4001);
    let scene = Scene::new(&source);
    let mut central = scene
        .central()
        .env("REFRESH_TIME", 3600)
        .env("NJ_EMPTY_MAP_GRACE", 3)
        .start();
    scene.set_source(&map(&[namespace("n1", &[])]));
    for number in 1..=5 {
        central.process().signal(Signal::HUP);
        central.wait_metric("refreshes_total{result=\"unchanged\"}", number);
    }
    let seen = central.logged("WARN the discovery map lost its last endpoint");
    assert_eq!(seen.len(), 1);
    assert_eq!(central.metric("empty_map_refreshes"), Some(1));
    scene.wait_published(&source);
    assert_eq!(scene.commits(), 1);
}

#[test]
fn a_restart_does_not_make_an_empty_map_more_believable() {
    let source = shop("blue", 4001);
    let scene = Scene::new(&map(&[]));
    scene.put("published.json", source.to_string());
    // Whether it learns what the store holds, or not.
    for fetch in ["", "exit 31"] {
        scene.put("fetch.sh", fetch);
        let central = scene
            .central()
            .env("REFRESH_TIME", 3600)
            .env("NJ_EMPTY_MAP_GRACE", 2)
            .launch();
        central.wait_told(503, "not ready: no map is published yet\n");
        let warning = central.wait_logged("WARN the discovery map lost its last endpoint");
        assert_eq!(warning.len(), 1);
        scene.wait_published(&source);
        assert_eq!(scene.commits(), 0);
        let (code, _, log) = central.run(&["--once"]);
        assert_eq!(code, Some(1));
        assert!(
            log.ends_with(
                "ERROR the map has no endpoints, and a single refresh is not enough to confirm that; it was \
                 not published\n\
                 hint: if the mesh is empty, set NJ_EMPTY_MAP_GRACE to 1\n"
            ),
            "{log}"
        );
    }
    let mut central = scene.central().env("NJ_EMPTY_MAP_GRACE", 2).start();
    scene.wait_published(&map(&[]));
    assert_eq!(scene.commits(), 1);
    assert_eq!(central.process().stop().code(), Some(0));
}

#[test]
fn a_map_that_loses_a_part_is_published() {
    let services = |names: &[&str]| {
        let list: Vec<Value> = names
            .iter()
            .map(|name| service_color(name, "blue", &[4001], &[prefix(&format!("/{name}/"))]))
            .collect();
        map(&[namespace("n1", &list)])
    };
    let scene = Scene::new(&services(&["shop", "stock"]));
    let _central = scene.central().env("NJ_EMPTY_MAP_GRACE", 1000).start();
    scene.set_source(&services(&["shop"]));
    scene.wait_published(&services(&["shop"]));
}

#[test]
fn a_new_version_of_the_same_is_not_published() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scripted(&scene).start();
    for version in 1..4 {
        // Another version, other white space, another order of members.
        let source = scene.published().unwrap();
        let namespaces = serde_json::to_string_pretty(&source["namespaces"]).unwrap();
        let text = format!(
            "{{\"namespaces\": {namespaces},\n\"document-version\": \"{version}\", \
             \"schema-version\": \"v1\"}}"
        );
        scene.put("source.json", text);
        let info = format!("discovery_map_info{{version=\"{version}\"}}");
        eventually("the version is seen", || central.metric(&info));
    }
    assert_eq!(scene.commits(), 1);
    // What this version of the program does not know is somebody's all the same.
    let with_more = with(
        scene.published().unwrap(),
        json!({"of-a-later-version": [1, 2]}),
    );
    scene.set_source(&with_more);
    eventually("it is published", || {
        (scene.published()?["of-a-later-version"] == json!([1, 2])).then_some(())
    });
    assert_eq!(scene.commits(), 2);
}

#[test]
fn a_commit_that_failed_is_made_up_for() {
    let first = shop("blue", 4001);
    let scene = Scene::new(&first);
    scene.put("commit.sh", "echo no room >&2; exit 9");
    let central = scene.central().launch();
    central.wait_told(
        503,
        "not ready: no map is published yet\nfailed: commit of discovery-map by sh failed: it \
         exited with code 9; its standard error ends with:\n  | no room\n",
    );
    // Discovery has nothing newer, and the map is not forgotten.
    central.wait_refreshes(2);
    assert_eq!(central.metric("commit_pending"), Some(1));
    assert_eq!(scene.published(), None);
    scene.remove("commit.sh");
    central.wait_told(200, "ready\n");
    scene.wait_published(&first);
    assert_eq!(central.metric("commit_pending"), Some(0));
    assert_eq!(central.metric("commits_total{result=\"done\"}"), Some(1));
    assert!(central.metric("commits_total{result=\"failed\"}") >= Some(2));
    let commits = scene.commits();

    // The newest map counts, not the one that could not be committed.
    scene.put("commit.sh", "exit 9");
    scene.set_source(&shop("blue", 4002));
    eventually("it fails", || (scene.commits() > commits).then_some(()));
    let newest = shop("blue", 4003);
    scene.set_source(&newest);
    central.wait_refreshes(2);
    scene.wait_published(&first);
    scene.remove("commit.sh");
    scene.wait_published(&newest);
    central.wait_metric("commits_total{result=\"done\"}", 2);
}

#[test]
fn a_commit_that_was_done_and_reported_as_failed_does_not_stay() {
    let source = shop("blue", 4001);
    let scene = Scene::new(&source);
    let central = scene.central().start();
    scene.put("commit.sh", r#"ext-store-local "$@"; exit 9"#);
    scene.set_source(&shop("blue", 4002));
    scene.wait_published(&shop("blue", 4002));
    central.wait_metric("commits_total{result=\"failed\"}", 1);
    // The mesh goes back.
    scene.remove("commit.sh");
    scene.set_source(&source);
    scene.wait_published(&source);
    central.wait_metric("commit_pending", 0);
    central.wait_told(200, "ready\n");
}

#[test]
fn a_commit_that_may_pass_is_tried_again_soon() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scene.central().env("FAILURE_SLEEP", 3600).start();
    scene.put(
        "commit.sh",
        r#"rm "$SCENE/commit.sh"; echo slow down >&2; exit 31"#,
    );
    let source = shop("blue", 4002);
    scene.set_source(&source);
    let warning = &central.wait_logged("WARN commit")[0];
    let start = "WARN commit of discovery-map by sh failed: it exited with code 31 (worth \
                 another try); its standard error ends with:";
    assert_eq!(warning, start);
    scene.wait_published(&source);
    central.wait_metric("commits_total{result=\"done\"}", 2);
    assert_eq!(scene.commits(), 3);
    assert_eq!(central.logged("ERROR"), [""; 0]);
}

/// What replaces whatever is there is not tried again as it is: by then, another may have published
/// something newer. The mesh is looked at again first.
#[test]
fn a_commit_without_a_version_is_not_tried_again_with_an_old_map() {
    let scene = Scene::new(&shop("blue", 4001));
    scene.put("fetch.sh", "exit 31");
    // It is done, and the mesh changes before the caller is told otherwise.
    scene.put(
        "commit.sh",
        r#"ext-store-local "$@"; cp "$SCENE/newest.json" "$SCENE/source.json"
           rm "$SCENE/commit.sh"; exit 31"#,
    );
    let newest = shop("blue", 4002);
    scene.put("newest.json", newest.to_string());
    let central = scene.central().start();
    scene.wait_published(&newest);
    assert_eq!(scene.commits(), 2, "the old map once, and the newest");
    assert_eq!(central.logged("WARN commit"), [""; 0]);
}

#[test]
fn a_store_that_cannot_be_read_can_be_written() {
    let source = shop("blue", 4001);
    let scene = Scene::new(&source);
    scene.put("fetch.sh", "exit 1");
    let central = scene.central().env("FAILURE_SLEEP", 3600).start();
    scene.wait_published(&source);
    central.wait_refreshes(3);
    assert_eq!(scene.commits(), 1);
    // Nor does it matter what is in it, nor what becomes of the file that is handed over.
    drop(central);
    scene.remove("fetch.sh");
    scene.put("published.json", "[");
    scene.put(
        "commit.sh",
        r#"cp "$file" "$SCENE/unfinished"; mv "$SCENE/unfinished" "$SCENE/published.json"
           rm "$file"; exit 0"#,
    );
    let central = scene.central().start();
    central.wait_refreshes(3);
    scene.wait_published(&source);
    assert_eq!(scene.commits(), 2);
}

#[test]
fn a_commit_under_way_ends_before_a_stop() {
    let source = shop("blue", 4001);
    let scene = Scene::new(&source);
    scene.put(
        "commit.sh",
        r#"echo >"$SCENE/begun"; while ! [ -e "$SCENE/go" ]; do sleep 0.02; done"#,
    );
    let mut central = scene.central().launch();
    eventually("the commit has begun", || {
        scene.path("begun").exists().then_some(())
    });
    central.process().signal(Signal::TERM);
    central.wait_told(503, "not ready: stopping\n");
    scene.put("go", "");
    assert_eq!(central.process().wait(WAIT_TIMEOUT).code(), Some(0));
    assert_eq!(
        scene.published().map(|map| map["namespaces"].clone()),
        Some(source["namespaces"].clone())
    );
    assert_eq!(
        central.logged("INFO stopping"),
        ["INFO stopping: received SIGTERM"]
    );
}

#[test]
fn a_stop_does_not_wait_for_a_store_that_hangs() {
    let scene = Scene::new(&shop("blue", 4001));
    let mut central = scene.central().launch();
    let mark = format!("3600.{}", central.status_port());
    central.wait_told(200, "ready\n");
    scene.put("commit.sh", format!("sleep {mark}"));
    scene.set_source(&shop("blue", 4002));
    eventually("the commit hangs", || {
        (!with_argument(&mark).is_empty()).then_some(())
    });
    let asked = Instant::now();
    central.process().signal(Signal::TERM);
    assert_eq!(central.process().wait(WAIT_TIMEOUT).code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(8));
    assert_eq!(with_argument(&mark), []);
    assert_eq!(central.logged("ERROR"), [""; 0]);
}

/// Notes what each commit is called with.
const NOTES_COMMITS: &str = r#"echo "$*" >>"$SCENE/named""#;

/// Without an answer, nothing would hold the commit back.
#[test]
fn a_look_before_a_commit_is_tried_again() {
    let scene = Scene::new(&shop("blue", 4001));
    let _central = scene.central().start();
    scene.put("fetch.sh", r#"rm "$SCENE/fetch.sh"; exit 31"#);
    scene.put("commit.sh", NOTES_COMMITS);
    let source = shop("blue", 4002);
    scene.set_source(&source);
    scene.wait_published(&source);
    let named = std::fs::read_to_string(scene.path("named")).unwrap();
    let version = regex::Regex::new("--previous-document-version=[0-9a-f]{32} ").unwrap();
    assert!(version.is_match(&named), "{named}");
    assert!(!scene.path("fetch.sh").exists());
}

#[test]
fn a_version_that_no_argument_holds_is_not_named() {
    let scene = Scene::new(&shop("blue", 4001));
    let _central = scene.central().start();
    scene.put(
        "fetch.sh",
        r#"for word in "$@"; do case $word in --action-file=*) file=${word#*=} ;; esac; done
           ext-store-local "$@" || exit
           sed -i "s/\(\"document-version\":\"\)/\1$(printf %05000d 0)/" "$file"; exit 0"#,
    );
    scene.put("commit.sh", NOTES_COMMITS);
    let source = shop("blue", 4002);
    scene.set_source(&source);
    scene.wait_published(&source);
    let named = std::fs::read_to_string(scene.path("named")).unwrap();
    assert!(named.contains("--previous-document-version= "), "{named}");
}
