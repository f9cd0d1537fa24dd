//! Headers that properties name and set.

use super::{comma_separated, is_token};

/// The longest value of a header in bytes: Envoy takes 16 KiB, in which each `%` is two.
const MAX_VALUE: usize = 8192;

/// Headers that belong to one connection, or frame a message on it.
const OF_ONE_CONNECTION: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Why a property may not name a header, as the end of a sentence; `None` if it may.
pub(in crate::context) fn header_refusal(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    if !is_token(&name) {
        Some("is not the name of a header")
    } else if name == "host" {
        Some("is the host that was asked, which property `host-rewrite` replaces")
    } else if name == "server" {
        Some("is written by Envoy itself")
    } else if name.starts_with("x-envoy-") {
        Some("is Envoy's own")
    } else if OF_ONE_CONNECTION.contains(&name.as_str()) {
        Some("belongs to one connection")
    } else {
        None
    }
}

/// The value of a header, without the white space around it, which never arrives.
pub(super) fn header_value(value: &str) -> Option<String> {
    let value = value.trim_matches([' ', '\t']);
    ((1..=MAX_VALUE).contains(&value.len())).then(|| value.to_owned())
}

/// Names of headers in lower case, each once.
pub(super) fn header_names(value: &str) -> Option<Vec<String>> {
    comma_separated(value, |name| {
        let may_be_named = header_refusal(name).is_none();
        may_be_named.then(|| name.to_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_that_end_where_the_message_ends() {
        for name in [
            "x-team",
            "X-Team",
            "authorization",
            "x_y",
            "x-forwarded-for",
        ] {
            assert_eq!(header_refusal(name), None, "{name}");
        }
        for name in [
            "",
            "a b",
            ":path",
            "\u{e9}",
            "Host",
            "X-Envoy-Retry-On",
            "Transfer-Encoding",
            "te",
            "server",
        ] {
            assert!(header_refusal(name).is_some(), "{name}");
        }
    }

    #[test]
    fn lists_hold_each_name_once() {
        let names = header_names("X-A, x-b,x-a");
        assert_eq!(names, Some(vec!["x-a".to_owned(), "x-b".to_owned()]));
        for list in ["", "x-a,", "x-a,host", "x-a x-b"] {
            assert_eq!(header_names(list), None, "{list}");
        }
    }

    #[test]
    fn values_are_not_empty_and_not_endless() {
        assert_eq!(header_value(" a b ").as_deref(), Some("a b"));
        assert_eq!(header_value("  "), None);
        assert!(header_value(&"x".repeat(8192)).is_some());
        assert!(header_value(&"x".repeat(8193)).is_none());
    }
}
