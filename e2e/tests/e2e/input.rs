//! Bad maps, bad templates and bad extensions: the last good configuration keeps serving, and the
//! reason is told in full. A good one afterwards is taken.

use e2e::{
    eventually,
    maps::{map, namespace, prefix, service_color, shop, with},
    mesh::{Backend, Plan, Proxy},
    program, scripts,
};
use nightjar_core::atomic_file::replace_own;
use serde_json::{Value, json};
use std::fs::File;

/// A gateway that takes its map as it is, without the local store's own checks.
fn gateway(backend: &Backend) -> Plan {
    Plan::gateway("n1", &shop("blue", backend.port))
        .env("DISCOVERY_MAP_EXEC", scripts::extension(scripts::COPY))
        .env("NJ_VALIDATE", "false")
}

/// Replaces the map by a bad one, and expects that only the status speaks of it.
fn refuses(proxy: &Proxy, good: &Value, bad: &[u8], reason: &str) {
    let before = proxy.contents();
    proxy.set_map_text(bad);
    proxy.wait_told(200, &format!("ready\nfailed: {reason}\n"));
    assert_eq!(proxy.contents(), before);
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    proxy.set_map(good);
    proxy.wait_told(200, "ready\n");
}

/// Bad maps, and why each is refused.
fn bad_maps(good: &Value) -> Vec<(Vec<u8>, String)> {
    let text = good.to_string();
    let in_map = |fault: &str| {
        format!(
            "sh provided an invalid document: the discovery-map document is not valid\n  {fault}"
        )
    };
    let edited = |pointer: &str, value: Value| {
        let mut map = good.clone();
        *map.pointer_mut(pointer).unwrap() = value;
        map.to_string()
    };
    let namespaces = good["namespaces"].as_array().unwrap();
    let twice = map(&[namespaces.clone(), namespaces.clone()].concat()).to_string();
    let other = map(&[namespace("n2", &[]), namespace("n3", &[])]).to_string();
    let route = "/namespaces/0/service-colors/0/routes/0";
    let regex = edited(
        &format!("{route}/path-match"),
        json!({"match-type": "regex", "value": "/(shop"}),
    );
    vec![
        (
            Vec::new(),
            "fetch of discovery-map by sh failed: it exited with code 0, but its file is empty"
                .to_owned(),
        ),
        (b" \n".to_vec(), in_map("(document): is empty")),
        (
            text.as_bytes()[..100].to_vec(),
            in_map("(document): is not JSON: EOF while parsing a value at line 1 column 100"),
        ),
        (
            [&text.as_bytes()[..50], b"\xff\xfe", &text.as_bytes()[50..]].concat(),
            in_map("(document): is not UTF-8 text: byte 50 is invalid"),
        ),
        (
            "[".repeat(100_000).into_bytes(),
            in_map("(document): is not JSON: EOF while parsing a list at line 1 column 100000"),
        ),
        (
            b"[1, 2]".to_vec(),
            in_map("(document): is not a JSON object"),
        ),
        (
            edited("/schema-version", json!("v9")).into_bytes(),
            in_map("/schema-version: \"v9\" is not one of \"v1\""),
        ),
        (
            other.into_bytes(),
            "namespace `n1` is not in the discovery map, which has `n2`, `n3`".to_owned(),
        ),
        (
            twice.into_bytes(),
            in_map(
                "/namespaces/1/namespace (n1): \"n1\" is already the name of /namespaces/0; \
                 a namespace must appear only once",
            ),
        ),
        (
            regex.into_bytes(),
            in_map(&format!(
                "{route}/path-match/value (shop/blue in n1): \"/(shop\" is not a regular expression: unclosed group"
            )),
        ),
        (
            edited("/namespaces/0/service-colors/0/color", json!("a\u{7}b")).into_bytes(),
            in_map(
                "/namespaces/0/service-colors/0/color (shop/a\\u{7}b in n1): \"a\\u{7}b\" is not a name: 1 to 128 \
                 letters, digits, dots, underscores and hyphens",
            ),
        ),
        (
            edited(
                "/namespaces/0/service-colors/0/service",
                json!("x\"\n- name: \"y"),
            )
            .into_bytes(),
            in_map(
                "/namespaces/0/service-colors/0/service (x\"\\n- name: \"y/blue in n1): \"x\\\"\\n- name: \\\"y\" is not a name: \
                 1 to 128 letters, digits, dots, underscores and hyphens",
            ),
        ),
        (
            edited(&format!("{route}/path-match/value"), json!("/a\n\"}, {\"x")).into_bytes(),
            in_map(&format!(
                "{route}/path-match/value (shop/blue in n1): \"/a\\n\\\"}}, {{\\\"x\" contains the control character U+000A"
            )),
        ),
    ]
}

