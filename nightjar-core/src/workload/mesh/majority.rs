//! Majority among workloads that should declare the same and do not.

use crate::workload::{Warning, Warnings};
use serde::Serialize;
use std::{cmp::Reverse, collections::BTreeMap};

/// What is compared: a value's JSON.
pub(super) fn as_text(value: &impl Serialize) -> String {
    // Fails for maps whose keys are no strings, of which documents have none.
    serde_json::to_string(value).unwrap_or_default()
}

/// What most workloads say of something, and among equals the first in text order; `None` if there
/// are no workloads. `what` is the setting that says it.
pub(super) fn majority<T: Serialize>(
    said: impl Iterator<Item = (String, T)>,
    what: &str,
    warnings: &mut Warnings,
) -> Option<T> {
    let mut declarations = BTreeMap::<String, (T, Vec<String>)>::new();
    for (workload_id, value) in said {
        let declaration = declarations.entry(as_text(&value));
        declaration
            .or_insert((value, Vec::new()))
            .1
            .push(workload_id);
    }
    // Stable, so that the order of texts holds among equals.
    let mut declarations: Vec<(T, Vec<String>)> = declarations.into_values().collect();
    declarations.sort_by_key(|(_, workload_id)| Reverse(workload_id.len()));
    let mut declarations = declarations.into_iter();
    let (value, winners) = declarations.next()?;
    for (_, losers) in declarations {
        warn(&winners, &losers, what, warnings);
    }
    Some(value)
}

fn warn(winners: &[String], losers: &[String], what: &str, warnings: &mut Warnings) {
    let (Some(winner), Some(loser)) = (winners.iter().min(), losers.iter().min()) else {
        return;
    };
    let more = match losers.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let reason = format!(
        "{what}: it{more} differs from {winner}, which has the same revision of the same service-color or gateway; the value of {winner} is used"
    );
    let remedy = format!("give both the same {what}, or give one of them another NJ_COLOR");
    warnings.push(Warning::new(loser, reason).with_remedy(remedy));
}
