//! Changes from one set of templates to another.

use super::place::{Place, Set};
use crate::unified::unified;
use serde::Serialize;
use std::{collections::BTreeSet, fmt};

/// What differs between two sets.
pub(super) struct Changes<'a>(Vec<Change<'a>>);

/// What becomes of one template.
pub(super) struct Change<'a> {
    pub(super) place: &'a Place,
    old: Option<&'a str>,
    new: Option<&'a str>,
}

/// A change as programs read it.
#[derive(Serialize)]
pub(super) struct Row {
    template: String,
    change: &'static str,
    diff: String,
}

impl<'a> Changes<'a> {
    pub(super) fn between(old: &'a Set, new: &'a Set) -> Self {
        let places: BTreeSet<&Place> = old.keys().chain(new.keys()).collect();
        let changes = places.into_iter().map(|place| Change {
            place,
            old: old.get(place).map(String::as_str),
            new: new.get(place).map(String::as_str),
        });
        Self(changes.filter(|change| change.old != change.new).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Change<'a>> {
        self.0.iter()
    }

    /// All of them as one unified diff.
    pub(super) fn diff(&self) -> String {
        self.0.iter().map(Change::diff).collect()
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |change: &Change<'_>| Row {
            template: change.place.to_string(),
            change: change.kind(),
            diff: change.diff(),
        };
        self.0.iter().map(row).collect()
    }
}

impl Change<'_> {
    fn kind(&self) -> &'static str {
        match (self.old, self.new) {
            (None, _) => "added",
            (_, None) => "removed",
            (Some(_), Some(_)) => "changed",
        }
    }

    fn diff(&self) -> String {
        unified(&self.place.path(), self.old, self.new)
    }
}

impl fmt::Display for Changes<'_> {
    /// How many of each kind: `1 changed, 0 added, 2 removed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = ["changed", "added", "removed"].map(|kind| {
            let of_kind = self.0.iter().filter(|change| change.kind() == kind);
            format!("{} {kind}", of_kind.count())
        });
        f.write_str(&kinds.join(", "))
    }
}
