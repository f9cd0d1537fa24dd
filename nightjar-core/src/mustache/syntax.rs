//! Reading a template by the Mustache specification: tags, delimiters, standalone lines.

use super::fault::{Places, TemplateFault, TemplateFaults};
use std::fmt;

/// How deep sections may stand in each other; a limit of the engine underneath.
const DEEPEST_SECTION: usize = 16;

/// A text of nothing but mistakes must not make a report that is larger than itself.
const MOST_FAULTS: usize = 100;

/// A template, taken apart.
pub(crate) struct Piece<'t> {
    /// Where it begins, as a byte offset.
    pub(crate) at: usize,
    /// Whether it is the first of its line that is written.
    pub(crate) starts_line: bool,
    pub(crate) kind: Kind<'t>,
}

pub(crate) enum Kind<'t> {
    Text(&'t str),
    Value {
        name: Name,
        raw: bool,
    },
    Open {
        name: Name,
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
pub(crate) enum Name {
    /// `.`
    Current,
    /// `first.second.third`
    Path {
        first: Box<str>,
        rest: Box<[Box<str>]>,
    },
}

impl fmt::Display for Name {
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
pub(crate) fn read<'t>(template: &str, text: &'t str) -> Result<Vec<Piece<'t>>, TemplateFaults> {
    let mut reader = Reader {
        text,
        at: 0,
        delimiters: ("{{", "}}"),
        pieces: Vec::new(),
        open: Vec::new(),
        faults: Vec::new(),
    };
    reader.read();
    let mut faults = reader.faults;
    faults.sort_by_key(|(at, _)| *at);
    let mut places = Places::of(text);
    let located = faults.into_iter().map(|(at, message)| TemplateFault {
        template: template.to_owned(),
        place: Some(places.at(at)),
        message,
    });
    TemplateFaults::none_in(located.collect())?;
    Ok(reader.pieces)
}

struct Reader<'t> {
    text: &'t str,
    /// Everything before is read.
    at: usize,
    delimiters: (&'t str, &'t str),
    pieces: Vec<Piece<'t>>,
    /// The sections that are not closed yet, each with its place and its name as written.
    open: Vec<(usize, &'t str)>,
    faults: Vec<(usize, String)>,
}

/// A tag as it stands in the text.
struct Tag<'t> {
    start: usize,
    end: usize,
    sigil: Option<char>,
    content: &'t str,
}

impl<'t> Reader<'t> {
    fn read(&mut self) {
        if let Some(at) = self.text.find('\0') {
            self.fault(at, "a NUL character cannot be part of a template");
        }
        while let Some(start) = self.find(self.delimiters.0, self.at) {
            if self.faults.len() >= MOST_FAULTS {
                return;
            }
            match self.tag(start) {
                Some(tag) => self.take(&tag),
                None if self.at > start => {}
                None => return,
            }
        }
        self.push_text(self.text.len());
        for (at, name) in std::mem::take(&mut self.open) {
            self.fault(at, format!("section \"{name}\" is never closed"));
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
            self.fault(start, format!("tag is not closed with {closing}"));
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
        self.fault(start, format!("tag is not closed with {closing}"));
        let close = self.delimiters.1;
        if let Some(end) = self.find(close, content_start) {
            self.at = end + close.len();
        } else {
            // What is open stays so because the rest cannot be read: no fault of its own.
            self.open.clear();
        }
        None
    }

    fn take(&mut self, tag: &Tag<'t>) {
        let alone = match tag.sigil {
            Some('#' | '^' | '/' | '!' | '>' | '=') => self.line_around(tag),
            _ => None,
        };
        let (text_end, next) = match alone {
            Some((indent, next)) => (tag.start - indent.len(), next),
            None => (tag.start, tag.end),
        };
        self.push_text(text_end);
        self.at = next;
        if let Some(kind) = self.kind_of(tag, alone.map(|(indent, _)| indent)) {
            self.pieces.push(Piece {
                at: tag.start,
                starts_line: alone.is_none() && self.is_line_start(tag.start),
                kind,
            });
        }
    }

    fn kind_of(&mut self, tag: &Tag<'t>, indent: Option<&'t str>) -> Option<Kind<'t>> {
        match tag.sigil {
            Some('!') => None,
            Some('=') => {
                self.set_delimiters(tag);
                None
            }
            Some('/') => {
                self.close(tag);
                Some(Kind::Close)
            }
            Some('<' | '$') => {
                self.fault(tag.start, "template inheritance is not supported");
                None
            }
            Some('>') => {
                if tag.content.starts_with('*') {
                    self.fault(tag.start, "dynamic names of partials are not supported");
                    return None;
                }
                let name = tag.content;
                self.is_word(tag).then_some(Kind::Partial { name, indent })
            }
            Some(sigil @ ('#' | '^')) => {
                self.open.push((tag.start, tag.content));
                if self.open.len() > DEEPEST_SECTION {
                    let name = tag.content;
                    self.fault(
                        tag.start,
                        format!("section \"{name}\" stands in more than {DEEPEST_SECTION} others"),
                    );
                }
                let inverted = sigil == '^';
                self.name(tag).map(|name| Kind::Open { name, inverted })
            }
            sigil => {
                let raw = sigil.is_some();
                self.name(tag).map(|name| Kind::Value { name, raw })
            }
        }
    }

    fn set_delimiters(&mut self, tag: &Tag<'t>) {
        let mut words = tag.content.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(open), Some(close), None) if !open.contains('=') && !close.contains('=') => {
                self.delimiters = (open, close);
            }
            _ => self.fault(
                tag.start,
                "this tag sets two delimiters: words without \"=\", with white space between",
            ),
        }
    }

    fn close(&mut self, tag: &Tag<'t>) {
        let name = tag.content;
        let Some(index) = self.open.iter().rposition(|(_, open)| *open == name) else {
            self.fault(
                tag.start,
                format!("section \"{name}\" is closed but not open"),
            );
            return;
        };
        let unclosed = self.open.split_off(index).into_iter().skip(1);
        if unclosed.len() == 0 {
            return;
        }
        let line = Places::of(self.text).at(tag.start).line;
        for (at, unclosed) in unclosed {
            self.fault(
                at,
                format!("section \"{unclosed}\" is not closed before \"{name}\" in line {line}"),
            );
        }
    }

    fn is_word(&mut self, tag: &Tag<'t>) -> bool {
        let name = tag.content;
        if name.is_empty() {
            self.fault(tag.start, "tag has no name");
        } else if name.contains(char::is_whitespace) {
            self.fault(tag.start, format!("name {name:?} contains white space"));
        } else {
            return true;
        }
        false
    }

    fn name(&mut self, tag: &Tag<'t>) -> Option<Name> {
        if !self.is_word(tag) {
            return None;
        }
        if tag.content == "." {
            return Some(Name::Current);
        }
        if tag.content.split('.').any(str::is_empty) {
            let name = tag.content;
            self.fault(tag.start, format!("name {name:?} has an empty part"));
            return None;
        }
        let mut parts = tag.content.split('.').map(Box::from);
        Some(Name::Path {
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
            self.pieces.push(Piece {
                at: self.at,
                starts_line: self.is_line_start(self.at),
                kind: Kind::Text(text),
            });
        }
    }

    fn find(&self, what: &str, from: usize) -> Option<usize> {
        Some(from + self.text.get(from..)?.find(what)?)
    }

    fn slice(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or("")
    }

    fn fault(&mut self, at: usize, message: impl Into<String>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push((at, message.into()));
        }
    }
}
