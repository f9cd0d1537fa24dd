//! The program as a command: its arguments, settings, exit codes and log.

use super::scene::Scene;
use e2e::{
    WAIT_TIMEOUT, eventually,
    maps::{map, shop},
};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;

#[test]
fn once_publishes_what_has_changed() {
    let source = shop("blue", 4001);
    let scene = Scene::new(&source);
    let central = scene.central();
    let (code, output, log) = central.run(&["--once"]);
    assert_eq!((code, output.as_str()), (Some(0), ""));
    assert!(log.ends_with("INFO the new map is published\n"), "{log}");
    scene.wait_published(&source);
    let log = "INFO the published map is up to date\n".to_owned();
    assert_eq!(central.run(&["--once"]), (Some(0), String::new(), log));
    assert_eq!(scene.commits(), 1);

    scene.put("source.json", "[]");
    let (code, _, log) = central.run(&["--once"]);
    assert_eq!(code, Some(1));
    let start = "ERROR fetch of discovery-map by env failed: it exited with code 1; ";
    assert!(log.lines().any(|line| line.starts_with(start)), "{log}");
    scene.set_source(&shop("blue", 4002));
    scene.put("commit.sh", "exit 1");
    let log = "ERROR commit of discovery-map by sh failed: it exited with code 1\n".to_owned();
    assert_eq!(central.run(&["--once"]), (Some(1), String::new(), log));
    scene.wait_published(&source);
}

