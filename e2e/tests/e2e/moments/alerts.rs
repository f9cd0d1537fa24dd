//! The alerts of `docs/operating.md`, each provoked: the condition does not hold of a program that is
//! well, and holds of one that is not.
//!
//! The lists here are held to the page: an alert that nothing provokes has no place on it.

mod central;
mod condition;
mod proxy;

use e2e::{
    eventually,
    markdown::{self, quoted, rows},
    mesh::Proxy,
};
use std::collections::BTreeSet;

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
    (NOT_READY, proxy::a_proxy_that_never_sees_a_map),
    (NOT_LIVE, proxy::a_proxy_that_never_sees_a_map),
    (EXITS, proxy::an_envoy_that_ends_by_itself),
    (REFUSED, proxy::templates_that_envoy_refuses),
    (WENT_BACK, proxy::files_that_envoy_refuses_while_it_runs),
    (TEMPLATES, proxy::templates_that_envoy_refuses),
    (CLOSED, proxy::a_port_that_is_in_use),
    (
        SECRETS,
        super::certificates::a_bad_rotation_leaves_the_secret_before_and_is_told,
    ),
    (BOOTSTRAP, proxy::a_bootstrap_that_waits_for_a_restart),
    (AGE, proxy::a_proxy_that_sees_no_map_any_more),
    (FAILURES, proxy::a_proxy_that_sees_no_map_any_more),
    (EMPTY, proxy::a_map_without_endpoints_that_is_not_believed),
    (
        NO_ENDPOINTS,
        proxy::a_map_without_endpoints_that_is_believed,
    ),
    (VERSIONS, proxy::a_proxy_that_does_not_follow_the_map),
    (SLOW, proxy::a_rollout_that_waits_for_a_name),
    (STARTS, proxy::a_bootstrap_that_changes_again_and_again),
    (INOTIFY, proxy::a_user_with_few_inotify_instances),
];

const NONE_READY: &str = "max(nightjar_ready) == 0";
const NO_NEWS: &str = "time() - max(nightjar_last_success_timestamp_seconds) > 900";
const PENDING: &str = "min(nightjar_commit_pending) == 1";
const ALL_FAIL: &str = "max(nightjar_failures_in_a_row) > 3";

const OF_CENTRAL: [Provoked; 5] = [
    (NONE_READY, central::a_central_that_never_sees_the_mesh),
    (
        NO_NEWS,
        central::a_central_that_does_not_see_the_mesh_any_more,
    ),
    (PENDING, central::a_store_that_does_not_take_the_map),
    (
        ALL_FAIL,
        central::a_central_that_does_not_see_the_mesh_any_more,
    ),
    (EMPTY, central::a_mesh_that_seems_empty_to_central),
];

fn alerts(heading: &str) -> Vec<Vec<String>> {
    rows(&markdown::page("docs/operating.md").text, heading)
}

/// The conditions in the first column of the table below a heading.
fn conditions(heading: &str) -> Vec<String> {
    let condition = |row: Vec<String>| row[0].trim_matches('`').to_owned();
    alerts(heading).into_iter().map(condition).collect()
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
        let there = rows(&markdown::page(name).text, "<!-- table: metrics");
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
