//! Paths in one form, and every spelling in which a request can ask for one.
//!
//! Envoy, as the shipped templates set it up, brings a request's path into a normal form before it
//! compares: escaped slashes and unreserved characters are decoded, dot segments resolved, slashes
//! merged, and what a URL cannot hold is escaped. [`Path`] is a declared path in the same form, with
//! the hex digits of escapes in upper case. Two things Envoy leaves as the caller wrote them: the case
//! of hex digits, and reserved characters, which may come escaped or not. [`Path::pattern`] takes all
//! of these.

use crate::report::quoted;
use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

/// A path, or the start of paths, in normal form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(String);

/// What a declared path is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Whole paths.
    Whole,
    /// The start of paths, which may end within a segment and may be empty.
    Start,
}

/// The most characters of a path. The expression for all spellings of a longer one could be more than
/// Envoy compiles, which would cost a proxy every update.
const MAX_LENGTH: usize = 8192;

impl Path {
    /// Brings a declared path into normal form.
    ///
    /// # Errors
    /// Why no request can have such a path, on one line.
    pub fn new(text: &str, extent: Extent) -> Result<Self, String> {
        if text.is_empty() && extent == Extent::Start {
            return Ok(Self(String::new()));
        }
        if is_normal(text) {
            return Ok(Self(text.to_owned()));
        }
        if !text.starts_with('/') {
            return Err(format!("{} does not start with /", quoted(text)));
        }
        let end = text
            .chars()
            .find(|character| character.is_control() || "?#;\\".contains(*character));
        if let Some(character) = end {
            return Err(format!(
                "{} contains {character:?}, which no path can contain",
                quoted(text)
            ));
        }
        let decoded = decode(text, |byte| match byte {
            b'/' | b'\\' => Some(b'/'),
            byte if is_unreserved(byte) => Some(byte),
            _ => None,
        });
        let resolved = resolve(&decoded, extent)
            .ok_or_else(|| format!("{} leads above the root", quoted(text)))?;
        if resolved.len() > MAX_LENGTH {
            let length = resolved.len();
            return Err(format!(
                "{} has {length} characters; at most {MAX_LENGTH} are allowed",
                quoted(text)
            ));
        }
        Ok(Self(resolved))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same text for all paths that a service takes for one: reserved characters are not escaped.
    pub(crate) fn canonical(&self) -> Cow<'_, str> {
        if self.has_spellings() {
            decode(&self.0, |byte| is_allowed(byte).then_some(byte)).into()
        } else {
            self.0.as_str().into()
        }
    }

    /// Whether requests can spell it in several ways.
    pub(crate) fn has_spellings(&self) -> bool {
        !self.0.bytes().all(has_one_spelling)
    }

    /// A regular expression for every spelling, with path parameters where segments end.
    pub(crate) fn pattern(&self) -> String {
        let mut pattern = String::new();
        for (position, (byte, _)) in bytes(&self.0).enumerate() {
            if byte == b'/' && position > 0 {
                pattern.push_str("(?:;[^/]*)?");
            }
            push_spellings(&mut pattern, byte);
        }
        pattern
    }

    /// The path as people write it: nothing is escaped.
    pub(crate) fn readable(&self) -> String {
        let bytes: Vec<u8> = bytes(&self.0).map(|(byte, _)| byte).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A part that looks like a pattern: `*`, `{name}`, `:name` or `[…]`. It is taken literally.
    pub(crate) fn wildcard(&self) -> Option<&'static str> {
        let text = self.canonical();
        let named = |open: &str| {
            text.split('/').any(|segment| {
                let rest = segment.strip_prefix(open);
                rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_alphabetic()))
            })
        };
        if text.contains('*') {
            Some("*")
        } else if text.contains("%7B") && text.contains("%7D") {
            Some("{…}")
        } else if named(":") {
            Some(":name")
        } else if text.contains("%5B") && text.contains("%5D") {
            Some("[…]")
        } else {
            None
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The start of a path that has one spelling only.
pub(crate) fn literal_prefix(path: &str) -> &str {
    let end = path.bytes().position(|byte| !has_one_spelling(byte));
    end.and_then(|end| path.get(..end)).unwrap_or(path)
}

/// The bytes of a decoded text, each with whether it was escaped.
fn bytes(text: &str) -> impl Iterator<Item = (u8, bool)> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (byte, is_escaped, after) = match rest {
            [b'%', high, low, after @ ..] if hex(*high, *low).is_some() => {
                (hex(*high, *low)?, true, after)
            }
            [byte, after @ ..] => (*byte, false, after),
            [] => return None,
        };
        rest = after;
        Some((byte, is_escaped))
    })
}

