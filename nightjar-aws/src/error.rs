//! Errors of calls to AWS: which call, on what, why, and whether another try may help.

mod classify;
mod html;

pub use html::{is_html_response, is_html_type};

use aws_smithy_runtime_api::{client::result::SdkError, http::Response};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
pub(crate) use classify::{Classification, find_cause};
use nightjar_core::extension::ActionError;
use std::{
    error::Error,
    fmt,
    time::{Duration, SystemTime},
};

/// A call, as IAM names it, and what it is made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The IAM action, such as `s3:GetObject`.
    pub action: &'static str,
    /// What it is made on, for people: a bucket and key, a cluster, a task definition.
    pub on: String,
}

impl Call {
    /// A call of `action` on `on`.
    pub fn new(action: &'static str, on: impl Into<String>) -> Self {
        Self {
            action,
            on: on.into(),
        }
    }

    /// The error of this call.
    pub fn error<E>(self, error: &SdkError<E, Response>) -> CallError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        self.with(Classification::of(error, SystemTime::now()))
    }

    /// The response to this call broke off.
    pub fn interrupted(self, error: &(dyn Error + 'static)) -> CallError {
        self.with(Classification::no_response(error))
    }

    /// The response to this call did not end in time.
    pub fn timed_out(self, limit: Duration) -> CallError {
        self.with(Classification {
            kind: ErrorKind::NoResponse,
            code: None,
            detail: format!("it took longer than {limit:?}"),
            hint: None,
        })
    }

    fn with(self, classification: Classification) -> CallError {
        CallError {
            call: self,
            kind: classification.kind,
            code: classification.code,
            detail: classification.detail,
            hint: classification.hint,
        }
    }
}

/// Why a call failed, as far as this decides what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// AWS asks for fewer calls.
    Throttled,
    /// There was no response, or only a part of one.
    NoResponse,
    /// AWS failed, with 5xx or a code that means the same.
    ServerError,
    /// The credentials were good once, and a new set is on its way; or the clock is wrong.
    Expired,
    /// The provider of the credentials returned none this time.
    CredentialsUnavailable,
    /// There are no credentials, or AWS does not know them.
    InvalidCredentials,
    /// The credentials do not allow this call.
    Denied,
    /// AWS does not accept the call: what it is made on does not exist, or is not as the call needs it.
    Rejected,
}

impl ErrorKind {
    /// Whether the same call may succeed a little later.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Throttled
            | Self::NoResponse
            | Self::ServerError
            | Self::Expired
            | Self::CredentialsUnavailable => true,
            Self::InvalidCredentials | Self::Denied | Self::Rejected => false,
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Throttled => "was throttled",
            Self::NoResponse => "got no complete response",
            Self::ServerError => "failed at AWS",
            Self::Expired => {
                "was rejected because the credentials have expired or the clock is wrong"
            }
            Self::CredentialsUnavailable => {
                "could not be signed because the credentials could not be loaded"
            }
            Self::InvalidCredentials => "could not be authenticated",
            Self::Denied => "is not allowed",
            Self::Rejected => "was rejected",
        }
    }
}

/// A failed call. Its text never holds a key, a token or a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// Which call.
    pub call: Call,
    /// Why it failed.
    pub kind: ErrorKind,
    /// AWS's error code, if there was one.
    pub code: Option<String>,
    /// What AWS or the connection said.
    pub detail: String,
    hint: Option<String>,
}

impl CallError {
    /// The same with a better remedy than the usual one.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { action, on } = &self.call;
        write!(
            f,
            "{action} on {on} {}: {}",
            self.kind.phrase(),
            self.detail
        )?;
        match (&self.hint, self.kind) {
            (Some(hint), _) => write!(f, "\n  hint: {hint}"),
            (None, ErrorKind::Denied) => {
                write!(f, "\n  hint: allow {action} on it in the IAM role's policy")
            }
            (None, ErrorKind::InvalidCredentials) => write!(
                f,
                "\n  hint: give the task or instance an IAM role, or set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            ),
            (None, _) => Ok(()),
        }
    }
}

impl Error for CallError {}

impl From<CallError> for ActionError {
    fn from(error: CallError) -> Self {
        if error.kind.is_retryable() {
            Self::retry(error)
        } else {
            Self::fatal(error)
        }
    }
}

/// Why there are no credentials. Its text never holds what a credential process printed.
#[derive(Debug)]
pub(crate) struct NoCredentialsError {
    pub(crate) kind: ErrorKind,
    pub(crate) detail: String,
    pub(crate) hint: Option<String>,
}

impl Error for NoCredentialsError {}

impl fmt::Display for NoCredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

#[cfg(test)]
mod tests;
