//! Every way to spell a path that must not be reached.
//!
//! Envoy, as the shipped templates set it up, decodes escaped letters, digits and `-._~/` before
//! it compares paths, and leaves all other escapes as they came. So `/a+b/` and `/a%2Bb/` are two
//! paths to Envoy, and one to the service behind it.

use std::fmt::Write as _;

/// A regular expression for every spelling of a path, or of all that starts with it; `None` if
/// there is but one spelling.
pub(super) fn every_spelling(path: &str, is_prefix: bool) -> Option<String> {
    if plain_start(path).len() == path.len() {
        return None;
    }
    let mut pattern = String::new();
    let mut rest = path.as_bytes();
    while let [byte, after @ ..] = rest {
        let escape = match (byte, after) {
            (b'%', [high, low, after @ ..]) => hex(*high)
                .zip(hex(*low))
                .map(|(high, low)| (high << 4 | low, after)),
            _ => None,
        };
        let (value, after) = escape.unwrap_or((*byte, after));
        spell(&mut pattern, value);
        rest = after;
    }
    if is_prefix {
        pattern.push_str(".*");
    }
    Some(pattern)
}

/// The start of a path that has but one spelling.
pub(super) fn plain_start(path: &str) -> &str {
    let end = path.bytes().position(|byte| !is_decoded(byte));
    end.and_then(|end| path.get(..end)).unwrap_or(path)
}

/// Whether Envoy knows a byte however it is spelled: the unreserved characters of RFC 3986, and
/// the slash.
fn is_decoded(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte)
}

fn spell(pattern: &mut String, byte: u8) {
    let plain = char::from(byte);
    if is_decoded(byte) {
        pattern.push_str(&regex::escape(plain.encode_utf8(&mut [0; 4])));
        return;
    }
    pattern.push_str("(?:%");
    for digit in [byte >> 4, byte & 15] {
        let _ = match digit {
            0..=9 => write!(pattern, "{digit}"),
            _ => write!(pattern, "[{digit:X}{digit:x}]"),
        };
    }
    // Beyond ASCII a byte can only come escaped.
    if plain.is_ascii_graphic() {
        pattern.push('|');
        pattern.push_str(&regex::escape(plain.encode_utf8(&mut [0; 4])));
    }
    pattern.push(')');
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    #[test]
    fn plain_paths_have_one_spelling() {
        let path = "/shop/admin-1/a.b_c~d/";
        assert_eq!(
            (every_spelling(path, true), plain_start(path)),
            (None, path)
        );
    }

    #[test]
    fn other_characters_can_come_escaped() {
        assert_eq!(plain_start("/a+b/"), "/a");
        assert_eq!(
            every_spelling("/a+b/", true).unwrap(),
            r"/a(?:%2[Bb]|\+)b/.*"
        );
        assert_eq!(
            every_spelling("/a%2fb%c3%A9", false).unwrap(),
            r"/a/b(?:%[Cc]3)(?:%[Aa]9)"
        );
        assert_eq!(every_spelling("/100%", false).unwrap(), r"/100(?:%25|%)");
    }

    #[test]
    fn all_spellings_match() {
        let pattern = Regex::new(&format!(
            "^(?:{})$",
            every_spelling("/é a+/", true).unwrap()
        ))
        .unwrap();
        for path in ["/%C3%A9%20a+/", "/%c3%a9%20a%2b/x", "/%C3%a9%20a%2B/"] {
            assert!(pattern.is_match(path), "{path}");
        }
        assert!(!pattern.is_match("/%C3%A9%20a-/"));
    }
}