/// A text whose escapes are decoded where `plain` gives a byte; all else that a path cannot hold as
/// it is, is escaped.
fn decode(text: &str, plain: impl Fn(u8) -> Option<u8>) -> String {
    let mut decoded = String::with_capacity(text.len());
    for (byte, is_escaped) in bytes(text) {
        match if is_escaped { plain(byte) } else { Some(byte) } {
            Some(byte) if is_allowed(byte) => decoded.push(byte.into()),
            // Writing to a string cannot fail.
            _ => drop(write!(decoded, "%{byte:02X}")),
        }
    }
    decoded
}

/// Whether a path is in normal form already, as nearly every one is. One with a segment that
/// begins with a dot is looked at more closely.
fn is_normal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins_well = |pair: &[u8]| !matches!(pair, b"//" | b"/.");
    text.len() <= MAX_LENGTH
        && text.starts_with('/')
        && bytes.iter().copied().all(has_one_spelling)
        && bytes.windows(2).all(begins_well)
}

/// Resolves dot segments, then merges slashes; `None` if that leads above the root.
fn resolve(path: &str, extent: Extent) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            // The start of paths may end within `.well-known`.
            "." | ".." if is_last && extent == Extent::Start => kept.push(segment),
            "." if is_last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop()?;
                if is_last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    let mut resolved = String::with_capacity(path.len());
    let last = kept.len().saturating_sub(1);
    for (position, segment) in kept.into_iter().enumerate() {
        if !segment.is_empty() || position == last {
            resolved.push('/');
            resolved.push_str(segment);
        }
    }
    Some(resolved)
}

/// Whether a byte has one spelling after Envoy's normalisation.
fn has_one_spelling(byte: u8) -> bool {
    is_unreserved(byte) || byte == b'/'
}

/// The unreserved characters of RFC 3986, which mean the same escaped or not.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Whether a path can hold a byte as it is (RFC 3986, `pchar`), save `;`, which begins parameters.
fn is_allowed(byte: u8) -> bool {
    has_one_spelling(byte) || b"!$&'()*+,=:@".contains(&byte)
}

fn push_spellings(pattern: &mut String, byte: u8) {
    let plain = char::from(byte);
    if has_one_spelling(byte) {
        push_literal(pattern, plain);
        return;
    }
    pattern.push_str("(?:%");
    for digit in [byte >> 4, byte & 15] {
        let _ = match digit {
            0..=9 => write!(pattern, "{digit}"),
            _ => write!(pattern, "[{digit:X}{digit:x}]"),
        };
    }
    // Beyond ASCII a byte can only come escaped, and these end a path or a segment.
    if plain.is_ascii_graphic() && !b"?#;".contains(&byte) {
        pattern.push('|');
        push_literal(pattern, plain);
    }
    pattern.push(')');
}

