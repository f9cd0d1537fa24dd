//! What ends an extension without success.

use crate::{
    env::ConfigurationFaults,
    extension::args::{Action, EXIT_CONFLICT, EXIT_FATAL, EXIT_RETRY, EXIT_USAGE, UsageError},
    report::in_full,
};
use std::{error::Error, io, path::PathBuf};

type Cause = Box<dyn Error + Send + Sync>;

/// Why an extension could not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// Another try may succeed.
    Retry(Cause),
    /// Another try will not help.
    Fatal(Cause),
}

impl Failure {
    /// A failure that may pass.
    pub fn retry(cause: impl Into<Cause>) -> Self {
        Self::Retry(cause.into())
    }

    /// A failure that will not pass by itself.
    pub fn fatal(cause: impl Into<Cause>) -> Self {
        Self::Fatal(cause.into())
    }
}

/// Everything that ends an extension without success.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error("the settings are faulty:\n{0}")]
    Settings(ConfigurationFaults),
    #[error("a discovery map can only be fetched, and was asked to {}", .0.as_str())]
    NotAStore(Action),
    #[error("a discovery map has one version, and was asked for another with --document-version")]
    NoVersions,
    #[error("not committed: the current version is not {}", .0.as_deref().unwrap_or_default())]
    Conflict(Option<String>),
    #[error("cannot write the list of versions as JSON")]
    Encode(#[source] serde_json::Error),
    #[error("cannot write {}", .path.display())]
    Output { path: PathBuf, source: io::Error },
    #[error("{}", in_full(.0.as_ref()))]
    Retry(Cause),
    #[error("{}", in_full(.0.as_ref()))]
    Fatal(Cause),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Retry(cause) => Self::Retry(cause),
            Failure::Fatal(cause) => Self::Fatal(cause),
        }
    }
}

impl Fault {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Settings(_) | Self::NotAStore(_) | Self::NoVersions => {
                EXIT_USAGE
            }
            Self::Conflict(_) => EXIT_CONFLICT,
            Self::Retry(_) => EXIT_RETRY,
            Self::Output { .. } | Self::Encode(_) | Self::Fatal(_) => EXIT_FATAL,
        }
    }
}
