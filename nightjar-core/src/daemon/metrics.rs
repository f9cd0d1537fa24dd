//! Metrics in Prometheus' text format.

use std::{
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

/// A page of metrics, all of whose names begin with `nightjar_`.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Adds a metric: its kind, what it means, and its values, each with what stands behind the
    /// name (labels, or the ending of a summary's part).
    pub fn metric(&mut self, name: &str, kind: &str, help: &str, samples: &[(&str, f64)]) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.0,
            "# HELP nightjar_{name} {help}\n# TYPE nightjar_{name} {kind}"
        );
        for (labels, value) in samples {
            let _ = writeln!(self.0, "nightjar_{name}{labels} {value}");
        }
    }

    /// Adds a metric that may rise and fall.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.metric(name, "gauge", help, &[("", value)]);
    }

    /// Adds a metric that is 1 or 0.
    pub fn flag(&mut self, name: &str, help: &str, value: bool) {
        self.gauge(name, help, f64::from(u8::from(value)));
    }

    /// Adds a metric that only rises.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.metric(name, "counter", help, &[("", count(value))]);
    }

    /// Adds a time in seconds since 1970; 0 if there is none.
    pub fn time(&mut self, name: &str, help: &str, time: Option<SystemTime>) {
        let since_epoch = time.map(|time| time.duration_since(UNIX_EPOCH).unwrap_or_default());
        self.gauge(
            name,
            help,
            since_epoch.map_or(0.0, |time| time.as_secs_f64()),
        );
    }

    /// Adds a text as the label of a metric that is always 1.
    pub fn info(&mut self, name: &str, help: &str, label: &str, text: &str) {
        let text = text.replace('\\', r"\\").replace('"', "\\\"");
        let labels = format!("{{{label}=\"{text}\"}}");
        self.metric(name, "gauge", help, &[(&labels, 1.0)]);
    }

    /// The page.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// A count as metrics have it.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub fn count(value: u64) -> f64 {
    value as f64
}
