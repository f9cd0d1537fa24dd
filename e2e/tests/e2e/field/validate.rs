//! `nightjar validate`: its answers, and its exit codes.

use super::{Tool, finds, private, service};
use e2e::{
    maps::{map, namespace, prefix, with},
    program,
};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// The one route of the map that cases change.
pub(super) const ROUTE: &str = "/namespaces/0/service-colors/0/routes/0";
/// Its service-color.
pub(super) const SHOP: &str = "/namespaces/0/service-colors/0";

/// Two namespaces without a fault; one service with one route counts.
fn good() -> Value {
    map(&[
        namespace("store", &[service("shop", &[4000], &[prefix("/shop/")])]),
        namespace("bank", &[service("till", &[4001], &[prefix("/till/")])]),
    ])
}

/// The same with another route in place of the one.
pub(super) fn routed(route: Value) -> Value {
    edited(ROUTE, |old| *old = route)
}

/// The same with members more at a place.
pub(super) fn added(pointer: &str, members: Value) -> Value {
    edited(pointer, |old| *old = with(old.clone(), members))
}

fn edited(pointer: &str, edit: impl FnOnce(&mut Value)) -> Value {
    let mut map = good();
    edit(map.pointer_mut(pointer).unwrap());
    map
}

#[test]
fn members_of_people_s_own_are_nobody_s_slip() {
    let mut map = good();
    for pointer in [
        "",
        "/namespaces/0",
        "/namespaces/0/gateways",
        SHOP,
        ROUTE,
        "/namespaces/0/service-colors/0/routes/0/path-match",
        "/namespaces/0/service-colors/0/instances/0",
    ] {
        let object = map.pointer_mut(pointer).unwrap();
        *object = with(object.clone(), json!({"x-owner": {"team": "shop"}}));
    }
    let tool = Tool::with(&map);
    assert_eq!(tool.report()["warnings"], json!([]));
    let strict = tool.run(&["validate", "--strict", "map.json"]);
    assert_eq!(strict.code, Some(0), "{strict:?}");
    assert_eq!(strict.stdout, "map.json: discovery-map, valid\n");
}

#[test]
fn faults_and_warnings_are_told_together() {
    let mut map = added(ROUTE, json!({"headres": []}));
    map["namespaces"][1]["service-colors"][0]["routes"][0]["weight"] = json!(32768);
    let tool = Tool::with(&map);
    let report = tool.report();
    assert_eq!(report["valid"], false);
    let fault = "/namespaces/1/service-colors/0/routes/0/weight";
    assert!(finds(&report["faults"], fault, &["32768"]), "{report:#}");
    for arguments in [
        &["validate", "map.json"][..],
        &["validate", "--strict", "map.json"],
    ] {
        let outcome = tool.run(arguments);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(!outcome.stdout.contains(", valid"), "{outcome:?}");
        let line = format!("map.json: {fault} (till/blue in bank): ");
        assert!(outcome.stdout.contains(&line), "{outcome:?}");
    }
}

#[test]
fn exit_codes_are_those_of_the_worst_file() {
    let folder = Tool::with(&good());
    let put = |name: &str, text: &str| std::fs::write(folder.0.path().join(name), text).unwrap();
    put(
        "slip.json",
        &added(ROUTE, json!({"headres": []})).to_string(),
    );
    put("bad.json", &routed(private(prefix("shop/"))).to_string());
    put("none.json", "[]");
    for (arguments, code) in [
        (&["map.json"][..], 0),
        (&["--strict", "map.json"], 0),
        (&["slip.json"], 0),
        (&["map.json", "slip.json"], 0),
        (&["--strict", "map.json", "slip.json"], 1),
        (&["bad.json"], 1),
        (&["bad.json", "map.json"], 1),
        (&["none.json"], 1),
        (&["missing.json"], 1),
        (&[], 64),
        (&["--strictly", "map.json"], 64),
        (&["--format", "xml", "map.json"], 64),
    ] {
        for format in [&[][..], &["--format", "json"]] {
            // Given twice, it would be wrong usage by itself.
            if arguments.contains(&"--format") && !format.is_empty() {
                continue;
            }
            let arguments = [&["validate"][..], format, arguments].concat();
            let outcome = folder.run(&arguments);
            assert_eq!(outcome.code, Some(code), "{arguments:?}: {outcome:?}");
        }
    }
}

#[test]
fn a_map_from_standard_input_is_judged_alike() {
    let map = added(ROUTE, json!({"headres": []})).to_string();
    for (arguments, code) in [(&["-"][..], 0), (&["--strict", "-"], 1)] {
        let mut child = Command::new(program("nightjar"))
            .arg("validate")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(map.as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains("headres"), "{told}");
    }
}
