//! Warnings about the settings of a workload.

use super::settings::Sourced;
use crate::document::{printable, quoted};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

/// How many warnings are reported at once.
const MAX_MESSAGES: usize = 100;
/// How many are kept of one workload: many tasks may have the same thousand.
const MAX_PER_WORKLOAD: usize = MAX_MESSAGES + 1;

/// An error in a workload's settings, and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The workload, such as a task's ARN.
    pub workload_id: String,
    /// The setting, if it is about one.
    pub setting: Option<String>,
    /// The setting's value.
    pub value: Option<String>,
    /// Where the setting was made.
    pub source: Option<String>,
    /// What is wrong, and what becomes of it: a fragment in lower case.
    pub reason: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Warning {
    /// A warning about a workload as a whole.
    pub fn new(workload_id: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            workload_id: workload_id.into(),
            setting: None,
            value: None,
            source: None,
            reason: reason.into(),
            remedy: None,
        }
    }

    /// A warning about one setting of a workload.
    pub fn about<T: ToString>(
        workload_id: impl Into<String>,
        found: &Sourced<T>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            setting: Some(found.setting.clone()),
            value: Some(found.value.to_string()),
            source: Some(found.source.to_string()),
            ..Self::new(workload_id, reason)
        }
    }

    fn text(&self) -> WarningText<'_> {
        WarningText {
            setting: self.setting.as_deref(),
            value: self.value.as_deref(),
            source: self.source.as_deref(),
            reason: &self.reason,
            remedy: self.remedy.as_deref(),
        }
    }

    /// The same with a remedy.
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", printable(&self.workload_id))?;
        self.text().fmt(f)
    }
}

/// A warning without the workload that it is about.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct WarningText<'a> {
    setting: Option<&'a str>,
    value: Option<&'a str>,
    source: Option<&'a str>,
    reason: &'a str,
    remedy: Option<&'a str>,
}

impl fmt::Display for WarningText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(setting) = self.setting {
            f.write_str(&printable(setting))?;
            if let Some(value) = self.value {
                write!(f, "={}", quoted(value))?;
            }
            if let Some(source) = self.source {
                write!(f, " ({})", printable(source))?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&printable(self.reason))?;
        match self.remedy {
            Some(remedy) => write!(f, "\n  hint: {}", printable(remedy)),
            None => Ok(()),
        }
    }
}

/// Warnings, each reported once, in an order that depends on nothing but themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings(BTreeMap<String, BTreeSet<Warning>>);

impl Warnings {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, warning: Warning) {
        let of_one = self.0.entry(warning.workload_id.clone()).or_default();
        of_one.insert(warning);
        // The last one goes, whichever came first, so that the order of calls does not matter.
        if of_one.len() > MAX_PER_WORKLOAD {
            of_one.pop_last();
        }
    }

    /// Adds all of another list.
    pub fn append(&mut self, others: Self) {
        for warning in others.0.into_values().flatten() {
            self.push(warning);
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages: an error that several workloads share once; and of too many those first
    /// that are the first of their workload, so that the errors of one do not hide those of others.
    pub fn messages(&self) -> Vec<String> {
        let mut shared = BTreeMap::<WarningText<'_>, (&str, usize)>::new();
        for warning in self.iter() {
            let (_, count) = shared
                .entry(warning.text())
                .or_insert((&warning.workload_id, 0));
            *count += 1;
        }
        let mut of_each = HashMap::<&str, usize>::new();
        let mut ranked: Vec<_> = shared
            .into_iter()
            .map(|(warning_text, (workload_id, count))| {
                let rank = of_each.entry(workload_id).or_default();
                *rank += 1;
                (*rank, workload_id, warning_text, count)
            })
            .collect();
        ranked.sort_unstable();
        let has_more = ranked.len() > MAX_MESSAGES;
        ranked.truncate(MAX_MESSAGES);
        ranked.sort_unstable_by(|(_, a, left, _), (_, b, right, _)| (a, left).cmp(&(b, right)));
        let line =
            |(_, workload_id, warning_text, count): (usize, &str, WarningText<'_>, usize)| {
                match count {
                    1 => format!("{}: {warning_text}", printable(workload_id)),
                    more => format!(
                        "{} (and {} more): {warning_text}",
                        printable(workload_id),
                        more - 1
                    ),
                }
            };
        let mut lines: Vec<String> = ranked.into_iter().map(line).collect();
        if has_more {
            lines.push("there are more warnings; they appear once these are fixed".to_owned());
        }
        lines
    }

    /// All that are kept, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Warning> {
        self.0.values().flatten()
    }
}
