//! Credentials from the SDK's standard chain, and errors that say why there are none.
//!
//! The SDK's own errors name neither profile nor role, and repeat what a credential process prints.

mod source;

use crate::error::{Classification, ErrorKind, NoCredentialsError, find_cause};
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
use source::{CredentialSource, Provider};
use std::{
    error::Error,
    time::{Duration, SystemTime},
};

/// The longest wait for credentials; below the time for one attempt of a call, so that the message
/// names the credentials.
const TIMEOUT: Duration = Duration::from_secs(8);

/// The same configuration, with credentials that are checked and errors that name profile and role.
pub(crate) fn with_checked_provider(config: SdkConfig) -> SdkConfig {
    let Some(chain) = config.credentials_provider() else {
        return config;
    };
    let provider = SharedCredentialsProvider::new(CheckedProvider(chain));
    config.into_builder().credentials_provider(provider).build()
}

#[derive(Debug)]
struct CheckedProvider(SharedCredentialsProvider);

impl ProvideCredentials for CheckedProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let found = tokio::time::timeout(TIMEOUT, self.0.provide_credentials()).await;
            let found =
                found.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(TIMEOUT)));
            let explained = match found {
                Ok(credentials) => check(credentials),
                Err(error) => Err(NoCredentialsError::of(
                    &error,
                    &CredentialSource::find().await,
                )),
            };
            explained.map_err(CredentialsError::provider_error)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.0.fallback_on_interrupt()
    }
}

/// The SDK panics on a key id that no header can carry, and signs with such a token.
fn check(credentials: Credentials) -> Result<Credentials, NoCredentialsError> {
    let parts = [
        Some(credentials.access_key_id()),
        Some(credentials.secret_access_key()),
        credentials.session_token(),
    ];
    let is_invalid = |part: &str| part.is_empty() || part.contains(char::is_control);
    if parts.into_iter().flatten().any(is_invalid) {
        return Err(NoCredentialsError {
            kind: ErrorKind::InvalidCredentials,
            detail: "a key or token is empty or contains control characters such as line breaks"
                .into(),
            hint: Some("check where the credentials come from".into()),
        });
    }
    Ok(credentials)
}

impl NoCredentialsError {
    fn of(error: &CredentialsError, source: &CredentialSource) -> Self {
        if let Some(classification) = sts_error::<AssumeRoleError>(error) {
            return Self::from_sts("sts:AssumeRole", &classification, source);
        }
        if let Some(classification) = sts_error::<AssumeRoleWithWebIdentityError>(error) {
            return Self::from_sts("sts:AssumeRoleWithWebIdentity", &classification, source);
        }
        let kind = match error {
            CredentialsError::CredentialsNotLoaded(_)
            | CredentialsError::InvalidConfiguration(_) => ErrorKind::InvalidCredentials,
            _ => ErrorKind::CredentialsUnavailable,
        };
        let (detail, hint) = match (kind, source.cli_remedy()) {
            (ErrorKind::InvalidCredentials, Some(remedy)) => (
                format!("{source}: only the AWS CLI can read this session"),
                Some(remedy),
            ),
            (ErrorKind::CredentialsUnavailable, _) if source.provider == Provider::Process => {
                return Self::from_process(error, source);
            }
            (ErrorKind::CredentialsUnavailable, _) if source.has_roles() => {
                (format!("{source}: {}", error_chain(error)), None)
            }
            _ => (error_chain(error), None),
        };
        Self { kind, detail, hint }
    }

    /// What the process printed may hold secrets, and is not used.
    fn from_process(error: &CredentialsError, source: &CredentialSource) -> Self {
        let what = match error {
            CredentialsError::ProviderTimedOut(_) => format!("took longer than {TIMEOUT:?}"),
            _ => "failed or printed no credentials".to_owned(),
        };
        Self {
            kind: ErrorKind::CredentialsUnavailable,
            detail: format!("{source} {what}; its output may hold secrets and is not shown"),
            hint: Some("run its command by hand to see the error".to_owned()),
        }
    }

    fn from_sts(call: &str, classification: &Classification, source: &CredentialSource) -> Self {
        let is_denied = classification.code.as_deref() == Some("AccessDenied");
        Self {
            kind: if classification.kind.is_retryable() {
                ErrorKind::CredentialsUnavailable
            } else {
                ErrorKind::InvalidCredentials
            },
            detail: format!("{source}: {call}: {}", classification.detail),
            hint: is_denied.then(|| {
                format!(
                    "allow {call} in the role's trust policy and in the policy of the identity \
                     that assumes the role"
                )
            }),
        }
    }
}

/// The error of a call to STS for a role's credentials, if that is what failed.
fn sts_error<E>(error: &CredentialsError) -> Option<Classification>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let sts_error = find_cause::<SdkError<E, Response>>(error)?;
    Some(Classification::of(sts_error, SystemTime::now()))
}

#[cfg(test)]
mod tests;
