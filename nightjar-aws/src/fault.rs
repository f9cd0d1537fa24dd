//! What a failed call means.

mod page;
mod verdict;

pub use page::{is_html, is_page};

use aws_smithy_runtime_api::{client::result::SdkError, http::Response};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use nightjar_core::extension::ActionError;
use std::{
    error::Error,
    fmt,
    time::{Duration, SystemTime},
};
pub(crate) use verdict::{Verdict, cause};

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

    /// What became of this call.
    pub fn failed<E>(self, error: &SdkError<E, Response>) -> CallFault
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        self.judged(Verdict::of(error, SystemTime::now()))
    }

    /// This call was answered, and its answer broke off.
    pub fn cut_short(self, error: &(dyn Error + 'static)) -> CallFault {
        self.judged(Verdict::unreachable(error))
    }

    /// This call was answered, and its answer did not end in time.
    pub fn out_of_time(self, limit: Duration) -> CallFault {
        self.judged(Verdict {
            reason: Reason::Unreachable,
            code: None,
            detail: format!("it took longer than {limit:?}"),
            hint: None,
        })
    }

    fn judged(self, verdict: Verdict) -> CallFault {
        CallFault {
            call: self,
            reason: verdict.reason,
            code: verdict.code,
            detail: verdict.detail,
            hint: verdict.hint,
        }
    }
}

/// Why a call failed, as far as it decides what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// AWS asks for fewer calls.
    Throttled,
    /// There was no answer, or only a part of one.
    Unreachable,
    /// AWS failed.
    Broken,
    /// The credentials were good once, and a new set is on its way; or the clock is wrong.
    Expired,
    /// Whoever hands out the credentials did not do so this time.
    Unsigned,
    /// There are no credentials, or AWS does not know them.
    NoCredentials,
    /// The credentials do not allow this call.
    Denied,
    /// What the call is made on is not there, or is not as the call needs it.
    Refused,
}

impl Reason {
    /// Whether the same call may succeed a little later.
    pub fn may_pass(self) -> bool {
        match self {
            Self::Throttled | Self::Unreachable | Self::Broken | Self::Expired | Self::Unsigned => {
                true
            }
            Self::NoCredentials | Self::Denied | Self::Refused => false,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Throttled => "was throttled",
            Self::Unreachable => "got no whole answer",
            Self::Broken => "failed at AWS",
            Self::Expired => "was refused, as the credentials or the clock are out of date",
            Self::Unsigned => "could not be signed, as the credentials could not be fetched",
            Self::NoCredentials => "could not be signed with valid credentials",
            Self::Denied => "is not allowed",
            Self::Refused => "was refused",
        }
    }
}

/// A failed call. Its text never holds a key, a token or a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFault {
    /// Which call.
    pub call: Call,
    /// Why it failed.
    pub reason: Reason,
    /// AWS's own word for it, if there was one.
    pub code: Option<String>,
    /// What AWS or the connection said.
    pub detail: String,
    hint: Option<String>,
}

impl CallFault {
    /// The same with a better remedy than the usual one.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl fmt::Display for CallFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { action, on } = &self.call;
        write!(
            f,
            "{action} on {on} {}: {}",
            self.reason.words(),
            self.detail
        )?;
        match (&self.hint, self.reason) {
            (Some(hint), _) => write!(f, "\n  hint: {hint}"),
            (None, Reason::Denied) => {
                write!(f, "\n  hint: allow {action} on it in the IAM role's policy")
            }
            (None, Reason::NoCredentials) => write!(
                f,
                "\n  hint: give the task or instance an IAM role, or set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            ),
            (None, _) => Ok(()),
        }
    }
}

impl Error for CallFault {}

impl From<CallFault> for ActionError {
    fn from(fault: CallFault) -> Self {
        if fault.reason.may_pass() {
            Self::retry(fault)
        } else {
            Self::fatal(fault)
        }
    }
}

#[cfg(test)]
mod tests;
