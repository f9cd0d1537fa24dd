//! What a rule is, and what came of trying it.

pub(super) use super::run::{Checked, Circumstances, Deviation, Finding};
use super::{bench::Bench, run::Look};
use std::pin::Pin;

/// The page that has the rules in full.
pub(super) const PAGE: &str = "docs/extension-points.md";

/// One rule of the protocol.
pub(super) struct Rule {
    /// Its name, without the kind of extension.
    pub(super) name: &'static str,
    /// The heading of [`PAGE`] below which it is.
    pub(super) section: &'static str,
    /// What is asked, and why, in a sentence.
    pub(super) asks: &'static str,
    pub(super) check: Check,
}

/// How a rule is tried.
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// By runs of its own.
    Own(for<'a> fn(&'a Bench) -> Trial<'a>),
    /// By looking at each run, whichever rule it is for. `None`: the rule says nothing about it.
    EveryRun(Look),
}

pub(super) type Trial<'a> = Pin<Box<dyn Future<Output = Checked> + 'a>>;

/// A table of rules, each with the function that tries it.
macro_rules! rules {
    ($($name:literal $section:literal $asks:literal => $check:path;)*) => {
        &[$(Rule {
            name: $name,
            section: $section,
            asks: $asks,
            check: Check::Own(|bench| Box::pin($check(bench))),
        }),*]
    };
}
pub(super) use rules;

/// A table of rules, each with the function that looks at every run.
macro_rules! rules_of_every_run {
    ($($name:literal $section:literal $asks:literal => $look:path;)*) => {
        &[$(Rule {
            name: $name,
            section: $section,
            asks: $asks,
            check: Check::EveryRun($look),
        }),*]
    };
}
pub(super) use rules_of_every_run;
