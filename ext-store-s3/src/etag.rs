//! What a document's version is in S3: the ETag of its object.

/// The version that an ETag stands for: the ETag without its quotes, or a weak one as it is.
pub(crate) fn version_of(etag: &str) -> Option<&str> {
    let version = etag
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Some(version.unwrap_or(etag)).filter(|version| !version.is_empty())
}

/// The ETag that a version stands for. A version that no ETag can be was given by somebody else,
/// and is not asked for.
pub(crate) fn etag_of(version: &str) -> Option<String> {
    let is_etag = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"')
    };
    let weak = version
        .strip_prefix("W/\"")
        .and_then(|rest| rest.strip_suffix('"'));
    if weak.is_some_and(is_etag) {
        Some(version.to_owned())
    } else {
        is_etag(version).then(|| format!("\"{version}\""))
    }
}

/// Whether a server may compare by this ETag before it replaces an object. It never may by a weak
/// one.
pub(crate) fn is_strong(etag: &str) -> bool {
    !etag.starts_with("W/")
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
    fn only_what_can_be_an_etag_is_asked_for() {
        assert_eq!(etag_of("a1-2").as_deref(), Some("\"a1-2\""));
        assert_eq!(etag_of("W/\"a1\"").as_deref(), Some("W/\"a1\""));
        for version in ["", "a b", "a\nb", "a\"b", "ä", "W/\"\"", "W/\"a\"\""] {
            assert_eq!(etag_of(version), None, "{version}");
        }
    }
}
