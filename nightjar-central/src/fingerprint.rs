//! What a map says, whoever wrote it down and in whatever version.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use xxhash_rust::xxh3::xxh3_128;

const VERSION_FIELD: &str = "document-version";

/// A number that is the same for JSON texts that say the same, their `document-version` aside.
///
/// White space and the order of an object's members do not count, for a store may write them as it
/// likes. Members that this version does not know count as all others do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The fingerprint of a document's text. The text is walked once and never held as a tree,
    /// which would take many times its size.
    ///
    /// A text that cannot be walked, as it is nested too deeply in what only later versions know,
    /// says the same as an equal one.
    pub fn of(document: &[u8]) -> Self {
        Self(Self::walk(document).unwrap_or_else(|_| print(b'?', document)))
    }

    fn walk(document: &[u8]) -> Result<u128, serde_json::Error> {
        let mut text = serde_json::Deserializer::from_slice(document);
        let print = Walk {
            leave_out: Some(VERSION_FIELD),
        }
        .deserialize(&mut text)?;
        text.end()?;
        Ok(print)
    }
}

/// Walks one value. Each kind of value begins with another byte, so that no two give one text.
struct Walk {
    /// The member of this very object that does not count.
    leave_out: Option<&'static str>,
}

const ALL: Walk = Walk { leave_out: None };

fn print(kind: u8, content: &[u8]) -> u128 {
    let mut text = Vec::with_capacity(content.len() + 1);
    text.push(kind);
    text.extend_from_slice(content);
    xxh3_128(&text)
}

fn joined(kind: u8, parts: &[u128]) -> u128 {
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_le_bytes()).collect();
    print(kind, &bytes)
}

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = u128;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<u128, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = u128;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<u128, E> {
        Ok(print(b'0', b""))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<u128, E> {
        Ok(print(b'b', &[u8::from(value)]))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u128, E> {
        Ok(print(b'u', &value.to_le_bytes()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u128, E> {
        Ok(print(b'i', &value.to_le_bytes()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<u128, E> {
        Ok(print(b'f', &value.to_le_bytes()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<u128, E> {
        Ok(print(b's', value.as_bytes()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u128, A::Error> {
        let mut prints = Vec::new();
        while let Some(item) = items.next_element_seed(ALL)? {
            prints.push(item);
        }
        Ok(joined(b'[', &prints))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<u128, A::Error> {
        let mut prints = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(ALL)?;
            if self.leave_out != Some(name.as_str()) {
                prints.push(joined(b':', &[print(b's', name.as_bytes()), value]));
            }
        }
        prints.sort_unstable();
        Ok(joined(b'{', &prints))
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    fn same(left: &str, right: &str) -> bool {
        Fingerprint::of(left.as_bytes()) == Fingerprint::of(right.as_bytes())
    }

    #[test]
    fn version_white_space_and_the_order_of_members_do_not_count() {
        assert!(same(
            r#"{"document-version": "1", "a": {"x": 1, "y": [true, null]}}"#,
            r#"{"a":{"y":[true,null],"x":1},"document-version":"2"}"#
        ));
    }

    #[test]
    fn everything_else_counts() {
        for (left, right) in [
            (r#"{"a": 1}"#, r#"{"a": 2}"#),
            (r#"{"a": 1}"#, r#"{"a": "1"}"#),
            (r#"{"a": 1}"#, r#"{"a": -1}"#),
            (r#"{"a": 1}"#, r#"{"a": 1.5}"#),
            (r#"{"a": null}"#, r#"{"a": false}"#),
            (r#"{"a": "b", "c": "d"}"#, r#"{"a": "d", "c": "b"}"#),
            (r#"{"a": 1}"#, r#"{"a": 1, "of-a-later-version": 1}"#),
            (r#"{"a": [1, 2]}"#, r#"{"a": [2, 1]}"#),
            (r#"{"a": ["bc"]}"#, r#"{"a": ["b", "c"]}"#),
            (r#"{"a": {}}"#, r#"{"a": []}"#),
            (
                r#"{"a": {"document-version": "1"}}"#,
                r#"{"a": {"document-version": "2"}}"#,
            ),
        ] {
            assert!(!same(left, right), "{left} {right}");
        }
    }

    #[test]
    fn what_is_too_deep_to_walk_is_told_apart_too() {
        let deep = |text: &str| format!("{{\"a\": {}{text}{}}}", "[".repeat(500), "]".repeat(500));
        assert!(same(&deep("1"), &deep("1")));
        assert!(!same(&deep("1"), &deep("2")));
        assert!(!same(&deep("1"), "1"));
    }
}
