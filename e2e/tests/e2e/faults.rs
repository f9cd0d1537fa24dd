//! Envoy and the configuration folder in every bad shape: what serves goes on serving.

use e2e::{
    WAIT_TIMEOUT, envoy, eventually,
    maps::{map, namespace, prefix, service_color, shop, with, with_nowhere},
    mesh::{Backend, Plan, Proxy},
    scripts,
    templates::Templates,
};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::json;
use std::net::UdpSocket;

/// Starts it, waits for its end, and gives its exit code and log without times.
fn ends(plan: Plan) -> (Option<i32>, Vec<String>) {
    let mut proxy = plan.launch();
    let code = proxy.process().wait(WAIT_TIMEOUT).code();
    (code, proxy.logged(""))
}

fn kill(process: u32) {
    let process = Pid::from_raw(process.cast_signed()).unwrap();
    kill_process(process, Signal::KILL).unwrap();
}

#[test]
fn a_missing_envoy_is_a_wrong_setting() {
    let plan = Plan::gateway("n1", &map(&[])).env("ENVOY_EXEC", "/nowhere/envoy");
    assert_eq!(
        ends(plan),
        (
            Some(64),
            vec![
                "nightjar-standalone: invalid configuration".to_owned(),
                "ENVOY_EXEC=\"/nowhere/envoy\": \"/nowhere/envoy\" is not an executable file"
                    .to_owned()
            ]
        )
    );
}

#[test]
fn what_is_no_envoy_is_told_so() {
    let plan = Plan::gateway("n1", &map(&[])).env("ENVOY_EXEC", "/bin/true");
    assert_eq!(
        ends(plan),
        (
            Some(64),
            vec![
                "ERROR ENVOY_EXEC: /bin/true is not an Envoy 1.39.1 or later: `--version` prints \
                 \"true (GNU coreutils) 9.1\""
                    .to_owned()
            ]
        )
    );
}

#[test]
fn an_old_envoy_is_told_so() {
    let proxy = Plan::gateway("n1", &map(&[])).prepare();
    let old = scripts::executable(
        &proxy.folder().join("old-envoy"),
        "echo; echo envoy  version: abc/1.10.0/Clean/RELEASE/BoringSSL; echo",
    );
    let mut proxy = proxy;
    proxy
        .env
        .insert("ENVOY_EXEC".to_owned(), old.display().to_string());
    assert_eq!(
        proxy.run(&[]),
        (
            Some(64),
            String::new(),
            "ERROR ENVOY_EXEC: FOLDER/old-envoy is not an Envoy 1.39.1 or later: `--version` prints \
             \"envoy version: abc/1.10.0/Clean/RELEASE/BoringSSL\"\n"
                .to_owned()
        )
    );
}

#[test]
fn an_envoy_that_dies_at_its_start_is_started_again() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port)).prepare();
    let script = format!(
        "case \"$*\" in\n  --version | *validate*) exec {envoy} \"$@\" ;;\nesac\n\
         test -e {folder}/cured && exec {envoy} \"$@\"\n\
         echo \"critical main no room to live\" >&2\nexit 1",
        envoy = envoy().display(),
        folder = proxy.folder().display(),
    );
    let dying = scripts::executable(&proxy.folder().join("dying-envoy"), &script);
    proxy
        .env
        .insert("ENVOY_EXEC".to_owned(), dying.display().to_string());
    proxy.launch();
    eventually("three starts", || {
        (proxy.count("nightjar_envoy_exits_total") >= Some(3)).then_some(())
    });
    assert_eq!(
        proxy.ready(),
        Some((503, "not ready: envoy is not live\n".to_owned()))
    );
    assert_eq!(
        proxy.logged("ERROR")[..6],
        [
            "ERROR envoy: main no room to live",
            "ERROR envoy ended by itself: exit status: 1",
        ]
        .repeat(3)
    );
    assert_eq!(
        proxy.logged("WARN")[..3],
        [
            "WARN envoy is started again in 1 s",
            "WARN envoy is started again in 2 s",
            "WARN envoy is started again in 4 s",
        ]
    );
    std::fs::write(proxy.folder().join("cured"), "").unwrap();
    // A new configuration is a reason not to wait any longer.
    let more = map(&[namespace(
        "n1",
        &[service_color(
            "shop",
            "blue",
            &[blue.port],
            &[prefix("/"), prefix("/more")],
        )],
    )]);
    proxy.set_map(&more);
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(4));
}

#[test]
fn a_killed_envoy_comes_back() {
    let blue = Backend::start("shop", "blue");
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("REFRESH_TIME", 3600)
        .start();
    let [(process, _)] = proxy.envoys()[..] else {
        panic!("{:?}", proxy.envoys())
    };
    kill(process);
    proxy.wait_told(503, "not ready: envoy is not live\n");
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    assert_eq!(proxy.count("nightjar_envoy_exits_total"), Some(1));
    assert_eq!(
        proxy.logged("ERROR"),
        ["ERROR envoy ended by itself: signal: 9 (SIGKILL)"]
    );
}

