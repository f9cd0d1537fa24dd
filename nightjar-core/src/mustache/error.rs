//! Errors of templates, with their positions.

use crate::report::printable;
use std::fmt;

/// One thing that is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The template's name: its purpose, or the file it was read from.
    pub template: String,
    /// Where in its text, if the error has a position.
    pub position: Option<Position>,
    /// What is wrong.
    pub message: String,
}

/// A position in a template's text, both counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

/// Finds the positions of byte offsets. Going forward through a text costs one pass in all.
pub(crate) struct PositionFinder<'t> {
    text: &'t str,
    at: usize,
    position: Position,
}

impl<'t> PositionFinder<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            position: Position { line: 1, column: 1 },
        }
    }

    pub(crate) fn at(&mut self, offset: usize) -> Position {
        if offset < self.at {
            *self = Self::of(self.text);
        }
        for character in self.text.get(self.at..offset).unwrap_or("").chars() {
            if character == '\n' {
                self.position.line += 1;
                self.position.column = 1;
            } else {
                self.position.column += 1;
            }
        }
        self.at = offset;
        self.position
    }
}

impl TemplateError {
    /// An error of a template as a whole.
    pub(crate) fn of(template: &str, message: impl Into<String>) -> Self {
        Self {
            template: template.to_owned(),
            position: None,
            message: message.into(),
        }
    }

    /// `template:line:column:`, as far as known.
    pub(crate) fn write_position(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:", self.template)?;
        match self.position {
            Some(Position { line, column }) => write!(out, "{line}:{column}:"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_position(out)?;
        write!(out, " {}", printable(&self.message))
    }
}

/// Everything that was found wrong, never empty; shown one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateErrors(pub Vec<TemplateError>);

impl TemplateErrors {
    /// `Ok` when there is nothing wrong.
    pub(crate) fn check(errors: Vec<TemplateError>) -> Result<(), Self> {
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Self(errors))
        }
    }
}

impl From<TemplateError> for TemplateErrors {
    fn from(error: TemplateError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for TemplateErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            error.fmt(out)?;
        }
        Ok(())
    }
}
