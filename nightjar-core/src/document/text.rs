//! Texts that can only hold what is allowed: names, host names, regular expressions, plain text.
//!
//! Each type has one rule, in one function. JSON, settings and the command line read a value by it,
//! and the schema carries its constant; the rule's name is the schema's `format`.

use super::path::Path;
use crate::re2;
use crate::report::quoted;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, ops::Deref, str::FromStr, sync::LazyLock};

/// A type of texts that follow one rule.
macro_rules! text {
    ($(#[doc = $doc:literal])* $name:ident, $rule:ident) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                $rule.check(&text)?;
                Ok(Self(text))
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = $rule.schema();
                schema.insert("description".to_owned(), concat!($($doc),*).trim().into());
                schema
            }
        }
    };
}

pub(super) use text;

text!(
    /// The name of a namespace, a service or a color.
    Name,
    NAME
);
text!(
    /// A DNS name (RFC 1035, and underscores, which real zones use).
    HostName,
    HOST_NAME
);
text!(
    /// A text without control characters.
    Text,
    TEXT
);
text!(
    /// The name of a property.
    PropertyName,
    PROPERTY_NAME
);
text!(
    /// The name of a header or of a query parameter, 1,024 characters at most.
    FieldName,
    FIELD_NAME
);
text!(
    /// A regular expression that Envoy takes.
    Pattern,
    PATTERN
);

impl Text {
    /// A hash in hexadecimal digits.
    pub(crate) fn of_hash(hash: u128) -> Self {
        Self(format!("{hash:032x}"))
    }
}

impl Default for Text {
    /// The empty text.
    fn default() -> Self {
        Self(String::new())
    }
}

impl From<Pattern> for Text {
    fn from(pattern: Pattern) -> Self {
        Self(pattern.0)
    }
}

impl From<Name> for Text {
    fn from(name: Name) -> Self {
        Self(name.0)
    }
}

impl From<Path> for Text {
    /// A path holds no control characters: they are escaped.
    fn from(path: Path) -> Self {
        Self(path.to_string())
    }
}

/// What holds for all texts of one type.
pub(super) struct Rule {
    /// What the schema calls it.
    pub(super) format: &'static str,
    /// What the schema says of it besides, as a regular expression of ECMA 262.
    pattern: &'static LazyLock<regex::Regex>,
    /// Whether a text certainly matches `pattern`: nearly all do, and this is far cheaper.
    is_plain: fn(&str) -> bool,
    /// The most characters.
    limit: Option<usize>,
    /// What is wrong with a text, on one line; asked only if it matches `pattern`.
    check: fn(&str) -> Result<(), String>,
    /// What is wrong with one that does not.
    mismatch: fn(&str) -> String,
}

macro_rules! patterns {
    ($($name:ident = $pattern:expr;)*) => {$(
        static $name: LazyLock<regex::Regex> = LazyLock::new(|| {
            regex::Regex::new($pattern).expect("the pattern compiles")
        });
    )*};
}

patterns! {
    NAME_PATTERN = r"^[A-Za-z0-9._-]{1,128}$";
    HOST_NAME_PATTERN = r"^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$";
    TEXT_PATTERN = r"^[^\x00-\x1f\x7f-\x9f]*$";
    NON_EMPTY_PATTERN = r"^[^\x00-\x1f\x7f-\x9f]+$";
    PROTOCOL_PATTERN = r"^[Hh][Tt][Tt][Pp](1\.1|2)$";
}

