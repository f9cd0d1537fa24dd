//! Sizes of the parts of a program, and of what is put together of them.
//!
//! RE2 flattens the graph that it compiles to lists (`compile.cc` and `Prog::Flatten` in its
//! sources). A list holds the instructions that can come next at one place. One begins where an
//! instruction leads to, and where other lists meet; those end in a jump to it, which is one more
//! instruction. Hence the size of `ab` depends on how `a` ends and how `b` begins, and this is what
//! [`Code`] tells of a part. Repetitions are calculated, not carried out: that takes as long for
//! `a{1000}` as for `a`. No figure overflows, since RE2's limit on repetitions keeps them all under
//! some thousands for each byte of the expression.

use super::node::Repeat;

/// What the size of a program depends on in a part of it.
#[derive(Clone, Copy)]
pub(super) struct Code {
    pub(super) size: u64,
    /// Its size before it is flattened.
    pub(super) compiled: u64,
    /// Whether it can match at all.
    pub(super) matches: bool,
    /// Whether it can match the empty string.
    is_nullable: bool,
    /// Whether RE2 drops it for what follows.
    is_dropped: bool,
    /// Whether a list begins with it, whatever precedes it.
    begins_list: bool,
    /// Whether an instruction of it leads to what follows, so that a list begins there.
    leads_on: bool,
    /// Whether the list in which it begins goes on in what follows.
    first_goes_on: bool,
    /// How many other lists go on in what follows.
    others_go_on: u64,
    /// Whether RE2 may overlook that those lists meet, and then copies what follows to them.
    may_copy: bool,
    /// How many instructions can be its first one.
    firsts: u64,
    /// Whether a list can go through it without an instruction of it.
    is_passable: bool,
}

impl Code {
    pub(super) const EMPTY: Self = Self {
        size: 0,
        compiled: 1,
        matches: true,
        is_nullable: true,
        is_dropped: true,
        begins_list: false,
        leads_on: false,
        first_goes_on: true,
        others_go_on: 0,
        may_copy: false,
        firsts: 0,
        is_passable: true,
    };
    pub(super) const NEVER: Self = Self {
        matches: false,
        ..Self::sequence(0).with_compiled(1)
    };
    pub(super) const ZERO_WIDTH: Self = Self {
        is_nullable: true,
        ..Self::sequence(1)
    };

    /// Instructions in a row.
    pub(super) const fn sequence(count: u64) -> Self {
        Self {
            size: count,
            compiled: count,
            is_nullable: false,
            is_dropped: false,
            leads_on: true,
            first_goes_on: false,
            firsts: 1,
            is_passable: false,
            ..Self::EMPTY
        }
    }

    /// Instructions in one list, between which others choose before it is flattened.
    pub(super) const fn choice(count: u64) -> Self {
        Self {
            size: count,
            compiled: 2 * count - 1,
            firsts: count,
            ..Self::sequence(count)
        }
    }

    const fn with_size(self, more: u64) -> Self {
        let size = self.size + more;
        Self { size, ..self }
    }

    const fn with_compiled(self, more: u64) -> Self {
        let compiled = self.compiled + more;
        Self { compiled, ..self }
    }

    fn lists_that_go_on(self) -> u64 {
        self.others_go_on + u64::from(self.first_goes_on)
    }

    /// `ab`
    pub(super) fn then(self, next: Self) -> Self {
        if !self.matches || !next.matches {
            return Self::NEVER.with_compiled(self.compiled + next.compiled - 1);
        }
        if self.is_dropped {
            return next.with_compiled(self.compiled);
        }
        if next.is_dropped {
            return self.with_compiled(next.compiled);
        }
        let lists = self.lists_that_go_on();
        let meet = lists > 1 && !self.leads_on && !next.begins_list;
        let begins_list = meet || self.leads_on || next.begins_list;
        let is_first = !begins_list && self.first_goes_on;
        let jumps = if begins_list { lists } else { 0 };
        let copies = if meet && self.may_copy {
            next.firsts
        } else {
            0
        };
        Self {
            size: self.size + next.size + jumps + copies,
            compiled: self.compiled + next.compiled,
            is_nullable: self.is_nullable && next.is_nullable,
            begins_list: self.begins_list,
            first_goes_on: is_first && next.first_goes_on,
            others_go_on: next.others_go_on + u64::from(!is_first && next.first_goes_on),
            may_copy: next.may_copy || next.is_passable && self.may_copy,
            firsts: self.firsts + if self.is_passable { next.firsts } else { 0 },
            is_passable: self.is_passable && next.is_passable,
            ..next
        }
    }

