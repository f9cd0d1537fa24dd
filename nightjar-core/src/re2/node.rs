//! A regular expression as RE2 has it before it compiles it.
//!
//! RE2 makes expressions smaller (`parse.cc` and `simplify.cc` in its sources): it factors out
//! what alternatives start with, makes one character class of alternatives of one character, and
//! joins adjacent repetitions of one character. Programs can be many times smaller for it.

mod factor;

use super::bytes::ByteSet;
use factor::factor;
use regex_syntax::ast::AssertionKind::{self, StartLine, StartText};

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Empty,
    Literal(Literal),
    /// An empty set matches nothing.
    Class(ByteSet),
    /// A dot that matches line feeds, too.
    AnyByte,
    Assertion {
        kind: AssertionKind,
        multi_line: bool,
    },
    Capture(Box<Node>),
    Repeat(Box<Node>, Repeat),
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
}

/// One byte or more; lower case if they match in both cases.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Literal {
    pub(super) bytes: Vec<u8>,
    pub(super) fold_case: bool,
}

/// How often a part matches in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Repeat {
    pub(super) min: u32,
    pub(super) max: Option<u32>,
    /// Whether it is written with numbers, not as `*`, `+` or `?`.
    pub(super) is_counted: bool,
    pub(super) flags: Flags,
}

/// The flags in effect for a part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Flags {
    pub(super) fold_case: bool,
    pub(super) multi_line: bool,
    pub(super) dot_all: bool,
    pub(super) lazy: bool,
}

impl Node {
    pub(super) fn concat(items: impl IntoIterator<Item = Self>) -> Self {
        let mut joined: Vec<Self> = Vec::new();
        for item in items {
            match (joined.last_mut(), item) {
                (Some(Self::Literal(last)), Self::Literal(next))
                    if last.fold_case == next.fold_case =>
                {
                    last.bytes.extend(next.bytes);
                }
                (_, item) => joined.push(item),
            }
        }
        let mut flat = Vec::with_capacity(joined.len());
        for item in joined {
            match item {
                Self::Concat(items) => flat.extend(items),
                item => flat.push(item),
            }
        }
        Self::one_or(flat, Self::Concat)
    }

    /// An alternation, factored to a number of levels.
    pub(super) fn alternate(items: impl IntoIterator<Item = Self>, levels: u32) -> Self {
        let mut kept: Vec<Self> = Vec::new();
        for item in items {
            match kept.last_mut() {
                Some(Self::AnyByte) if item.is_one_byte() => {}
                Some(last) if item == Self::AnyByte && last.is_one_byte() => *last = item,
                _ => kept.push(item),
            }
        }
        let mut flat = Vec::with_capacity(kept.len());
        for item in kept {
            match item {
                Self::Alternate(items) => flat.extend(items),
                item => flat.push(item),
            }
        }
        Self::one_or(factor(flat, levels), Self::Alternate)
    }

    /// A repetition. Of one without numbers of another one with the same flags, RE2 makes one.
    pub(super) fn repeat(self, repeat: Repeat) -> Self {
        match self {
            Self::Repeat(sub, inner) if repeat.joins(inner) => {
                let any = (0, None);
                let (min, max) = if repeat == inner {
                    (repeat.min, repeat.max)
                } else {
                    any
                };
                Self::Repeat(sub, Repeat { min, max, ..repeat })
            }
            sub => Self::Repeat(Box::new(sub), repeat),
        }
    }

