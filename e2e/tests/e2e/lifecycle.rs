//! Starting, stopping and being killed: what is left behind, and what comes after.

use e2e::{
    WAIT_TIMEOUT, eventually,
    http::Connection,
    maps::{shop, with_nowhere},
    mesh::{Backend, Plan, Proxy},
    templates::Templates,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{net::UdpSocket, thread};

#[test]
fn a_stop_by_any_of_three_ways_leaves_nothing_running() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port)).start();
    for (signal, reason) in [
        (Signal::TERM, "received SIGTERM"),
        (Signal::INT, "received SIGINT"),
    ] {
        proxy.process().signal(signal);
        assert_eq!(proxy.process().wait(WAIT_TIMEOUT).code(), Some(0));
        proxy.assert_gone();
        let told = proxy.logged("INFO stopping").pop();
        assert_eq!(told, Some(format!("INFO stopping: {reason}")));
        proxy.launch();
        proxy.wait_ready();
        assert_eq!(proxy.get("/who").by(), "shop-blue");
    }
    let stop = proxy.folder().join("stop");
    std::fs::write(&stop, "").unwrap();
    assert_eq!(proxy.process().wait(WAIT_TIMEOUT).code(), Some(0));
    proxy.assert_gone();
    // Started again beside the same stop file, it says why it does not run.
    proxy.launch();
    assert_eq!(proxy.process().wait(WAIT_TIMEOUT).code(), Some(0));
    assert_eq!(
        proxy.logged("INFO stopping")[2..],
        [
            "INFO stopping: the stop file FOLDER/stop appeared",
            "INFO stopping: the stop file FOLDER/stop existed before the start; remove it to run",
        ]
    );
}

#[test]
fn a_request_under_way_is_answered_before_the_stop() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("ENVOY_DRAIN_TIME", 20)
        .start();
    let address = proxy.address();
    let request = thread::spawn(move || {
        let mut connection = Connection::open(address).unwrap();
        connection.request("GET", "/delay/1000", &[]).unwrap()
    });
    eventually("the request is under way", || {
        let active = proxy.admin("/stats?filter=upstream_rq_active$");
        active
            .body
            .contains("cluster.c-shop-blue-1.upstream_rq_active: 1\n")
            .then_some(())
    });
    proxy.process().signal(Signal::TERM);
    proxy.wait_told(503, "not ready: stopping\n");
    let answer = request.join().unwrap();
    assert_eq!((answer.status, answer.by()), (200, "shop-blue"));
    assert!(answer.closes(), "{answer:?}");
    assert_eq!(proxy.process().wait(WAIT_TIMEOUT).code(), Some(0));
    proxy.assert_gone();
}

/// How far a rollout from blue to green has come, as its files show.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Make,
    Switch,
    Finish,
}

fn phase(proxy: &Proxy) -> Option<Phase> {
    let text = |name: &str| std::fs::read_to_string(proxy.config_dir().join(name));
    let routes = text(&format!("rds-{}.json", proxy.port)).ok()?;
    let clusters = text("cds.json").ok()?;
    let has = |text: &str, color: &str| text.contains(&format!("\"c-shop-{color}-1\""));
    match (
        has(&clusters, "blue"),
        has(&clusters, "green"),
        has(&routes, "green"),
    ) {
        (true, true, false) => Some(Phase::Make),
        (true, true, true) => Some(Phase::Switch),
        (false, true, true) => Some(Phase::Finish),
        _ => None,
    }
}

#[test]
fn a_stop_in_the_middle_of_a_rollout_is_a_stop_like_any_other() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let templates = Templates::without_dns(&silent, 3);
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("ENVOY_UPDATE_TIMEOUT", 60)
        .start();
    proxy.set_map(&with_nowhere(shop("green", green.port)));
    eventually("the first phase", || {
        (phase(&proxy) == Some(Phase::Make)).then_some(())
    });
    assert_eq!(proxy.process().stop().code(), Some(0));
    proxy.assert_gone();
    assert_eq!(phase(&proxy), Some(Phase::Make));
    proxy.launch();
    proxy.wait_for_answer("/who", "shop-green");
    assert_eq!(phase(&proxy), Some(Phase::Finish));
}

