//! Documents as text: version and content hash, whatever the kind of document.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt};
use xxhash_rust::xxh3::xxh3_128_with_seed;

const VERSION_MEMBER: &str = "document-version";
/// How deeply a value is split up that cannot be hashed in one pass.
const MAX_DEPTH: u32 = 128;
/// Whole numbers below are the same as integers and with a point.
const EXACT: f64 = 9_007_199_254_740_992.0;

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
    /// If it is not one JSON object in UTF-8. [`serde_json::Error::is_data`] distinguishes JSON of
    /// another kind from what is not JSON.
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

    /// A hash of everything but the version. White space, the order of an object's members and how
    /// a whole number is written do not count, for a store may write them as it likes; other
    /// numbers count as they are written. Of members with one name, the last counts. Members that
    /// this version of Nightjar does not know count as all others do.
    pub fn content_hash(&self) -> ContentHash {
        let hash = |(name, value): &(String, &RawValue)| (name.clone(), of_raw(value, MAX_DEPTH));
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

/// A hash of a document's content, as 128 bits: the same for texts that mean the same, their
/// `document-version` aside. It is shown as 32 hexadecimal digits. It does not protect against
/// somebody who looks for another text with the same hash.
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

/// Of members with one name, the map holds the last.
fn object(members: BTreeMap<String, u128>) -> u128 {
    let members = members.into_iter();
    let mut members: Vec<u128> = members.map(|(name, value)| member(&name, value)).collect();
    members.sort_unstable();
    joined(b'{', &members)
}

/// The hash of a value. What cannot be hashed in one pass is split up, down to numbers that are
/// exact only as text. A value that is nested too deeply is hashed as text.
fn of_raw(value: &RawValue, depth: u32) -> u128 {
    let json = value.get();
    let walked = Walk.deserialize(&mut serde_json::Deserializer::from_str(json));
    if let Ok(hash) = walked {
        return hash;
    }
    let as_text = || hash(b'?', json.as_bytes());
    let Some(depth) = depth.checked_sub(1) else {
        return as_text();
    };
    if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) {
        let items: Vec<u128> = items.into_iter().map(|item| of_raw(item, depth)).collect();
        return joined(b'[', &items);
    }
    match serde_json::from_str::<BTreeMap<String, &RawValue>>(json) {
        Ok(members) => {
            let members = members.into_iter();
            object(
                members
                    .map(|(name, value)| (name, of_raw(value, depth)))
                    .collect(),
            )
        }
        Err(_) => as_text(),
    }
}

/// Walks one value. Fails at a number that `f64` may not hold as it is written.
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
        if value.fract() != 0.0 || value.abs() >= EXACT {
            return Err(E::custom("a number that is exact only as text"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
        let whole = value as i64;
        u64::try_from(whole).map_or_else(|_| self.visit_i64(whole), |whole| self.visit_u64(whole))
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
        let mut hashes = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            hashes.insert(name, members.next_value_seed(Self)?);
        }
        Ok(object(hashes))
    }
}

#[cfg(test)]
mod tests;
