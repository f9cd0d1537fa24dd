//! Reader of expressions as RE2 has them, or of what in them RE2 does not know.

use super::{
    bytes::ByteSet,
    class::{self, Classes},
    node::{Flags, Node, Repeat},
};
use regex_syntax::ast::{self, Ast};

/// The most often that RE2 lets a part repeat, counted repetitions within it included.
const MAX_REPETITIONS: u64 = 1000;

/// How often RE2's factoring of alternatives is followed into what it leaves of them, outside of
/// groups. In groups it is less, so that nodes do not nest deeper than some 1,000 times.
const FACTORING_LEVELS: u32 = 64;

/// Reads the parts of one expression.
pub(super) struct Reader<'t> {
    text: &'t str,
    flags: Flags,
    /// How often the part being read repeats.
    repetitions: u64,
    /// The number of groups around the part being read.
    groups: u32,
    classes: Classes<'t>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, case_sensitive: bool) -> Self {
        Self {
            text,
            flags: Flags {
                fold_case: !case_sensitive,
                ..Flags::default()
            },
            repetitions: 1,
            groups: 0,
            classes: Classes::new(text),
        }
    }

    /// # Errors
    /// One line that says what RE2 does not know.
    pub(super) fn node(&mut self, ast: &Ast) -> Result<Node, String> {
        Ok(match ast {
            Ast::Empty(_) => Node::Empty,
            Ast::Flags(flags) => {
                self.set_flags(&flags.flags)?;
                Node::Empty
            }
            Ast::Literal(literal) => self.literal(class::literal_bytes(literal)?),
            Ast::Dot(_) if self.flags.dot_all => Node::AnyByte,
            Ast::Dot(_) => Node::Class(!ByteSet::range(b'\n', b'\n')),
            Ast::Assertion(assertion) => self.assertion(&assertion.kind)?,
            Ast::ClassPerl(class) => self.class(class::perl(class)),
            Ast::ClassUnicode(class) => {
                let set = self.classes.unicode(class, self.flags.fold_case)?;
                self.class(set)
            }
            Ast::ClassBracketed(class) => {
                let set = self.classes.bracketed(class, self.flags.fold_case)?;
                self.class(set)
            }
            Ast::Repetition(repetition) => self.repetition(repetition)?,
            Ast::Group(group) => self.group(group)?,
            Ast::Alternation(alternation) => {
                let items: Result<Vec<_>, _> =
                    alternation.asts.iter().map(|ast| self.node(ast)).collect();
                Node::alternate(items?, FACTORING_LEVELS / (1 + self.groups))
            }
            Ast::Concat(concat) => {
                let mut items = Vec::new();
                for ast in &concat.asts {
                    let item = self.node(ast)?;
                    if !matches!(ast, Ast::Flags(_)) {
                        items.push(item);
                    }
                }
                Node::concat(items)
            }
        })
    }

    fn set_flags(&mut self, flags: &ast::Flags) -> Result<(), String> {
        let mut value = true;
        for item in &flags.items {
            match item.kind {
                ast::FlagsItemKind::Negation => value = false,
                ast::FlagsItemKind::Flag(ast::Flag::CaseInsensitive) => {
                    self.flags.fold_case = value;
                }
                ast::FlagsItemKind::Flag(ast::Flag::MultiLine) => self.flags.multi_line = value,
                ast::FlagsItemKind::Flag(ast::Flag::DotMatchesNewLine) => {
                    self.flags.dot_all = value;
                }
                ast::FlagsItemKind::Flag(ast::Flag::SwapGreed) => self.flags.lazy = value,
                ast::FlagsItemKind::Flag(
                    ast::Flag::Unicode | ast::Flag::CRLF | ast::Flag::IgnoreWhitespace,
                ) => return Err("RE2 supports only the flags i, m, s and U".to_owned()),
            }
        }
        Ok(())
    }

    fn literal(&self, mut bytes: Vec<u8>) -> Node {
        let fold_case = self.flags.fold_case;
        if fold_case {
            bytes.make_ascii_lowercase();
        }
        Node::literal(bytes, fold_case)
    }

    /// RE2 makes a literal of a class of one character or of both cases of a letter.
    fn class(&self, set: ByteSet) -> Node {
        match set.first() {
            Some(byte) if set.len() == 1 => self.literal(vec![byte]),
            Some(byte) if set.len() == 2 && set == ByteSet::range(byte, byte).fold_case() => {
                Node::literal(vec![byte.to_ascii_lowercase()], true)
            }
            _ => Node::Class(set),
        }
    }

    fn assertion(&self, kind: &ast::AssertionKind) -> Result<Node, String> {
        use ast::AssertionKind::{
            EndLine, EndText, NotWordBoundary, StartLine, StartText, WordBoundary,
        };
        match kind {
            StartLine | EndLine | StartText | EndText | WordBoundary | NotWordBoundary => {
                let multi_line = self.flags.multi_line;
                Ok(Node::Assertion {
                    kind: kind.clone(),
                    multi_line,
                })
            }
            _ => Err("RE2 supports only the word boundaries \\b and \\B".to_owned()),
        }
    }

    fn repetition(&mut self, repetition: &ast::Repetition) -> Result<Node, String> {
        if matches!(*repetition.ast, Ast::Repetition(_)) {
            return Err("RE2 does not repeat a repetition that is not in a group".to_owned());
        }
        let repeat = self.repeat(repetition)?;
        let outer = self.repetitions;
        let most = repeat.max.unwrap_or(repeat.min).max(1);
        self.repetitions = outer.saturating_mul(most.into());
        if self.repetitions > MAX_REPETITIONS {
            return Err(format!(
                "RE2 does not repeat anything more than {MAX_REPETITIONS} times"
            ));
        }
        let node = self.node(&repetition.ast)?;
        self.repetitions = outer;
        Ok(match (node, &*repetition.ast) {
            // RE2 repeats the last byte of a character.
            (Node::Literal(mut literal), Ast::Literal(_)) if literal.bytes.len() > 1 => {
                let last = literal.bytes.pop().into_iter().collect();
                let last = Node::literal(last, literal.fold_case).repeat(repeat);
                Node::concat([Node::literal(literal.bytes, literal.fold_case), last])
            }
            (node, _) => node.repeat(repeat),
        })
    }

    fn repeat(&self, repetition: &ast::Repetition) -> Result<Repeat, String> {
        use ast::{RepetitionKind, RepetitionRange};
        let (min, max, is_counted) = match repetition.op.kind {
            RepetitionKind::ZeroOrOne => (0, Some(1), false),
            RepetitionKind::ZeroOrMore => (0, None, false),
            RepetitionKind::OneOrMore => (1, None, false),
            RepetitionKind::Range(RepetitionRange::Exactly(count)) => (count, Some(count), true),
            RepetitionKind::Range(RepetitionRange::AtLeast(min)) => (min, None, true),
            RepetitionKind::Range(RepetitionRange::Bounded(min, max)) => (min, Some(max), true),
        };
        let text = class::slice(self.text, repetition.op.span);
        let is_odd = |number: &str| {
            number.contains(char::is_whitespace) || number.len() > 1 && number.starts_with('0')
        };
        if text.trim_matches(['{', '}', '?']).split(',').any(is_odd) {
            return Err(format!("RE2 reads {text} as literal text"));
        }
        let lazy = self.flags.lazy == repetition.greedy;
        let flags = Flags { lazy, ..self.flags };
        Ok(Repeat {
            min,
            max,
            is_counted,
            flags,
        })
    }

    fn group(&mut self, group: &ast::Group) -> Result<Node, String> {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let flags = self.flags;
        let is_capture = match &group.kind {
            ast::GroupKind::CaptureName { name, .. } if !name.name.bytes().all(is_known) => {
                return Err(
                    "RE2 supports only letters, digits and underscores in group names".to_owned(),
                );
            }
            ast::GroupKind::CaptureName { .. } | ast::GroupKind::CaptureIndex(_) => true,
            ast::GroupKind::NonCapturing(flags) => {
                self.set_flags(flags)?;
                false
            }
        };
        self.groups += 1;
        let node = self.node(&group.ast)?;
        self.groups -= 1;
        self.flags = flags;
        Ok(if is_capture {
            Node::Capture(Box::new(node))
        } else {
            node
        })
    }
}
