//! What can be wrong with a template, and where.

use crate::report::printable;
use std::fmt;

/// One thing that is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// The template's name: its purpose, or the file it was read from.
    pub template: String,
    /// Where in its text, if the fault has a place.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
}

/// A place in a template's text, both counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

/// Finds the places of byte offsets. Going forward through a text costs one pass in all.
pub(crate) struct Places<'t> {
    text: &'t str,
    at: usize,
    place: Place,
}

impl<'t> Places<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            place: Place { line: 1, column: 1 },
        }
    }

    pub(crate) fn at(&mut self, offset: usize) -> Place {
        if offset < self.at {
            *self = Self::of(self.text);
        }
        for character in self.text.get(self.at..offset).unwrap_or("").chars() {
            if character == '\n' {
                self.place.line += 1;
                self.place.column = 1;
            } else {
                self.place.column += 1;
            }
        }
        self.at = offset;
        self.place
    }
}

impl TemplateFault {
    /// A fault of a template as a whole.
    pub(crate) fn of(template: &str, message: impl Into<String>) -> Self {
        Self {
            template: template.to_owned(),
            place: None,
            message: message.into(),
        }
    }

    /// `template:line:column:`, as far as known.
    pub(crate) fn write_where(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:", self.template)?;
        match self.place {
            Some(Place { line, column }) => write!(out, "{line}:{column}:"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_where(out)?;
        write!(out, " {}", printable(&self.message))
    }
}

/// Everything that was found wrong, never empty; shown one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateFaults(pub Vec<TemplateFault>);

impl TemplateFaults {
    /// `Ok` when there is nothing wrong.
    pub(crate) fn none_in(faults: Vec<TemplateFault>) -> Result<(), Self> {
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Self(faults))
        }
    }
}

impl From<TemplateFault> for TemplateFaults {
    fn from(fault: TemplateFault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for TemplateFaults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            fault.fmt(out)?;
        }
        Ok(())
    }
}
