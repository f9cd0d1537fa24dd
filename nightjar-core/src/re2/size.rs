//! The size of the program that RE2 compiles an expression to.

use super::{code::Code, node::Node};

/// The size of a program, in instructions.
#[derive(Debug, PartialEq)]
pub(super) struct Size {
    /// At least the size that Envoy limits, seldom more than a few over it, never double.
    pub(super) flattened: u64,
    /// The size before RE2 flattens the program, which has to fit its memory.
    pub(super) compiled: u64,
}

impl Node {
    pub(super) fn size(self) -> Size {
        let code = self.without_prefix().simplify().code();
        let code = code.then(Code::sequence(1));
        // Besides, there are an instruction that fails, two that find where a match starts, and
        // one for an expression that matches the rest of any text.
        Size {
            flattened: if code.matches { code.size + 4 } else { 1 },
            compiled: code.compiled + 3,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Empty => Code::EMPTY,
            Self::Literal(literal) => Code::sequence(literal.bytes.len() as u64),
            Self::Class(set) => match set.ranges() {
                0 => Code::NEVER,
                ranges => Code::choice(ranges),
            },
            Self::AnyByte => Code::sequence(1),
            Self::Assertion { .. } => Code::ZERO_WIDTH,
            Self::Capture(sub) => Code::ZERO_WIDTH.then(sub.code()).then(Code::ZERO_WIDTH),
            Self::Repeat(sub, repeat) => match &**sub {
                // RE2 takes the `(a?)+` at the end of `(a?){2,}` for `a*`, and `(a+)+` for `a+`.
                Self::Repeat(sub, inner) if repeat.ends_in(*inner) => {
                    let code = sub.code();
                    let times = code.repeat(*inner).times(u64::from(repeat.min) - 1);
                    times.then(match inner.min {
                        0 => code.any_number(),
                        _ => code.one_or_more(),
                    })
                }
                _ => sub.code().repeat(*repeat),
            },
            Self::Concat(items) => {
                let codes = items.iter().map(Self::code);
                codes.reduce(Code::then).unwrap_or(Code::EMPTY)
            }
            Self::Alternate(items) => {
                let codes = items.iter().map(Self::code);
                codes.reduce(Code::or).unwrap_or(Code::NEVER)
            }
        }
    }
}
