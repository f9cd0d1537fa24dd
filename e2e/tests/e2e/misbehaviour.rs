//! Extensions that misbehave: the last good configuration keeps serving, and the reason is told.

use e2e::{
    eventually,
    maps::shop,
    mesh::{Backend, Plan, Proxy},
    process::with_argument,
    scripts,
};
use nightjar_core::atomic_file::replace_own;

/// A gateway that takes its map from a shell script.
fn gateway(backend: &Backend, script: &str) -> Plan {
    Plan::gateway("n1", &shop("blue", backend.port))
        .env("DISCOVERY_MAP_EXEC", scripts::extension(script))
        .env("NJ_VALIDATE", "false")
}

/// A gateway whose extension does what the file `script` in its folder says.
fn scripted(backend: &Backend, timeout: &str) -> Proxy {
    let proxy = gateway(backend, r#". "$NJ_DSLOCAL_FILE_DISCOVERY_MAP.sh""#)
        .env("NJ_EXTENSION_TIMEOUT", timeout);
    let proxy = proxy.launch();
    does(&proxy, scripts::COPY);
    proxy.wait_told(200, "ready\n");
    proxy
}

fn does(proxy: &Proxy, script: &str) {
    replace_own(&proxy.folder().join("map.json.sh"), script.as_bytes()).unwrap();
}

#[test]
fn an_extension_that_misbehaves_changes_nothing() {
    let blue = Backend::start("shop", "blue");
    let proxy = scripted(&blue, "30");
    let before = proxy.contents();
    let failed = |fault: &str| format!("fetch of discovery-map by sh failed: {fault}");
    for (script, reason) in [
        (
            "echo one >&2; echo two >&2; exit 3",
            failed("it exited with code 3; its standard error ends with:\n  | one\n  | two"),
        ),
        ("kill -SEGV $$", failed("it was killed by signal 11")),
        ("exit 0", failed("it exited with code 0, but wrote no file")),
        (
            r#"mkdir "$file""#,
            failed("it exited with code 0, but its file is not a regular file"),
        ),
        (
            r#"mkfifo "$file""#,
            failed("it exited with code 0, but its file is not a regular file"),
        ),
        (
            r#"ln -s /nowhere "$file""#,
            failed("it exited with code 0, but wrote no file"),
        ),
    ] {
        does(&proxy, script);
        proxy.wait_told(200, &format!("ready\nfailed: {reason}\n"));
        assert_eq!(proxy.contents(), before);
        assert_eq!(proxy.get("/who").by(), "shop-blue");
        does(&proxy, scripts::COPY);
        proxy.wait_told(200, "ready\n");
    }
}

#[test]
fn megabytes_of_output_are_not_kept_and_do_no_harm() {
    let blue = Backend::start("shop", "blue");
    let proxy = scripted(&blue, "30");
    does(
        &proxy,
        "yes 0123456789 | head -c 3300000; yes 0123456789 | head -c 3300000 >&2; exit 9",
    );
    let mut reason = "ready\nfailed: fetch of discovery-map by sh failed: it exited with \
                      code 9; its standard error ends with:"
        .to_owned();
    for _ in 0..10 {
        reason.push_str("\n  | 0123456789");
    }
    proxy.wait_told(200, &format!("{reason}\n"));
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    // 300,000 lines of 10 bytes on each stream, of which 256 KiB are logged.
    let left_out = proxy.wait_logged("WARN");
    let line = r#"WARN 273785 more lines of output were not logged extension="sh""#;
    assert_eq!(left_out[..2], [line, line]);
    does(&proxy, scripts::COPY);
    proxy.wait_told(200, "ready\n");
}

#[test]
fn what_an_extension_leaves_behind_is_ended() {
    let blue = Backend::start("shop", "blue");
    let proxy = scripted(&blue, "30");
    let mark = format!("3600.{}", proxy.port);
    does(
        &proxy,
        &format!(
            "sleep {mark} & {}; touch \"$NJ_DSLOCAL_FILE_DISCOVERY_MAP.ran\"",
            scripts::COPY
        ),
    );
    let ran = proxy.folder().join("map.json.ran");
    eventually("it has run", || ran.exists().then_some(()));
    does(&proxy, scripts::COPY);
    proxy.wait_refreshes(2);
    assert_eq!(with_argument(&mark), []);
    proxy.wait_told(200, "ready\n");
}

#[test]
fn an_extension_that_hangs_is_ended_and_tried_again() {
    let blue = Backend::start("shop", "blue");
    let proxy = scripted(&blue, "0.5");
    let mark = format!("3600.{}", proxy.port);
    does(&proxy, &format!("sleep {mark}"));
    let warnings = proxy.wait_logged("WARN fetch");
    let (what, when) = warnings[0].split_once("; retrying in ").unwrap();
    assert_eq!(
        what,
        "WARN fetch of discovery-map by sh failed: it was killed after running for 500ms"
    );
    assert!(when.ends_with(r#"s extension="sh""#), "{when}");
    assert_eq!(with_argument(&mark), []);
    assert_eq!(proxy.ready(), Some((200, "ready\n".to_owned())));
    assert_eq!(proxy.get("/who").by(), "shop-blue");
}

#[test]
fn nothing_newer_is_no_answer_where_nothing_is_known() {
    let blue = Backend::start("shop", "blue");
    let proxy = gateway(&blue, "exit 30").launch();
    proxy.wait_told(
        503,
        "not ready: no complete configuration yet\nfailed: fetch of discovery-map by sh failed: \
         it exited with code 30 (unchanged), but was given no version to compare with\n",
    );
    assert_eq!(proxy.files(), [""; 0]);
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(0));
}

#[test]
fn the_local_store_says_what_is_wrong_with_its_file() {
    let blue = Backend::start("shop", "blue");
    let proxy = Plan::gateway("n1", &shop("blue", blue.port)).start();
    proxy.set_map_text("[]");
    proxy.wait_told(
        200,
        "ready\nfailed: fetch of discovery-map by ext-store-local failed: it exited with code 1; \
         its standard error ends with:\n  | ext-store-local: FOLDER/map.json is not a JSON object: \
         invalid type: sequence, expected an object at line 1 column 0\n",
    );
    proxy.set_map_text("{\"half");
    let quoted = proxy.wait_logged("  | ext-store-local: FOLDER/map.json is not complete");
    let (reason, _) = quoted[0].split_once("; retrying in ").unwrap();
    assert_eq!(
        reason,
        "  | ext-store-local: FOLDER/map.json is not complete JSON: EOF while parsing a string at \
         line 1 column 6"
    );
    assert_eq!(
        proxy.logged("WARN"),
        [
            "WARN fetch of discovery-map by ext-store-local failed: it exited with code 31 \
             (worth another try); its standard error ends with:"
        ]
    );
    assert_eq!(proxy.get("/who").by(), "shop-blue");
}
