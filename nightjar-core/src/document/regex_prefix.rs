//! Prefixes of what a regular expression matches.

use regex_syntax::{
    ParserBuilder,
    hir::literal::{ExtractKind, Extractor},
};

/// How a text that an expression matches starts.
pub(crate) struct RegexPrefix {
    pub(crate) text: Vec<u8>,
    /// Whether the text ends there.
    pub(crate) is_whole: bool,
}

/// What every match of an expression starts with, if that is known.
pub(crate) fn regex_prefixes(pattern: &str, case_sensitive: bool) -> Option<Vec<RegexPrefix>> {
    let parsed = ParserBuilder::new()
        .case_insensitive(!case_sensitive)
        .build()
        .parse(pattern)
        .ok()?;
    let literals = Extractor::new().kind(ExtractKind::Prefix).extract(&parsed);
    let prefixes = literals.literals()?.iter().map(|literal| RegexPrefix {
        text: literal.as_bytes().to_vec(),
        is_whole: literal.is_exact(),
    });
    Some(prefixes.collect())
}
