//! Session with AWS: region, credentials, endpoint and time-outs from the standard AWS settings.

use crate::{credentials, http};
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_types::{
    checksum_config::RequestChecksumCalculation,
    retry::{RetryConfig, RetryMode},
    timeout::TimeoutConfig,
};
use aws_types::app_name::AppName;
use nightjar_core::{env::Env, extension::ActionError};
use std::{ffi::OsStr, io, str::FromStr, time::Duration};
use tokio::runtime::Runtime;

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest wait for one answer, from the first byte sent to the last one read.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time for one call with all its tries; below `NJ_EXTENSION_TIMEOUT`, so that the
/// message names the call.
const CALL_TIMEOUT: Duration = Duration::from_secs(25);

/// A runtime of one thread, and AWS as the standard settings describe it: the `AWS_*` variables,
/// the shared configuration files, and the credentials of the task, instance or profile.
#[derive(Debug)]
pub struct Session {
    runtime: Runtime,
    config: SdkConfig,
}

/// Why AWS cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The operating system did not let an async runtime start.
    #[error("cannot start an async runtime")]
    Runtime(#[source] io::Error),
    /// No region is set anywhere, or a blank one.
    #[error(
        "no AWS region is set\n  hint: set AWS_REGION, or a region in the profile; \
         Fargate sets it in every container, older agents on EC2 do not"
    )]
    NoRegion,
    /// The region is set to something that is not a region's name.
    #[error("{0:?} is not the name of an AWS region, such as eu-central-1")]
    InvalidRegion(String),
    /// A key has characters that no header can carry. It is not shown.
    #[error("{0} contains control characters such as line breaks, which are not allowed in a key")]
    InvalidKey(&'static str),
    /// A standard setting has a value that the SDK does not take.
    #[error("{name}={value:?}: {reason}")]
    InvalidSetting {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl From<SessionError> for ActionError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Runtime(_) => Self::retry(error),
            SessionError::NoRegion
            | SessionError::InvalidRegion(_)
            | SessionError::InvalidKey(_)
            | SessionError::InvalidSetting { .. } => Self::fatal(error),
        }
    }
}

impl Session {
    /// Reads the standard settings. `program` is what AWS's own logs name as the caller.
    ///
    /// # Errors
    /// [`SessionError`]. Missing credentials show at the first call.
    pub fn open(program: &'static str) -> Result<Self, SessionError> {
        let env = Env::from_process();
        check_keys(&env)?;
        let retries = retry_config(&env)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(SessionError::Runtime)?;
        let config = runtime.block_on(load_config(program, &env, retries));
        check_region(config.region().map_or("", AsRef::as_ref))?;
        Ok(Self { runtime, config })
    }

    /// The configuration that clients are made from.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Runs calls to their end; `None` if they take longer than `timeout`.
    pub fn block_on_with_timeout<F: Future>(
        &self,
        timeout: Duration,
        calls: F,
    ) -> Option<F::Output> {
        self.runtime
            .block_on(async { tokio::time::timeout(timeout, calls).await.ok() })
    }

    /// Runs calls to their end.
    pub fn block_on<F: Future>(&self, calls: F) -> F::Output {
        self.runtime.block_on(calls)
    }
}

async fn load_config(program: &'static str, env: &Env, retries: RetryConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http::client(env))
        .timeout_config(timeouts)
        .retry_config(retries);
    // Otherwise the SDK adds another checksum of every body, in headers that other servers than Amazon's
    // may reject. The signature covers a hash of the body in any case.
    if env.get("AWS_REQUEST_CHECKSUM_CALCULATION").is_none() {
        loader = loader.request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    }
    if let Ok(name) = AppName::new(program) {
        loader = loader.app_name(name);
    }
    credentials::with_checked_provider(loader.load().await)
}

