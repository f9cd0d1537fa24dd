//! Each kind of error: how it is classified, and its message.

use super::{Call, CallError, ErrorKind, classify::Classification};
use aws_smithy_http::endpoint::error::ResolveEndpointError;
use aws_smithy_runtime_api::{
    client::result::{ConnectorError, SdkError},
    http::{Response, StatusCode},
};
use aws_smithy_types::{
    DateTime, body::SdkBody, date_time::Format, error::metadata::ErrorMetadata,
};
use nightjar_core::extension::ActionError;
use std::{
    io,
    time::{Duration, SystemTime},
};

type SdkCallError = SdkError<ErrorMetadata, Response>;

const NOW: i64 = 1_795_409_412;

fn now() -> SystemTime {
    SystemTime::try_from(DateTime::from_secs(NOW)).unwrap()
}

/// A response that AWS sends when its clock is `ahead` seconds before ours.
fn response(status: u16, ahead: i64) -> Response {
    let mut response = Response::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
    let date = DateTime::from_secs(NOW + ahead).fmt(Format::HttpDate);
    response.headers_mut().insert("date", date.unwrap());
    response
}

fn service_error(status: u16, code: &str, message: &str, ahead: i64) -> SdkCallError {
    let mut metadata = ErrorMetadata::builder();
    if !code.is_empty() {
        metadata = metadata.code(code);
    }
    if !message.is_empty() {
        metadata = metadata.message(message);
    }
    SdkError::service_error(metadata.build(), response(status, ahead))
}

fn call_error(error: &SdkCallError) -> CallError {
    Call::new("s3:GetObject", "s3://mesh/key").with(Classification::of(error, now()))
}

fn kind_and_text(error: &SdkCallError) -> (ErrorKind, String) {
    let error = call_error(error);
    (error.kind, error.to_string())
}

#[test]
fn codes_decide_before_the_status_does() {
    for (status, code, kind) in [
        (400, "ThrottlingException", ErrorKind::Throttled),
        (400, "KMS.ThrottlingException", ErrorKind::Throttled),
        (400, "KMS.DisabledException", ErrorKind::Rejected),
        (503, "SlowDown", ErrorKind::Throttled),
        (503, "RequestLimitExceeded", ErrorKind::Throttled),
        (429, "", ErrorKind::Throttled),
        (400, "RequestTimeout", ErrorKind::NoResponse),
        (408, "", ErrorKind::NoResponse),
        (503, "ServiceUnavailable", ErrorKind::ServerError),
        (500, "InternalError", ErrorKind::ServerError),
        (409, "OperationAborted", ErrorKind::ServerError),
        (502, "", ErrorKind::ServerError),
        (400, "ExpiredToken", ErrorKind::Expired),
        (400, "ExpiredTokenException", ErrorKind::Expired),
        (403, "RequestTimeTooSkewed", ErrorKind::Expired),
        (400, "RequestExpired", ErrorKind::Expired),
        (403, "InvalidAccessKeyId", ErrorKind::InvalidCredentials),
        (403, "SignatureDoesNotMatch", ErrorKind::InvalidCredentials),
        (
            400,
            "UnrecognizedClientException",
            ErrorKind::InvalidCredentials,
        ),
        (401, "AuthFailure", ErrorKind::InvalidCredentials),
        (
            400,
            "InvalidSignatureException",
            ErrorKind::InvalidCredentials,
        ),
        (403, "AccessDenied", ErrorKind::Denied),
        (400, "AccessDeniedException", ErrorKind::Denied),
        (403, "UnauthorizedOperation", ErrorKind::Denied),
        (403, "", ErrorKind::Denied),
        (400, "AuthorizationHeaderMalformed", ErrorKind::Rejected),
        (404, "NoSuchBucket", ErrorKind::Rejected),
        (400, "ClusterNotFoundException", ErrorKind::Rejected),
        (301, "PermanentRedirect", ErrorKind::Rejected),
        (304, "", ErrorKind::Rejected),
    ] {
        let error = call_error(&service_error(status, code, "", 0));
        assert_eq!(error.kind, kind, "{status} {code}");
        assert_eq!(error.code.unwrap_or_default(), code);
        let failure = ActionError::from(error_of(kind));
        let retried = matches!(failure, ActionError::Retry(_));
        assert_eq!(retried, kind.is_retryable(), "{kind:?}");
    }
}

fn error_of(kind: ErrorKind) -> CallError {
    Call::new("a:B", "c").with(Classification {
        kind,
        code: None,
        detail: String::new(),
        hint: None,
    })
}

#[test]
fn a_wrong_clock_is_distinguished_from_wrong_keys() {
    for code in [
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "AuthFailure",
        "AccessDeniedException",
        "RequestTimeTooSkewed",
    ] {
        for ahead in [600, -600] {
            let (kind, text) = kind_and_text(&service_error(403, code, "", ahead));
            assert_eq!(kind, ErrorKind::Expired, "{code}");
            let expected = format!(
                "s3:GetObject on s3://mesh/key was rejected because the credentials have \
                 expired or the clock is wrong: {code} (HTTP status 403); this machine's clock \
                 differs from AWS's by 600 s"
            );
            assert_eq!(text, expected);
        }
    }
    let (kind, text) = kind_and_text(&service_error(403, "AccessDenied", "no", 0));
    assert_eq!(kind, ErrorKind::Denied);
    assert_eq!(
        text,
        "s3:GetObject on s3://mesh/key is not allowed: AccessDenied: no\n  \
         hint: allow s3:GetObject on it in the IAM role's policy"
    );
}

