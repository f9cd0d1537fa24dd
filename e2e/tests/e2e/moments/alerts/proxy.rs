//! The alerts of a proxy, each provoked.

use super::{
    super::{Mesh, hold, inotify, text, with_script},
    AGE, BOOTSTRAP, CLOSED, EMPTY, EXITS, FAILURES, INOTIFY, NO_ENDPOINTS, NOT_LIVE, NOT_READY,
    REFUSED, SLOW, STARTS, TEMPLATES, VERSIONS, WENT_BACK,
    condition::{holds, no_alert, parts, wait_age, wait_alert},
    wait_signs,
};
use e2e::{
    eventually,
    maps::{map, namespace, shop, with_nowhere},
    mesh::{Backend, Plan, Proxy},
    ports,
    templates::Templates,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{collections::BTreeSet, net::UdpSocket};

/// A gateway of `shop` that is well.
fn gateway(blue: &Backend) -> Plan {
    Plan::gateway("n1", &shop("blue", blue.port))
}

#[test]
pub(super) fn a_proxy_that_never_sees_a_map() {
    let proxy = Plan::gateway("n1", &map(&[]))
        .discovery("/bin/false")
        .launch();
    for condition in [FAILURES, NOT_READY, NOT_LIVE] {
        wait_alert(proxy.status_port, condition);
    }
    let failed = "nightjar_extension_run_seconds_count{extension=\"discovery\",result=\"failed\"}";
    assert!(proxy.count(failed) > Some(3));
}

#[test]
pub(super) fn a_proxy_that_sees_no_map_any_more() {
    let blue = Backend::start("shop", "blue");
    let proxy = gateway(&blue).start();
    no_alert(proxy.status_port, &[NOT_READY, NOT_LIVE, FAILURES]);
    proxy.set_map_text("{}");
    wait_age(proxy.status_port, AGE);
    wait_signs(&proxy, AGE);
    wait_alert(proxy.status_port, FAILURES);
    no_alert(proxy.status_port, &[NOT_READY, NOT_LIVE]);
}

#[test]
pub(super) fn an_envoy_that_ends_by_itself() {
    let blue = Backend::start("shop", "blue");
    let proxy = gateway(&blue).start();
    no_alert(proxy.status_port, &[EXITS, NOT_READY, NOT_LIVE]);
    for condition in [NOT_READY, NOT_LIVE, EXITS] {
        eventually(condition, || {
            // Each one that comes, so that the moment is long enough to be seen.
            for (envoy, _) in proxy.envoys() {
                let envoy = Pid::from_raw(envoy.cast_signed()).unwrap();
                let _ = kill_process(envoy, Signal::KILL);
            }
            holds(proxy.status_port, condition).then_some(())
        });
    }
    wait_signs(&proxy, EXITS);
    wait_signs(&proxy, NOT_LIVE);
}

#[test]
pub(super) fn templates_that_envoy_refuses() {
    let blue = Backend::start("shop", "blue");
    let templates = Templates::shipped();
    let proxy = gateway(&blue).envs(templates.env()).start();
    let conditions = [REFUSED, TEMPLATES, WENT_BACK];
    no_alert(proxy.status_port, &conditions);
    templates.edit("cds.json", "ROUND_ROBIN", "NO_SUCH_POLICY");
    for condition in [REFUSED, TEMPLATES] {
        wait_alert(proxy.status_port, condition);
        wait_signs(&proxy, condition);
    }
    // Its check did not let it come so far.
    no_alert(proxy.status_port, &[WENT_BACK]);
    let failures = "nightjar_validation_failures_total{result=\"refused\"}";
    assert_eq!(proxy.count(failures), Some(1));
    assert_eq!(
        proxy.count("nightjar_rollouts_total{result=\"refused\"}"),
        Some(1)
    );
}

#[test]
pub(super) fn files_that_envoy_refuses_while_it_runs() {
    let blue = Backend::start("shop", "blue");
    let templates = Templates::shipped();
    let proxy = gateway(&blue)
        .envs(templates.env())
        .env("NJ_VALIDATE", "false")
        .start();
    no_alert(proxy.status_port, &[WENT_BACK]);
    let timeout = "\"connect_timeout\": \"";
    templates.edit("cds.json", timeout, &format!("{timeout}-"));
    wait_alert(proxy.status_port, WENT_BACK);
    wait_signs(&proxy, WENT_BACK);
    proxy.wait_for_answer("/who", "shop-blue");
}

#[test]
pub(super) fn a_port_that_is_in_use() {
    let mesh = Mesh::open();
    let proxy = Plan::sidecar("n1", "client", "blue", &mesh.map("blue", &[])).start();
    no_alert(proxy.status_port, &[CLOSED]);
    let taken = ports::free();
    let _held = hold(taken);
    proxy.set_map(&mesh.map("blue", &[("bank", taken)]));
    wait_alert(proxy.status_port, CLOSED);
    wait_signs(&proxy, CLOSED);
}

#[test]
pub(super) fn a_bootstrap_that_waits_for_a_restart() {
    let blue = Backend::start("shop", "blue");
    let templates = Templates::shipped();
    let proxy = gateway(&blue)
        .envs(templates.env())
        .env("ENVOY_RESTART_MODE", "none")
        .start();
    no_alert(proxy.status_port, &[BOOTSTRAP]);
    templates.mark_bootstrap("one");
    wait_alert(proxy.status_port, BOOTSTRAP);
}

#[test]
pub(super) fn a_map_without_endpoints_that_is_not_believed() {
    let blue = Backend::start("shop", "blue");
    let proxy = gateway(&blue).env("NJ_EMPTY_MAP_GRACE", 1000).start();
    no_alert(proxy.status_port, &[EMPTY]);
    proxy.set_map(&map(&[namespace("n1", &[])]));
    wait_alert(proxy.status_port, EMPTY);
    proxy.wait_for_answer("/who", "shop-blue");
}

#[test]
pub(super) fn a_map_without_endpoints_that_is_believed() {
    let blue = Backend::start("shop", "blue");
    let proxy = gateway(&blue).start();
    let (now, before) = NO_ENDPOINTS.split_once(" and ").unwrap();
    let before = before.replace(" offset 10m", "");
    assert!(holds(proxy.status_port, &before));
    no_alert(proxy.status_port, &[now]);
    proxy.set_map(&map(&[namespace("n1", &[])]));
    wait_alert(proxy.status_port, now);
}

#[test]
pub(super) fn a_proxy_that_does_not_follow_the_map() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let first = gateway(&blue).start();
    let second = gateway(&blue)
        .env("NJ_DSLOCAL_FILE_DISCOVERY_MAP", first.map_file.display())
        .env("REFRESH_TIME", 3600)
        .start();
    let versions = || {
        let all = [&first, &second].map(|proxy| label(proxy, "discovery_map_info", "version"));
        BTreeSet::from(all).len()
    };
    assert_eq!(versions(), 1, "{VERSIONS}");
    first.set_map(&shop("green", green.port));
    eventually(VERSIONS, || (versions() > 1).then_some(()));
}