    pub(super) fn literal(bytes: Vec<u8>, fold_case: bool) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        Self::Literal(Literal { bytes, fold_case })
    }

    pub(super) fn one_or(mut items: Vec<Self>, many: fn(Vec<Self>) -> Self) -> Self {
        match items.pop() {
            None => Self::Empty,
            Some(only) if items.is_empty() => only,
            Some(last) => {
                items.push(last);
                many(items)
            }
        }
    }

    pub(super) fn is_one_byte(&self) -> bool {
        *self == Self::AnyByte || self.byte_set().is_some()
    }

    /// What a literal of one byte or a class matches.
    pub(super) fn byte_set(&self) -> Option<ByteSet> {
        match self {
            Self::Class(set) => Some(*set),
            Self::Literal(Literal { bytes, fold_case }) if bytes.len() == 1 => {
                let set: ByteSet = bytes.iter().copied().collect();
                Some(if *fold_case { set.fold_case() } else { set })
            }
            _ => None,
        }
    }

    /// RE2 does not compile a literal at the start of the text: it compares it.
    pub(super) fn without_prefix(self) -> Self {
        let Self::Concat(items) = self else {
            return self;
        };
        let is_start = |item: &&Self| match item {
            Self::Assertion { kind, multi_line } => {
                *kind == StartText || *kind == StartLine && !multi_line
            }
            _ => false,
        };
        let starts = items.iter().take_while(is_start).count();
        match items.get(starts) {
            Some(Self::Literal(_)) if starts > 0 => {
                Self::concat(items.into_iter().skip(starts + 1))
            }
            _ => Self::Concat(items),
        }
    }

    /// The expression with adjacent repetitions of a byte joined, and without needless ones.
    pub(super) fn simplify(self) -> Self {
        let all = |items: Vec<Self>| items.into_iter().map(Self::simplify).collect();
        match self {
            Self::Capture(sub) => Self::Capture(Box::new(sub.simplify())),
            Self::Repeat(sub, repeat) => sub.simplify().simplify_repeat(repeat),
            Self::Concat(items) => Self::Concat(all(join_repeats(items))),
            Self::Alternate(items) => Self::Alternate(all(items)),
            other => other,
        }
    }

    fn simplify_repeat(self, mut repeat: Repeat) -> Self {
        match &self {
            Self::Empty => return self,
            Self::Repeat(_, inner) if *inner == repeat && !repeat.is_counted => return self,
            _ if !repeat.is_counted => return Self::Repeat(Box::new(self), repeat),
            _ => {}
        }
        if self.is_zero_width() {
            repeat.min = repeat.min.min(1);
            repeat.max = repeat.max.map(|max| max.min(1));
        }
        repeat.is_counted = !matches!((repeat.min, repeat.max), (0 | 1, None) | (0, Some(1)));
        match (repeat.min, repeat.max) {
            (0, Some(0)) => Self::Empty,
            (1, Some(1)) => self,
            _ => self.repeat(repeat),
        }
    }

    fn is_zero_width(&self) -> bool {
        match self {
            Self::Assertion { .. } => true,
            Self::Concat(items) | Self::Alternate(items) => items
                .iter()
                .all(|item| matches!(item, Self::Assertion { .. })),
            _ => false,
        }
    }
}

impl Literal {
    /// What both literals start with.
    pub(super) fn common(&self, other: &Self) -> Option<Self> {
        let pairs = self.bytes.iter().zip(&other.bytes);
        let bytes: Vec<u8> = pairs.take_while(|(a, b)| a == b).map(|(a, _)| *a).collect();
        let fold_case = self.fold_case;
        (fold_case == other.fold_case && !bytes.is_empty()).then_some(Self { bytes, fold_case })
    }
}

impl Repeat {
    /// Whether RE2 makes one repetition of this one of another one.
    pub(super) fn joins(self, inner: Self) -> bool {
        !self.is_counted && !inner.is_counted && self.flags == inner.flags
    }

    /// Whether RE2 does so with the `(…)+` that it makes at the end of this one.
    pub(super) fn ends_in(self, inner: Self) -> bool {
        let is_counted = false;
        self.is_counted && self.max.is_none() && Self { is_counted, ..self }.joins(inner)
    }
}

/// Joins repetitions of one byte with the items that follow and match that byte.
fn join_repeats(items: Vec<Node>) -> Vec<Node> {
    let mut joined: Vec<Node> = Vec::new();
    for item in items {
        let rest = match joined.last_mut() {
            Some(Node::Repeat(byte, repeat)) if byte.is_one_byte() => {
                join_repeat(byte, repeat, item)
            }
            _ => Some(item),
        };
        joined.extend(rest);
    }
    joined
}

/// Joins a repetition of a byte with what follows; returns what is left of that.
fn join_repeat(byte: &Node, repeat: &mut Repeat, next: Node) -> Option<Node> {
    let (min, max, rest) = match (byte, next) {
        (_, Node::Repeat(same, other))
            if *same == *byte && other.flags.lazy == repeat.flags.lazy =>
        {
            (other.min, other.max, None)
        }
        (_, next) if next == *byte => (1, Some(1), None),
        (Node::Literal(byte), Node::Literal(mut next)) if byte.common(&next).is_some() => {
            let is_other = |other: &u8| !byte.bytes.contains(other);
            let count = next
                .bytes
                .iter()
                .position(is_other)
                .unwrap_or(next.bytes.len());
            let rest = next.bytes.split_off(count);
            let rest = Some(Node::literal(rest, next.fold_case));
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            (count, Some(count), rest.filter(|rest| *rest != Node::Empty))
        }
        (_, next) => return Some(next),
    };
    repeat.min = repeat.min.saturating_add(min);
    repeat.max = repeat.max.zip(max).map(|(a, b)| a.saturating_add(b));
    repeat.is_counted = true;
    rest
}
