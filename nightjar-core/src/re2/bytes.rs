//! Sets of bytes: the character classes of an RE2 that takes every byte for a character.

use std::ops::{BitOr, Not};

/// The bytes that a character class matches: those up to 0x7F, and those from 0x80.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ByteSet(u128, u128);

const UPPER: u128 = ((1 << 26) - 1) << b'A';
const LOWER: u128 = ((1 << 26) - 1) << b'a';

impl ByteSet {
    pub(super) fn range(first: u8, last: u8) -> Self {
        (first..=last).collect()
    }

    pub(super) fn first(self) -> Option<u8> {
        let first = match self.0 {
            0 => 0x80 + self.1.trailing_zeros(),
            low => low.trailing_zeros(),
        };
        u8::try_from(first).ok()
    }

    pub(super) fn len(self) -> u32 {
        self.0.count_ones() + self.1.count_ones()
    }

    /// The set with each of its ASCII letters in both cases.
    pub(super) fn fold_case(self) -> Self {
        let upper = (self.0 & LOWER) >> (b'a' - b'A');
        let lower = (self.0 & UPPER) << (b'a' - b'A');
        Self(self.0 | upper | lower, self.1)
    }

    /// The number of ranges that RE2 compiles for the set: if it has all letters in both cases,
    /// those without the ones of nothing but capital letters.
    pub(super) fn ranges(self) -> u64 {
        let starts = self.0 & !(self.0 << 1);
        let starts_beyond = self.1 & !(self.1 << 1 | self.0 >> 127);
        let ranges = starts.count_ones() + starts_beyond.count_ones();
        if self != self.fold_case() {
            return ranges.into();
        }
        let from_upper = (starts & UPPER).count_ones();
        let letters_and_before = Self::range(b'@', b'Z');
        let reaches_beyond =
            self.contains(b'Z') && self.contains(b'[') && self | letters_and_before != self;
        u64::from(ranges - from_upper + u32::from(reaches_beyond))
    }

    fn contains(self, byte: u8) -> bool {
        self | Self::range(byte, byte) == self
    }
}

impl FromIterator<u8> for ByteSet {
    fn from_iter<T: IntoIterator<Item = u8>>(bytes: T) -> Self {
        bytes
            .into_iter()
            .fold(Self::default(), |Self(low, high), byte| {
                if byte < 0x80 {
                    Self(low | 1 << byte, high)
                } else {
                    Self(low, high | 1 << (byte - 0x80))
                }
            })
    }
}

impl BitOr for ByteSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0, self.1 | other.1)
    }
}

impl Not for ByteSet {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0, !self.1)
    }
}
