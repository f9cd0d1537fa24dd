//! Members that files repeat, each of which is warned of once.

use nightjar_core::template::FileWarning;
use std::collections::BTreeSet;

/// What the files that were made last repeat: file and member.
#[derive(Debug, Default)]
pub(super) struct RepeatedMembers(BTreeSet<(String, String)>);

impl RepeatedMembers {
    /// The warnings of the next files that those before did not have. The line of a member may change
    /// with every map, and does not count.
    pub(super) fn unknown(&mut self, warnings: Vec<FileWarning>) -> Vec<FileWarning> {
        let key = |warning: &FileWarning| (warning.error.template.clone(), warning.member.clone());
        let next = warnings.iter().map(key).collect();
        let before = std::mem::replace(&mut self.0, next);
        let mut warnings = warnings;
        warnings.retain(|warning| !before.contains(&key(warning)));
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_core::template::repeated_members;

    #[test]
    fn each_member_of_a_file_is_warned_of_once() {
        let mut known = RepeatedMembers::default();
        let mut told = |text: &str| {
            let files = [("cds.json".to_owned(), text.to_owned())].into();
            let unknown = known.unknown(repeated_members(&files));
            let members = unknown.into_iter().map(|warning| warning.member);
            members.collect::<Vec<_>>()
        };
        assert_eq!(told(r#"{"a": 1, "a": 2}"#), ["a"]);
        assert_eq!(told("{\n\"a\": 3,\n\"a\": 4}"), [""; 0]);
        assert_eq!(told(r#"{"b": 1, "b": 2}"#), ["b"]);
        assert_eq!(told(r#"{"b": 1}"#), [""; 0]);
        assert_eq!(told(r#"{"b": 1, "b": 2}"#), ["b"]);
    }
}
