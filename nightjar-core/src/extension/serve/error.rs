//! Errors that end an extension.

use crate::{
    env::ConfigurationError,
    extension::args::{Action, EXIT_CONFLICT, EXIT_FATAL, EXIT_RETRY, EXIT_USAGE, UsageError},
};
use std::{error::Error, io, path::PathBuf};

type Cause = Box<dyn Error + Send + Sync>;

/// Why an extension could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// Another try may succeed.
    #[error(transparent)]
    Retry(Cause),
    /// Another try will not help.
    #[error(transparent)]
    Fatal(Cause),
    /// A setting that only this action needs is invalid.
    #[error("invalid configuration:\n{0}")]
    Settings(ConfigurationError),
}

impl ActionError {
    /// An error that may pass.
    pub fn retry(cause: impl Into<Cause>) -> Self {
        Self::Retry(cause.into())
    }

    /// An error that will not pass by itself.
    pub fn fatal(cause: impl Into<Cause>) -> Self {
        Self::Fatal(cause.into())
    }
}

/// Every error that ends an extension.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error("invalid configuration:\n{0}")]
    Settings(ConfigurationError),
    #[error("a discovery map can only be fetched, but was asked to {}", .0.as_str())]
    NotAStore(Action),
    #[error("a discovery map has only its current version, but was called with --document-version")]
    NoVersions,
    #[error("not committed: the current version is not {}", .0.as_deref().unwrap_or_default())]
    Conflict(Option<String>),
    #[error("cannot write the list of versions as JSON")]
    Encode(#[source] serde_json::Error),
    #[error("cannot write {}", .path.display())]
    Output { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Action(#[from] ActionError),
}

impl ServeError {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::Settings(_)
            | Self::NotAStore(_)
            | Self::NoVersions
            | Self::Action(ActionError::Settings(_)) => EXIT_USAGE,
            Self::Conflict(_) => EXIT_CONFLICT,
            Self::Action(ActionError::Retry(_)) => EXIT_RETRY,
            Self::Output { .. } | Self::Encode(_) | Self::Action(ActionError::Fatal(_)) => {
                EXIT_FATAL
            }
        }
    }
}
