//! The form that the engine reads.
//!
//! `ramhorns` knows neither dotted names, set delimiters nor standalone lines, and has its own idea
//! of braces in text. So it gets a template whose tags hold nothing but numbers, `{{#3}}…{{/3}}`,
//! and the numbers are places in a table of ours.

use crate::mustache::{
    fault::{Place, Places, TemplateFault},
    syntax::{Kind, Name, Piece},
};
use std::fmt::Write as _;

/// What a numbered tag stands for.
pub(super) enum Entry {
    Value {
        name: Name,
        raw: bool,
    },
    Section {
        name: Name,
        /// Bytes of text that are written directly in it each time, not in sections within it.
        text_size: usize,
    },
    Partial {
        name: Box<str>,
        /// White space before a partial that has its line for itself; `None` for one amid a line.
        indent: Option<Box<str>>,
        place: Place,
    },
    /// Text that the engine would misread.
    Text(Box<str>),
    /// The white space that stands before each line of an indented partial.
    Indent,
}

/// A template that the engine has taken in.
pub(super) struct Normal {
    pub(super) engine: ramhorns::Template<'static>,
    pub(super) entries: Vec<Entry>,
    /// Bytes of text outside of all sections.
    pub(super) text_size: usize,
}

/// Whether the lines of a template can be indented when it is rendered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    AsWritten,
    Indented,
}

/// Prepares the pieces of a template for rendering.
pub(super) fn prepare(
    template: &str,
    text: &str,
    pieces: &[Piece<'_>],
    lines: Lines,
) -> Result<Normal, TemplateFault> {
    let mut writer = Writer {
        normal: String::with_capacity(text.len()),
        entries: Vec::new(),
        text_size: 0,
        open: Vec::new(),
        places: Places::of(text),
    };
    for piece in pieces {
        writer.piece(piece, lines);
    }
    // The engine drops white space at the very end, unless a tag comes after it.
    writer.normal.push_str("{{!end}}");
    let engine = ramhorns::Template::new(writer.normal)
        .map_err(|error| TemplateFault::of(template, format!("cannot be prepared: {error}")))?;
    Ok(Normal {
        engine,
        entries: writer.entries,
        text_size: writer.text_size,
    })
}

struct Writer<'t> {
    normal: String,
    entries: Vec<Entry>,
    text_size: usize,
    /// The numbers of the sections around.
    open: Vec<usize>,
    places: Places<'t>,
}

impl Writer<'_> {
    fn piece(&mut self, piece: &Piece<'_>, lines: Lines) {
        if piece.starts_line && lines == Lines::Indented {
            self.entry("", Entry::Indent);
        }
        match &piece.kind {
            Kind::Text(text) if lines == Lines::Indented => {
                for (index, line) in text.split_inclusive('\n').enumerate() {
                    if index > 0 {
                        self.entry("", Entry::Indent);
                    }
                    self.text(line);
                }
            }
            Kind::Text(text) => self.text(text),
            Kind::Value { name, raw } => {
                let (name, raw) = (name.clone(), *raw);
                self.entry("", Entry::Value { name, raw });
            }
            Kind::Open { name, inverted } => {
                let name = name.clone();
                let sigil = if *inverted { "^" } else { "#" };
                self.open.push(self.entries.len());
                self.entry(sigil, Entry::Section { name, text_size: 0 });
            }
            Kind::Close => {
                if let Some(number) = self.open.pop() {
                    self.tag("/", number);
                }
            }
            Kind::Partial { name, indent } => {
                let entry = Entry::Partial {
                    name: (*name).into(),
                    indent: indent.map(Box::from),
                    place: self.places.at(piece.at),
                };
                self.entry("", entry);
            }
        }
    }

    fn text(&mut self, text: &str) {
        // A brace at the end would run together with the next tag's.
        if text.contains("{{") || text.ends_with('{') {
            self.entry("", Entry::Text(text.into()));
            return;
        }
        self.normal.push_str(text);
        let around = self
            .open
            .last()
            .and_then(|number| self.entries.get_mut(*number));
        if let Some(Entry::Section { text_size, .. }) = around {
            *text_size += text.len();
        } else {
            self.text_size += text.len();
        }
    }

    fn entry(&mut self, sigil: &str, entry: Entry) {
        self.tag(sigil, self.entries.len());
        self.entries.push(entry);
    }

    fn tag(&mut self, sigil: &str, number: usize) {
        // Writing to a string cannot fail.
        let _ = write!(self.normal, "{{{{{sigil}{number}}}}}");
    }
}
