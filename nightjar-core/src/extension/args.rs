//! Arguments and exit codes, which the caller and the extension agree on.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

/// The version of the protocol that this crate speaks.
pub const API_VERSION: &str = "1";

/// Done.
pub const EXIT_DONE: u8 = 0;
/// Failed, and trying again will not help.
pub const EXIT_FATAL: u8 = 1;
/// Nothing newer than the version that the caller has.
pub const EXIT_UNCHANGED: u8 = 30;
/// Failed, but worth another try.
pub const EXIT_RETRY: u8 = 31;
/// Not committed: the current version is not the one that was given.
pub const EXIT_CONFLICT: u8 = 32;
/// Fatal too: the arguments or settings are wrong.
pub const EXIT_USAGE: u8 = 64;

/// The variable that names a folder to keep things in from run to run.
pub const VARIABLE_TEMP_DIR: &str = "NJ_TEMP_DIR";
/// The variable with the time at which the caller will kill this run, in Unix seconds.
pub const VARIABLE_DEADLINE: &str = "NJ_DEADLINE";

const ARG_API_VERSION: &str = "--api-version";
const ARG_ACTION_FILE: &str = "--action-file";
const ARG_PREVIOUS_VERSION: &str = "--previous-document-version";
const ARG_VERSION: &str = "--document-version";
const ARG_DOCUMENT: &str = "--document";
const ARG_ACTION: &str = "--action";

/// The name of a document: a letter or digit, then up to 127 letters, digits, `.`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentName(std::borrow::Cow<'static, str>);

impl DocumentName {
    /// `discovery-map`
    pub const DISCOVERY_MAP: Self = Self(std::borrow::Cow::Borrowed("discovery-map"));
    /// `templates`
    pub const TEMPLATES: Self = Self(std::borrow::Cow::Borrowed("templates"));

    /// A document's name, if it is one. Names are safe as file names.
    pub fn new(name: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let starts_well = name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric());
        let valid = starts_well && name.len() <= 128 && name.bytes().all(allowed);
        valid.then(|| Self(name.to_owned().into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a data store is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Hand over the document.
    Fetch,
    /// Keep the document.
    Commit,
    /// List the versions that can be fetched.
    List,
}

impl Action {
    /// The value of `--action`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Commit => "commit",
            Self::List => "list",
        }
    }
}

/// One call of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The file to write (fetch, list) or to read (commit).
    pub action_file: PathBuf,
    /// On a fetch, the version that the caller has; `None` asks for the document in any case. On a
    /// commit, the version that is to be replaced; `None` replaces any.
    pub previous_version: Option<String>,
    /// On a fetch, the version to hand over; `None` asks for the current one.
    pub version: Option<String>,
    /// Which document; not given to a discovery map.
    pub document: Option<DocumentName>,
    /// What to do; not given to a discovery map.
    pub action: Option<Action>,
}