fn push_literal(pattern: &mut String, character: char) {
    if regex_syntax::is_meta_character(character) {
        pattern.push('\\');
    }
    pattern.push(character);
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    fn normal(text: &str) -> String {
        Path::new(text, Extent::Whole).map_or_else(|error| error, |path| path.0)
    }

    #[test]
    fn paths_have_one_form() {
        for (declared, expected) in [
            ("/shop/admin-1/a.b_c~d/", "/shop/admin-1/a.b_c~d/"),
            ("//a///b//", "/a/b/"),
            ("//", "/"),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/a//../b", "/a/b"),
            ("/a/.", "/a/"),
            ("/%7Eann/%2e%2E/x%2Fy%5cz", "/x/y/z"),
            ("/größen/", "/gr%C3%B6%C3%9Fen/"),
            ("/caf%c3%a9/", "/caf%C3%A9/"),
            ("/a+b%2b(c)@*:=", "/a+b%2B(c)@*:="),
            (
                "/a b{x}[1]|^\"<>`",
                "/a%20b%7Bx%7D%5B1%5D%7C%5E%22%3C%3E%60",
            ),
            ("/100%/%zz/%3b%3F%23", "/100%25/%25zz/%3B%3F%23"),
            ("shop/", "\"shop/\" does not start with /"),
            ("", "\"\" does not start with /"),
            (
                "/s?x=1",
                "\"/s?x=1\" contains '?', which no path can contain",
            ),
            (
                "/a;v=1",
                "\"/a;v=1\" contains ';', which no path can contain",
            ),
            ("/a/../..", "\"/a/../..\" leads above the root"),
        ] {
            assert_eq!(normal(declared), expected, "{declared}");
        }
        let start = |text| Path::new(text, Extent::Start).map(|path| path.0);
        assert_eq!(start(""), Ok(String::new()));
        assert_eq!(start("/a/./.."), Ok("/a/..".to_owned()));
        assert_eq!(start("/."), Ok("/.".to_owned()));
    }

    #[test]
    fn no_path_has_more_spellings_than_envoy_compiles() {
        let longest = "/+".repeat(MAX_LENGTH / 2);
        let path = Path::new(&longest, Extent::Start).unwrap();
        assert_eq!(
            crate::re2::check(&format!("{}.*", path.pattern()), false),
            Ok(())
        );
        let longer = Path::new(&format!("{longest}+"), Extent::Start).unwrap_err();
        assert!(
            longer.ends_with("has 8193 characters; at most 8192 are allowed"),
            "{longer}"
        );
    }

    proptest! {
        #[test]
        fn what_is_taken_as_it_stands_is_normal(text in "(/{0,2}[a-b.~%]{0,3}){1,5}") {
            if is_normal(&text) {
                let decoded = decode(&text, Some);
                for extent in [Extent::Whole, Extent::Start] {
                    prop_assert_eq!(resolve(&decoded, extent), Some(text.clone()));
                }
            }
        }
    }

    #[test]
    fn a_normal_form_is_its_own() {
        for text in ["/gr%C3%B6/", "/100%25", "/a%2Bb", "/%3B", "/a+b/"] {
            assert_eq!(normal(text), text);
        }
    }

    #[test]
    fn a_pattern_takes_every_spelling() {
        let cases = [
            ("/a+b/", r"/a(?:%2[Bb]|\+)b(?:;[^/]*)?/"),
            ("/é", "/(?:%[Cc]3)(?:%[Aa]9)"),
            ("/100%", "/100(?:%25|%)"),
            ("/%3b", "/(?:%3[Bb])"),
        ];
        for (declared, expected) in cases {
            let path = Path::new(declared, Extent::Whole).unwrap();
            assert!(path.has_spellings());
            assert_eq!(path.pattern(), expected);
        }
        let path = Path::new("/é a+/", Extent::Whole).unwrap();
        assert_eq!(
            (literal_prefix(path.as_str()), &*path.canonical()),
            ("/", "/%C3%A9%20a+/")
        );
        let pattern = Regex::new(&format!("^{}$", path.pattern())).unwrap();
        for spelling in ["/%C3%A9%20a+/", "/%c3%a9%20a%2b/", "/%C3%a9%20a%2B/"] {
            assert!(pattern.is_match(spelling), "{spelling}");
        }
        assert!(!pattern.is_match("/%C3%A9%20a-/"));
    }

    #[test]
    fn wildcards_are_noticed() {
        for (declared, expected) in [
            ("/orders-api/*", Some("*")),
            ("/users/{id}/", Some("{…}")),
            ("/items/:id", Some(":name")),
            ("/v[0-9]+/", Some("[…]")),
            ("/a:b/12:30/:1", None),
            ("/plain", None),
        ] {
            assert_eq!(
                Path::new(declared, Extent::Whole).unwrap().wildcard(),
                expected
            );
        }
    }
}
