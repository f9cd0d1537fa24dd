//! Unified diffs of texts, as `diff -u` and git print them.

use similar::TextDiff;

/// What changes in a text that may not be there before or after; nothing if it is the same.
pub(crate) fn unified(name: &str, old: Option<&str>, new: Option<&str>) -> String {
    if old == new {
        return String::new();
    }
    let header = |side: char, text: Option<&str>| match text {
        Some(_) => format!("{side}/{name}"),
        None => "/dev/null".to_owned(),
    };
    let diff = TextDiff::from_lines(old.unwrap_or_default(), new.unwrap_or_default());
    let mut unified = diff.unified_diff();
    unified
        .header(&header('a', old), &header('b', new))
        .to_string()
}