/// A label of a metric that is always 1.
fn label(proxy: &Proxy, metric: &str, label: &str) -> String {
    let page = proxy.status("/metrics").unwrap().body;
    let start = format!("nightjar_{metric}{{{label}=\"");
    let value = page.lines().find_map(|line| line.strip_prefix(&start));
    value.unwrap().split_once("\"} 1").unwrap().0.to_owned()
}

#[test]
pub(super) fn a_rollout_that_waits_for_a_name() {
    let blue = Backend::start("shop", "blue");
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let templates = Templates::without_dns(&silent, 20);
    let proxy = gateway(&blue)
        .envs(templates.env())
        .env("ENVOY_UPDATE_TIMEOUT", 8)
        .start();
    let figures =
        || ["sum", "count"].map(|part| proxy.metric(&format!("nightjar_rollout_seconds_{part}")));
    let [seconds, rollouts] = figures();
    assert!(seconds / rollouts < 5.0, "{seconds} s");
    proxy.set_map(&with_nowhere(shop("blue", blue.port)));
    eventually(SLOW, || {
        let [more, last] = figures();
        (last > rollouts && (more - seconds) / (last - rollouts) > 5.0).then_some(())
    });
    assert!(proxy.metric("nightjar_phase_seconds_sum{phase=\"make\"}") > 5.0);
    wait_signs(&proxy, SLOW);
    // It was told meanwhile what it waited for.
    let told = proxy.logged("INFO not ready in envoy after ");
    let what = "s: c-nowhere-blue-1 (a host name that does not resolve yet, or a health check \
                without an answer yet)";
    assert!(told.iter().any(|line| line.ends_with(what)), "{told:?}");
}