    /// The code if one more instruction before it chooses between it and something else.
    fn chosen(self) -> Self {
        let code = Self {
            is_dropped: false,
            ..self.with_compiled(1)
        };
        if !self.begins_list {
            return code;
        }
        Self {
            begins_list: false,
            first_goes_on: false,
            others_go_on: self.lists_that_go_on(),
            ..code.with_size(1)
        }
    }

    /// `a|b`
    pub(super) fn or(self, other: Self) -> Self {
        if !self.matches {
            return other.with_compiled(self.compiled);
        }
        if !other.matches {
            return self.with_compiled(other.compiled);
        }
        let (one, two) = (self.chosen(), other.chosen());
        Self {
            size: one.size + two.size,
            compiled: one.compiled + other.compiled,
            is_nullable: one.is_nullable || two.is_nullable,
            leads_on: one.leads_on || two.leads_on,
            first_goes_on: one.first_goes_on || two.first_goes_on,
            others_go_on: one.others_go_on + two.others_go_on,
            may_copy: one.may_copy || two.may_copy,
            firsts: one.firsts + two.firsts,
            is_passable: one.is_passable || two.is_passable,
            ..one
        }
    }

    /// `a?`
    fn optional(self) -> Self {
        if !self.matches {
            return Self::EMPTY.with_compiled(self.compiled);
        }
        Self {
            is_nullable: true,
            first_goes_on: true,
            is_passable: true,
            ..self.chosen()
        }
    }

    /// `a+`
    pub(super) fn one_or_more(self) -> Self {
        if !self.matches {
            return self;
        }
        let lists = self.lists_that_go_on();
        let code = self.looped();
        if !self.leads_on && lists == 1 && self.first_goes_on {
            return code;
        }
        // The choice at the end jumps back. It is in the one list that gets there, if it is one.
        let begins_list = self.leads_on || lists > 1;
        Self {
            begins_list: true,
            first_goes_on: false,
            others_go_on: if self.leads_on || self.others_go_on > 1 && !self.may_copy {
                1
            } else {
                lists.min(2)
            },
            ..code.with_size(1 + if begins_list { lists } else { 0 })
        }
    }

    /// `a*`
    pub(super) fn any_number(self) -> Self {
        if !self.matches {
            return Self::EMPTY
                .chosen()
                .with_size(1)
                .with_compiled(self.compiled);
        }
        if self.is_nullable {
            return self.one_or_more().optional();
        }
        Self {
            is_nullable: true,
            begins_list: true,
            first_goes_on: true,
            others_go_on: 0,
            is_passable: true,
            ..self.chosen().looped().with_size(self.lists_that_go_on())
        }
    }

    /// The code with a way back to its beginning from its end.
    fn looped(self) -> Self {
        let may_copy = !self.leads_on;
        Self {
            is_dropped: false,
            leads_on: false,
            may_copy,
            ..self
                .with_compiled(1)
                .with_size(if may_copy { self.firsts } else { 0 })
        }
    }

    /// `a{2,4}`, which is `aa(a(a)?)?`, and `a{2,}`, which is `aa+`.
    pub(super) fn repeat(self, repeat: Repeat) -> Self {
        let min = u64::from(repeat.min);
        match repeat.max {
            None if min == 0 => self.any_number(),
            None => self.times(min - 1).then(self.one_or_more()),
            Some(max) => {
                let more = u64::from(max).saturating_sub(min);
                self.times(min).then(self.nested_optionals(more))
            }
        }
    }

    /// `aaa`
    pub(super) fn times(self, count: u64) -> Self {
        let twice = self.then(self);
        let code = self.series(twice, count);
        Self {
            others_go_on: code.others_go_on.min(twice.others_go_on),
            ..code
        }
    }

    /// `(a(a(a)?)?)?`
    fn nested_optionals(self, count: u64) -> Self {
        let one = self.optional();
        one.series(self.then(one).optional(), count)
    }

    /// Member number `count` of a series, each of which grows by as much as the second one.
    fn series(self, second: Self, count: u64) -> Self {
        let steps = match count {
            0 => {
                return Self {
                    compiled: 0,
                    ..Self::EMPTY
                };
            }
            1 => return self,
            _ => count - 1,
        };
        let grown = |first: u64, second: u64| first + (second - first) * steps;
        Self {
            size: grown(self.size, second.size),
            compiled: grown(self.compiled, second.compiled),
            others_go_on: grown(self.others_go_on, second.others_go_on),
            firsts: grown(self.firsts, second.firsts),
            ..second
        }
    }
}
