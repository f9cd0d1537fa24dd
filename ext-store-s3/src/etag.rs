//! Entity tags (`ETag`), which are the versions of documents in S3.

/// The version of an ETag: the ETag without its quotes, or a weak one as it is.
pub(crate) fn version_of(etag: &str) -> Option<&str> {
    let version = etag
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Some(version.unwrap_or(etag)).filter(|version| !version.is_empty())
}

/// The ETag of a version. A version that no ETag can be was given by somebody else,
/// and is not asked for.
pub(crate) fn etag_of(version: &str) -> Option<String> {
    let is_etag = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"')
    };
    let strong = strong(version);
    if !is_etag(strong) {
        None
    } else if strong == version {
        Some(format!("\"{version}\""))
    } else {
        Some(version.to_owned())
    }
}

/// Whether a server may compare by this ETag before it replaces an object. It never may by a weak
/// one.
pub(crate) fn is_strong(etag: &str) -> bool {
    !etag.starts_with("W/")
}

/// Whether two versions mean one content. A proxy that compresses on the way makes
/// them weak.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    strong(one) == strong(other)
}

fn strong(version: &str) -> &str {
    let weak = version.strip_prefix("W/\"");
    weak.and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_etags_without_quotes() {
        for (etag, version) in [("\"a1-2\"", "a1-2"), ("a1", "a1"), ("W/\"a1\"", "W/\"a1\"")] {
            assert_eq!(version_of(etag), Some(version));
        }
        assert_eq!(version_of(""), None);
        assert_eq!(version_of("\"\""), None);
    }

    #[test]
    fn only_valid_etags_are_sent() {
        assert_eq!(etag_of("a1-2").as_deref(), Some("\"a1-2\""));
        assert_eq!(etag_of("W/\"a1\"").as_deref(), Some("W/\"a1\""));
        for version in ["", "a b", "a\nb", "a\"b", "ä", "W/\"\"", "W/\"a\"\""] {
            assert_eq!(etag_of(version), None, "{version}");
        }
    }

    #[test]
    fn a_weak_etag_is_that_of_the_same_content() {
        for (one, other) in [("a1", "a1"), ("W/\"a1\"", "a1"), ("a1", "W/\"a1\"")] {
            assert!(is_same(one, other), "{one} {other}");
        }
        assert!(!is_same("W/\"a1\"", "a2"));
    }
}
