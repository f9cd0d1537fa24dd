//! What counts when workloads that should say the same do not.

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
pub(super) fn agreed<T: Serialize>(
    said: impl Iterator<Item = (String, T)>,
    what: &str,
    warnings: &mut Warnings,
) -> Option<T> {
    let mut opinions = BTreeMap::<String, (T, Vec<String>)>::new();
    for (who, value) in said {
        let opinion = opinions.entry(as_text(&value));
        opinion.or_insert((value, Vec::new())).1.push(who);
    }
    // Stable, so that the order of texts holds among equals.
    let mut opinions: Vec<(T, Vec<String>)> = opinions.into_values().collect();
    opinions.sort_by_key(|(_, who)| Reverse(who.len()));
    let mut opinions = opinions.into_iter();
    let (value, winners) = opinions.next()?;
    for (_, losers) in opinions {
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
        "{what}: it{more} says otherwise than {winner}, of the same revision of one service-color \
         or gateway; what {winner} says counts"
    );
    let remedy = format!("give both the same {what}, or another NJ_COLOR to one of them");
    warnings.push(Warning::new(loser, reason).with_remedy(remedy));
}