/// How often a call is tried. The SDK would panic on an invalid or blank value, and on invalid ones
/// in a profile, which are not read.
fn retry_config(env: &Env) -> Result<RetryConfig, SessionError> {
    let invalid = |name, value: &OsStr, reason| SessionError::InvalidSetting {
        name,
        value: value.to_string_lossy().into_owned(),
        reason,
    };
    let mut retries = RetryConfig::standard();
    let name = "AWS_RETRY_MODE";
    if let Some(value) = env.get(name) {
        let mode = value
            .to_str()
            .and_then(|text| RetryMode::from_str(text).ok());
        let mode = mode.ok_or_else(|| invalid(name, value, "is neither standard nor adaptive"))?;
        retries = retries.with_retry_mode(mode);
    }
    let name = "AWS_MAX_ATTEMPTS";
    if let Some(value) = env.get(name) {
        let attempts = value.to_str().and_then(|text| text.parse().ok());
        let attempts = attempts
            .filter(|attempts| *attempts > 0)
            .ok_or_else(|| invalid(name, value, "is not a whole number of at least 1"))?;
        retries = retries.with_max_attempts(attempts);
    }
    Ok(retries)
}

/// The SDK panics on such a key's id, and takes such a token for a call that may succeed later.
fn check_keys(env: &Env) -> Result<(), SessionError> {
    let names = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    let is_wrong = |name: &&str| {
        let value = env.get(name).map(OsStr::to_string_lossy);
        value.is_some_and(|value| value.trim().contains(char::is_control))
    };
    match names.into_iter().find(is_wrong) {
        Some(name) => Err(SessionError::InvalidKey(name)),
        None => Ok(()),
    }
}

/// The region becomes a part of host names, and not every client of the SDK checks it before.
fn check_region(region: &str) -> Result<(), SessionError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if region.is_empty() {
        Err(SessionError::NoRegion)
    } else if region.bytes().all(allowed) {
        Ok(())
    } else {
        Err(SessionError::InvalidRegion(region.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(pairs: &[(&str, &str)]) -> Result<u32, String> {
        let read = retry_config(&Env::from_pairs(pairs.to_vec()));
        let read = read.map(|retries| retries.max_attempts());
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn settings_that_the_sdk_would_panic_on_are_reported() {
        assert_eq!(attempts(&[]), Ok(3));
        assert_eq!(attempts(&[("AWS_MAX_ATTEMPTS", "")]), Ok(3));
        assert_eq!(attempts(&[("AWS_MAX_ATTEMPTS", "1")]), Ok(1));
        for mode in ["", "standard", "Adaptive"] {
            assert_eq!(attempts(&[("AWS_RETRY_MODE", mode)]), Ok(3), "{mode}");
        }
        for value in ["0", "-1", "three"] {
            let expected =
                format!("AWS_MAX_ATTEMPTS={value:?}: is not a whole number of at least 1");
            assert_eq!(attempts(&[("AWS_MAX_ATTEMPTS", value)]), Err(expected));
        }
        let expected = "AWS_RETRY_MODE=\"legacy\": is neither standard nor adaptive".to_owned();
        assert_eq!(attempts(&[("AWS_RETRY_MODE", "legacy")]), Err(expected));
    }

    #[test]
    fn keys_that_no_header_can_carry_are_reported_and_not_shown() {
        for name in [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ] {
            let checked = |value| {
                check_keys(&Env::from_pairs([(name, value)])).map_err(|error| error.to_string())
            };
            assert_eq!(checked("KEY\n"), Ok(()));
            let expected = format!(
                "{name} contains control characters such as line breaks, which are not allowed in a key"
            );
            assert_eq!(checked("KE\nY"), Err(expected));
        }
    }

    #[test]
    fn a_region_is_a_part_of_a_host_s_name() {
        for region in ["eu-central-1", "us-gov-west-1", "RegionOne", "my_site"] {
            assert!(check_region(region).is_ok(), "{region}");
        }
        for region in ["", " ", "eu central 1", "eu/../x", "a.b", "ümlaut"] {
            assert!(check_region(region).is_err(), "{region}");
        }
    }
}
