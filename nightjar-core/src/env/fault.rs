//! What can be wrong with the settings.

use super::Setting;
use std::fmt;

/// How much of a value a message shows, in characters.
const SHOWN_VALUE: usize = 200;

/// One faulty variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable.
    pub name: String,
    /// Its value, if it has one, fit to be printed.
    pub value: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault in a setting; `value` is shown cut, with control characters escaped.
    pub fn new(setting: &Setting, value: Option<&str>, reason: impl Into<String>) -> Self {
        Self::of_variable(setting.name, value, reason)
    }

    /// A fault in a variable; `value` is shown cut, with control characters escaped.
    pub fn of_variable(name: &str, value: Option<&str>, reason: impl Into<String>) -> Self {
        Self {
            name: printable(name),
            value: value.map(printable),
            reason: reason.into(),
            hint: None,
        }
    }

    /// The same fault with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(value) = &self.value {
            write!(f, "=\"{value}\"")?;
        }
        write!(f, ": {}", self.reason)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with the settings, one fault a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct ConfigurationFaults(Vec<Fault>);

impl ConfigurationFaults {
    /// Faults, of which there is at least one.
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self(faults)
    }

    /// The faults, in the order in which the settings were read.
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }
}

fn lines(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Cuts a long value, and escapes what would disturb a terminal or a log.
pub(super) fn printable(value: &str) -> String {
    let mut text = String::with_capacity(value.len().min(SHOWN_VALUE));
    for (position, letter) in value.chars().enumerate() {
        if position == SHOWN_VALUE {
            text.push('…');
            break;
        }
        if letter.is_control() || letter == '"' || letter == '\\' {
            text.extend(letter.escape_default());
        } else {
            text.push(letter);
        }
    }
    text
}
