//! Difference between a folder and a set of files, as a unified diff.

use super::Folder;
use nightjar_core::envoy::Configuration;
use std::{collections::BTreeSet, fmt::Write as _};

/// How a folder would change, file by file, as a unified diff.
pub(crate) fn difference(folder: &Folder, files: &Configuration) -> String {
    let mut text = String::new();
    let removed = folder
        .manifest()
        .iter()
        .filter(|name| files.get(name).is_none())
        .map(String::as_str);
    let names: BTreeSet<&str> = files
        .iter()
        .map(|file| file.name())
        .chain(removed)
        .collect();
    for name in names {
        let old = folder.text(name);
        let new = files.get(name).map(|file| file.text());
        let what = match (&old, new) {
            (None, Some(_)) => "new",
            (Some(_), None) => "removed",
            (Some(old), Some(new)) if old != new => "changed",
            _ => continue,
        };
        let _ = writeln!(text, "{what}: {name}");
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        let diff = similar::TextDiff::from_lines(old.as_str(), new);
        text.push_str(&diff.unified_diff().context_radius(3).to_string());
    }
    if text.is_empty() {
        text.push_str("nothing would change\n");
    }
    text
}
