//! Texts in markup: escaped, without what could not be seen, and as long as there is room.

use std::fmt::{self, Write as _};

/// A text from a map, escaped for XML and HTML, in elements and in quoted attributes.
///
/// Control characters, and those that turn the direction of writing, are spelled out: the first are not
/// allowed in XML, the second would show another text than the map has. A line feed stays.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' => f.write_char('\n')?,
                _ if is_unseen(character) => write!(f, "{}", character.escape_unicode())?,
                _ => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'
                | '\u{ffff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// How much room a text takes, in characters of a font with one width. What is not ASCII may be twice
/// as wide, and what is spelled out has ten characters at most.
pub(super) fn cells(text: &str) -> usize {
    text.chars().map(cells_of).sum()
}

fn cells_of(character: char) -> usize {
    match character {
        _ if is_unseen(character) => 10,
        ' '..='~' => 1,
        _ => 2,
    }
}

/// The start of a text that has room, with an ellipsis if that is not all of it.
pub(super) fn fitted(text: &str, room: usize) -> String {
    if cells(text) <= room {
        return text.to_owned();
    }
    let mut left = room.saturating_sub(1);
    let start = text.chars().take_while(|character| {
        let needed = cells_of(*character);
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        fits
    });
    start.chain(['…']).collect()
}