#[test]
fn readiness_can_be_asked_without_a_port() {
    let scene = Scene::new(&shop("blue", 4001));
    for temp_dir in ["", "TMPDIR"] {
        let mut central = scene.central().env("NJ_STATUS_PORT", "");
        if temp_dir == "TMPDIR" {
            // Without NJ_TEMP_DIR, the system's folder for such files is the place.
            let folder = central.folder().join("system");
            fs::create_dir(&folder).unwrap();
            central = central
                .env("NJ_TEMP_DIR", "")
                .env("TMPDIR", folder.display());
        }
        let unready = |reason: &str| (Some(1), String::new(), format!("not ready: {reason}\n"));
        let nobody = || unready("no instance runs with these settings");
        assert_eq!(central.run(&["--check-ready"]), nobody());
        scene.put("discovery.sh", "exit 1");
        let mut central = central.discovers_by(r#". "$SCENE/discovery.sh""#).launch();
        let refused = "no map is published yet\nfailed: fetch of discovery-map by sh failed: it \
                       exited with code 1";
        eventually("it is told", || {
            (central.run(&["--check-ready"]) == unready(refused)).then_some(())
        });
        scene.put("discovery.sh", r#"cp "$SCENE/source.json" "$file""#);
        eventually("it is ready", || {
            let asked = central.run(&["--check-ready"]);
            (asked == (Some(0), String::new(), String::new())).then_some(())
        });
        // One with other settings is another one.
        let other = scene.central().env("NJ_STATUS_PORT", "");
        assert_eq!(other.run(&["--check-ready"]), nobody());
        assert_eq!(central.process().stop().code(), Some(0));
        assert_eq!(central.run(&["--check-ready"]), nobody());
        let left = central.folder().join(if temp_dir == "TMPDIR" {
            "system"
        } else {
            "temp"
        });
        assert_eq!(left.read_dir().unwrap().count(), 0, "{temp_dir}");
    }
}

#[test]
fn the_status_port_tells_what_happened() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scene.central().env("REFRESH_TIME", 3600).start();
    assert_eq!(central.page("/live"), Some((200, "live\n".to_owned())));
    let (code, text) = central.page("/metrics").unwrap();
    assert_eq!(code, 200);
    let number = regex::Regex::new(r"(_timestamp_seconds) [1-9][0-9.]{9,}\n").unwrap();
    let version = regex::Regex::new(r#"version="[0-9a-f]{32}""#).unwrap();
    let text = number.replace_all(&text, "$1 TIME\n");
    let took = regex::Regex::new(r"(_seconds_sum\{.*\}) [0-9]+\.[0-9]+").unwrap();
    let text = took.replace_all(&text, "$1 SECONDS");
    let memory = regex::Regex::new("(_memory_bytes) [1-9][0-9]{5,}").unwrap();
    let text = memory.replace_all(&text, "$1 BYTES");
    insta::assert_snapshot!(version.replace(&text, "version=\"VERSION\""));
}

#[test]
fn a_status_port_that_is_taken_is_a_wrong_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let scene = Scene::new(&map(&[]));
    let central = scene.central().env("NJ_STATUS_PORT", address.port());
    let log = format!(
        "INFO nightjar-central 0.1.0 runs discovery with env and publishes with sh\n\
         ERROR NJ_STATUS_PORT: cannot bind {address}: Address already in use (os error 98)\n"
    );
    assert_eq!(central.run(&[]), (Some(64), String::new(), log));
    assert_eq!(scene.calls("fetch"), 0);
}

#[test]
fn all_wrong_settings_are_told_at_once() {
    let scene = Scene::new(&map(&[]));
    let mut central = scene.central();
    for (name, value) in [
        ("DISCOVERY_MAP_EXEC", ""),
        ("DATA_STORE_EXEC", "no-such-program --x"),
        ("REFRESH_TIME", "soon"),
        ("FAILURE_SLEEP", "0"),
        ("EXIT_ON_GENERATION_FAILURE", "maybe"),
        ("NJ_EXTENSION_TIMEOUT", "-1"),
        ("NJ_MAX_DOCUMENT_SIZE_MB", "0"),
        ("NJ_EMPTY_MAP_GRACE", "many"),
        ("NJ_STATUS_PORT", "http"),
        ("NJ_STATUS_ADDRESS", "localhost"),
        ("DEBUG", "loud"),
        ("NJ_LOG_FORMAT", "xml"),
        ("PATH", "/nowhere"),
    ] {
        central = central.env(name, value);
    }
    let (code, output, log) = central.run(&[]);
    assert_eq!((code, output.as_str()), (Some(64), ""));
    insta::assert_snapshot!(log);
    assert_eq!(
        central.run(&["--once"]),
        (Some(64), String::new(), log.clone())
    );
    assert_eq!(
        central.run(&["--check-ready"]),
        (Some(64), String::new(), log)
    );
}

#[test]
fn arguments_are_checked() {
    let scene = Scene::new(&map(&[]));
    let central = scene.central();
    let version = "nightjar-central 0.1.0\n".to_owned();
    assert_eq!(
        central.run(&["--version"]),
        (Some(0), version, String::new())
    );
    for arguments in [&["--no-such"][..], &["--once", "--check-ready"]] {
        let (code, output, log) = central.run(arguments);
        assert_eq!((code, output.as_str()), (Some(64), ""), "{arguments:?}");
        assert!(log.starts_with("error: "), "{log}");
    }
}

#[test]
fn a_stop_by_any_of_three_ways_is_clean() {
    let scene = Scene::new(&shop("blue", 4001));
    let mut central = scene.central().env("NJ_TEMP_DIR", "").start();
    for (signal, reason) in [
        (Signal::TERM, "received SIGTERM"),
        (Signal::INT, "received SIGINT"),
    ] {
        central.process().signal(signal);
        assert_eq!(central.process().wait(WAIT_TIMEOUT).code(), Some(0));
        let told = central.logged("INFO stopping").pop();
        assert_eq!(told, Some(format!("INFO stopping: {reason}")));
        central.relaunch();
        central.wait_told(200, "ready\n");
    }
    fs::write(central.folder().join("stop"), "").unwrap();
    assert_eq!(central.process().wait(WAIT_TIMEOUT).code(), Some(0));
    central.relaunch();
    assert_eq!(central.process().wait(WAIT_TIMEOUT).code(), Some(0));
    assert_eq!(
        central.logged("INFO stopping")[2..],
        [
            "INFO stopping: the stop file FOLDER/stop appeared",
            "INFO stopping: the stop file FOLDER/stop existed before the start; remove it to run",
        ]
    );
    let (code, _, log) = central.run(&["--once"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        log,
        "ERROR nothing was published: the stop file FOLDER/stop existed before the start; \
         remove it to run\n"
    );
}

#[test]
fn a_failure_can_end_the_program() {
    let scene = Scene::new(&shop("blue", 4001));
    let mut central = scene
        .central()
        .env("EXIT_ON_GENERATION_FAILURE", "on")
        .start();
    scene.put("source.json", "[]");
    assert_eq!(central.process().wait(WAIT_TIMEOUT).code(), Some(1));
    assert_eq!(
        central.logged("ERROR").last().map(String::as_str),
        Some("ERROR a refresh failed, and EXIT_ON_GENERATION_FAILURE is set")
    );
}

#[test]
fn every_line_of_a_json_log_is_an_object_and_names_the_extension() {
    let scene = Scene::new(&shop("blue", 4001));
    scene.put("commit.sh", "echo to the store >&2");
    let mut central = scene
        .central()
        .discovers_by(r#"cp "$SCENE/source.json" "$file"; echo of the mesh >&2"#)
        .env("NJ_LOG_FORMAT", "json")
        .start();
    assert_eq!(central.process().stop().code(), Some(0));
    let log = central.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for (message, extension) in [
        ("of the mesh", Some("sh")),
        ("to the store", Some("sh")),
        ("stopping: received SIGTERM", None),
    ] {
        let found = lines.iter().find(|line| line["message"] == message);
        let found = found.unwrap_or_else(|| panic!("{message} in {log}"));
        assert_eq!(found["extension"].as_str(), extension);
    }
}
