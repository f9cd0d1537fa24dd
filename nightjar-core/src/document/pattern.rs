//! What regular expressions Envoy takes.

use regex_syntax::{
    ParserBuilder,
    ast::{self, Ast, ClassSetItem, Visitor, parse::Parser},
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

/// Checks that a regular expression compiles, here and in RE2, which Envoy uses.
///
/// # Errors
/// One line that says why not.
pub(super) fn check(text: &str) -> Result<(), String> {
    regex::Regex::new(text).map_err(|error| match error {
        // The crate's own message draws the pattern over several lines; its last one is the reason.
        regex::Error::Syntax(drawing) => {
            let reason = drawing.lines().last().unwrap_or_default();
            reason.trim().trim_start_matches("error: ").to_owned()
        }
        other => other.to_string(),
    })?;
    let ast = Parser::new()
        .parse(text)
        .map_err(|error| error.kind().to_string())?;
    ast::visit(&ast, Dialect::default())
}

/// The most often that RE2 lets a part repeat, counted repetitions within it included.
const MOST_REPETITIONS: u64 = 1000;

/// Finds what the `regex` crate accepts and RE2 does not.
#[derive(Default)]
struct Dialect {
    /// The counts of the repetitions around the place of the walk.
    repetitions: Vec<u64>,
}

impl Visitor for Dialect {
    type Output = ();
    type Err = String;

    fn finish(self) -> Result<(), String> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), String> {
        match ast {
            Ast::Repetition(repetition) => {
                if matches!(*repetition.ast, Ast::Repetition(_)) {
                    return Err("RE2 repeats no repetition but in a group".to_owned());
                }
                self.repetitions.push(count(&repetition.op.kind));
                let all = self
                    .repetitions
                    .iter()
                    .fold(1, |all: u64, one| all.saturating_mul(*one));
                if all > MOST_REPETITIONS {
                    return Err(format!(
                        "RE2 repeats nothing more than {MOST_REPETITIONS} times"
                    ));
                }
                Ok(())
            }
            Ast::Flags(flags) => check_flags(&flags.flags),
            Ast::Group(group) => check_group(group),
            Ast::Literal(literal) => check_literal(literal),
            Ast::ClassUnicode(class) => check_category(class),
            Ast::Assertion(assertion) => match assertion.kind {
                ast::AssertionKind::WordBoundaryStart
                | ast::AssertionKind::WordBoundaryEnd
                | ast::AssertionKind::WordBoundaryStartAngle
                | ast::AssertionKind::WordBoundaryEndAngle
                | ast::AssertionKind::WordBoundaryStartHalf
                | ast::AssertionKind::WordBoundaryEndHalf => {
                    Err("RE2 knows no word boundary but \\b and \\B".to_owned())
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn visit_post(&mut self, ast: &Ast) -> Result<(), String> {
        if let Ast::Repetition(_) = ast {
            self.repetitions.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), String> {
        match item {
            ClassSetItem::Bracketed(_) => {
                Err("RE2 knows no character class within another".to_owned())
            }
            ClassSetItem::Literal(literal) => check_literal(literal),
            ClassSetItem::Range(range) => {
                check_literal(&range.start).and_then(|()| check_literal(&range.end))
            }
            ClassSetItem::Unicode(class) => check_category(class),
            _ => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ast::ClassSetBinaryOp) -> Result<(), String> {
        Err("RE2 knows no set operation within a character class".to_owned())
    }
}

/// How often a counted repetition repeats at the most; 1 for one that does not count.
fn count(kind: &ast::RepetitionKind) -> u64 {
    use ast::{RepetitionKind, RepetitionRange};
    let count = match kind {
        RepetitionKind::Range(
            RepetitionRange::Exactly(count)
            | RepetitionRange::AtLeast(count)
            | RepetitionRange::Bounded(_, count),
        ) => *count,
        _ => 1,
    };
    u64::from(count.max(1))
}

fn check_flags(flags: &ast::Flags) -> Result<(), String> {
    for item in &flags.items {
        if let ast::FlagsItemKind::Flag(flag) = &item.kind {
            match flag {
                ast::Flag::CaseInsensitive
                | ast::Flag::MultiLine
                | ast::Flag::DotMatchesNewLine
                | ast::Flag::SwapGreed => {}
                ast::Flag::Unicode | ast::Flag::CRLF | ast::Flag::IgnoreWhitespace => {
                    return Err("RE2 knows no flag but i, m, s and U".to_owned());
                }
            }
        }
    }
    Ok(())
}

fn check_group(group: &ast::Group) -> Result<(), String> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match &group.kind {
        ast::GroupKind::CaptureName { name, .. } if !name.name.bytes().all(is_known) => {
            Err("RE2 knows no group names but of letters, digits and underscores".to_owned())
        }
        _ => group.flags().map_or(Ok(()), check_flags),
    }
}

/// Envoy lets RE2 take every byte for a character, so no character has a higher number than 255.
fn check_literal(literal: &ast::Literal) -> Result<(), String> {
    use ast::{HexLiteralKind, LiteralKind};
    match literal.kind {
        LiteralKind::HexFixed(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong)
        | LiteralKind::HexBrace(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong) => {
            Err("RE2 knows no \\u and \\U; write \\x{…}".to_owned())
        }
        LiteralKind::HexBrace(HexLiteralKind::X) if u32::from(literal.c) > 0xff => {
            Err("Envoy compares bytes, so there is no \\x{…} beyond \\x{FF}".to_owned())
        }
        _ => Ok(()),
    }
}

/// Unicode's general categories, by their short names.
const CATEGORIES: [&str; 36] = [
    "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N",
    "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So",
    "Z", "Zl", "Zp", "Zs",
];

/// RE2 knows scripts by their long names alone. (No character of most of them is one byte, as
/// Envoy wants it: such a part matches nothing.)
fn check_category(class: &ast::ClassUnicode) -> Result<(), String> {
    use ast::ClassUnicodeKind;
    let is_script = |name: &str| {
        (name.len() > 4 || ["Cham", "Lisu", "Modi", "Newa", "Thai"].contains(&name))
            && name.starts_with(|first: char| first.is_ascii_uppercase())
            && regex::Regex::new(&format!(r"\p{{Script={name}}}")).is_ok()
    };
    let is_known = match &class.kind {
        ClassUnicodeKind::OneLetter(letter) => {
            CATEGORIES.contains(&&*letter.encode_utf8(&mut [0; 4]))
        }
        ClassUnicodeKind::Named(name) => CATEGORIES.contains(&name.as_str()) || is_script(name),
        ClassUnicodeKind::NamedValue { .. } => false,
    };
    if is_known {
        return Ok(());
    }
    Err(
        "RE2 knows \\p{…} with the short name of a general category, such as \\p{Lu}, or with a \
         script, such as \\p{Greek}"
            .to_owned(),
    )
}
