//! Metrics in Prometheus' text format.

use crate::{extension::RunStats, timing::Timing};
use std::{
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

/// A page of metrics, all of whose names begin with `nightjar_`.
#[derive(Debug, Default)]
pub struct MetricsPage(String);

impl MetricsPage {
    /// Adds a metric: its kind, what it means, and its values, each with what follows the
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

    /// Adds the runs of these extensions, each with the name of what it is for.
    pub fn extension_runs(&mut self, extensions: &[(&str, RunStats)]) {
        let timings: Vec<(String, Timing)> = extensions
            .iter()
            .flat_map(|(extension, runs)| {
                let results = [
                    ("done", runs.done),
                    ("unchanged", runs.unchanged),
                    ("failed", runs.failed),
                ];
                results.map(|(result, timing)| {
                    let labels = format!("{{extension=\"{extension}\",result=\"{result}\"}}");
                    (labels, timing)
                })
            })
            .collect();
        self.timings(
            "extension_run_seconds",
            "Runs of extensions, by what they are for and how they ended.",
            &timings,
        );
    }

    /// Adds a metric that may rise and fall.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.metric(name, "gauge", help, &[("", value)]);
    }

    /// Adds a metric that may rise and fall, without a sample if there is no value.
    pub fn optional_gauge(&mut self, name: &str, help: &str, value: Option<f64>) {
        let sample = value.map(|value| ("", value));
        self.metric(name, "gauge", help, sample.as_slice());
    }

    /// Adds how often something was done and how long it took, by labels such as `{phase="make"}`.
    pub fn timings<L: AsRef<str>>(&mut self, name: &str, help: &str, timings: &[(L, Timing)]) {
        let samples = timings.iter().flat_map(|(labels, timing)| {
            let labels = labels.as_ref();
            [
                (format!("_sum{labels}"), timing.seconds),
                (format!("_count{labels}"), count(timing.count)),
            ]
        });
        let samples: Vec<(String, f64)> = samples.collect();
        let samples: Vec<(&str, f64)> = samples
            .iter()
            .map(|(ending, value)| (ending.as_str(), *value))
            .collect();
        self.metric(name, "summary", help, &samples);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_summary_has_a_sum_and_a_count_for_each_label() {
        let mut make = Timing::default();
        make.add(Duration::from_millis(500));
        make.add(Duration::from_millis(250));
        let mut page = MetricsPage::default();
        let labels = ["{phase=\"make\"}", "{phase=\"switch\"}"];
        page.timings(
            "phase_seconds",
            "Phases.",
            &[(labels[0], make), (labels[1], Timing::default())],
        );
        page.optional_gauge("left", "What is left.", None);
        assert_eq!(
            page.into_text(),
            "# HELP nightjar_phase_seconds Phases.\n# TYPE nightjar_phase_seconds summary\n\
             nightjar_phase_seconds_sum{phase=\"make\"} 0.75\n\
             nightjar_phase_seconds_count{phase=\"make\"} 2\n\
             nightjar_phase_seconds_sum{phase=\"switch\"} 0\n\
             nightjar_phase_seconds_count{phase=\"switch\"} 0\n\
             # HELP nightjar_left What is left.\n# TYPE nightjar_left gauge\n"
        );
    }
}