#[test]
fn a_kill_in_any_phase_of_a_rollout_is_mended_by_the_next_start() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port)).start();
    for at in [Phase::Make, Phase::Switch, Phase::Finish] {
        proxy.set_map(&shop("green", green.port));
        let seen = loop {
            match phase(&proxy) {
                Some(phase) if phase as u8 >= at as u8 => break phase,
                _ => thread::yield_now(),
            }
        };
        proxy.process().signal(Signal::KILL);
        assert_eq!(proxy.process().wait(WAIT_TIMEOUT).code(), None, "{seen:?}");
        eventually("envoy has gone with it", || {
            proxy.envoys().is_empty().then_some(())
        });
        proxy.launch();
        proxy.wait_for_answer("/who", "shop-green");
        proxy.wait_told(200, "ready\n");
        assert_eq!(phase(&proxy), Some(Phase::Finish), "killed at {seen:?}");
        assert_eq!(proxy.unfinished(), [""; 0]);
        proxy.set_map(&shop("blue", blue.port));
        proxy.wait_for_answer("/who", "shop-blue");
        eventually("the rollout has ended", || {
            (phase(&proxy).is_none()).then_some(())
        });
    }
}

#[test]
fn sighup_refreshes_at_once() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("REFRESH_TIME", 3600)
        .start();
    proxy.set_map(&shop("green", green.port));
    proxy.process().signal(Signal::HUP);
    proxy.wait_for_answer("/who", "shop-green");
    assert_eq!(
        proxy.logged("INFO refreshing"),
        ["INFO refreshing now because of SIGHUP"]
    );
}

#[test]
fn an_envoy_that_cannot_listen_is_not_ready_until_it_can() {
    let blue = Backend::start("shop", "blue");
    // Without SO_REUSEPORT, which Envoy sets, nobody else can listen there.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("NJ_LISTEN_PORT", port)
        .launch();
    proxy.wait_logged("ERROR refresh failed: another process listens at 127.0.0.1:");
    let (code, _, said) = proxy.run(&["--check-ready"]);
    assert_eq!(code, Some(1));
    let reason = format!(
        "not ready: no complete configuration yet\n\
         failed: another process listens at 127.0.0.1:{port} (NJ_LISTEN_PORT), and envoy is not started\n\
         hint: give each proxy of a host a port of its own\n"
    );
    assert_eq!(e2e::status::without_moments(&said), reason);
    assert_eq!(proxy.envoys(), []);
    // A change does not make it listen.
    let green = Backend::start("shop", "green");
    proxy.set_map(&shop("green", green.port));
    proxy.wait_refreshes(20);
    assert_eq!(
        proxy.status("/ready").map(|answer| answer.status),
        Some(503)
    );
    drop(taken);
    proxy.wait_ready();
    let address = (std::net::Ipv4Addr::LOCALHOST, port).into();
    let answer = e2e::http::get(address, "/who", &[]).unwrap();
    assert_eq!(answer.by(), "shop-green");
}

#[test]
fn an_envoy_that_hangs_is_not_ready_and_is_not_changed_until_it_answers_again() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("ENVOY_UPDATE_TIMEOUT", 1)
        .start();
    let before = proxy.contents();
    let envoys = proxy.envoys();
    let signal = |signal| {
        let pid = i32::try_from(envoys[0].0).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    };
    signal(Signal::STOP);
    proxy.set_map(&shop("green", green.port));
    let reason = "envoy does not respond: envoy's admin interface at 127.0.0.1:ADMIN_PORT does not answer \
                  /server_info: no answer in 5 s\n";
    proxy.wait_logged(&format!("ERROR {}", reason.trim_end()));
    let told = format!("not ready: {reason}");
    eventually("it is told", || {
        let (status, text) = proxy.ready()?;
        (status == 503 && text.starts_with(&told)).then_some(())
    });
    assert_eq!(proxy.count("nightjar_envoy_live"), Some(0));
    let (code, _, said) = proxy.run(&["--check-ready"]);
    assert_eq!(code, Some(1));
    let rest = e2e::status::without_moments(&said);
    let rest = rest.strip_prefix(&told).unwrap_or_else(|| panic!("{said}"));
    assert!(
        rest.is_empty() || rest.starts_with("failed: envoy"),
        "{said}"
    );
    assert_eq!(proxy.contents(), before);
    // Before it was known to be silent, it did not answer, and had not ended either.
    for failure in proxy.logged("ERROR refresh failed") {
        assert!(failure.contains("does not answer"), "{failure}");
    }

    signal(Signal::CONT);
    proxy.wait_for_answer("/who", "shop-green");
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.envoys(), envoys, "it was left alone");
    assert_eq!(proxy.logged("INFO envoy answers again").len(), 1);
}
