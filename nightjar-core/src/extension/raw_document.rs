//! A document as its text: what can be known of one without knowing its kind.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use xxhash_rust::xxh3::xxh3_128_with_seed;

const VERSION_MEMBER: &str = "document-version";

/// The text of a JSON object, with its `document-version` set apart. Everything else stays as it
/// was written, in its order. No tree is built, which would take many times the text's size.
#[derive(Debug)]
pub struct RawDocument<'a> {
    version: Option<String>,
    members: Vec<(String, &'a RawValue)>,
}

impl<'a> RawDocument<'a> {
    /// Reads a text.
    ///
    /// # Errors
    /// If it is not one JSON object in UTF-8. [`serde_json::Error::is_data`] tells JSON of another
    /// kind from what is not JSON.
    pub fn read(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        let mut text = serde_json::Deserializer::from_slice(json);
        let document = text.deserialize_map(Members)?;
        text.end()?;
        Ok(document)
    }

    /// Its `document-version`, if that is a string; the last one, if there are several.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// A hash of everything but the version. White space and the order of an object's members do
    /// not count, for a store may write them as it likes. Members that this version of Nightjar
    /// does not know count as all others do.
    pub fn content_hash(&self) -> ContentHash {
        let hash = |(name, value): &(String, &RawValue)| member(name, of_raw(value));
        ContentHash(object(self.members.iter().map(hash).collect()))
    }

    /// The document with this version at its beginning, and a line break at its end.
    pub fn with_version(&self, version: &str) -> Vec<u8> {
        let values = self.members.iter();
        let size: usize = values
            .map(|(name, value)| name.len() + value.get().len() + 4)
            .sum();
        let mut json = Vec::with_capacity(size + VERSION_MEMBER.len() + version.len() + 16);
        json.push(b'{');
        push_string(&mut json, VERSION_MEMBER);
        json.push(b':');
        push_string(&mut json, version);
        for (name, value) in &self.members {
            json.push(b',');
            push_string(&mut json, name);
            json.push(b':');
            json.extend_from_slice(value.get().as_bytes());
        }
        json.extend_from_slice(b"}\n");
        json
    }
}

fn push_string(json: &mut Vec<u8>, text: &str) {
    json.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = RawDocument<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let (mut version, mut members) = (None, Vec::new());
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            if name == VERSION_MEMBER {
                version = serde_json::from_str(value.get()).ok();
            } else {
                members.push((name, value));
            }
        }
        Ok(RawDocument { version, members })
    }
}

/// What a document says, as 128 bits: the same for texts that say the same, their
/// `document-version` aside. It is shown as 32 hexadecimal digits. It is no proof against somebody
/// who looks for another text with the same hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash(u128);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Each kind of value has another seed, so that no two kinds give one text.
fn hash(kind: u8, content: &[u8]) -> u128 {
    xxh3_128_with_seed(content, kind.into())
}

fn joined(kind: u8, parts: &[u128]) -> u128 {
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_le_bytes()).collect();
    hash(kind, &bytes)
}

fn member(name: &str, value: u128) -> u128 {
    joined(b':', &[hash(b's', name.as_bytes()), value])
}

fn object(mut members: Vec<u128>) -> u128 {
    members.sort_unstable();
    joined(b'{', &members)
}

/// The hash of a value. One that is nested too deeply to be walked says the same as an equal text.
fn of_raw(value: &RawValue) -> u128 {
    let mut text = serde_json::Deserializer::from_str(value.get());
    Walk.deserialize(&mut text)
        .unwrap_or_else(|_| hash(b'?', value.get().as_bytes()))
}

/// Walks one value.
#[derive(Clone, Copy)]
struct Walk;

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
        Ok(hash(b'0', b""))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<u128, E> {
        Ok(hash(b'b', &[u8::from(value)]))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u128, E> {
        Ok(hash(b'u', &value.to_le_bytes()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u128, E> {
        Ok(hash(b'i', &value.to_le_bytes()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<u128, E> {
        Ok(hash(b'f', &value.to_le_bytes()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<u128, E> {
        Ok(hash(b's', value.as_bytes()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u128, A::Error> {
        let mut hashes = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            hashes.push(item);
        }
        Ok(joined(b'[', &hashes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<u128, A::Error> {
        let mut hashes = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            hashes.push(member(&name, members.next_value_seed(Self)?));
        }
        Ok(object(hashes))
    }
}

#[cfg(test)]
mod tests;