#[test]
pub(super) fn a_bootstrap_that_changes_again_and_again() {
    let blue = Backend::start("shop", "blue");
    let templates = Templates::shipped();
    let proxy = gateway(&blue)
        .envs(templates.env())
        .env("ENVOY_DRAIN_TIME", 1)
        .start();
    let starts = || proxy.count("nightjar_envoy_starts_total");
    assert_eq!(starts(), Some(1));
    for mark in 2..=6 {
        no_alert(proxy.status_port, &[NOT_READY]);
        templates.mark_bootstrap(&mark.to_string());
        eventually("another envoy", || (starts() == Some(mark)).then_some(()));
        eventually("its bootstrap", || {
            let text = text(&proxy, "envoy-config.yaml")?;
            text.ends_with(&format!("# {mark}\n")).then_some(())
        });
    }
    // The first start is none that was seen to come.
    assert!(
        proxy.metric("nightjar_envoy_starts_total") - 1.0 > 4.0,
        "{STARTS}"
    );
    assert_eq!(parts(STARTS).2.to_string(), "4");
    wait_signs(&proxy, STARTS);
}

#[test]
pub(super) fn a_user_with_few_inotify_instances() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = gateway(&blue).prepare();
    inotify::launch_with(&mut proxy, 10);
    proxy.wait_ready();
    wait_alert(proxy.status_port, INOTIFY);
    // Clusters, listeners and the routes of one.
    eventually("envoy has its own", || {
        (proxy.count("nightjar_inotify_instances_left") == Some(7)).then_some(())
    });
}

#[test]
fn an_envoy_that_is_slow_to_start_is_told_of() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = gateway(&blue).prepare();
    with_script(&mut proxy, "while ! [ -e $HERE/go ]; do sleep 0.02; done");
    proxy.launch();
    let told = proxy.wait_logged("INFO the new envoy does not serve yet after 1");
    assert!(told[0].contains("does not answer /server_info"), "{told:?}");
    std::fs::write(proxy.folder().join("go"), "").unwrap();
    proxy.wait_ready();
}

#[test]
fn what_is_in_force_and_what_it_took_is_told() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let templates = Templates::shipped();
    let proxy = gateway(&blue).envs(templates.env()).start();
    let first = label(&proxy, "templates_in_force_info", "version");
    assert_ne!(first, "");
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    templates.edit("cds.json", "ROUND_ROBIN", "RANDOM");
    eventually("the new templates are in force", || {
        (label(&proxy, "templates_in_force_info", "version") != first).then_some(())
    });
    for (metric, least) in [
        ("build_seconds_count", 3),
        ("validation_seconds_count", 3),
        ("rollouts_total{result=\"in_force\"}", 3),
        ("phase_seconds_count{phase=\"switch\"}", 1),
        (
            "extension_run_seconds_count{extension=\"discovery\",result=\"done\"}",
            2,
        ),
        (
            "extension_run_seconds_count{extension=\"discovery\",result=\"unchanged\"}",
            1,
        ),
        (
            "extension_run_seconds_count{extension=\"store\",result=\"done\"}",
            2,
        ),
        ("process_resident_memory_bytes", 1_000_000),
    ] {
        let value = proxy.count(&format!("nightjar_{metric}"));
        assert!(value >= Some(least), "{metric}: {value:?}");
    }
    for metric in ["build_seconds_sum", "validation_seconds_sum"] {
        assert!(
            proxy.metric(&format!("nightjar_{metric}")) > 0.0,
            "{metric}"
        );
    }
}
