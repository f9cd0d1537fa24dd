//! Whole numbers that can only hold what is allowed.

use crate::{digits::parse_digits, report::quoted};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected, Visitor},
};
use std::{borrow::Cow, fmt, num::NonZeroU16, str::FromStr};

/// A type of whole numbers in a range.
macro_rules! number {
    ($(#[doc = $doc:literal])* $name:ident($inner:ty), $min:expr, $max:expr) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            const MIN: i64 = $min;
            const MAX: i64 = $max;
        }

        impl TryFrom<i64> for $name {
            type Error = String;

            fn try_from(number: i64) -> Result<Self, String> {
                let inner = u16::try_from(number).ok();
                let inner = inner.filter(|_| (Self::MIN..=Self::MAX).contains(&number));
                inner
                    .and_then(|inner| <$inner>::try_from(inner).ok())
                    .map(Self)
                    .ok_or_else(|| out_of_range(&number, &Self::MIN, &Self::MAX))
            }
        }

        impl FromStr for $name {
            type Err = String;

            /// Digits alone.
            fn from_str(text: &str) -> Result<Self, String> {
                let range = || out_of_range(&quoted(text), &Self::MIN, &Self::MAX);
                Self::try_from(parse_digits::<i64>(text).ok_or_else(range)?).map_err(|_| range())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = deserializer.deserialize_i64(IntegerVisitor)?;
                Self::try_from(number).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "description": concat!($($doc),*).trim(),
                    "type": "integer", "minimum": Self::MIN, "maximum": Self::MAX
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.get().fmt(f)
            }
        }
    };
}

number!(
    /// A TCP port.
    Port(NonZeroU16),
    1,
    65535
);
number!(
    /// A share of a route's requests, relative to the other members' weights; 0 is no share.
    Weight(u16),
    0,
    32767
);

impl Port {
    /// The port's number.
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The port of a number that is not 0.
    pub fn new(number: u16) -> Option<Self> {
        NonZeroU16::new(number).map(Self)
    }
}

impl Weight {
    /// No share.
    pub const NONE: Self = Self(0);
    /// The weight of a route that declares none.
    pub const ONE: Self = Self(1);
    /// The greatest weight.
    pub(crate) const MOST: Self = Self(32767);

    /// The weight as a number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// The fault of a number outside its range.
pub(super) fn out_of_range(
    value: &impl fmt::Display,
    min: &impl fmt::Display,
    max: &impl fmt::Display,
) -> String {
    format!("{value} is not between {min} and {max}")
}

/// An integer, which JSON may also write as `3000.0` or `3e3`.
pub(super) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_i64(IntegerVisitor)
}
struct IntegerVisitor;

impl Visitor<'_> for IntegerVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the value is integral and in range"
    )]
    fn visit_f64<E: Error>(self, value: f64) -> Result<i64, E> {
        /// 2 to the power of 63, the first number that is too large.
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        if value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value) {
            Ok(value as i64)
        } else {
            Err(E::invalid_value(Unexpected::Float(value), &self))
        }
    }
}