#[test]
fn a_name_that_never_resolves_holds_nobody_back() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let templates = Templates::without_dns(&silent, 20);
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("ENVOY_UPDATE_TIMEOUT", 1)
        .start();
    proxy.set_map(&with_nowhere(shop("green", green.port)));
    proxy.wait_for_answer("/who", "shop-green");
    eventually("it is in force", || {
        (proxy.count("nightjar_rollout_seconds_count") == Some(2)).then_some(())
    });
    assert_eq!(
        proxy.logged("WARN still"),
        [
            "WARN still not ready in envoy after 1 s, so the rollout goes on without waiting: \
             c-nowhere-blue-1 (a host name that does not resolve, or a health check without an \
             answer)"
        ]
    );
    assert_eq!(proxy.get("/nowhere").status, 503);
}

/// Whether the clusters of a rollout that has begun are written.
fn has_begun(proxy: &Proxy) -> bool {
    let clusters = std::fs::read_to_string(proxy.config_dir().join("cds.json"));
    clusters.is_ok_and(|clusters| clusters.contains("nowhere"))
}

/// Kills Envoy in the first phase of a rollout, which a name without an answer makes long.
fn kill_during_rollout(proxy: &Proxy) {
    eventually("the first phase", || has_begun(proxy).then_some(()));
    for (process, _) in proxy.envoys() {
        kill(process);
    }
}

#[test]
fn an_envoy_that_dies_during_a_rollout_comes_back_with_the_new_configuration() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let templates = Templates::without_dns(&silent, 2);
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .start();
    proxy.set_map(&with_nowhere(shop("green", green.port)));
    kill_during_rollout(&proxy);
    proxy.wait_for_answer("/who", "shop-green");
    proxy.wait_told(200, "ready\n");
    assert_eq!(
        proxy.logged("ERROR"),
        [
            "ERROR envoy ended by itself: signal: 9 (SIGKILL)",
            "ERROR refresh failed: envoy ended while it loaded cds.json",
        ]
    );
}

#[test]
fn files_that_envoy_dies_of_twice_are_refused() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let templates = Templates::without_dns(&silent, 20);
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("ENVOY_UPDATE_TIMEOUT", 20)
        .start();
    let before = proxy.contents();
    proxy.set_map(&with_nowhere(shop("green", green.port)));
    kill_during_rollout(&proxy);
    eventually("the old files are back", || {
        (!has_begun(&proxy)).then_some(())
    });
    kill_during_rollout(&proxy);
    proxy.wait_told(
        200,
        "ready\nrefused: envoy ended while it loaded cds.json\n",
    );
    assert_eq!(proxy.contents(), before);
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    assert_eq!(proxy.count("nightjar_envoy_exits_total"), Some(2));
}

#[test]
fn a_configuration_folder_that_cannot_be_one_is_a_wrong_setting() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display();
    for (folder, reason) in [
        (path.to_string(), "File exists (os error 17)"),
        (format!("{path}/below"), "Not a directory (os error 20)"),
    ] {
        let plan = Plan::gateway("n1", &map(&[])).env("ENVOY_CONFIGURATION_DIR", &folder);
        let (code, log) = ends(plan);
        assert_eq!(code, Some(64));
        assert_eq!(
            log,
            [
                "INFO nightjar 0.1.0 runs envoy 1.40.0".to_owned(),
                format!(
                    "ERROR ENVOY_CONFIGURATION_DIR: cannot make the folder \"{folder}\": {reason}"
                )
            ]
        );
    }
}

#[test]
fn files_that_do_not_fit_on_the_disk_change_nothing() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("NJ_VALIDATE", "false")
        .prepare();
    // Stands in for a full disk: a limit on the size of files, with the signal for it ignored.
    proxy.launch_by("trap '' XFSZ; exec \"$0\"");
    proxy.wait_ready();
    let before = proxy.contents();
    let process = Pid::from_raw(proxy.process().id().cast_signed());
    let limit = |bytes| Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(process, Resource::Fsize, limit(Some(20_000))).unwrap();
    let mut many = shop("green", green.port);
    let list = many.pointer_mut("/namespaces/0/service-colors").unwrap();
    for number in 0..30 {
        let name = format!("shop-{number}");
        let more = service_color(&name, "blue", &[blue.port], &[]);
        list.as_array_mut().unwrap().push(with(
            more,
            json!({"routes": [prefix(&format!("/{name}/"))]}),
        ));
    }
    proxy.set_map(&many);
    proxy.wait_told(
        200,
        "ready\nfailed: cannot write \"FOLDER/envoy/cds.json\": File too large (os error 27)\n",
    );
    assert_eq!(proxy.contents(), before);
    // The ready file may be written at this moment, as it is every few seconds.
    let mut unfinished = proxy.unfinished();
    unfinished.retain(|name| !name.starts_with(".nightjar-status"));
    assert_eq!(unfinished, [""; 0]);
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    prlimit(process, Resource::Fsize, limit(None)).unwrap();
    proxy.wait_for_answer("/who", "shop-green");
    proxy.wait_told(200, "ready\n");
}
