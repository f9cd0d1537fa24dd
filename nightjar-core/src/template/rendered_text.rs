//! Texts as they are rendered: commas that lead nowhere.

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

#[cfg(test)]
mod tests {
    use super::drop_trailing_commas;
    use crate::config_text::{Format, repeated_member};
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