#[test]
fn a_bad_map_changes_nothing_and_is_explained() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let proxy = gateway(&blue).start();
    let good = shop("blue", blue.port);
    for (bad, reason) in bad_maps(&good) {
        refuses(&proxy, &good, &bad, &reason);
    }
    assert_eq!(proxy.count("nightjar_configuration_refused"), Some(0));
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
    assert_eq!(proxy.count("nightjar_rollout_seconds_count"), Some(1));
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
}

#[test]
fn every_fault_of_a_map_is_told_at_once() {
    let blue = Backend::start("shop", "blue");
    let proxy = gateway(&blue).start();
    let good = shop("blue", blue.port);
    let bad = map(&[
        with(namespace("n 1", &[]), json!({"network-id": 5})),
        namespace(
            "n1",
            &[service_color(
                "shop",
                "blue",
                &[0],
                &[with(prefix("/"), json!({"weight": -1}))],
            )],
        ),
    ]);
    refuses(
        &proxy,
        &good,
        bad.to_string().as_bytes(),
        "sh provided an invalid document: the discovery-map document is not valid
  /namespaces/0/namespace (n 1): \"n 1\" is not a name: 1 to 128 letters, digits, dots, underscores and hyphens
  /namespaces/0/network-id (n 1): 5 is not of type \"string\"
  /namespaces/1/service-colors/0/instances/0/port (shop/blue in n1): 0 is not between 1 and 65535
  /namespaces/1/service-colors/0/routes/0/weight (shop/blue in n1): -1 is not between 0 and 32767",
    );
}

#[test]
fn a_map_that_is_too_large_is_not_read() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = gateway(&blue).env("NJ_MAX_DOCUMENT_SIZE_MB", 1).start();
    let good = shop("blue", blue.port);
    refuses(
        &proxy,
        &good,
        &vec![b' '; 2 << 20],
        "fetch of discovery-map by sh failed: it exited with code 0, but its file has \
         2097152 bytes; the limit is 1048576",
    );
    // The same with the limit that is there if nobody sets one.
    proxy.env.remove("NJ_MAX_DOCUMENT_SIZE_MB");
    assert_eq!(proxy.process().stop().code(), Some(0));
    proxy.launch();
    proxy.wait_told(200, "ready\n");
    let large = proxy.map_file.with_extension("large");
    File::create(&large).unwrap().set_len(100_000_000).unwrap();
    std::fs::rename(&large, &proxy.map_file).unwrap();
    proxy.wait_told(
        200,
        "ready\nfailed: fetch of discovery-map by sh failed: it exited with code 0, but its \
         file has 100000000 bytes; the limit is 67108864\n",
    );
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    proxy.set_map(&good);
    proxy.wait_told(200, "ready\n");
}

/// A templates document with the shipped templates, and these besides or instead.
fn templates(more: &[(&str, &str)]) -> String {
    let mut document = serde_json::to_value(nightjar_core::template::shipped()).unwrap();
    let list = document["gateway-templates"].as_array_mut().unwrap();
    for (purpose, text) in more {
        list.retain(|item| item["purpose"] != *purpose);
        list.push(json!({"namespace": null, "purpose": purpose, "template": text}));
    }
    document.to_string()
}