fn is_name(text: &str) -> bool {
    let is_held = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(is_held)
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn is_filled(text: &str) -> bool {
    !text.is_empty() && is_visible(text)
}

/// What a text for a protocol has to be.
pub(super) const PROTOCOL: Rule = Rule {
    format: "protocol",
    pattern: &PROTOCOL_PATTERN,
    is_plain: |text| matches!(text, "HTTP1.1" | "HTTP2"),
    limit: None,
    check: |_| Ok(()),
    mismatch: |text| format!("{} is neither HTTP1.1 nor HTTP2", quoted(text)),
};

pub(super) const NAME: Rule = Rule {
    format: "name",
    pattern: &NAME_PATTERN,
    is_plain: is_name,
    limit: None,
    check: |_| Ok(()),
    mismatch: |text| {
        format!(
            "{} is not a name: 1 to 128 letters, digits, dots, underscores and hyphens",
            quoted(text)
        )
    },
};

pub(super) const HOST_NAME: Rule = Rule {
    format: "dns-name",
    pattern: &HOST_NAME_PATTERN,
    is_plain: |_| false,
    limit: Some(253),
    check: |_| Ok(()),
    mismatch: |text| format!("{} is not a DNS name", quoted(text)),
};

pub(super) const TEXT: Rule = Rule {
    format: "plain-text",
    pattern: &TEXT_PATTERN,
    is_plain: is_visible,
    limit: None,
    check: |_| Ok(()),
    mismatch: |text| {
        let character = text.chars().find(|character| character.is_control());
        format!(
            "{} contains the control character U+{:04X}",
            quoted(text),
            character.map_or(0, u32::from)
        )
    },
};

pub(super) const PROPERTY_NAME: Rule = Rule {
    format: "property-name",
    pattern: &NON_EMPTY_PATTERN,
    is_plain: is_filled,
    limit: None,
    check: |_| Ok(()),
    mismatch: |text| match text {
        "" => "the name of a property is empty".to_owned(),
        text => (TEXT.mismatch)(text),
    },
};

pub(super) const FIELD_NAME: Rule = Rule {
    format: "field-name",
    pattern: &NON_EMPTY_PATTERN,
    is_plain: is_filled,
    limit: Some(MAX_FIELD_NAME),
    // Envoy counts bytes.
    check: |text| match text.len() {
        0..=MAX_FIELD_NAME => Ok(()),
        more => Err(format!(
            "has {more} bytes; at most {MAX_FIELD_NAME} are allowed"
        )),
    },
    mismatch: |text| match text.len() {
        0 => "is empty".to_owned(),
        1..=MAX_FIELD_NAME => (TEXT.mismatch)(text),
        more => format!("has {more} bytes; at most {MAX_FIELD_NAME} are allowed"),
    },
};

/// The most bytes that Envoy takes for the name of a query parameter.
const MAX_FIELD_NAME: usize = 1024;

pub(super) const PATTERN: Rule = Rule {
    format: "regular-expression",
    pattern: &TEXT_PATTERN,
    is_plain: is_visible,
    limit: None,
    check: |text| {
        if text.is_empty() {
            return Err("is empty; a regular expression is required".to_owned());
        }
        // The size without regard to case is the larger one.
        re2::check(text, false)
            .map_err(|reason| format!("{} is not a regular expression: {reason}", quoted(text)))
    },
    mismatch: TEXT.mismatch,
};

impl Rule {
    /// A rule that is more than a pattern, for a text without control characters.
    pub(super) const fn new(format: &'static str, check: fn(&str) -> Result<(), String>) -> Self {
        Self {
            format,
            pattern: &TEXT_PATTERN,
            is_plain: is_visible,
            limit: None,
            check,
            mismatch: TEXT.mismatch,
        }
    }

    /// What is wrong with a text, on one line.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        let fits = ((self.is_plain)(text) || self.pattern.is_match(text))
            && self.limit.is_none_or(|limit| text.chars().count() <= limit);
        if fits {
            (self.check)(text)
        } else {
            Err((self.mismatch)(text))
        }
    }

    pub(super) fn schema(&self) -> Schema {
        let mut schema = json_schema!({
            "type": "string", "format": self.format, "pattern": self.pattern.as_str()
        });
        if let Some(limit) = self.limit {
            schema.insert("maxLength".to_owned(), limit.into());
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::{super::rules, is_filled, is_name, is_visible};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_plain_matches(text in "[ -~]{0,4}|[a-z0-9._-]{0,140}|[\\x00-\\xff]{0,3}|HTTP(1[.]1|2)") {
            for rule in rules() {
                prop_assert!(!(rule.is_plain)(&text) || rule.pattern.is_match(&text), "{}", rule.format);
            }
        }
    }

    #[test]
    fn common_texts_are_plain() {
        assert!(is_name("shop-1.b_c") && !is_name("") && !is_name("a b"));
        assert!(
            is_visible("") && is_visible("/a b~") && !is_visible("a\n") && !is_visible("\u{e9}")
        );
        assert!(is_filled("x") && !is_filled(""));
    }
}
