//! What each kind of error is taken for, and what is said of it.

use super::{Call, CallFault, Reason, verdict::Verdict};
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

type Refusal = SdkError<ErrorMetadata, Response>;

const NOW: i64 = 1_795_409_412;

fn now() -> SystemTime {
    SystemTime::try_from(DateTime::from_secs(NOW)).unwrap()
}

/// An answer that AWS gives when its clock is `ahead` seconds before ours.
fn answer(status: u16, ahead: i64) -> Response {
    let mut answer = Response::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
    let date = DateTime::from_secs(NOW + ahead).fmt(Format::HttpDate);
    answer.headers_mut().insert("date", date.unwrap());
    answer
}

fn refusal(status: u16, code: &str, message: &str, ahead: i64) -> Refusal {
    let mut said = ErrorMetadata::builder();
    if !code.is_empty() {
        said = said.code(code);
    }
    if !message.is_empty() {
        said = said.message(message);
    }
    SdkError::service_error(said.build(), answer(status, ahead))
}

fn fault(error: &Refusal) -> CallFault {
    Call::new("s3:GetObject", "s3://mesh/key").judged(Verdict::of(error, now()))
}

fn told(error: &Refusal) -> (Reason, String) {
    let fault = fault(error);
    (fault.reason, fault.to_string())
}

#[test]
fn codes_decide_before_the_status_does() {
    for (status, code, reason) in [
        (400, "ThrottlingException", Reason::Throttled),
        (400, "KMS.ThrottlingException", Reason::Throttled),
        (400, "KMS.DisabledException", Reason::Refused),
        (503, "SlowDown", Reason::Throttled),
        (503, "RequestLimitExceeded", Reason::Throttled),
        (429, "", Reason::Throttled),
        (400, "RequestTimeout", Reason::Unreachable),
        (408, "", Reason::Unreachable),
        (503, "ServiceUnavailable", Reason::Broken),
        (500, "InternalError", Reason::Broken),
        (409, "OperationAborted", Reason::Broken),
        (502, "", Reason::Broken),
        (400, "ExpiredToken", Reason::Expired),
        (400, "ExpiredTokenException", Reason::Expired),
        (403, "RequestTimeTooSkewed", Reason::Expired),
        (400, "RequestExpired", Reason::Expired),
        (403, "InvalidAccessKeyId", Reason::NoCredentials),
        (403, "SignatureDoesNotMatch", Reason::NoCredentials),
        (400, "UnrecognizedClientException", Reason::NoCredentials),
        (401, "AuthFailure", Reason::NoCredentials),
        (400, "InvalidSignatureException", Reason::NoCredentials),
        (403, "AccessDenied", Reason::Denied),
        (400, "AccessDeniedException", Reason::Denied),
        (403, "UnauthorizedOperation", Reason::Denied),
        (403, "", Reason::Denied),
        (400, "AuthorizationHeaderMalformed", Reason::Refused),
        (404, "NoSuchBucket", Reason::Refused),
        (400, "ClusterNotFoundException", Reason::Refused),
        (301, "PermanentRedirect", Reason::Refused),
        (304, "", Reason::Refused),
    ] {
        let fault = fault(&refusal(status, code, "", 0));
        assert_eq!(fault.reason, reason, "{status} {code}");
        assert_eq!(fault.code.unwrap_or_default(), code);
        let failure = ActionError::from(fault_of(reason));
        let retried = matches!(failure, ActionError::Retry(_));
        assert_eq!(retried, reason.may_pass(), "{reason:?}");
    }
}

fn fault_of(reason: Reason) -> CallFault {
    Call::new("a:B", "c").judged(Verdict {
        reason,
        code: None,
        detail: String::new(),
        hint: None,
    })
}

#[test]
fn a_clock_that_is_wrong_is_told_from_keys_that_are() {
    for code in [
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "AuthFailure",
        "AccessDeniedException",
        "RequestTimeTooSkewed",
    ] {
        for ahead in [600, -600] {
            let (reason, text) = told(&refusal(403, code, "", ahead));
            assert_eq!(reason, Reason::Expired, "{code}");
            let expected = format!(
                "s3:GetObject on s3://mesh/key was refused, as the credentials or the clock are \
                 out of date: {code} (HTTP status 403); this machine's clock is 600 s away from \
                 AWS's"
            );
            assert_eq!(text, expected);
        }
    }
    let (reason, text) = told(&refusal(403, "AccessDenied", "no", 0));
    assert_eq!(reason, Reason::Denied);
    assert_eq!(
        text,
        "s3:GetObject on s3://mesh/key is not allowed: AccessDenied: no\n  \
         hint: allow s3:GetObject on it in the IAM role's policy"
    );
}

