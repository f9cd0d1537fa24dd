//! Syntax of templates, by the Mustache specification: tags, delimiters, standalone lines.

use super::error::{PositionFinder, TemplateError, TemplateErrors};
use std::fmt;

/// How deep sections may be nested; a limit of the engine underneath.
const MAX_SECTION_DEPTH: usize = 16;

/// A text with nothing but errors must not make a report that is larger than itself.
const MAX_ERRORS: usize = 100;

/// A template, taken apart.
pub(crate) struct Token<'t> {
    /// Where it begins, as a byte offset.
    pub(crate) at: usize,
    /// Whether it is the first of its line that is written.
    pub(crate) starts_line: bool,
    pub(crate) kind: TokenKind<'t>,
}

pub(crate) enum TokenKind<'t> {
    Text(&'t str),
    Value {
        name: TagName,
        unescaped: bool,
    },
    Open {
        name: TagName,
        inverted: bool,
    },
    Close,
    Partial {
        name: &'t str,
        /// White space before a partial that has its line for itself; `None` for one amid a line.
        indent: Option<&'t str>,
    },
}

/// What a tag names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TagName {
    /// `.`
    Current,
    /// `first.second.third`
    Path {
        first: Box<str>,
        rest: Box<[Box<str>]>,
    },
}

impl fmt::Display for TagName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => out.write_str("."),
            Self::Path { first, rest } => {
                out.write_str(first)?;
                rest.iter().try_for_each(|part| write!(out, ".{part}"))
            }
        }
    }
}

/// Takes a template apart, or lists everything that is wrong with it.
pub(crate) fn parse<'t>(template: &str, text: &'t str) -> Result<Vec<Token<'t>>, TemplateErrors> {
    let mut parser = Parser {
        text,
        at: 0,
        delimiters: ("{{", "}}"),
        tokens: Vec::new(),
        open: Vec::new(),
        errors: Vec::new(),
    };
    parser.parse();
    let mut errors = parser.errors;
    errors.sort_by_key(|(at, _)| *at);
    let mut positions = PositionFinder::of(text);
    let located = errors.into_iter().map(|(at, message)| TemplateError {
        template: template.to_owned(),
        position: Some(positions.at(at)),
        message,
    });
    TemplateErrors::check(located.collect())?;
    Ok(parser.tokens)
}

struct Parser<'t> {
    text: &'t str,
    /// Everything before is read.
    at: usize,
    delimiters: (&'t str, &'t str),
    tokens: Vec<Token<'t>>,
    /// The sections that are not closed yet, each with its place and its name as written.
    open: Vec<(usize, &'t str)>,
    errors: Vec<(usize, String)>,
}

/// A tag as it is in the text.
struct Tag<'t> {
    start: usize,
    end: usize,
    sigil: Option<char>,
    content: &'t str,
}

impl<'t> Parser<'t> {
    fn parse(&mut self) {
        if let Some(at) = self.text.find('\0') {
            self.error(at, "a template cannot contain a NUL character");
        }
        while let Some(start) = self.find(self.delimiters.0, self.at) {
            if self.errors.len() >= MAX_ERRORS {
                return;
            }
            match self.tag(start) {
                Some(tag) => self.push(&tag),
                None if self.at > start => {}
                None => return,
            }
        }
        self.push_text(self.text.len());
        for (at, name) in std::mem::take(&mut self.open) {
            self.error(at, format!("section \"{name}\" is never closed"));
        }
    }

