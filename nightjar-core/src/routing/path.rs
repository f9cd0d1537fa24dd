//! What becomes of the path of a request before routes are compared with it, in an Envoy that is set
//! up as the shipped templates do: slashes unescaped, the path canonical as Envoy's URL library makes
//! it, slashes merged.
//!
//! Unlike a declared path ([`crate::document::discovery_map::Path`]), a request keeps the case of hex
//! digits and the reserved characters as the caller wrote them, and does not climb above the root.

use std::fmt::Write as _;

/// The part of a request that routes are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The path in normal form, without the query.
    pub(super) path: String,
    /// The query, without its question mark.
    pub(super) query: Option<String>,
}

impl Target {
    /// Reads the target of a request.
    ///
    /// # Errors
    /// Why Envoy answers 400.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        if text.contains('#') {
            return Err("its target holds a fragment (`#`)".to_owned());
        }
        if text.contains('\0') {
            return Err("its target holds NUL".to_owned());
        }
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (text, None),
        };
        if !path.starts_with(['/', '\\']) {
            return Err("its path does not start with /".to_owned());
        }
        let path = merged(&resolved(&canonical(&unveiled(path))?));
        Ok(Self { path, query })
    }

    /// Path and query, as the header `:path` has them.
    pub(super) fn full(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// The path without path parameters, which routes do not see.
    pub(super) fn compared(&self) -> String {
        let segments = self.path.split('/');
        let bare = segments.map(|segment| segment.split(';').next().unwrap_or_default());
        bare.collect::<Vec<_>>().join("/")
    }

    /// The values of a query parameter, as they were sent.
    pub(super) fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.query.iter().flat_map(|query| query.split('&'));
        pairs.filter_map(move |pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name && !pair.is_empty()).then_some(value)
        })
    }
}

/// The path with its slashes unescaped, and with dot segments that do not hide behind parameters.
fn unveiled(path: &str) -> String {
    let path = path.replace("%2F", "/").replace("%2f", "/");
    let segments = path
        .split('/')
        .map(|segment| match segment.split_once(';') {
            Some((dots @ ("." | ".."), _)) => dots,
            _ => segment,
        });
    segments.collect::<Vec<_>>().join("/")
}

/// The path with escapes decoded where they mean the same, and all else escaped that a URL does not
/// hold.
fn canonical(path: &str) -> Result<String, String> {
    let mut canonical = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    loop {
        let (byte, escape, after) = match rest {
            [] => return Ok(closed(&canonical)),
            [b'%', high, low, after @ ..] => match (digit(*high), digit(*low)) {
                (Some(upper), Some(lower)) => (upper << 4 | lower, Some([*high, *low]), after),
                _ => (STRAY, None, rest.get(1..).unwrap_or_default()),
            },
            [byte, after @ ..] => (*byte, None, after),
        };
        rest = after;
        match (byte, escape) {
            (b'/' | b'\\', _) => canonical.push('/'),
            (0, Some(_)) => return Err("its path holds NUL".to_owned()),
            (byte, Some([high, low])) if !is_unreserved(byte) => {
                canonical.extend(['%', char::from(high), char::from(low)]);
            }
            (byte, None) if byte != STRAY && is_escaped(byte) => {
                // Writing to a string cannot fail.
                let _ = write!(canonical, "%{byte:02X}");
            }
            (byte, _) => canonical.push(char::from(byte)),
        }
    }
}

/// Stands for a percent sign that begins no escape, while a path is made; no path holds it.
const STRAY: u8 = 0;

/// The path with its stray percent signs: one that would begin an escape now is escaped itself.
fn closed(path: &str) -> String {
    let mut closed = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once(char::from(STRAY)) {
        closed.push_str(before);
        let is_escape = matches!(after.as_bytes(), [high, low, ..] if digit(*high).is_some() && digit(*low).is_some());
        closed.push_str(if is_escape { "%25" } else { "%" });
        rest = after;
    }
    closed + rest
}

/// The path without dot segments.
fn resolved(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// The path with its slashes merged. Envoy leaves two where there is nothing else.
fn merged(path: &str) -> String {
    if !path.contains("//") {
        return path.to_owned();
    }
    let segments: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
    let end = if path.ends_with('/') { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

fn digit(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

/// The unreserved characters of RFC 3986.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// What Envoy's URL library escapes in a path.
fn is_escaped(byte: u8) -> bool {
    !byte.is_ascii_graphic() || b"\"<>^`{|}".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_as_envoy_does() {
        for (sent, path, compared) in [
            ("/", "/", "/"),
            ("//", "//", "//"),
            ("/.//", "//", "//"),
            ("/shop/./x/../admin", "/shop/admin", "/shop/admin"),
            ("/../../a", "/a", "/a"),
            ("/a/..", "/", "/"),
            ("//a///b//", "/a/b/", "/a/b/"),
            ("/a%2Fb%5cc\\d", "/a/b/c/d", "/a/b/c/d"),
            (
                "/%61%2e%2E/%2b%2B%c3%a9",
                "/a../%2b%2B%c3%a9",
                "/a../%2b%2B%c3%a9",
            ),
            ("/%2e%2e/x%2f..%2Fy", "/y", "/y"),
            ("/%zz/%/%%2541%", "/%zz/%/%%2541%", "/%zz/%/%%2541%"),
            (
                "/%%32%35/%2%38/%%61x",
                "/%2525/%2528/%ax",
                "/%2525/%2528/%ax",
            ),
            ("/é {}", "/%C3%A9%20%7B%7D", "/%C3%A9%20%7B%7D"),
            ("/a;v=1/b;x", "/a;v=1/b;x", "/a/b"),
            ("/a/..;v=1/b/.;/c", "/b/c", "/b/c"),
            ("/a/b%2f..;%00/c", "/a/c", "/a/c"),
            ("/a/..;x\\b", "/", "/"),
            ("/a/b\\..;/c", "/a/b/..;/c", "/a/b/../c"),
            ("/a/%2e%2e;/b", "/a/..;/b", "/a/../b"),
            ("/[x]|^'", "/[x]%7C%5E'", "/[x]%7C%5E'"),
            ("/Shop", "/Shop", "/Shop"),
        ] {
            let target = Target::new(sent).unwrap();
            assert_eq!(
                (&*target.path, &*target.compared()),
                (path, compared),
                "{sent}"
            );
        }
        for refused in ["shop", "*", "/a%00b", "/a#b", ""] {
            assert!(Target::new(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn parameters_are_taken_as_they_were_sent() {
        let target = Target::new("/a?x=1&y&x=%32&=z").unwrap();
        let of = |name| target.parameters(name).collect::<Vec<_>>();
        assert_eq!(
            (of("x"), of("y"), of("z")),
            (vec!["1", "%32"], vec![""], vec![])
        );
        assert_eq!(target.full(), "/a?x=1&y&x=%32&=z");
    }
}
