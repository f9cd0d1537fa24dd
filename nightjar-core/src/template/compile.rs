//! Compilation of a template into the form that the engine reads.
//!
//! `ramhorns` knows neither dotted names, set delimiters nor standalone lines, and has its own idea
//! of braces in text. So it gets a template whose tags hold nothing but numbers, `{{#3}}…{{/3}}`,
//! and the numbers are places in a table of ours.

use crate::mustache::{
    error::{Position, PositionFinder, TemplateError},
    syntax::{TagName, Token, TokenKind},
};
use std::fmt::Write as _;

/// What a numbered tag stands for.
pub(super) enum CompiledTag {
    Value {
        name: TagName,
        unescaped: bool,
    },
    Section {
        name: TagName,
        /// Bytes of text that are written directly in it each time, not in sections within it.
        text_size: usize,
    },
    Partial {
        name: Box<str>,
        /// White space before a partial that has its line for itself; `None` for one amid a line.
        indent: Option<Box<str>>,
        position: Position,
    },
    /// Text that the engine would misread.
    Text(Box<str>),
    /// The white space before each line of an indented partial.
    Indent,
}

/// A template that the engine has taken in.
pub(super) struct CompiledTemplate {
    pub(super) engine: ramhorns::Template<'static>,
    pub(super) entries: Vec<CompiledTag>,
    /// Bytes of text outside of all sections.
    pub(super) text_size: usize,
}

/// Whether the lines of a template can be indented when it is rendered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Indentation {
    AsWritten,
    Indented,
}

/// Prepares the pieces of a template for rendering.
pub(super) fn compile(
    template: &str,
    text: &str,
    tokens: &[Token<'_>],
    lines: Indentation,
) -> Result<CompiledTemplate, TemplateError> {
    let mut compiler = Compiler {
        numbered: String::with_capacity(text.len()),
        entries: Vec::new(),
        text_size: 0,
        open: Vec::new(),
        positions: PositionFinder::of(text),
    };
    for token in tokens {
        compiler.token(token, lines);
    }
    // The engine drops white space at the very end, unless a tag comes after it.
    compiler.numbered.push_str("{{!end}}");
    let engine = ramhorns::Template::new(compiler.numbered)
        .map_err(|error| TemplateError::of(template, format!("cannot be compiled: {error}")))?;
    Ok(CompiledTemplate {
        engine,
        entries: compiler.entries,
        text_size: compiler.text_size,
    })
}

struct Compiler<'t> {
    numbered: String,
    entries: Vec<CompiledTag>,
    text_size: usize,
    /// The numbers of the sections around.
    open: Vec<usize>,
    positions: PositionFinder<'t>,
}

impl Compiler<'_> {
    fn token(&mut self, token: &Token<'_>, lines: Indentation) {
        if token.starts_line && lines == Indentation::Indented {
            self.entry("", CompiledTag::Indent);
        }
        match &token.kind {
            TokenKind::Text(text) if lines == Indentation::Indented => {
                for (index, line) in text.split_inclusive('\n').enumerate() {
                    if index > 0 {
                        self.entry("", CompiledTag::Indent);
                    }
                    self.text(line);
                }
            }
            TokenKind::Text(text) => self.text(text),
            TokenKind::Value { name, unescaped } => {
                let (name, unescaped) = (name.clone(), *unescaped);
                self.entry("", CompiledTag::Value { name, unescaped });
            }
            TokenKind::Open { name, inverted } => {
                let name = name.clone();
                let sigil = if *inverted { "^" } else { "#" };
                self.open.push(self.entries.len());
                self.entry(sigil, CompiledTag::Section { name, text_size: 0 });
            }
            TokenKind::Close => {
                if let Some(number) = self.open.pop() {
                    self.tag("/", number);
                }
            }
            TokenKind::Partial { name, indent } => {
                let entry = CompiledTag::Partial {
                    name: (*name).into(),
                    indent: indent.map(Box::from),
                    position: self.positions.at(token.at),
                };
                self.entry("", entry);
            }
        }
    }

    fn text(&mut self, text: &str) {
        // A brace at the end would run together with the next tag's.
        if text.contains("{{") || text.ends_with('{') {
            self.entry("", CompiledTag::Text(text.into()));
            return;
        }
        self.numbered.push_str(text);
        let around = self
            .open
            .last()
            .and_then(|number| self.entries.get_mut(*number));
        if let Some(CompiledTag::Section { text_size, .. }) = around {
            *text_size += text.len();
        } else {
            self.text_size += text.len();
        }
    }

    fn entry(&mut self, sigil: &str, entry: CompiledTag) {
        self.tag(sigil, self.entries.len());
        self.entries.push(entry);
    }

    fn tag(&mut self, sigil: &str, number: usize) {
        // Writing to a string cannot fail.
        let _ = write!(self.numbered, "{{{{{sigil}{number}}}}}");
    }
}
