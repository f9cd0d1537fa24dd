//! From an error of the SDK to why a call failed.

use super::{Reason, is_page};
use crate::credentials::NoCredentials;
use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_smithy_http::endpoint::error::ResolveEndpointError;
use aws_smithy_runtime_api::{client::result::SdkError, http::Response};
use aws_smithy_types::{DateTime, date_time::Format, error::metadata::ProvideErrorMetadata};
use nightjar_core::report::error_chain;
use std::{
    error::Error,
    time::{Duration, SystemTime},
};

/// Why a call failed, AWS's code for it, and what was said, fit for a log.
pub(crate) struct Verdict {
    pub(crate) reason: Reason,
    pub(crate) code: Option<String>,
    pub(crate) detail: String,
    /// A better remedy than the usual one.
    pub(crate) hint: Option<String>,
}

/// The most that is told of what was said, in characters.
const MAX_DETAIL: usize = 600;
/// From this difference on, the SDK takes a refused signature for the clock's fault.
const SKEW: Duration = Duration::from_mins(4);

const EXPIRED: [&str; 7] = [
    "ExpiredToken",
    "ExpiredTokenException",
    // Of a web identity token: expired, or revoked.
    "IDPRejectedClaim",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "TokenRefreshRequired",
];
/// What AWS says to a call that it cannot tell the sender of. Its messages may repeat the headers
/// that were signed, the session token among them, and are never shown.
const NOT_AUTHENTICATED: [&str; 12] = [
    "AuthFailure",
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
];
const UNKNOWN_SENDER: [&str; 1] = ["UnrecognizedClientException"];
const DENIED: [&str; 6] = [
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "AuthorizationError",
    "NotAuthorized",
    "UnauthorizedOperation",
];
/// What passes by itself although its status is not one of a broken server.
const BROKEN: [&str; 8] = [
    "ConditionalRequestConflict",
    "IDPCommunicationError",
    "InternalError",
    "InternalFailure",
    "OperationAborted",
    "ServerException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];

impl Verdict {
    /// The verdict on an error at a time by this machine's clock.
    pub(crate) fn of<E>(error: &SdkError<E, Response>, now: SystemTime) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if let Some(missing) = cause::<NoCredentials>(error) {
            return Self {
                reason: missing.reason,
                code: None,
                detail: printable(&missing.detail),
                hint: missing.hint.as_deref().map(printable),
            };
        }
        match error {
            SdkError::ServiceError(refusal) => {
                let (said, answer) = (refusal.err(), refusal.raw());
                Self::of_answer(said.code(), said.message(), answer, now)
            }
            // What came back is not what the service answers: a proxy's page, or a part.
            SdkError::ResponseError(refusal) => {
                let is_broken = refusal.raw().status().as_u16() >= 500;
                Self {
                    reason: if is_broken {
                        Reason::Broken
                    } else {
                        Reason::Unreachable
                    },
                    ..Self::unreachable(error)
                }
            }
            SdkError::ConstructionFailure(_) => Self::unmade(error.source().unwrap_or(error)),
            SdkError::DispatchFailure(failure) => match cause::<ResolveEndpointError>(error) {
                Some(endpoint) => Self::unmade(endpoint),
                None if failure.is_user() => Self::unmade(error.source().unwrap_or(error)),
                None => Self::unreachable(error),
            },
            _ => Self::unreachable(error),
        }
    }

    /// There was no answer, or only a part of one.
    pub(super) fn unreachable(error: &(dyn Error + 'static)) -> Self {
        Self {
            reason: Reason::Unreachable,
            code: None,
            // The SDK's own outermost words say no more than that the call failed.
            detail: told(error.source().unwrap_or(error)),
            hint: None,
        }
    }

    /// The call cannot be made out of what it was given.
    fn unmade(error: &(dyn Error + 'static)) -> Self {
        Self {
            reason: Reason::Refused,
            code: None,
            detail: told(error),
            hint: None,
        }
    }

    fn of_answer(
        code: Option<&str>,
        message: Option<&str>,
        answer: &Response,
        now: SystemTime,
    ) -> Self {
        let status = answer.status().as_u16();
        if code.is_none() && status < 500 && is_page(answer) {
            return Self {
                reason: Reason::Unreachable,
                code: None,
                detail: format!(
                    "a proxy or filter on the way gave an HTML page instead (HTTP status {status})"
                ),
                hint: None,
            };
        }
        let skew = skew(answer, now).filter(|skew| *skew > SKEW);
        let reason = reason(code.unwrap_or_default(), status, skew.is_some());
        let hidden = code.is_some_and(|code| NOT_AUTHENTICATED.contains(&code));
        let message = message.filter(|message| !message.is_empty() && !hidden);
        let mut detail = match (code, message) {
            (None, None) => format!("HTTP status {status}"),
            (None, Some(message)) => format!("HTTP status {status}: {}", printable(message)),
            (Some(code), None) => format!("{} (HTTP status {status})", printable(code)),
            (Some(code), Some(message)) => format!("{}: {}", printable(code), printable(message)),
        };
        if let (Reason::Expired, Some(skew)) = (reason, skew) {
            let seconds = skew.as_secs();
            detail = format!("{detail}; this machine's clock is {seconds} s away from AWS's");
        }
        Self {
            reason,
            code: code.map(ToOwned::to_owned),
            detail,
            hint: None,
        }
    }
}

fn reason(code: &str, status: u16, is_skewed: bool) -> Reason {
    // S3 hands on what the key service says of an object's key.
    let code = code.strip_prefix("KMS.").unwrap_or(code);
    let is_in = |codes: &[&str]| codes.contains(&code);
    let is_unknown = is_in(&NOT_AUTHENTICATED) || is_in(&UNKNOWN_SENDER);
    if is_in(THROTTLING_ERRORS) || status == 429 {
        Reason::Throttled
    } else if is_in(TRANSIENT_ERRORS) || status == 408 {
        Reason::Unreachable
    } else if is_in(&EXPIRED) || (is_skewed && (is_unknown || is_in(&DENIED))) {
        Reason::Expired
    } else if code == "AuthorizationHeaderMalformed" {
        // The region that was signed for is wrong, not who signed.
        Reason::Refused
    } else if is_unknown {
        Reason::NoCredentials
    } else if is_in(&DENIED) || matches!(status, 401 | 403) {
        Reason::Denied
    } else if is_in(&BROKEN) || status >= 500 {
        Reason::Broken
    } else {
        Reason::Refused
    }
}

/// How far this machine's clock and that of the answer's sender are apart.
fn skew(answer: &Response, now: SystemTime) -> Option<Duration> {
    let date = DateTime::from_str(answer.headers().get("date")?, Format::HttpDate).ok()?;
    let theirs = SystemTime::try_from(date).ok()?;
    let ahead = now.duration_since(theirs);
    Some(ahead.unwrap_or_else(|behind| behind.duration()))
}

/// The first cause of a type.
pub(crate) fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        current = error.source();
    }
    None
}

/// An error with its causes, fit for a log.
fn told(error: &(dyn Error + 'static)) -> String {
    printable(&error_chain(error))
}

/// A text of somebody else's on one line, and not too long.
fn printable(text: &str) -> String {
    let readable = |letter: char| if letter.is_control() { ' ' } else { letter };
    let text: String = text.chars().map(readable).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(MAX_DETAIL) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
