//! JSON and YAML texts as Envoy reads them: the two spellings of a member, and members that are there
//! twice.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
};

/// What a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
}

impl Format {
    /// By the ending of the file's name, in any case; `None` for an ending that Envoy takes for Protocol
    /// Buffers.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        match ending.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// The `inCamelCase` spelling of a member's name, which Envoy reads as it reads `in_snake_case`.
pub(crate) fn camel(name: &str) -> String {
    let mut upper = false;
    let mut camel = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '_' => upper = true,
            _ if upper => {
                camel.push(character.to_ascii_uppercase());
                upper = false;
            }
            _ => camel.push(character),
        }
    }
    camel
}

/// A member that an object names twice, in either spelling.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RepeatedMember {
    /// How the second one is spelt.
    pub(crate) name: String,
    /// How the first one is spelt.
    pub(crate) first: String,
    /// The line of the second one, from 1.
    pub(crate) line: usize,
}

/// The first member that an object of a text names twice. None if the text cannot be parsed.
pub(crate) fn repeated_member(text: &str, format: Format) -> Option<RepeatedMember> {
    let (message, line) = match format {
        Format::Json => {
            let error = serde_json::from_str::<Unrepeated>(text).err()?;
            (error.to_string(), Some(error.line()))
        }
        Format::Yaml => {
            let error = serde_norway::from_str::<Unrepeated>(text).err()?;
            (error.to_string(), None)
        }
    };
    let (_, rest) = message.split_once(REPEATED)?;
    let mut names = rest.split('\0').map(ToOwned::to_owned);
    let (name, first) = (names.next()?, names.next()?);
    let line = line.unwrap_or_else(|| last_line_of(text, &name));
    Some(RepeatedMember { name, first, line })
}

/// The last line that begins with a member, from 1. The YAML parser tells where the object begins.
fn last_line_of(text: &str, member: &str) -> usize {
    let begins = |line: &str| {
        let rest = line.trim_start().strip_prefix(member);
        rest.is_some_and(|rest| rest.starts_with(':'))
    };
    let lines: Vec<_> = text.lines().collect();
    lines
        .iter()
        .rposition(|line| begins(line))
        .map_or(1, |index| index + 1)
}

/// How the error of a repeated member begins; its two spellings follow, each with a NUL.
const REPEATED: &str = "repeated\0";

struct Unrepeated;

impl<'de> Deserialize<'de> for Unrepeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UnrepeatedVisitor)
    }
}

struct UnrepeatedVisitor;

impl<'de> Visitor<'de> for UnrepeatedVisitor {
    type Value = Unrepeated;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON whose objects name no member twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unrepeated, A::Error> {
        let mut names = HashMap::new();
        while let Some(name) = members.next_key::<String>()? {
            match names.entry(camel(&name)) {
                Entry::Vacant(place) => drop(place.insert(name)),
                Entry::Occupied(first) => {
                    let first = first.get();
                    return Err(de::Error::custom(format_args!(
                        "{REPEATED}{name}\0{first}\0"
                    )));
                }
            }
            members.next_value::<Unrepeated>()?;
        }
        Ok(Unrepeated)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unrepeated, A::Error> {
        while items.next_element::<Unrepeated>()?.is_some() {}
        Ok(Unrepeated)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unrepeated, E> {
        Ok(Unrepeated)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unrepeated, E> {
        Ok(Unrepeated)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unrepeated, E> {
        Ok(Unrepeated)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unrepeated, E> {
        Ok(Unrepeated)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unrepeated, E> {
        Ok(Unrepeated)
    }

    fn visit_unit<E>(self) -> Result<Unrepeated, E> {
        Ok(Unrepeated)
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, RepeatedMember, repeated_member};

    fn repeated(name: &str, first: &str, line: usize) -> RepeatedMember {
        let (name, first) = (name.to_owned(), first.to_owned());
        RepeatedMember { name, first, line }
    }

    #[test]
    fn the_second_of_two_members_is_named_with_its_line() {
        let json = |text| repeated_member(text, Format::Json);
        let text = "{\n\"a\": 1,\n\"b\": {\"a\": 2},\n\"a\": 3}";
        assert_eq!(json(text), Some(repeated("a", "a", 4)));
        let text = "[{\"x\": null, \"y\": -1, \"z\": 1.5, \"w\": true}, {\"x\": \"x\"}]";
        assert_eq!(json(text), None);
        assert_eq!(json("{\"a\": 1, \"a\""), Some(repeated("a", "a", 1)));
        assert_eq!(json("not JSON"), None);
        let yaml = "a: 1\nb: {a: 2}\na: 3\n";
        let found = repeated_member(yaml, Format::Yaml);
        assert_eq!(found, Some(repeated("a", "a", 3)));
    }

    #[test]
    fn both_spellings_are_one_member() {
        for (first, second) in [
            ("connect_timeout", "connectTimeout"),
            ("consecutive5xx", "consecutive_5xx"),
        ] {
            let text = format!("{{\"{first}\": 1, \"connect\": 2,\n\"{second}\": 3}}");
            let found = repeated_member(&text, Format::Json);
            assert_eq!(found, Some(repeated(second, first, 2)));
        }
    }
}