/// AWS repeats the signed headers, the session token among them, to help whoever wrote the client.
#[test]
fn nothing_that_was_signed_is_shown() {
    let echo = "The Canonical String should have been 'POST x-amz-security-token:IQoJb3Jp' \
                Credential=AKIAEXAMPLE/20261123, Signature=fe5f80";
    for code in [
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "MissingAuthenticationToken",
        "AuthorizationHeaderMalformed",
        "InvalidAccessKeyId",
        "AuthFailure",
    ] {
        for ahead in [0, 900] {
            let error = service_error(403, code, echo, ahead);
            let text = format!("{0} {0:?}", call_error(&error));
            for secret in ["IQoJb3Jp", "AKIAEXAMPLE", "fe5f80", "Canonical"] {
                assert!(!text.contains(secret), "{code}: {text}");
            }
        }
    }
}

#[test]
fn a_message_is_one_line_and_not_too_long() {
    let error = service_error(
        400,
        "Bad\nCode",
        &format!("one\r\n  two\x1b[31m {}", "ä".repeat(900)),
        0,
    );
    let expected = format!(
        "s3:GetObject on s3://mesh/key was rejected: Bad Code: one two [31m {}…",
        "ä".repeat(587)
    );
    assert_eq!(kind_and_text(&error).1, expected);
}

#[test]
fn a_missing_response_is_retried_and_shown_with_its_causes() {
    let reset = io::Error::new(io::ErrorKind::ConnectionReset, "reset by peer");
    let error = SdkError::dispatch_failure(ConnectorError::io(reset.into()));
    assert_eq!(
        kind_and_text(&error),
        (
            ErrorKind::NoResponse,
            "s3:GetObject on s3://mesh/key got no complete response: io error: reset by peer"
                .to_owned()
        )
    );
    let error = SdkError::timeout_error("attempt timeout occurred after 10s");
    let expected = "s3:GetObject on s3://mesh/key got no complete response: \
                    attempt timeout occurred after 10s";
    assert_eq!(
        kind_and_text(&error),
        (ErrorKind::NoResponse, expected.to_owned())
    );
    for (status, kind) in [(200, ErrorKind::NoResponse), (502, ErrorKind::ServerError)] {
        let error = SdkError::response_error("unexpected end of XML", response(status, 0));
        assert_eq!(kind_and_text(&error).0, kind);
    }
    let cut = Call::new("s3:GetObject", "s3://mesh/key").timed_out(Duration::from_secs(25));
    assert_eq!(cut.kind, ErrorKind::NoResponse);
    assert_eq!(
        cut.to_string(),
        "s3:GetObject on s3://mesh/key got no complete response: it took longer than 25s"
    );
}

#[test]
fn a_call_that_cannot_be_made_is_not_retried() {
    let endpoint = ResolveEndpointError::message("Invalid ARN");
    for (error, detail) in [
        (
            SdkError::construction_failure("a bucket is missing"),
            "a bucket is missing",
        ),
        (
            SdkError::dispatch_failure(ConnectorError::user("no such scheme".into())),
            "user error: no such scheme",
        ),
        (
            SdkError::dispatch_failure(ConnectorError::other(endpoint.into(), None)),
            "Invalid ARN",
        ),
    ] {
        let expected = format!("s3:GetObject on s3://mesh/key was rejected: {detail}");
        assert_eq!(kind_and_text(&error), (ErrorKind::Rejected, expected));
    }
}

#[test]
fn a_better_hint_replaces_the_usual_one() {
    let error = call_error(&service_error(403, "AccessDenied", "", 0)).with_hint("ask Ann");
    assert_eq!(
        error.to_string(),
        "s3:GetObject on s3://mesh/key is not allowed: AccessDenied (HTTP status 403)\n  \
         hint: ask Ann"
    );
}

/// Filters answer with pages in place of AWS, and the next try may get through.
#[test]
fn an_html_page_is_not_a_response_of_aws() {
    let page = |content_type: Option<&'static str>, body: &'static str| {
        let status = StatusCode::try_from(403).unwrap();
        let mut response = Response::new(status, SdkBody::from(body));
        if let Some(content_type) = content_type {
            response.headers_mut().insert("content-type", content_type);
        }
        SdkCallError::service_error(ErrorMetadata::builder().build(), response)
    };
    let html_page = "s3:GetObject on s3://mesh/key got no complete response: a proxy or \
                        filter answered with an HTML page (HTTP status 403)";
    for (content_type, body) in [
        (Some("text/html"), "Blocked."),
        (Some("Text/HTML; charset=utf-8"), ""),
        (None, "\n<!DOCTYPE html><p>Blocked.</p>"),
        (Some("text/plain"), "<HTML>Blocked.</HTML>"),
    ] {
        let found = kind_and_text(&page(content_type, body));
        assert_eq!(found, (ErrorKind::NoResponse, html_page.to_owned()));
    }
    for (content_type, body) in [
        (Some("application/xml"), "<?xml version=\"1.0\"?><Error/>"),
        (None, ""),
        (Some("text/plain"), "Blocked."),
    ] {
        assert_eq!(
            call_error(&page(content_type, body)).kind,
            ErrorKind::Denied
        );
    }
}
