//! Two proxies that want the same, a log that nobody reads, and a drain time of nothing.

use super::{answers, wait_told_of};
use e2e::{
    eventually,
    maps::shop,
    mesh::{Backend, Plan},
};
use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    process::Command,
};

#[test]
fn a_second_proxy_on_a_listen_port_is_told_and_takes_no_request() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let first = Plan::gateway("n1", &shop("blue", blue.port)).start();
    let port = first.port;
    let mut second = Plan::gateway("n1", &shop("green", green.port))
        .env("NJ_LISTEN_PORT", port)
        .launch();
    eventually("it is told", || {
        let told = second.status("/ready").map(|page| page.body);
        let told = told.unwrap_or_default() + &second.log();
        (told.contains("NJ_LISTEN_PORT") && told.contains(&port.to_string())).then_some(())
    });
    for _ in 0..60 {
        assert_eq!(answers(port).as_deref(), Some("shop-blue"));
    }
    let status = second.process().status();
    match status {
        Some(status) => assert_eq!(status.code(), Some(64)),
        None => wait_told_of(&second, 503, &["NJ_LISTEN_PORT", &port.to_string()]),
    }
    first.wait_told(200, "ready\n");
}

#[test]
fn a_base_id_in_use_is_told_with_a_hint() {
    let blue = Backend::start("shop", "blue");
    let first = Plan::gateway("n1", &shop("blue", blue.port)).start();
    let second = Plan::gateway("n1", &shop("blue", blue.port))
        .env("ENVOY_BASE_ID", first.port)
        .launch();
    eventually("a hint", || {
        let log = second.log();
        let told = log.contains(&format!("ENVOY_BASE_ID={}", first.port));
        (told && log.contains("hint: ")).then_some(())
    });
    assert_eq!(answers(second.port), None);
    first.wait_told(200, "ready\n");
    assert_eq!(first.count("nightjar_envoy_exits_total"), Some(0));
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("DEBUG", true)
        .prepare();
    let pipe = proxy.folder().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut full = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(nonblocking)
        .open(&pipe)
        .unwrap();
    let filled = std::iter::repeat_with(|| full.write(&[b'x'; 512]))
        .find_map(Result::err)
        .unwrap();
    assert_eq!(filled.kind(), ErrorKind::WouldBlock);
    proxy.launch_by(&format!("exec \"$0\" 2>{}", pipe.display()));
    proxy.wait_told(200, "ready\n");
    for (color, port) in [("green", green.port), ("blue", blue.port)] {
        proxy.set_map(&shop(color, port));
        proxy.wait_for_answer("/who", &format!("shop-{color}"));
    }
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.process().stop().code(), Some(0));
    proxy.assert_gone();
}

#[test]
fn a_drain_time_of_nothing_is_refused() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("ENVOY_DRAIN_TIME", 0)
        .launch();
    let status = eventually("it has ended", || proxy.process().status());
    assert_eq!(status.code(), Some(64));
    assert!(proxy.log().contains("ENVOY_DRAIN_TIME=\"0\""));
}
