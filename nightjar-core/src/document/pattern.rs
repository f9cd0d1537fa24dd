//! What regular expressions match, as far as their texts begin.

use regex_syntax::{
    ParserBuilder,
    hir::literal::{ExtractKind, Extractor},
};

/// How a text that an expression matches starts.
pub(crate) struct Start {
    pub(crate) text: Vec<u8>,
    /// Whether the text ends there.
    pub(crate) is_whole: bool,
}

/// What every match of an expression starts with, if that is known.
pub(crate) fn starts(pattern: &str, case_sensitive: bool) -> Option<Vec<Start>> {
    let parsed = ParserBuilder::new()
        .case_insensitive(!case_sensitive)
        .build()
        .parse(pattern)
        .ok()?;
    let literals = Extractor::new().kind(ExtractKind::Prefix).extract(&parsed);
    let starts = literals.literals()?.iter().map(|literal| Start {
        text: literal.as_bytes().to_vec(),
        is_whole: literal.is_exact(),
    });
    Some(starts.collect())
}