    /// The tag at `start`. Without one, reading goes on at `self.at` if that is behind `start`.
    fn tag(&mut self, start: usize) -> Option<Tag<'t>> {
        let (open, close) = self.delimiters;
        let inside = start + open.len();
        let sigil = self
            .slice(inside, self.text.len())
            .chars()
            .next()
            .filter(|first| "{=#^/>&!<$".contains(*first));
        let content_start = inside + usize::from(sigil.is_some());
        let closing = match sigil {
            Some('{') => format!("}}{close}"),
            Some('=') => format!("={close}"),
            _ => close.to_owned(),
        };
        let Some(content_end) = self.find(&closing, content_start) else {
            return self.unclosed(start, content_start, &closing);
        };
        let content = self.slice(content_start, content_end);
        if !matches!(sigil, Some('!' | '='))
            && let Some(next) = content.find(open)
        {
            self.error(start, format!("tag is not closed with {closing}"));
            self.at = content_start + next;
            return None;
        }
        Some(Tag {
            start,
            end: content_end + closing.len(),
            sigil,
            content: content.trim(),
        })
    }

    fn unclosed(&mut self, start: usize, content_start: usize, closing: &str) -> Option<Tag<'t>> {
        self.error(start, format!("tag is not closed with {closing}"));
        let close = self.delimiters.1;
        if let Some(end) = self.find(close, content_start) {
            self.at = end + close.len();
        } else {
            // What is open stays so because the rest cannot be read: no error of its own.
            self.open.clear();
        }
        None
    }

    fn push(&mut self, tag: &Tag<'t>) {
        let standalone = match tag.sigil {
            Some('#' | '^' | '/' | '!' | '>' | '=') => self.line_around(tag),
            _ => None,
        };
        let (text_end, next) = match standalone {
            Some((indent, next)) => (tag.start - indent.len(), next),
            None => (tag.start, tag.end),
        };
        self.push_text(text_end);
        self.at = next;
        if let Some(kind) = self.token_kind(tag, standalone.map(|(indent, _)| indent)) {
            self.tokens.push(Token {
                at: tag.start,
                starts_line: standalone.is_none() && self.is_line_start(tag.start),
                kind,
            });
        }
    }

    fn token_kind(&mut self, tag: &Tag<'t>, indent: Option<&'t str>) -> Option<TokenKind<'t>> {
        match tag.sigil {
            Some('!') => None,
            Some('=') => {
                self.set_delimiters(tag);
                None
            }
            Some('/') => {
                self.close(tag);
                Some(TokenKind::Close)
            }
            Some('<' | '$') => {
                self.error(tag.start, "template inheritance is not supported");
                None
            }
            Some('>') => {
                if tag.content.starts_with('*') {
                    self.error(tag.start, "dynamic names of partials are not supported");
                    return None;
                }
                let name = tag.content;
                self.has_valid_name(tag)
                    .then_some(TokenKind::Partial { name, indent })
            }
            Some(sigil @ ('#' | '^')) => {
                self.open.push((tag.start, tag.content));
                if self.open.len() > MAX_SECTION_DEPTH {
                    let name = tag.content;
                    self.error(
                        tag.start,
                        format!(
                            "section \"{name}\" is nested in more than {MAX_SECTION_DEPTH} others"
                        ),
                    );
                }
                let inverted = sigil == '^';
                self.name(tag)
                    .map(|name| TokenKind::Open { name, inverted })
            }
            sigil => {
                let unescaped = sigil.is_some();
                self.name(tag)
                    .map(|name| TokenKind::Value { name, unescaped })
            }
        }
    }

    fn set_delimiters(&mut self, tag: &Tag<'t>) {
        let mut words = tag.content.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(open), Some(close), None) if !open.contains('=') && !close.contains('=') => {
                self.delimiters = (open, close);
            }
            _ => self.error(
                tag.start,
                "a tag that sets delimiters needs two of them, without \"=\" and separated by white space",
            ),
        }
    }

    fn close(&mut self, tag: &Tag<'t>) {
        let name = tag.content;
        let Some(index) = self.open.iter().rposition(|(_, open)| *open == name) else {
            self.error(
                tag.start,
                format!("section \"{name}\" is closed but not open"),
            );
            return;
        };
        let unclosed = self.open.split_off(index).into_iter().skip(1);
        if unclosed.len() == 0 {
            return;
        }
        let line = PositionFinder::of(self.text).at(tag.start).line;
        for (at, unclosed) in unclosed {
            self.error(
                at,
                format!("section \"{unclosed}\" is not closed before \"{name}\" in line {line}"),
            );
        }
    }

    fn has_valid_name(&mut self, tag: &Tag<'t>) -> bool {
        let name = tag.content;
        if name.is_empty() {
            self.error(tag.start, "tag has no name");
        } else if name.contains(char::is_whitespace) {
            self.error(tag.start, format!("name {name:?} contains white space"));
        } else {
            return true;
        }
        false
    }

    fn name(&mut self, tag: &Tag<'t>) -> Option<TagName> {
        if !self.has_valid_name(tag) {
            return None;
        }
        if tag.content == "." {
            return Some(TagName::Current);
        }
        if tag.content.split('.').any(str::is_empty) {
            let name = tag.content;
            self.error(tag.start, format!("name {name:?} has an empty part"));
            return None;
        }
        let mut parts = tag.content.split('.').map(Box::from);
        Some(TagName::Path {
            first: parts.next()?,
            rest: parts.collect(),
        })
    }

    /// If the tag has its lines for itself: the white space before it, and where the next line is.
    fn line_around(&self, tag: &Tag<'t>) -> Option<(&'t str, usize)> {
        let blank = [' ', '\t'];
        let line_start = self.slice(0, tag.start).trim_end_matches(blank).len();
        let after = self.slice(tag.end, self.text.len());
        let rest = after.trim_start_matches(blank);
        let next = rest
            .strip_prefix("\r\n")
            .or_else(|| rest.strip_prefix('\n'))
            .or_else(|| rest.is_empty().then_some(rest))?;
        self.is_line_start(line_start).then(|| {
            let indent = self.slice(line_start, tag.start);
            (indent, self.text.len() - next.len())
        })
    }

    fn is_line_start(&self, at: usize) -> bool {
        at == 0 || self.slice(0, at).ends_with('\n')
    }

    fn push_text(&mut self, end: usize) {
        let text = self.slice(self.at, end);
        if !text.is_empty() {
            self.tokens.push(Token {
                at: self.at,
                starts_line: self.is_line_start(self.at),
                kind: TokenKind::Text(text),
            });
        }
    }

    fn find(&self, what: &str, from: usize) -> Option<usize> {
        Some(from + self.text.get(from..)?.find(what)?)
    }

    fn slice(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or("")
    }

    fn error(&mut self, at: usize, message: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push((at, message.into()));
        }
    }
}
