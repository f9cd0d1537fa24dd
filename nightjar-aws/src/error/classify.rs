//! Classification of the SDK's errors: why a call failed.

use super::{ErrorKind, NoCredentialsError, is_html_response};
use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_smithy_http::endpoint::error::ResolveEndpointError;
use aws_smithy_runtime_api::{client::result::SdkError, http::Response};
use aws_smithy_types::{DateTime, date_time::Format, error::metadata::ProvideErrorMetadata};
use nightjar_core::report::error_chain;
use std::{
    error::Error,
    time::{Duration, SystemTime},
};

/// Why a call failed, AWS's code for it, and AWS's message, fit for a log.
pub(crate) struct Classification {
    pub(crate) kind: ErrorKind,
    pub(crate) code: Option<String>,
    pub(crate) detail: String,
    /// A hint that fits better than the usual one.
    pub(crate) hint: Option<String>,
}

/// The longest message of AWS that is shown, in characters.
const MAX_DETAIL: usize = 600;
/// From this difference on, the SDK blames the clock for a rejected signature.
const MAX_CLOCK_SKEW: Duration = Duration::from_mins(4);

const EXPIRED_CODES: [&str; 7] = [
    "ExpiredToken",
    "ExpiredTokenException",
    // Of a web identity token: expired, or revoked.
    "IDPRejectedClaim",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "TokenRefreshRequired",
];
/// Calls whose sender AWS cannot authenticate. The messages may repeat the headers that were signed,
/// the session token among them, and are never shown.
const AUTHENTICATION_CODES: [&str; 12] = [
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
const UNKNOWN_CLIENT_CODES: [&str; 1] = ["UnrecognizedClientException"];
const DENIED_CODES: [&str; 6] = [
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "AuthorizationError",
    "NotAuthorized",
    "UnauthorizedOperation",
];
/// Errors of AWS itself, whatever their status.
const SERVER_ERROR_CODES: [&str; 8] = [
    "ConditionalRequestConflict",
    "IDPCommunicationError",
    "InternalError",
    "InternalFailure",
    "OperationAborted",
    "ServerException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];

impl Classification {
    /// Classifies an error that came at this time by this machine's clock.
    pub(crate) fn of<E>(error: &SdkError<E, Response>, now: SystemTime) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if let Some(missing) = find_cause::<NoCredentialsError>(error) {
            return Self {
                kind: missing.kind,
                code: None,
                detail: one_line(&missing.detail),
                hint: missing.hint.as_deref().map(one_line),
            };
        }
        match error {
            SdkError::ServiceError(service_error) => {
                let (error, response) = (service_error.err(), service_error.raw());
                Self::of_response(error.code(), error.message(), response, now)
            }
            // The response is not the service's: a proxy's page, or a part of a response.
            SdkError::ResponseError(response_error) => {
                let is_broken = response_error.raw().status().as_u16() >= 500;
                Self {
                    kind: if is_broken {
                        ErrorKind::ServerError
                    } else {
                        ErrorKind::NoResponse
                    },
                    ..Self::no_response(error)
                }
            }
            SdkError::ConstructionFailure(_) => Self::not_sent(error.source().unwrap_or(error)),
            SdkError::DispatchFailure(failure) => match find_cause::<ResolveEndpointError>(error) {
                Some(endpoint) => Self::not_sent(endpoint),
                None if failure.is_user() => Self::not_sent(error.source().unwrap_or(error)),
                None => Self::no_response(error),
            },
            _ => Self::no_response(error),
        }
    }

    /// There was no response, or only a part of one.
    pub(super) fn no_response(error: &(dyn Error + 'static)) -> Self {
        Self {
            kind: ErrorKind::NoResponse,
            code: None,
            // The SDK's outermost message says no more than that the call failed.
            detail: one_line_in_full(error.source().unwrap_or(error)),
            hint: None,
        }
    }

    /// The call could not be built from its input, and was not sent.
    fn not_sent(error: &(dyn Error + 'static)) -> Self {
        Self {
            kind: ErrorKind::Rejected,
            code: None,
            detail: one_line_in_full(error),
            hint: None,
        }
    }

    fn of_response(
        code: Option<&str>,
        message: Option<&str>,
        response: &Response,
        now: SystemTime,
    ) -> Self {
        let status = response.status().as_u16();
        if code.is_none() && status < 500 && is_html_response(response) {
            return Self {
                kind: ErrorKind::NoResponse,
                code: None,
                detail: format!(
                    "a proxy or filter answered with an HTML page (HTTP status {status})"
                ),
                hint: None,
            };
        }
        let skew = clock_skew(response, now).filter(|skew| *skew > MAX_CLOCK_SKEW);
        let kind = kind(code.unwrap_or_default(), status, skew.is_some());
        let hidden = code.is_some_and(|code| AUTHENTICATION_CODES.contains(&code));
        let message = message.filter(|message| !message.is_empty() && !hidden);
        let mut detail = match (code, message) {
            (None, None) => format!("HTTP status {status}"),
            (None, Some(message)) => format!("HTTP status {status}: {}", one_line(message)),
            (Some(code), None) => format!("{} (HTTP status {status})", one_line(code)),
            (Some(code), Some(message)) => format!("{}: {}", one_line(code), one_line(message)),
        };
        if let (ErrorKind::Expired, Some(skew)) = (kind, skew) {
            let seconds = skew.as_secs();
            detail = format!("{detail}; this machine's clock differs from AWS's by {seconds} s");
        }
        Self {
            kind,
            code: code.map(ToOwned::to_owned),
            detail,
            hint: None,
        }
    }
}

fn kind(code: &str, status: u16, is_skewed: bool) -> ErrorKind {
    // S3 passes on the errors of KMS about an object's key.
    let code = code.strip_prefix("KMS.").unwrap_or(code);
    let is_in = |codes: &[&str]| codes.contains(&code);
    let is_unauthenticated = is_in(&AUTHENTICATION_CODES) || is_in(&UNKNOWN_CLIENT_CODES);
    if is_in(THROTTLING_ERRORS) || status == 429 {
        ErrorKind::Throttled
    } else if is_in(TRANSIENT_ERRORS) || status == 408 {
        ErrorKind::NoResponse
    } else if is_in(&EXPIRED_CODES) || (is_skewed && (is_unauthenticated || is_in(&DENIED_CODES))) {
        ErrorKind::Expired
    } else if code == "AuthorizationHeaderMalformed" {
        // The region in the signature is wrong, not the signer.
        ErrorKind::Rejected
    } else if is_unauthenticated {
        ErrorKind::InvalidCredentials
    } else if is_in(&DENIED_CODES) || matches!(status, 401 | 403) {
        ErrorKind::Denied
    } else if is_in(&SERVER_ERROR_CODES) || status >= 500 {
        ErrorKind::ServerError
    } else {
        ErrorKind::Rejected
    }
}

/// The difference between this machine's clock and that of the response's sender.
fn clock_skew(response: &Response, now: SystemTime) -> Option<Duration> {
    let date = DateTime::from_str(response.headers().get("date")?, Format::HttpDate).ok()?;
    let theirs = SystemTime::try_from(date).ok()?;
    let ahead = now.duration_since(theirs);
    Some(ahead.unwrap_or_else(|behind| behind.duration()))
}

/// The first cause of a type.
pub(crate) fn find_cause<'a, T: Error + 'static>(
    error: &'a (dyn Error + 'static),
) -> Option<&'a T> {
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
fn one_line_in_full(error: &(dyn Error + 'static)) -> String {
    one_line(&error_chain(error))
}

/// A text from elsewhere, on one line and not too long.
fn one_line(text: &str) -> String {
    let readable = |letter: char| if letter.is_control() { ' ' } else { letter };
    let text: String = text.chars().map(readable).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(MAX_DETAIL) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
