//! What a long-running program says of itself on its status port.

use crate::{
    eventually,
    http::{self, Answer},
};
use std::net::Ipv4Addr;

/// A page, such as `/ready`; `None` if the port does not answer.
pub fn page(port: u16, path: &str) -> Option<Answer> {
    http::get((Ipv4Addr::LOCALHOST, port).into(), path, &[]).ok()
}

/// A metric by its name with labels, such as `nightjar_refreshes_total{result="changed"}`; not a
/// number if it is not there.
pub fn metric(port: u16, name: &str) -> f64 {
    let text = page(port, "/metrics")
        .map(|answer| answer.body)
        .unwrap_or_default();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or(f64::NAN)
}

/// How many refreshes have ended, whatever their result.
pub fn refreshes(port: u16) -> f64 {
    let results = ["unchanged", "changed", "failed", "refused"];
    let counts = results.iter().map(|result| {
        let count = metric(
            port,
            &format!("nightjar_refreshes_total{{result=\"{result}\"}}"),
        );
        if count.is_nan() { 0.0 } else { count }
    });
    counts.sum()
}

/// Waits until so many more refreshes have ended.
pub fn wait_refreshes(port: u16, count: u32) {
    let target = refreshes(port) + f64::from(count);
    eventually("another refresh", || {
        (refreshes(port) >= target).then_some(())
    });
}

/// Without the lines that differ from moment to moment: when the next refresh comes, and for how long the
/// map has been empty.
pub fn without_moments(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    let stays = |line: &&str| {
        !["next refresh: ", "empty map: "]
            .iter()
            .any(|start| line.starts_with(start))
    };
    lines.filter(stays).collect()
}
