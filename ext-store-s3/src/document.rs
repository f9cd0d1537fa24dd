//! The few things that a store has to know of a document's inside: that it is a JSON object, and
//! where its version is. Everything else stays as it was written.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;
use xxhash_rust::xxh3::xxh3_128;

const VERSION_FIELD: &str = "document-version";

/// The fields of a JSON object as they were written, in their order, without its version.
#[derive(Debug)]
pub(crate) struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// The fields of a text that is one JSON object.
    pub(crate) fn of(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// A document of these fields with this version.
    pub(crate) fn with_version(&self, version: &str) -> Vec<u8> {
        let values = self.0.iter();
        let size: usize = values
            .map(|(name, value)| name.len() + value.get().len() + 4)
            .sum();
        let mut json = Vec::with_capacity(size + VERSION_FIELD.len() + version.len() + 16);
        json.push(b'{');
        push_string(&mut json, VERSION_FIELD);
        json.push(b':');
        push_string(&mut json, version);
        for (name, value) in &self.0 {
            json.push(b',');
            push_string(&mut json, name);
            json.push(b':');
            json.extend_from_slice(value.get().as_bytes());
        }
        json.extend_from_slice(b"}\n");
        json
    }

    /// A document of these fields with a version that follows from them, and that version: equal
    /// fields give equal bytes, whatever version they came with.
    pub(crate) fn with_own_version(&self) -> (Vec<u8>, String) {
        let version = format!("{:032x}", xxh3_128(&self.with_version("")));
        (self.with_version(&version), version)
    }
}

fn push_string(json: &mut Vec<u8>, text: &str) {
    json.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if name != VERSION_FIELD {
                        fields.push((name, value));
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: Vec<u8>) -> String {
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn the_version_is_replaced_and_the_rest_stays() {
        let json = br#" {"b" : [ 1, 2.50 ],"document-version":"x", "a\"\n":{"document-version":7}, "document-version":8}"#;
        let fields = Fields::of(json).unwrap();
        assert_eq!(
            text(fields.with_version("\"e\"")),
            "{\"document-version\":\"\\\"e\\\"\",\"b\":[ 1, 2.50 ],\
             \"a\\\"\\n\":{\"document-version\":7}}\n"
        );
        assert_eq!(
            text(Fields::of(b"{}").unwrap().with_version("v")),
            "{\"document-version\":\"v\"}\n"
        );
    }

    #[test]
    fn equal_fields_give_equal_bytes() {
        let own = |json: &str| Fields::of(json.as_bytes()).unwrap().with_own_version();
        let (bytes, version) = own(r#"{"document-version":"1","a":1}"#);
        assert_eq!(own(r#"{"a":1,"document-version":"2"}"#).0, bytes);
        assert_ne!(own(r#"{"a":2,"document-version":"1"}"#).1, version);
        let expected = format!("{{\"document-version\":\"{version}\",\"a\":1}}\n");
        assert_eq!(text(bytes), expected);
    }

    #[test]
    fn only_one_whole_object_is_a_document() {
        for json in [
            "", "[]", "1", "\"x\"", "{\"a\":1", "{} {}", "{\"a\":}", "\u{1f}",
        ] {
            assert!(Fields::of(json.as_bytes()).is_err(), "{json}");
        }
        assert!(Fields::of(b"{\"a\":\"\xff\"}").is_err());
    }
}
