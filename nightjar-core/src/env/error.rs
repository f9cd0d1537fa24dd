//! Errors of settings.

use super::Setting;
use crate::report::{printable, quoted_within};
use std::fmt;

/// The longest value that a message quotes, in characters.
const MAX_VALUE: usize = 200;

/// A variable whose value is invalid or missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingError {
    /// The variable.
    pub name: String,
    /// Its value, if it has one, quoted and shortened.
    pub value: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

impl SettingError {
    /// An error in a setting; `value` is quoted, which escapes control characters, and shortened.
    pub fn new(setting: &Setting, value: Option<&str>, reason: impl Into<String>) -> Self {
        Self::of_variable(setting.name, value, reason)
    }

    /// An error in a variable; `value` is quoted, which escapes control characters, and shortened.
    pub fn of_variable(name: &str, value: Option<&str>, reason: impl Into<String>) -> Self {
        Self {
            name: printable(name).into_owned(),
            value: value.map(quoted),
            reason: reason.into(),
            hint: None,
        }
    }

    /// The same error with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(value) = &self.value {
            write!(f, "={value}")?;
        }
        write!(f, ": {}", self.reason)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Every invalid or missing setting, one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct ConfigurationError(Vec<SettingError>);

impl ConfigurationError {
    /// Errors, of which there is at least one.
    pub(super) fn new(errors: Vec<SettingError>) -> Self {
        Self(errors)
    }

    /// The errors, in the order in which the settings were read.
    pub fn errors(&self) -> &[SettingError] {
        &self.0
    }
}

fn lines(errors: &[SettingError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A value in quotes, escaped and shortened.
pub(super) fn quoted(value: &str) -> String {
    quoted_within(value, MAX_VALUE)
}
