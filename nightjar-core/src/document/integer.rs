//! Integers as JSON writes them.

use serde::{
    Deserializer,
    de::{Error, Unexpected, Visitor},
};
use std::fmt;

/// An integer, which JSON may also write as `3000.0` or `3e3`.
pub(super) fn integer<'de, D: Deserializer<'de>, T: TryFrom<i64>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = deserializer.deserialize_i64(IntegerVisitor)?;
    T::try_from(value).map_err(|_| D::Error::custom(format!("{value} is out of range")))
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
