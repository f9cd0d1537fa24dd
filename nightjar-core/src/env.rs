//! Settings from the environment. No other module reads the process environment.
//!
//! A program declares each variable once as a [`Setting`], takes a snapshot of the environment
//! ([`Env`]) and reads it through a [`Reader`], which gathers every error instead of stopping at
//! the first:
//!
//! ```
//! use nightjar_core::env::{Env, Reader, Setting};
//!
//! const PORT: Setting = Setting::required("NJ_LISTEN_PORT", "the port to listen on");
//!
//! let env = Env::from_pairs([("NJ_LISTEN_PORT", "3000")]);
//! let mut reader = Reader::new(&env);
//! let port = reader.port(&PORT);
//! reader.finish()?;
//! assert_eq!(port, 3000);
//! # Ok::<(), nightjar_core::env::ConfigurationError>(())
//! ```

#[cfg(feature = "host")]
mod command;
mod error;
mod reader;

#[cfg(feature = "host")]
pub use command::CommandLine;
pub use error::{ConfigurationError, SettingError};
pub use reader::{Reader, parse_bool};

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// The exit code of a program whose settings are invalid.
pub const EXIT_CONFIGURATION: u8 = 64;

/// A snapshot of an environment: variables, and the folder that relative paths start from.
#[derive(Debug, Clone, Default)]
pub struct Env {
    variables: BTreeMap<OsString, OsString>,
    current_dir: PathBuf,
}

impl Env {
    /// The environment of this process, as it is now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    pub fn from_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            current_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        }
    }

    /// An environment that holds just these variables.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            variables,
            current_dir: PathBuf::from("/"),
        }
    }

    /// The same environment with these variables set, in place of their values so far.
    #[must_use]
    pub fn with<N, V>(mut self, pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let pairs = pairs.into_iter();
        self.variables
            .extend(pairs.map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// A variable's value, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|v| !v.is_empty())
    }

    /// The variables whose names begin with this, by their names.
    pub fn with_prefix(&self, start: &str) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let variables = self.variables.iter();
        variables
            .filter(move |(name, _)| name.as_encoded_bytes().starts_with(start.as_bytes()))
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Whether a variable is set to the empty string. That counts as not set.
    pub fn is_blank(&self, name: &str) -> bool {
        self.variables
            .get(OsStr::new(name))
            .is_some_and(|value| value.is_empty())
    }

    /// The folder that relative paths start from.
    pub fn current_dir(&self) -> &Path {
        &self.current_dir
    }

    /// The system's folder for temporary files: `TMPDIR`, or else `/tmp`.
    pub fn temp_dir(&self) -> PathBuf {
        PathBuf::from(self.get("TMPDIR").unwrap_or(OsStr::new("/tmp")))
    }
}

/// This process's arguments, without the program's name.
pub fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip(1)
}

/// One environment variable, with its documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// What holds if the variable is not set.
    pub default: DefaultValue,
    /// What the variable does, in a sentence.
    pub meaning: &'static str,
}

/// What holds if a variable is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// Nothing: it has to be set.
    Required,
    /// This value, read as if it had been set.
    Value(&'static str),
    /// The program does as described here.
    Described(&'static str),
}

impl Setting {
    /// A variable that has to be set.
    pub const fn required(name: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            default: DefaultValue::Required,
            meaning,
        }
    }

    /// A variable that has a value even if it is not set.
    pub const fn with_default(
        name: &'static str,
        value: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            default: DefaultValue::Value(value),
            meaning,
        }
    }

    /// A variable that may be missing; `otherwise` describes what happens then.
    /// Read it with [`Reader::optional`].
    pub const fn optional(
        name: &'static str,
        otherwise: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            default: DefaultValue::Described(otherwise),
            meaning,
        }
    }

    /// The default as text: `required`, the value, or the description.
    pub const fn default_text(&self) -> &'static str {
        match self.default {
            DefaultValue::Required => "required",
            DefaultValue::Value(text) | DefaultValue::Described(text) => text,
        }
    }
}

/// Settings as a text for `--help`: two lines for each.
pub fn describe(settings: &[Setting]) -> String {
    let mut text = String::new();
    for setting in settings {
        let default = match setting.default {
            DefaultValue::Required => "required".to_owned(),
            DefaultValue::Value(value) => format!("default: {value}"),
            DefaultValue::Described(words) => format!("not set: {words}"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {} ({default})\n      {}",
            setting.name, setting.meaning
        );
    }
    text
}

#[cfg(test)]
mod tests;