#[test]
fn bad_templates_change_nothing_and_are_explained() {
    let blue = Backend::start("shop", "blue");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("templates.json");
    let set = |text: &str| replace_own(&file, text.as_bytes()).unwrap();
    set(&templates(&[]));
    let proxy = gateway(&blue)
        .env("DATA_STORE_EXEC", program("ext-store-local").display())
        .env("NJ_DSLOCAL_FILE_TEMPLATES", file.display())
        .start();
    let before = proxy.contents();
    let purpose = |purpose: &str, fault: &str| {
        let count = nightjar_core::template::shipped().gateway_templates.len();
        let reason = format!(
            "ext-store-local provided an invalid document: the templates document is not valid\n  \
             /gateway-templates/{count}/purpose: {fault}"
        );
        (templates(&[(purpose, "x")]), reason)
    };
    let faulty = |text: &str, fault: &str| {
        let reason = format!("invalid templates:\n{fault}");
        (templates(&[("extra.txt", text)]), reason)
    };
    let cases = [
        purpose(
            "../x",
            "file name \"../x\" leads out of the configuration folder",
        ),
        purpose("/etc/x", "file name \"/etc/x\" is an absolute path"),
        purpose(".x", "file name \".x\" is hidden"),
        purpose(
            "{{name}}/../../x",
            "\"{{name}}/../../x\" file name \"x/../../x\" leads out of the configuration folder",
        ),
        purpose("a/.x/b", "file name \"a/.x/b\" is hidden"),
        faulty(
            "one\n{{#listeners}}\ntwo",
            "extra.txt:2:1: section \"listeners\" is never closed",
        ),
        faulty("a {{name", "extra.txt:1:3: tag is not closed with }}"),
        faulty(
            "{{#a}}{{/b}}",
            "extra.txt:1:1: section \"a\" is never closed\nextra.txt:1:7: section \"b\" is closed but not open",
        ),
        (
            templates(&[("{{name}}.txt", "x"), ("gateway.txt", "y")]),
            "invalid templates:\n{{name}}.txt: \"gateway.txt\" and \
             \"{{name}}.txt\" for listener \"gateway\" both make the file \"gateway.txt\""
                .to_owned(),
        ),
        (
            templates(&[("{{no_such_name}}.json", "x")]),
            "invalid templates:\n{{no_such_name}}.json: for listener \"gateway\": file name \
             \".json\" is hidden"
                .to_owned(),
        ),
    ];
    for (document, reason) in cases {
        set(&document);
        proxy.wait_told(200, &format!("ready\ntemplates: {reason}\n"));
        assert_eq!(proxy.contents(), before);
        assert_eq!(proxy.get("/who").by(), "shop-blue");
        set(&templates(&[]));
        proxy.wait_told(200, "ready\n");
    }
    set(&templates(&[("extra.txt", "{{namespace}}")]));
    eventually("the new file", || {
        let text = std::fs::read_to_string(proxy.config_dir().join("extra.txt")).ok()?;
        (text == "n1").then_some(())
    });
    set(&templates(&[]));
    eventually("the file is gone", || {
        (proxy.contents() == before).then_some(())
    });
}

#[test]
fn a_map_without_endpoints_is_believed_at_the_third_refresh() {
    let blue = Backend::start("shop", "blue");
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("NJ_EMPTY_MAP_GRACE", 3)
        .start();
    let empty = map(&[namespace(
        "n1",
        &[service_color("shop", "blue", &[], &[prefix("/who")])],
    )]);
    proxy.set_map(&empty);
    let warning = |number| {
        format!(
            "WARN the discovery map lost its last endpoint, which is usually an error of \
             discovery; it is accepted when 3 refreshes in a row confirm it, and \
             this was number {number}"
        )
    };
    eventually("the first doubt", || {
        proxy.logged("WARN").contains(&warning(1)).then_some(())
    });
    proxy.wait_for_status("/who", 503);
    assert_eq!(proxy.logged("WARN"), [warning(1), warning(2)]);
    proxy.set_map(&shop("blue", blue.port));
    proxy.wait_for_answer("/who", "shop-blue");
}
