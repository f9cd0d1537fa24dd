//! The program as a command: its arguments, settings, exit codes and log.

use e2e::{
    WAIT_TIMEOUT, envoy, eventually,
    maps::{map, shop},
    mesh::{Backend, Plan, Proxy},
    process::with_argument,
    program, scripts,
    templates::Templates,
};
use serde_json::Value;
use std::process::Command;

#[test]
fn once_writes_the_files_and_runs_no_envoy() {
    let proxy = Plan::gateway("n1", &shop("blue", 4001)).prepare();
    let log = "INFO 4 files are in FOLDER/envoy\n".to_owned();
    assert_eq!(proxy.run(&["--once"]), (Some(0), String::new(), log));
    let rds = format!("rds-{}.json", proxy.port);
    assert_eq!(
        proxy.files(),
        ["cds.json", "envoy-config.yaml", "lds.json", rds.as_str()]
    );
    proxy.assert_gone();
}

#[test]
fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let proxy = Plan::gateway("n1", &shop("blue", 4001)).prepare();
    assert_eq!(proxy.run(&["--once"]).0, Some(0));
    let before = proxy.contents();
    let nothing = "nothing would change\n".to_owned();
    assert_eq!(proxy.run(&["--dry-run"]), (Some(0), nothing, String::new()));
    proxy.set_map(&shop("blue", 4002));
    let (code, difference, log) = proxy.run(&["--dry-run"]);
    assert_eq!((code, log.as_str()), (Some(0), ""));
    insta::assert_snapshot!(difference);
    assert_eq!(proxy.contents(), before);
}

#[test]
fn a_dry_run_needs_no_folder() {
    let proxy = Plan::gateway("n1", &shop("blue", 4001)).prepare();
    let (code, difference, _) = proxy.run(&["--dry-run"]);
    let files = difference.lines().filter(|line| line.starts_with("new: "));
    assert_eq!(
        (code, files.collect::<Vec<_>>()),
        (
            Some(0),
            vec![
                "new: cds.json",
                "new: envoy-config.yaml",
                "new: lds.json",
                "new: rds-PORT.json",
            ]
        )
    );
    assert!(!proxy.config_dir().exists());
}

#[test]
fn a_dry_run_fails_on_what_would_be_refused() {
    let templates = Templates::shipped();
    templates.edit("cds.json", "ROUND_ROBIN", "NO_SUCH_POLICY");
    let proxy = Plan::gateway("n1", &shop("blue", 4001))
        .envs(templates.env())
        .prepare();
    let files = ["cds.json", "envoy-config.yaml", "lds.json", "rds-PORT.json"];
    let origins = files.map(|file| {
        format!("INFO {file}: from the store, for every proxy (in place of the shipped one)\n")
    });
    let log = origins.concat()
        + "ERROR envoy refuses the configuration: cds.json, cluster \"c-shop-blue-1\", line 8: unknown \
           enum value: 'NO_SUCH_POLICY'\n";
    for argument in ["--dry-run", "--once"] {
        assert_eq!(
            proxy.run(&[argument]),
            (Some(1), String::new(), log.clone())
        );
    }
    assert!(!proxy.config_dir().exists());
}

#[test]
fn readiness_can_be_asked_without_a_port() {
    let blue = Backend::start("shop", "blue");
    let plan = Plan::gateway("n1", &shop("blue", blue.port));
    let mut proxy = plan.prepare();
    let asked = |proxy: &Proxy| {
        let (code, output, log) = proxy.run(&["--check-ready"]);
        assert_eq!(output, "");
        (code, log)
    };
    let unready = |reason: &str| (Some(1), format!("not ready: {reason}\n"));
    let nobody = || unready("no instance uses FOLDER/envoy");
    assert_eq!(asked(&proxy), nobody());
    proxy.launch();
    proxy.wait_ready();
    eventually("ready", || (asked(&proxy).0 == Some(0)).then_some(()));
    assert_eq!(asked(&proxy), (Some(0), String::new()));
    // Ready, and something is amiss all the same.
    proxy.set_map_text("[]");
    proxy.wait_logged("INFO the next refresh is in about");
    let (code, log) = asked(&proxy);
    let (_, told) = proxy.ready().unwrap();
    assert_eq!((code, format!("ready\n{log}")), (Some(0), told));
    assert!(log.starts_with("failed: fetch of discovery-map"), "{log}");
    assert_eq!(proxy.process().stop().code(), Some(0));
    assert_eq!(asked(&proxy), nobody());
}

#[test]
fn a_configuration_folder_has_one_owner() {
    let blue = Backend::start("shop", "blue");
    let proxy = Plan::gateway("n1", &shop("blue", blue.port)).start();
    let log = "INFO nightjar 0.1.0 runs envoy 1.40.0\n\
               ERROR ENVOY_CONFIGURATION_DIR: the configuration folder \"FOLDER/envoy\" is in use \
               by another nightjar-standalone\n\
               hint: give each proxy an ENVOY_CONFIGURATION_DIR of its own\n";
    assert_eq!(proxy.run(&[]), (Some(64), String::new(), log.to_owned()));
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    assert_eq!(proxy.ready(), Some((200, "ready\n".to_owned())));
}

