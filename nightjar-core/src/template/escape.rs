//! Escapes that keep a value a value in the file it is written to.

use ramhorns::encoding::Encoder;

/// How `{{name}}` is written. `{{{name}}}` and `{{&name}}` are always written as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// HTML and XML entities for `&`, `<`, `>`, `"` and `'`.
    Html,
    /// The escapes of a JSON string, right inside double quotes in JSON and in YAML.
    Json,
    /// None.
    None,
}

impl Escape {
    /// The escapes for a file, by the ending of its name in any case.
    pub fn for_file(name: &str) -> Self {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let is = |known: &[&str]| known.iter().any(|known| ending.eq_ignore_ascii_case(known));
        if is(&["json", "yaml", "yml"]) {
            Self::Json
        } else if is(&["html", "htm", "xml", "svg"]) {
            Self::Html
        } else {
            Self::None
        }
    }

    pub(super) fn write<E: Encoder>(self, text: &str, out: &mut E) -> Result<(), E::Error> {
        match self {
            Self::None => out.write_unescaped(text),
            Self::Html => write_replaced(text, out, html_entity),
            // Nearly every value is plain, and this loop is where rendering spends its time.
            Self::Json if text.bytes().all(is_plain_in_json) => out.write_unescaped(text),
            Self::Json => write_json(text, out),
        }
    }
}

fn html_entity(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    }
}

fn write_replaced<E: Encoder>(
    text: &str,
    out: &mut E,
    replacement: impl Fn(char) -> Option<&'static str>,
) -> Result<(), E::Error> {
    let mut rest = text;
    while let Some((at, found)) = rest
        .char_indices()
        .find_map(|(at, character)| Some((at, replacement(character)?)))
    {
        let (plain, special) = rest.split_at(at);
        out.write_unescaped(plain)?;
        out.write_unescaped(found)?;
        let mut characters = special.chars();
        characters.next();
        rest = characters.as_str();
    }
    out.write_unescaped(rest)
}

fn is_plain_in_json(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// JSON demands escapes for `"`, `\` and characters below U+0020. YAML also breaks lines at NEL
/// and at U+2028 and U+2029, and allows no other control character and no non-character, so those
/// are escaped too: JSON readers take them either way.
fn needs_code_in_json(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

fn write_json<E: Encoder>(text: &str, out: &mut E) -> Result<(), E::Error> {
    let mut plain_from = 0;
    for (at, character) in text.char_indices() {
        let short = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            other if needs_code_in_json(other) => "",
            _ => continue,
        };
        out.write_unescaped(text.get(plain_from..at).unwrap_or(""))?;
        if short.is_empty() {
            out.format_unescaped(format_args!("\\u{:04x}", u32::from(character)))?;
        } else {
            out.write_unescaped(short)?;
        }
        plain_from = at + character.len_utf8();
    }
    out.write_unescaped(text.get(plain_from..).unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::Escape;
    use proptest::prelude::*;

    fn escaped(escape: Escape, text: &str) -> String {
        let mut out = String::new();
        let _ = escape.write(text, &mut out);
        out
    }

    #[test]
    fn the_ending_of_the_name_chooses() {
        for (name, escape) in [
            ("a.yaml", Escape::Json),
            ("b/c.YML", Escape::Json),
            ("d.Json", Escape::Json),
            ("e.html", Escape::Html),
            ("f.HTM", Escape::Html),
            ("g.xml", Escape::Html),
            ("h.svg", Escape::Html),
            ("i.txt", Escape::None),
            ("json", Escape::None),
            ("j.json.bak", Escape::None),
            ("", Escape::None),
        ] {
            assert_eq!(Escape::for_file(name), escape, "{name}");
        }
    }

    #[test]
    fn each_way_of_escaping() {
        let text = "a\"b\\c<d>&'\n\r\t\u{0}\u{7f}\u{85}\u{2028}\u{2029}\u{feff}é💡";
        assert_eq!(escaped(Escape::None, text), text);
        assert_eq!(
            escaped(Escape::Html, text),
            "a&quot;b\\c&lt;d&gt;&amp;&#39;\n\r\t\u{0}\u{7f}\u{85}\u{2028}\u{2029}\u{feff}é💡"
        );
        assert_eq!(
            escaped(Escape::Json, text),
            "a\\\"b\\\\c<d>&'\\n\\r\\t\\u0000\\u007f\\u0085\\u2028\\u2029\\ufeffé💡"
        );
    }

    proptest! {
        #[test]
        fn json_reads_back_what_was_written(text in any::<String>()) {
            let quoted = format!("\"{}\"", escaped(Escape::Json, &text));
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
            prop_assert!(!quoted.chars().any(super::needs_code_in_json));
        }
    }
}
