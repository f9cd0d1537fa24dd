//! JSON and YAML texts as Envoy reads them: the two spellings of a member, and members that are there
//! twice.

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
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

/// A member that an object names twice, in either spelling if it is a field of Envoy's.
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
            let mut json = serde_json::Deserializer::from_str(text);
            let error = Names::Fields.deserialize(&mut json).err()?;
            (error.to_string(), Some(error.line()))
        }
        Format::Yaml => {
            let yaml = serde_norway::Deserializer::from_str(text);
            let error = Names::Fields.deserialize(yaml).err()?;
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

/// Fields of Envoy that are maps, of messages or of texts: their keys are the user's, each with one spelling.
const MAPS: [&str; 11] = [
    "typedPerFilterConfig",
    "typedExtensionProtocolOptions",
    "typedFilterMetadata",
    "contextExtensions",
    "keyValues",
    "labels",
    "map",
    "policies",
    "providers",
    "requirementMap",
    "sourceCodes",
];

/// Fields of Envoy whose whole contents are the user's.
const DATA: [&str; 5] = [
    "jsonFormat",
    "metadata",
    "filterMetadata",
    "staticLayer",
    "defaultSubset",
];

/// What the members of an object are. A value of this type reads one, and fails at one that is there twice.
#[derive(Debug, Clone, Copy)]
enum Names {
    /// Fields of Envoy's, each with two spellings.
    Fields,
    /// The user's, of values that have fields.
    Keys,
    /// The user's, at any depth.
    Data,
}

impl Names {
    /// What the members of a member are. `spelling` is the one spelling of its name.
    fn within(self, spelling: &str) -> Self {
        match self {
            Self::Fields if MAPS.contains(&spelling) => Self::Keys,
            Self::Fields if DATA.contains(&spelling) => Self::Data,
            Self::Fields | Self::Keys => Self::Fields,
            Self::Data => Self::Data,
        }
    }

    /// The one spelling of a name.
    fn spelling(self, name: &str) -> String {
        match self {
            Self::Fields => camel(name),
            Self::Keys | Self::Data => name.to_owned(),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Names {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Names {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON whose objects name no member twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = HashMap::new();
        while let Some(name) = members.next_key::<String>()? {
            let spelling = self.spelling(&name);
            let inner = self.within(&spelling);
            match names.entry(spelling) {
                Entry::Vacant(place) => drop(place.insert(name)),
                Entry::Occupied(first) => {
                    let first = first.get();
                    return Err(de::Error::custom(format_args!(
                        "{REPEATED}{name}\0{first}\0"
                    )));
                }
            }
            members.next_value_seed(inner)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        // A list of maps is none of Envoy's: one under such a name is another field.
        let inner = match self {
            Self::Data => Self::Data,
            Self::Fields | Self::Keys => Self::Fields,
        };
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
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
    #[test]
    fn keys_of_the_users_own_have_one_spelling() {
        let json = |text: &str| repeated_member(text, Format::Json);
        let twice = r#"{"trace_id": {"a_b": 1}, "traceId": {"aB": 2}}"#;
        for map in [
            "json_format",
            "metadata",
            "filter_metadata",
            "typed_per_filter_config",
            "labels",
        ] {
            for name in [map.to_owned(), super::camel(map)] {
                assert_eq!(json(&format!(r#"{{"{name}": {twice}}}"#)), None, "{name}");
                let yaml = format!("{name}:\n  trace_id: 1\n  traceId: 2\n");
                assert_eq!(repeated_member(&yaml, Format::Yaml), None, "{name}");
            }
            // The same key twice is one too many there too.
            let same = json(&format!(r#"{{"{map}": {{"a_b": 1, "a_b": 2}}}}"#));
            assert_eq!(same, Some(repeated("a_b", "a_b", 1)), "{map}");
        }
        let nested = r#"{"json_format": {"a": [{"b_c": {"d_e": 1, "dE": 2}, "bC": 3}]}}"#;
        assert_eq!(json(nested), None);
        // A map's values have fields again.
        let of_filter =
            r#"{"typed_per_filter_config": {"own": {"stat_prefix": 1, "statPrefix": 2}}}"#;
        let found = json(of_filter);
        assert_eq!(found, Some(repeated("statPrefix", "stat_prefix", 1)));
        let after = r#"{"json_format": {"a_b": 1}, "name_of": 1, "nameOf": 2}"#;
        assert_eq!(json(after), Some(repeated("nameOf", "name_of", 1)));
    }
}