#[test]
fn a_status_port_that_is_taken_is_a_wrong_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let proxy = Plan::gateway("n1", &shop("blue", 4001))
        .env("NJ_STATUS_PORT", address.port())
        .prepare();
    let log = format!(
        "INFO nightjar 0.1.0 runs envoy 1.40.0\n\
         ERROR NJ_STATUS_PORT: cannot bind {address}: Address already in use (os error 98)\n"
    );
    assert_eq!(proxy.run(&[]), (Some(64), String::new(), log));
}

#[test]
fn all_wrong_settings_are_told_at_once() {
    let mut plan = Plan::gateway("n1", &map(&[]));
    for (name, value) in [
        ("DISCOVERY_MAP_EXEC", "no-such-program --x"),
        ("DATA_STORE_EXEC", "'never closed"),
        ("NJ_PROXY_MODE", "router"),
        ("NJ_LISTEN_PORT", "70000"),
        ("NJ_ADMIN_PORT", ""),
        ("NJ_LISTEN_ADDRESS", "localhost"),
        ("ENVOY_EXEC", "/bin/sh -c true"),
        ("ENVOY_LOG_LEVEL", "loud"),
        ("ENVOY_BASE_ID", "-1"),
        ("ENVOY_ARGS", "--concurrency 2 --base-id=7"),
        ("ENVOY_CONFIGURATION_TEMPLATE", "../envoy.yaml"),
        ("ENVOY_RESTART_MODE", "warm"),
        ("NJ_VALIDATE", "maybe"),
        ("REFRESH_TIME", "soon"),
        ("FAILURE_SLEEP", "0"),
        ("NJ_MAX_DOCUMENT_SIZE_MB", "0"),
        ("NJ_EMPTY_MAP_GRACE", "many"),
        ("NJ_STATUS_PORT", "http"),
        ("NJ_LOG_FORMAT", "xml"),
        ("PATH", "/nowhere"),
    ] {
        plan = plan.env(name, value);
    }
    let (code, output, log) = plan.prepare().run(&[]);
    assert_eq!((code, output.as_str()), (Some(64), ""));
    insta::assert_snapshot!(log);
}

#[test]
fn a_failure_can_end_the_program() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("EXIT_ON_GENERATION_FAILURE", "on")
        .start();
    proxy.set_map_text("[]");
    assert_eq!(proxy.process().wait(WAIT_TIMEOUT).code(), Some(1));
    proxy.assert_gone();
    assert_eq!(
        proxy.logged("ERROR"),
        [
            "ERROR refresh failed: fetch of discovery-map by ext-store-local failed: it exited \
             with code 1; its standard error ends with:",
            "ERROR a refresh failed, and EXIT_ON_GENERATION_FAILURE is set",
        ]
    );
}

#[test]
fn every_line_of_a_json_log_is_an_object() {
    let blue = Backend::start("shop", "blue");
    let script = format!(
        "{}; echo to-output; printf \"tab\\there\\n\" >&2",
        scripts::COPY
    );
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("DISCOVERY_MAP_EXEC", scripts::extension(&script))
        .env("NJ_LOG_FORMAT", "json")
        .env("ENVOY_LOG_LEVEL", "debug")
        .start();
    proxy.set_map_text("{");
    proxy.wait_told(
        200,
        "ready\nfailed: sh provided an invalid document: the discovery-map document is not valid\n  \
         (document): is not JSON: EOF while parsing an object at line 1 column 1\n",
    );
    assert_eq!(proxy.process().stop().code(), Some(0));
    let log = proxy.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        for member in ["timestamp", "level", "message"] {
            assert!(line[member].is_string(), "{line}");
        }
    }
    let has = |level: &str, start: &str| {
        lines.iter().any(|line| {
            line["level"] == level
                && line["message"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(start))
        })
    };
    for (level, start) in [
        ("INFO", "to-output"),
        ("INFO", "tab here"),
        ("INFO", "envoy: main "),
        ("INFO", "envoy is live"),
        ("ERROR", "refresh failed: sh provided an invalid document"),
        ("INFO", "stopping: received SIGTERM"),
    ] {
        assert!(has(level, start), "{level} {start} in {log}");
    }
    assert_eq!(with_argument(&proxy.config_dir().display().to_string()), []);
}

#[test]
fn the_operator_sees_who_a_proxy_is_and_which_envoy_it_runs() {
    let proxy = Plan::gateway("n1", &shop("blue", 4001)).start();
    let output = Command::new(program("nightjar"))
        .args(["status", "--format=json"])
        .arg(format!("127.0.0.1:{}", proxy.status_port))
        .output()
        .unwrap();
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows[0]["proxy"], "gateway:n1");
    let version = Command::new(envoy()).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let shown = rows[0]["envoy-version"].as_str().unwrap();
    assert!(
        version.contains(&format!("/{shown}/")),
        "{shown} in {version}"
    );
}
