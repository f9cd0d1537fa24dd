//! The alerts of `docs/operating.md`, each provoked: the condition does not hold of a program that is
//! well, and holds of one that is not.
//!
//! The lists here are held to the page: an alert that nothing provokes has no place on it.

use super::{Mesh, hold, inotify, text, with_script};
use crate::central::scene::Scene;
use e2e::{
    eventually,
    maps::{map, namespace, shop, with_nowhere},
    markdown,
    mesh::{Backend, Plan, Proxy},
    ports, status,
    templates::Templates,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeSet,
    net::UdpSocket,
    time::{SystemTime, UNIX_EPOCH},
};

/// An alert's condition, and the test that provokes it.
type Provoked = (&'static str, fn());

const NOT_READY: &str = "nightjar_ready == 0";
const NOT_LIVE: &str = "nightjar_envoy_live == 0";
const EXITS: &str = "increase(nightjar_envoy_exits_total[15m]) > 0";
const REFUSED: &str = "nightjar_configuration_refused == 1";
const WENT_BACK: &str = "increase(nightjar_rollouts_total{result=\"went_back\"}[1h]) > 0";
const TEMPLATES: &str = "nightjar_templates_failed == 1";
const CLOSED: &str = "nightjar_listeners_closed > 0";
const SECRETS: &str = "nightjar_secrets_refused > 0";
const BOOTSTRAP: &str = "nightjar_bootstrap_pending == 1";
const AGE: &str = "time() - nightjar_last_success_timestamp_seconds > 900";
const FAILURES: &str = "nightjar_failures_in_a_row > 3";
const EMPTY: &str = "nightjar_empty_map_refreshes > 0";
const NO_ENDPOINTS: &str = "nightjar_endpoints == 0 and nightjar_endpoints offset 10m > 0";
const VERSIONS: &str = "count(count by (version) (nightjar_discovery_map_info)) > 1";
const SLOW: &str =
    "rate(nightjar_rollout_seconds_sum[15m]) / rate(nightjar_rollout_seconds_count[15m]) > 5";
const STARTS: &str = "increase(nightjar_envoy_starts_total[1h]) > 4";
const INOTIFY: &str = "nightjar_inotify_instances_left < 20";

const OF_A_PROXY: [Provoked; 17] = [
    (NOT_READY, a_proxy_that_never_sees_a_map),
    (NOT_LIVE, a_proxy_that_never_sees_a_map),
    (EXITS, an_envoy_that_ends_by_itself),
    (REFUSED, templates_that_envoy_refuses),
    (WENT_BACK, files_that_envoy_refuses_while_it_runs),
    (TEMPLATES, templates_that_envoy_refuses),
    (CLOSED, a_port_that_is_in_use),
    (
        SECRETS,
        super::certificates::a_bad_rotation_leaves_the_secret_before_and_is_told,
    ),
    (BOOTSTRAP, a_bootstrap_that_waits_for_a_restart),
    (AGE, a_proxy_that_sees_no_map_any_more),
    (FAILURES, a_proxy_that_sees_no_map_any_more),
    (EMPTY, a_map_without_endpoints_that_is_not_believed),
    (NO_ENDPOINTS, a_map_without_endpoints_that_is_believed),
    (VERSIONS, a_proxy_that_does_not_follow_the_map),
    (SLOW, a_rollout_that_waits_for_a_name),
    (STARTS, a_bootstrap_that_changes_again_and_again),
    (INOTIFY, a_user_with_few_inotify_instances),
];

const NONE_READY: &str = "max(nightjar_ready) == 0";
const NO_NEWS: &str = "time() - max(nightjar_last_success_timestamp_seconds) > 900";
const PENDING: &str = "min(nightjar_commit_pending) == 1";
const ALL_FAIL: &str = "max(nightjar_failures_in_a_row) > 3";

const OF_CENTRAL: [Provoked; 5] = [
    (NONE_READY, a_central_that_never_sees_the_mesh),
    (NO_NEWS, a_central_that_does_not_see_the_mesh_any_more),
    (PENDING, a_store_that_does_not_take_the_map),
    (ALL_FAIL, a_central_that_does_not_see_the_mesh_any_more),
    (EMPTY, a_mesh_that_seems_empty_to_central),
];

fn page(name: &str) -> String {
    let pages = markdown::pages();
    let page = pages.into_iter().find(|page| page.name == name);
    page.unwrap().text
}

/// The rows of the table below a heading, each in its cells.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, below) = page.split_once(heading).unwrap();
    let rows = below.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

fn alerts(heading: &str) -> Vec<Vec<String>> {
    rows(&page("docs/operating.md"), heading)
}

/// The conditions in the first column of the table below a heading.
fn conditions(heading: &str) -> Vec<String> {
    let condition = |row: Vec<String>| row[0].trim_matches('`').to_owned();
    alerts(heading).into_iter().map(condition).collect()
}

/// What a text has between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Words of the column "what to do" that no program says: commands, and the page that is read.
const NOT_SAID: [&str; 5] = [
    "/ready",
    // The lines of Envoy itself, which it has only for some reasons.
    "envoy:",
    "nightjar template lint",
    "ss -ltnp",
    "fs.inotify.max_user_instances",
];

/// The words by which an alert's reader is to find the reason, in `/ready` or in the log.
fn signs(condition: &str) -> Vec<String> {
    let alerts = alerts(OF_A_PROXY_HEADING);
    let row = alerts
        .iter()
        .find(|row| row[0].trim_matches('`') == condition);
    let words = quoted(row.unwrap().last().unwrap());
    let said = words.filter(|word| !NOT_SAID.contains(word));
    said.map(ToOwned::to_owned).collect()
}

const OF_A_PROXY_HEADING: &str = "\n### Of a proxy\n";
const OF_CENTRAL_HEADING: &str = "\n### Of central\n";

/// Waits until the proxy says what the page sends the alert's reader to.
fn wait_signs(proxy: &Proxy, condition: &str) {
    let signs = signs(condition);
    assert!(!signs.is_empty(), "{condition} has no word to look for");
    for sign in signs {
        eventually(&format!("{sign:?}, as {condition} alerts"), || {
            let is_said = if sign.ends_with(':') {
                let page = proxy.status("/ready")?.body;
                page.lines().any(|line| line.starts_with(&sign))
            } else {
                proxy.log().contains(&sign)
            };
            is_said.then_some(())
        });
    }
}

/// The metrics that a condition is about.
fn metrics(condition: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = condition.split(|letter| !is_part(letter));
    let metrics = words.filter(|word| word.starts_with("nightjar_"));
    let whole = |metric: &str| {
        let parts = ["_sum", "_count"];
        let part = parts.iter().find_map(|part| metric.strip_suffix(part));
        part.unwrap_or(metric).to_owned()
    };
    metrics.map(whole).collect()
}

/// The tables of metrics are held to the programs; so the names in conditions are.
#[test]
fn every_alert_is_about_metrics_that_there_are() {
    for (heading, name) in [
        (OF_A_PROXY_HEADING, "docs/entry-standalone.md"),
        (OF_CENTRAL_HEADING, "docs/entry-central.md"),
    ] {
        let there = rows(&page(name), "<!-- table: metrics");
        let there: BTreeSet<&str> = there.iter().map(|row| row[0].trim_matches('`')).collect();
        for condition in conditions(heading) {
            let metrics = metrics(&condition);
            assert!(!metrics.is_empty(), "{condition}");
            for metric in metrics {
                assert!(there.contains(metric.as_str()), "{metric} of {condition}");
            }
        }
    }
}

#[test]
fn every_alert_of_the_page_is_provoked_by_a_test() {
    assert_eq!(
        conditions(OF_A_PROXY_HEADING),
        OF_A_PROXY.map(|(condition, _)| condition)
    );
    assert_eq!(
        conditions(OF_CENTRAL_HEADING),
        OF_CENTRAL.map(|(condition, _)| condition)
    );
}

/// Whether a condition on one metric holds of this program alone, over its whole life.
fn holds(port: u16, condition: &str) -> bool {
    let (metric, operator, limit) = parts(condition);
    let value = status::metric(port, metric);
    match operator {
        "==" => (value - limit).abs() < 0.5,
        ">" => value > limit,
        _ => value < limit,
    }
}

/// The metric, the operator and the limit.
fn parts(condition: &str) -> (&str, &str, f64) {
    let mut words = condition.rsplitn(3, ' ');
    let limit = words.next().unwrap().parse().unwrap();
    let operator = words.next().unwrap();
    let metric = words.next().unwrap();
    let inner = ["increase(", "max(", "min("]
        .iter()
        .find_map(|function| metric.strip_prefix(function)?.strip_suffix(')'));
    let metric = inner.unwrap_or(metric);
    // A program counts from its start.
    let metric = metric.split_once('[').map_or(metric, |(name, _)| name);
    (metric, operator, limit)
}

fn wait_alert(port: u16, condition: &str) {
    eventually(condition, || holds(port, condition).then_some(()));
}

fn no_alert(port: u16, conditions: &[&str]) {
    for condition in conditions {
        assert!(!holds(port, condition), "{condition}");
    }
}

/// A gateway of `shop` that is well.
fn gateway(blue: &Backend) -> Plan {
    Plan::gateway("n1", &shop("blue", blue.port))
}

/// The limit of the age of the last success, by the settings, in seconds.
fn oldest(refresh_time: f64, failure_sleep: f64) -> f64 {
    10.0 * refresh_time + 2.0 * failure_sleep
}

/// Waits until the last success is older than it may be with the settings of these tests.
fn wait_age(port: u16, condition: &str) {
    assert!(condition.ends_with(&format!(" > {}", oldest(30.0, 300.0))));
    let age = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        now.as_secs_f64() - status::metric(port, "nightjar_last_success_timestamp_seconds")
    };
    eventually("a success is fresh", || {
        (age() < oldest(0.1, 0.2)).then_some(())
    });
    eventually(condition, || (age() > oldest(0.1, 0.2)).then_some(()));
}

