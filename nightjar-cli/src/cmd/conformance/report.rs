//! Report of a check.

use super::{
    bench::Kind,
    rule::{Checked, Deviation, Finding, PAGE, Rule},
    run::RunRecord,
};
use crate::{format::Format, output};
use nightjar_core::env::Env;
use serde::Serialize;
use std::{fmt::Write as _, io::IsTerminal as _};

/// What came of all rules.
#[derive(Serialize)]
pub(super) struct Report {
    kind: &'static str,
    passed: usize,
    failed: usize,
    #[serde(rename = "not-tried")]
    not_tried: usize,
    rules: Vec<Row>,
    #[serde(skip)]
    format: Format,
    #[serde(skip)]
    colors: bool,
}

/// What came of one rule.
#[derive(Serialize)]
struct Row {
    rule: String,
    outcome: Outcome,
    asks: &'static str,
    page: String,
    /// What is wrong, or why it was not tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<RunRecord>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Pass,
    Fail,
    NotTried,
}

impl Outcome {
    fn label(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotTried => "not tried",
        }
    }

    /// Green, red and yellow.
    fn color(self) -> &'static str {
        match self {
            Self::Pass => "32",
            Self::Fail => "1;31",
            Self::NotTried => "33",
        }
    }
}

/// A rule as `--list` prints it.
#[derive(Serialize)]
pub(super) struct Listed {
    rule: String,
    asks: &'static str,
    page: String,
}

/// The name of a rule as people see it.
fn name(kind: Kind, rule: &Rule) -> String {
    format!("{}/{}", kind.name(), rule.name)
}

fn page(rule: &Rule) -> String {
    format!("{PAGE}#{}", rule.section)
}

/// All rules of a kind, for `--list`.
pub(super) fn list<'a>(
    kind: Kind,
    rules: impl Iterator<Item = &'a Rule>,
    format: Format,
) -> anyhow::Result<()> {
    let listed = rules.map(|rule| Listed {
        rule: name(kind, rule),
        asks: rule.asks,
        page: page(rule),
    });
    match format {
        Format::Json => output::json(&listed.collect::<Vec<_>>()),
        Format::Text => {
            let lines = listed.map(|it| format!("{}\n    {} ({})", it.rule, it.asks, it.page));
            Ok(output::lines(lines)?)
        }
    }
}

impl Report {
    pub(super) fn new(kind: Kind, format: Format, env: &Env) -> Self {
        Self {
            kind: kind.name(),
            passed: 0,
            failed: 0,
            not_tried: 0,
            rules: Vec::new(),
            format,
            colors: has_colors(env, std::io::stdout().is_terminal()),
        }
    }

    /// Takes the result of a rule, and prints it at once.
    pub(super) fn add(&mut self, kind: Kind, rule: &Rule, checked: Checked) -> anyhow::Result<()> {
        let (outcome, reason, seen) = match checked {
            Ok(()) => (Outcome::Pass, None, None),
            Err(Deviation::Broken(finding)) => {
                let Finding { what, seen } = *finding;
                (Outcome::Fail, Some(what), seen)
            }
            Err(Deviation::NotTried(reason)) => (Outcome::NotTried, Some(reason), None),
        };
        match outcome {
            Outcome::Pass => self.passed += 1,
            Outcome::Fail => self.failed += 1,
            Outcome::NotTried => self.not_tried += 1,
        }
        let row = Row {
            rule: name(kind, rule),
            outcome,
            asks: rule.asks,
            page: page(rule),
            reason,
            seen,
        };
        if self.format == Format::Text {
            output::data(&row.text(self.colors))?;
        }
        self.rules.push(row);
        Ok(())
    }

    /// Tells the rest. Returns whether no rule is broken.
    pub(super) fn finish(self) -> anyhow::Result<bool> {
        if self.format == Format::Json {
            output::json(&self)?;
        }
        output::message(&format!(
            "nightjar: {} rules: {} passed, {} failed, {} not tried",
            self.rules.len(),
            self.passed,
            self.failed,
            self.not_tried
        ));
        Ok(self.failed == 0)
    }
}

/// Whether a terminal reads this, and wants colors.
fn has_colors(env: &Env, is_terminal: bool) -> bool {
    let is_dumb = env.get("TERM").is_none_or(|term| term == "dumb");
    is_terminal && !is_dumb && env.get("NO_COLOR").is_none()
}

impl Row {
    fn text(&self, colors: bool) -> String {
        let label = format!("{:<9}", self.outcome.label());
        let label = if colors {
            format!("\x1b[{}m{label}\x1b[0m", self.outcome.color())
        } else {
            label
        };
        let mut text = format!("{label}  {}", self.rule);
        // Writing to a string cannot fail.
        let _ = match &self.reason {
            Some(reason) => writeln!(text, ": {reason}"),
            None => writeln!(text),
        };
        if self.outcome == Outcome::Fail {
            let _ = writeln!(text, "    rule: {} ({})", self.asks, self.page);
        }
        if let Some(seen) = &self.seen {
            let _ = writeln!(text, "    ran:  {}", seen.command);
            let _ = writeln!(text, "    end:  {}", seen.ending);
            let _ = writeln!(text, "    file: {}", seen.file.as_deref().unwrap_or("none"));
            for (stream, lines) in [("out", &seen.stdout), ("err", &seen.stderr)] {
                for line in lines {
                    let _ = writeln!(text, "    {stream}:  {line}");
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_for_terminals_that_want_them() {
        let has = |pairs: &[(&str, &str)], is_terminal| {
            has_colors(&Env::from_pairs(pairs.iter().copied()), is_terminal)
        };
        assert!(has(&[("TERM", "xterm")], true));
        assert!(!has(&[("TERM", "xterm")], false));
        assert!(!has(&[("TERM", "xterm"), ("NO_COLOR", "1")], true));
        assert!(!has(&[("TERM", "dumb")], true));
        assert!(!has(&[], true));
    }
}
