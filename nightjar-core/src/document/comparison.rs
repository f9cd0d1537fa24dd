//! Comparisons of a request's texts with those of a route, as Envoy makes them.

use super::{discovery_map::ValueMatchType, proxy_input::Filter};
use regex::RegexBuilder;

impl Filter {
    /// Whether a value meets the condition, inversion aside.
    pub(crate) fn is_met_by(&self, value: &str) -> bool {
        let (wanted, is_strict) = (self.value.as_str(), self.case_sensitive);
        match self.match_type() {
            Some(ValueMatchType::Exact) => is_equal(value, wanted, is_strict),
            Some(ValueMatchType::Prefix) => has_prefix(value, wanted, is_strict),
            Some(ValueMatchType::Suffix) => {
                let start = value.len().checked_sub(wanted.len());
                let tail = start.and_then(|start| value.get(start..));
                tail.is_some_and(|tail| is_equal(tail, wanted, is_strict))
            }
            Some(ValueMatchType::Regex) => matches_whole(value, wanted, is_strict),
            // Envoy takes a matcher without a comparison for one of presence.
            Some(ValueMatchType::Present) | None => true,
        }
    }
}

/// Whether two texts are equal; without regard to the case of ASCII letters if `is_strict` is false.
pub(crate) fn is_equal(left: &str, right: &str, is_strict: bool) -> bool {
    if is_strict {
        left == right
    } else {
        left.eq_ignore_ascii_case(right)
    }
}

/// Whether a text starts with another one.
pub(crate) fn has_prefix(text: &str, prefix: &str, is_strict: bool) -> bool {
    let head = text.get(..prefix.len());
    head.is_some_and(|head| is_equal(head, prefix, is_strict))
}

/// Whether a regular expression matches a whole text. What does not compile matches nothing: a map that
/// has it was refused.
pub(crate) fn matches_whole(text: &str, pattern: &str, is_strict: bool) -> bool {
    RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
        .case_insensitive(!is_strict)
        .build()
        .is_ok_and(|whole| whole.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_has_regard_to_case_or_none() {
        for (kind, wanted, strict, loose) in [
            (ValueMatchType::Exact, "options", "options", "OPTIONS"),
            (ValueMatchType::Prefix, "opt", "options", "OPTIONS"),
            (ValueMatchType::Suffix, "ions", "options", "OPTIONS"),
            (ValueMatchType::Regex, "opt.*", "options", "OPTIONS"),
        ] {
            let mut filter = Filter::new(":method".to_owned(), kind, wanted.to_owned());
            let met = |filter: &Filter| [strict, loose, "op"].map(|value| filter.is_met_by(value));
            assert_eq!(met(&filter), [true, false, false], "{kind:?}");
            filter.case_sensitive = false;
            assert_eq!(met(&filter), [true, true, false], "{kind:?}");
        }
    }

    #[test]
    fn a_text_ends_within_no_character() {
        assert!(!has_prefix("\u{e9}", "a", true));
        let filter = Filter::new("x".to_owned(), ValueMatchType::Suffix, "a".to_owned());
        assert!(!filter.is_met_by("\u{e9}"));
    }
}
