//! JSON and YAML files as they are rendered: commas that lead nowhere, and repeated members.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::{collections::HashSet, fmt};

/// Drops each comma before a closing bracket: a list that a template writes item by item ends with one.
pub(super) fn drop_trailing_commas(text: String) -> String {
    if !may_have_trailing_comma(text.as_bytes()) {
        return text;
    }
    let mut dropped = Vec::new();
    let (mut comma, mut in_string, mut is_escaped) = (None, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            continue;
        }
        match byte {
            b',' => comma = Some(at),
            b']' | b'}' => dropped.extend(comma.take()),
            b' ' | b'\n' | b'\r' | b'\t' => {}
            other => {
                comma = None;
                in_string = other == b'"';
            }
        }
    }
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for at in dropped {
        kept.push_str(text.get(from..at).unwrap_or_default());
        from = at + 1;
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    kept
}

/// Whether a closing bracket follows a comma, be it within a string.
fn may_have_trailing_comma(text: &[u8]) -> bool {
    memchr::memchr2_iter(b']', b'}', text).any(|at| {
        let before = text.get(..at).unwrap_or_default().trim_ascii_end();
        before.last() == Some(&b',')
    })
}

/// A member that an object names twice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RepeatedMember {
    pub(super) name: String,
    /// The line of the second one, from 1.
    pub(super) line: usize,
}

/// The first member that an object of a JSON or YAML text names twice. None if it cannot be parsed.
pub(super) fn repeated_member(text: &str, format: Format) -> Option<RepeatedMember> {
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
    let name = rest.split('\0').next()?.to_owned();
    let line = line.unwrap_or_else(|| last_line_of(text, &name));
    Some(RepeatedMember { name, line })
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

/// What a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

impl Format {
    /// By the ending of the file's name, in any case.
    pub(super) fn of(path: &str) -> Option<Self> {
        let (_, ending) = path.rsplit_once('.')?;
        let is = |known: &str| ending.eq_ignore_ascii_case(known);
        if is("json") {
            Some(Self::Json)
        } else if is("yaml") || is("yml") {
            Some(Self::Yaml)
        } else {
            None
        }
    }
}

/// How the error of a repeated member begins; the name follows, up to the next NUL.
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
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if names.contains(&name) {
                return Err(de::Error::custom(format_args!("{REPEATED}{name}\0")));
            }
            names.insert(name);
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
    use super::{Format, drop_trailing_commas, repeated_member};
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn a_comma_before_a_closing_bracket_is_dropped() {
        for (text, mended) in [
            ("[1, 2,\n ]", "[1, 2\n ]"),
            (r#"{"a": [ {"b": 1,}, ], }"#, r#"{"a": [ {"b": 1} ] }"#),
            (
                r#"{"a": ",]", "b\",}": ",}"}"#,
                r#"{"a": ",]", "b\",}": ",}"}"#,
            ),
            (r#"{"a": ",]",}"#, r#"{"a": ",]"}"#),
            ("[]", "[]"),
            ("[,]", "[]"),
            ("é,]", "é]"),
        ] {
            assert_eq!(drop_trailing_commas(text.to_owned()), mended, "{text}");
        }
    }

    #[test]
    fn the_second_of_two_members_is_named_with_its_line() {
        let found =
            repeated_member("{\n\"a\": 1,\n\"b\": {\"a\": 2},\n\"a\": 3}", Format::Json).unwrap();
        assert_eq!((found.name.as_str(), found.line), ("a", 4));
        let text = "[{\"x\": null, \"y\": -1, \"z\": 1.5, \"w\": true}, {\"x\": \"x\"}]";
        assert_eq!(repeated_member(text, Format::Json), None);
        assert_eq!(
            repeated_member("{\"a\": 1, \"a\"", Format::Json),
            Some(super::RepeatedMember {
                name: "a".to_owned(),
                line: 1
            })
        );
        assert_eq!(repeated_member("not JSON", Format::Json), None);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[,\\]}\"\\\\a ]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[,\\]}\"\\\\a ]{0,4}", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_json_stays_as_it_is(value in json()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert_eq!(drop_trailing_commas(text.clone()), text.clone());
                prop_assert_eq!(repeated_member(&text, Format::Json), None);
            }
        }
    }
}
