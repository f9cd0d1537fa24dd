//! Which rules are tried.

use crate::Usage;
use std::collections::BTreeSet;

/// The rules whose outcome others build on. They are tried in any case.
const NEEDED: [&str; 5] = [
    "blank-previous-version",
    "unchanged-30",
    "runs-at-once",
    "commit-then-fetch",
    "conflict-32",
];

/// The rules that somebody wants to know of, by their names without the kind.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// None stands for all rules.
    names: BTreeSet<&'static str>,
    /// Whether they are all about every run.
    is_of_every_run: bool,
}

impl Selection {
    /// Those of all rules of a kind that are asked for, the kind in front or not. With each rule comes
    /// whether it is about every run.
    pub(super) fn new(
        kind: &str,
        rules: &[(&'static str, bool)],
        asked: &[String],
    ) -> Result<Self, Usage> {
        let mut chosen = Vec::new();
        for name in asked {
            let short = name.strip_prefix(kind);
            let short = short.and_then(|rest| rest.strip_prefix('/'));
            let short = short.unwrap_or(name);
            let rule = rules.iter().find(|(rule, _)| *rule == short);
            chosen.push(*rule.ok_or_else(|| {
                Usage(format!(
                    "--rule {name:?} is not a rule of a {kind}\n  hint: --list prints them all"
                ))
            })?);
        }
        Ok(Self {
            is_of_every_run: chosen.iter().all(|(_, is_of_every_run)| *is_of_every_run),
            names: chosen.into_iter().map(|(name, _)| name).collect(),
        })
    }

    /// Whether the outcome of a rule is shown.
    pub(super) fn is_shown(&self, rule: &str) -> bool {
        self.names.is_empty() || self.names.contains(rule)
    }

    /// Whether a rule is tried: also where others build on it, or look at its runs.
    pub(super) fn is_tried(&self, rule: &str) -> bool {
        self.is_shown(rule) || self.is_of_every_run || NEEDED.contains(&rule)
    }
}
