//! Errors of a store, and the exit codes that they become.

use nightjar_core::{
    document::DocumentError,
    extension::{
        ExtensionError,
        args::{EXIT_CONFLICT, EXIT_FATAL, EXIT_RETRY},
    },
};

pub(super) const NO_LIST: &str = "a store need not offer a list of versions";
pub(super) const NO_VERSION: &str =
    "nightjar template list --versions lists the versions, if the store offers that";
pub(super) const AS_BEFORE: &str = "nothing has changed: the store holds what it held before";
pub(super) const UNKNOWN_COMMIT: &str =
    "whether it was committed is not known; nightjar template diff compares it with the store";

/// Why a store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// Its program failed.
    #[error("{error}{}", .hint.map(|hint| format!("\n  hint: {hint}")).unwrap_or_default())]
    Extension {
        error: Box<ExtensionError>,
        hint: Option<&'static str>,
    },
    /// Another committed first.
    #[error(
        "not committed, and nothing is lost: {store} no longer holds version {expected}{}\n  \
         hint: another has committed meanwhile; look at what is there with nightjar template diff, \
         and try again",
        .found.as_ref().map(|found| format!(", but {found}")).unwrap_or_default()
    )]
    Conflict {
        store: String,
        expected: String,
        found: Option<String>,
    },
    /// It said that it had committed, and has not.
    #[error("{store} reported that the commit is done, but holds version {found} as before")]
    NotKept { store: String, found: String },
    /// What it handed over is not a document.
    #[error("{store} handed over what is not a document: {reason}")]
    NoDocument { store: String, reason: String },
    /// What it handed over breaks a rule.
    #[error("version {version} in {store} cannot be used: {error}")]
    Invalid {
        store: String,
        version: String,
        error: DocumentError,
    },
}

impl StoreError {
    /// The exit code of this program: what the protocol has for it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Extension { error, .. } if error.is_retry() => EXIT_RETRY,
            Self::Conflict { .. } => EXIT_CONFLICT,
            Self::Extension { .. }
            | Self::NotKept { .. }
            | Self::NoDocument { .. }
            | Self::Invalid { .. } => EXIT_FATAL,
        }
    }

    /// Whether another try may succeed, as where there is no document yet.
    pub(crate) fn is_retry(&self) -> bool {
        self.exit_code() == EXIT_RETRY
    }

    /// The same with advice where another try will not help.
    pub(super) fn with_hint_if_fatal(self, hint: &'static str) -> Self {
        if self.is_retry() {
            self
        } else {
            self.with_hint(hint)
        }
    }

    /// The same with advice, unless it is one that has its own.
    pub(crate) fn with_hint(self, hint: &'static str) -> Self {
        match self {
            Self::Extension { error, hint: None } => Self::Extension {
                error,
                hint: Some(hint),
            },
            other => other,
        }
    }
}
