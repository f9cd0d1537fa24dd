//! Conditions of alerts, as they hold of one program over its whole life.

use e2e::{eventually, status};
use std::time::{SystemTime, UNIX_EPOCH};

/// Whether a condition on one metric holds of this program alone, over its whole life.
pub(super) fn holds(port: u16, condition: &str) -> bool {
    let (metric, operator, limit) = parts(condition);
    let value = status::metric(port, metric);
    match operator {
        "==" => (value - limit).abs() < 0.5,
        ">" => value > limit,
        _ => value < limit,
    }
}

/// The metric, the operator and the limit.
pub(super) fn parts(condition: &str) -> (&str, &str, f64) {
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

pub(super) fn wait_alert(port: u16, condition: &str) {
    eventually(condition, || holds(port, condition).then_some(()));
}

pub(super) fn no_alert(port: u16, conditions: &[&str]) {
    for condition in conditions {
        assert!(!holds(port, condition), "{condition}");
    }
}

/// The limit of the age of the last success, by the settings, in seconds.
fn oldest(refresh_time: f64, failure_sleep: f64) -> f64 {
    10.0 * refresh_time + 2.0 * failure_sleep
}

/// Waits until the last success is older than it may be with the settings of these tests.
pub(super) fn wait_age(port: u16, condition: &str) {
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