/// AWS repeats the signed headers, the session token among them, to help whoever wrote the client.
#[test]
fn nothing_that_was_signed_is_told() {
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
            let error = refusal(403, code, echo, ahead);
            let text = format!("{0} {0:?}", fault(&error));
            for secret in ["IQoJb3Jp", "AKIAEXAMPLE", "fe5f80", "Canonical"] {
                assert!(!text.contains(secret), "{code}: {text}");
            }
        }
    }
}

#[test]
fn what_was_said_is_one_line_and_not_too_long() {
    let error = refusal(
        400,
        "Bad\nCode",
        &format!("one\r\n  two\x1b[31m {}", "ä".repeat(900)),
        0,
    );
    let expected = format!(
        "s3:GetObject on s3://mesh/key was refused: Bad Code: one two [31m {}…",
        "ä".repeat(587)
    );
    assert_eq!(told(&error).1, expected);
}

#[test]
fn no_answer_is_retried_and_told_with_its_causes() {
    let reset = io::Error::new(io::ErrorKind::ConnectionReset, "reset by peer");
    let error = SdkError::dispatch_failure(ConnectorError::io(reset.into()));
    assert_eq!(
        told(&error),
        (
            Reason::Unreachable,
            "s3:GetObject on s3://mesh/key got no whole answer: io error: reset by peer".to_owned()
        )
    );
    let error = SdkError::timeout_error("attempt timeout occurred after 10s");
    let expected = "s3:GetObject on s3://mesh/key got no whole answer: \
                    attempt timeout occurred after 10s";
    assert_eq!(told(&error), (Reason::Unreachable, expected.to_owned()));
    for (status, reason) in [(200, Reason::Unreachable), (502, Reason::Broken)] {
        let error = SdkError::response_error("unexpected end of XML", answer(status, 0));
        assert_eq!(told(&error).0, reason);
    }
    let cut = Call::new("s3:GetObject", "s3://mesh/key").out_of_time(Duration::from_secs(25));
    assert_eq!(cut.reason, Reason::Unreachable);
    assert_eq!(
        cut.to_string(),
        "s3:GetObject on s3://mesh/key got no whole answer: it took longer than 25s"
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
        let expected = format!("s3:GetObject on s3://mesh/key was refused: {detail}");
        assert_eq!(told(&error), (Reason::Refused, expected));
    }
}

#[test]
fn a_better_remedy_takes_the_usual_one_s_place() {
    let fault = fault(&refusal(403, "AccessDenied", "", 0)).with_hint("ask Ann");
    assert_eq!(
        fault.to_string(),
        "s3:GetObject on s3://mesh/key is not allowed: AccessDenied (HTTP status 403)\n  \
         hint: ask Ann"
    );
}

/// Filters answer with pages in place of AWS, and the next try may get through.
#[test]
fn a_page_is_no_answer_of_aws() {
    let page = |content_type: Option<&'static str>, body: &'static str| {
        let status = StatusCode::try_from(403).unwrap();
        let mut answer = Response::new(status, SdkBody::from(body));
        if let Some(content_type) = content_type {
            answer.headers_mut().insert("content-type", content_type);
        }
        Refusal::service_error(ErrorMetadata::builder().build(), answer)
    };
    let told_of_page = "s3:GetObject on s3://mesh/key got no whole answer: a proxy or filter on the \
                        way gave an HTML page instead (HTTP status 403)";
    for (content_type, body) in [
        (Some("text/html"), "Blocked."),
        (Some("Text/HTML; charset=utf-8"), ""),
        (None, "\n<!DOCTYPE html><p>Blocked.</p>"),
        (Some("text/plain"), "<HTML>Blocked.</HTML>"),
    ] {
        let told = told(&page(content_type, body));
        assert_eq!(told, (Reason::Unreachable, told_of_page.to_owned()));
    }
    for (content_type, body) in [
        (Some("application/xml"), "<?xml version=\"1.0\"?><Error/>"),
        (None, ""),
        (Some("text/plain"), "Blocked."),
    ] {
        assert_eq!(fault(&page(content_type, body)).reason, Reason::Denied);
    }
}