/// Why the arguments of an extension are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// Another version of the protocol, or none.
    #[error("this extension supports api version {API_VERSION}, but was called with {}", version_argument(.0.as_deref()))]
    ApiVersion(Option<String>),
    /// An argument that has to be there is not.
    #[error("argument {0} is missing")]
    Missing(&'static str),
    /// The value of an argument cannot be read.
    #[error("argument {name} is {value:?}, which {reason}")]
    Value {
        /// The argument.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Two arguments contradict each other.
    #[error("argument {name} is not allowed with --action={}", .action.as_str())]
    Combination {
        /// The argument.
        name: &'static str,
        /// What it was given with.
        action: Action,
    },
}

fn version_argument(version: Option<&str>) -> String {
    match version {
        Some(version) => format!("--api-version={version}"),
        None => "no --api-version".to_owned(),
    }
}

impl Request {
    /// The command-line arguments that carry this request.
    pub fn to_arguments(&self) -> Vec<OsString> {
        let mut arguments = vec![
            joined(ARG_API_VERSION, API_VERSION),
            joined(ARG_ACTION_FILE, &self.action_file),
            joined(
                ARG_PREVIOUS_VERSION,
                self.previous_version.as_deref().unwrap_or_default(),
            ),
        ];
        if let Some(version) = &self.version {
            arguments.push(joined(ARG_VERSION, version));
        }
        if let Some(document) = &self.document {
            arguments.push(joined(ARG_DOCUMENT, document.as_str()));
        }
        if let Some(action) = self.action {
            arguments.push(joined(ARG_ACTION, action.as_str()));
        }
        arguments
    }

    /// Reads a request. The last of repeated arguments counts, and unknown ones are ignored:
    /// a later version of the protocol may pass more.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let version = text(&arguments, ARG_API_VERSION)?;
        if version.as_deref() != Some(API_VERSION) {
            return Err(UsageError::ApiVersion(version));
        }
        let action_file =
            value(&arguments, ARG_ACTION_FILE).ok_or(UsageError::Missing(ARG_ACTION_FILE))?;
        Self {
            action_file: action_file.into(),
            previous_version: text(&arguments, ARG_PREVIOUS_VERSION)?,
            version: text(&arguments, ARG_VERSION)?,
            document: text(&arguments, ARG_DOCUMENT)?.map(document).transpose()?,
            action: text(&arguments, ARG_ACTION)?.map(action).transpose()?,
        }
        .checked()
    }

    /// An extension that is asked for one version must not answer with another.
    fn checked(self) -> Result<Self, UsageError> {
        let wrong = |name, action| Err(UsageError::Combination { name, action });
        match self.action {
            Some(action @ (Action::Commit | Action::List)) if self.version.is_some() => {
                wrong(ARG_VERSION, action)
            }
            Some(Action::List) if self.previous_version.is_some() => {
                wrong(ARG_PREVIOUS_VERSION, Action::List)
            }
            Some(Action::Fetch | Action::Commit | Action::List) | None => Ok(self),
        }
    }

    /// The document, which a data store needs.
    pub fn required_document(&self) -> Result<&DocumentName, UsageError> {
        self.document
            .as_ref()
            .ok_or(UsageError::Missing(ARG_DOCUMENT))
    }

    /// The action, which a data store needs.
    pub fn required_action(&self) -> Result<Action, UsageError> {
        self.action.ok_or(UsageError::Missing(ARG_ACTION))
    }
}

fn document(name: String) -> Result<DocumentName, UsageError> {
    let reason = "is not a document's name (letters, digits, '.', '_' and '-')";
    DocumentName::new(&name).ok_or(UsageError::Value {
        name: ARG_DOCUMENT,
        value: name,
        reason,
    })
}

fn action(name: String) -> Result<Action, UsageError> {
    match name.as_str() {
        "fetch" => Ok(Action::Fetch),
        "commit" => Ok(Action::Commit),
        "list" => Ok(Action::List),
        _ => {
            let reason = "is not one of fetch, commit, list";
            Err(UsageError::Value {
                name: ARG_ACTION,
                value: name,
                reason,
            })
        }
    }
}

fn joined(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut argument = OsString::from(name);
    argument.push("=");
    argument.push(value);
    argument
}

/// The value of an argument, unless it is blank.
fn value<'a>(arguments: &'a [OsString], name: &str) -> Option<&'a OsStr> {
    let mut values = arguments.iter().filter_map(|argument| {
        let rest = argument.as_bytes().strip_prefix(name.as_bytes())?;
        rest.strip_prefix(b"=").map(OsStr::from_bytes)
    });
    values.next_back().filter(|value| !value.is_empty())
}

fn text(arguments: &[OsString], name: &'static str) -> Result<Option<String>, UsageError> {
    value(arguments, name)
        .map(|value| {
            value
                .to_str()
                .map(str::to_owned)
                .ok_or_else(|| UsageError::Value {
                    name,
                    value: value.to_string_lossy().into_owned(),
                    reason: "is not UTF-8",
                })
        })
        .transpose()
}

#[cfg(test)]
mod tests;
