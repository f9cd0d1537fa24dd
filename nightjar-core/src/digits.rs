//! Numbers in decimal digits alone.

use std::str::FromStr;

/// A number in decimal digits alone: no sign, no space.
pub(crate) fn digits<T: FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}
