//! Credentials from the SDK's standard chain, and what is said if there are none.
//!
//! The SDK's own errors name neither profile nor role, and repeat what a credential process prints.

mod origin;

use crate::fault::{Reason, Verdict, cause};
use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use aws_sdk_sts::operation::{
    assume_role::AssumeRoleError, assume_role_with_web_identity::AssumeRoleWithWebIdentityError,
};
use aws_smithy_runtime_api::{client::result::SdkError, http::Response};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use nightjar_core::report::error_chain;
use origin::{Kind, Origin};
use std::{
    error::Error,
    fmt,
    time::{Duration, SystemTime},
};

/// The longest wait for credentials; below the time for one try of a call, so that a message tells
/// what was waited for.
const TIMEOUT: Duration = Duration::from_secs(8);

/// The same settings, whose credentials tell what became of them.
pub(crate) fn explained(config: SdkConfig) -> SdkConfig {
    let Some(chain) = config.credentials_provider() else {
        return config;
    };
    let provider = SharedCredentialsProvider::new(Explained(chain));
    config.into_builder().credentials_provider(provider).build()
}

#[derive(Debug)]
struct Explained(SharedCredentialsProvider);

impl ProvideCredentials for Explained {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let found = tokio::time::timeout(TIMEOUT, self.0.provide_credentials()).await;
            let found =
                found.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(TIMEOUT)));
            let explained = match found {
                Ok(credentials) => checked(credentials),
                Err(error) => Err(NoCredentials::of(&error, &Origin::find().await)),
            };
            explained.map_err(CredentialsError::provider_error)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.0.fallback_on_interrupt()
    }
}

/// The SDK panics on a key's id that no header can carry, and signs with such a token.
fn checked(credentials: Credentials) -> Result<Credentials, NoCredentials> {
    let parts = [
        Some(credentials.access_key_id()),
        Some(credentials.secret_access_key()),
        credentials.session_token(),
    ];
    let is_wrong = |part: &str| part.is_empty() || part.contains(char::is_control);
    if parts.into_iter().flatten().any(is_wrong) {
        return Err(NoCredentials {
            reason: Reason::NoCredentials,
            detail: "a key or token is empty, or has control characters such as line breaks".into(),
            hint: Some("look at what hands out the credentials".into()),
        });
    }
    Ok(credentials)
}

/// Why there are no credentials. Its text never holds what a credential process printed.
#[derive(Debug)]
pub(crate) struct NoCredentials {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
    pub(crate) hint: Option<String>,
}

impl Error for NoCredentials {}

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl NoCredentials {
    fn of(error: &CredentialsError, origin: &Origin) -> Self {
        if let Some(verdict) = refused::<AssumeRoleError>(error) {
            return Self::of_role("sts:AssumeRole", &verdict, origin);
        }
        if let Some(verdict) = refused::<AssumeRoleWithWebIdentityError>(error) {
            return Self::of_role("sts:AssumeRoleWithWebIdentity", &verdict, origin);
        }
        let reason = match error {
            CredentialsError::CredentialsNotLoaded(_)
            | CredentialsError::InvalidConfiguration(_) => Reason::NoCredentials,
            _ => Reason::Unsigned,
        };
        let (detail, hint) = match (reason, origin.needs_the_cli()) {
            (Reason::NoCredentials, Some(remedy)) => (
                format!("{origin}: only the AWS CLI reads its session"),
                Some(remedy),
            ),
            (Reason::Unsigned, _) if origin.kind == Kind::Process => {
                return Self::of_process(error, origin);
            }
            (Reason::Unsigned, _) if origin.has_roles() => {
                (format!("{origin}: {}", error_chain(error)), None)
            }
            _ => (error_chain(error), None),
        };
        Self {
            reason,
            detail,
            hint,
        }
    }

    /// What the process printed may hold secrets, and is not looked at.
    fn of_process(error: &CredentialsError, origin: &Origin) -> Self {
        let what = match error {
            CredentialsError::ProviderTimedOut(_) => format!("took longer than {TIMEOUT:?}"),
            _ => "failed or printed no credentials".to_owned(),
        };
        Self {
            reason: Reason::Unsigned,
            detail: format!("{origin} {what}; what it prints is not shown"),
            hint: Some("run its command by hand to see why".to_owned()),
        }
    }

    fn of_role(call: &str, verdict: &Verdict, origin: &Origin) -> Self {
        let is_denied = verdict.code.as_deref() == Some("AccessDenied");
        Self {
            reason: if verdict.reason.may_pass() {
                Reason::Unsigned
            } else {
                Reason::NoCredentials
            },
            detail: format!("{origin}: {call}: {}", verdict.detail),
            hint: is_denied.then(|| {
                format!(
                    "allow {call} on it, in the role's trust policy and in the policy of whoever \
                     assumes it"
                )
            }),
        }
    }
}

/// The verdict on a call for a role's credentials, if that is what failed.
fn refused<E>(error: &CredentialsError) -> Option<Verdict>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let refusal = cause::<SdkError<E, Response>>(error)?;
    Some(Verdict::of(refusal, SystemTime::now()))
}

#[cfg(test)]
mod tests;
