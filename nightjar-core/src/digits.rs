//! Numbers that are written in decimal digits alone.

use std::str::FromStr;

/// Reads a number that is written in decimal digits alone: without sign or space.
pub fn parse_digits<T: FromStr>(text: &str) -> Option<T> {
    if is_digits(text) {
        text.parse().ok()
    } else {
        None
    }
}

/// Whether a text is one or more decimal digits.
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text holds nothing but decimal digits and points. `f64` would also read signs,
/// exponents, `inf` and `NaN`.
pub(crate) fn is_plain_decimal(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_a_space_or_nothing_is_not_a_number() {
        assert_eq!(parse_digits("007"), Some(7_u8));
        for text in ["", "+7", "-7", " 7", "7.0", "٧", "256"] {
            assert_eq!(parse_digits::<u8>(text), None, "{text}");
        }
        assert!(is_digits("256") && !is_digits(""));
    }
}