#[test]
fn a_proxy_that_never_sees_a_map() {
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
fn a_proxy_that_sees_no_map_any_more() {
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
fn an_envoy_that_ends_by_itself() {
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
fn templates_that_envoy_refuses() {
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
fn files_that_envoy_refuses_while_it_runs() {
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
fn a_port_that_is_in_use() {
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
fn a_bootstrap_that_waits_for_a_restart() {
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
fn a_map_without_endpoints_that_is_not_believed() {
    let blue = Backend::start("shop", "blue");
    let proxy = gateway(&blue).env("NJ_EMPTY_MAP_GRACE", 1000).start();
    no_alert(proxy.status_port, &[EMPTY]);
    proxy.set_map(&map(&[namespace("n1", &[])]));
    wait_alert(proxy.status_port, EMPTY);
    proxy.wait_for_answer("/who", "shop-blue");
}

#[test]
fn a_map_without_endpoints_that_is_believed() {
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
fn a_proxy_that_does_not_follow_the_map() {
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
fn a_rollout_that_waits_for_a_name() {
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
fn a_bootstrap_that_changes_again_and_again() {
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
fn a_user_with_few_inotify_instances() {
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

#[test]
fn a_central_that_never_sees_the_mesh() {
    let scene = Scene::new(&map(&[]));
    let central = scene.central().discovers_by("exit 1").launch();
    wait_alert(central.status_port(), ALL_FAIL);
    wait_alert(central.status_port(), NONE_READY);
    let failed = "extension_run_seconds_count{extension=\"discovery\",result=\"failed\"}";
    assert!(central.metric(failed) > Some(3));
    assert!(central.metric("process_resident_memory_bytes") > Some(1_000_000));
}

#[test]
fn a_central_that_does_not_see_the_mesh_any_more() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scene.central().start();
    let port = central.status_port();
    no_alert(port, &[NONE_READY, PENDING, ALL_FAIL, EMPTY]);
    scene.put("source.json", "{}");
    wait_age(port, NO_NEWS);
    wait_alert(port, ALL_FAIL);
    no_alert(port, &[NONE_READY]);
}

#[test]
fn a_store_that_does_not_take_the_map() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scene.central().start();
    no_alert(central.status_port(), &[PENDING]);
    scene.put("commit.sh", "exit 9");
    scene.set_source(&shop("blue", 4002));
    wait_alert(central.status_port(), PENDING);
    let failed = "extension_run_seconds_count{extension=\"store\",result=\"failed\"}";
    eventually("its runs count", || {
        (central.metric(failed) >= Some(1)).then_some(())
    });
}

#[test]
fn a_mesh_that_seems_empty_to_central() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scene.central().env("NJ_EMPTY_MAP_GRACE", 1000).start();
    no_alert(central.status_port(), &[EMPTY]);
    scene.set_source(&map(&[namespace("n1", &[])]));
    wait_alert(central.status_port(), EMPTY);
}
