//! Faults, each in the form in which the service at hand would tell it.

use super::message::Answered;
use serde_json::json;
use std::time::Duration;

/// What goes wrong with a call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Too many calls.
    Throttled,
    /// The same, and when to come back: in `Retry-After` (whole seconds) and `x-amz-retry-after`
    /// (milliseconds).
    ThrottledFor(Duration),
    /// The credentials do not allow the call.
    Denied,
    /// The session token has expired.
    Expired,
    /// AWS does not know the access key.
    UnknownKey,
    /// The clocks differ too much.
    Skewed,
    /// 500.
    Broken,
    /// 503.
    Unavailable,
    /// The connection is reset before the call takes effect.
    Reset,
    /// The connection is reset after the call took effect.
    ResetAfter,
    /// Half of the answer's bytes, and the end of the connection.
    Half,
    /// No answer for this time, then the end of the connection.
    Stall(Duration),
    /// Any answer.
    Answer {
        /// The status.
        status: u16,
        /// Names and values; `content-length` comes by itself.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
}

/// What the wire does.
pub(super) enum Act {
    Pass,
    Answer(Answered),
    Reset,
    ResetAfter,
    Half,
    Stall(Duration),
}

impl Act {
    pub(super) fn answer(status: u16, headers: Vec<(String, String)>, body: String) -> Self {
        Self::Answer(Answered {
            status,
            reason: "Made By The Test".to_owned(),
            headers,
            body: body.into_bytes(),
        })
    }
}

/// How a service words its errors.
#[derive(Clone, Copy)]
enum Protocol {
    /// ECS, Cloud Map.
    Json,
    /// EC2, STS.
    Query,
    S3,
}

impl Fault {
    pub(super) fn act(&self, call: &str) -> Act {
        let protocol = match call.split(':').next() {
            Some("s3") => Protocol::S3,
            Some("ec2" | "sts" | "cloudformation") => Protocol::Query,
            _ => Protocol::Json,
        };
        match self {
            Self::Reset => Act::Reset,
            Self::ResetAfter => Act::ResetAfter,
            Self::Half => Act::Half,
            Self::Stall(time) => Act::Stall(*time),
            Self::Answer {
                status,
                headers,
                body,
            } => Act::answer(*status, headers.clone(), body.clone()),
            _ => {
                let (status, code, message) = self.told(protocol, call);
                let mut answered = protocol.refusal(status, code, &message);
                if let Self::ThrottledFor(time) = self {
                    let seconds = time.as_secs_f64().ceil();
                    answered
                        .headers
                        .push(("retry-after".to_owned(), seconds.to_string()));
                    let milliseconds = time.as_millis().to_string();
                    let header = ("x-amz-retry-after".to_owned(), milliseconds);
                    answered.headers.push(header);
                }
                Act::Answer(answered)
            }
        }
    }

    /// Status, code and message.
    fn told(&self, protocol: Protocol, call: &str) -> (u16, &'static str, String) {
        if matches!(self, Self::Denied) {
            let (status, code) = match protocol {
                Protocol::Json => (400, "AccessDeniedException"),
                Protocol::Query => (403, "UnauthorizedOperation"),
                Protocol::S3 => (403, "AccessDenied"),
            };
            let user = "arn:aws:sts::000000000000:assumed-role/test/task";
            let message = format!("User: {user} is not authorized to perform: {call}");
            return (status, code, message);
        }
        let [json, query, s3] = self.everywhere();
        let (status, code, message) = match protocol {
            Protocol::Json => json,
            Protocol::Query => query,
            Protocol::S3 => s3,
        };
        (status, code, message.to_owned())
    }

    /// The same fault in each protocol.
    fn everywhere(&self) -> [(u16, &'static str, &'static str); 3] {
        match self {
            Self::Throttled | Self::ThrottledFor(_) => [
                (400, "ThrottlingException", "Rate exceeded"),
                (503, "RequestLimitExceeded", "Request limit exceeded."),
                (503, "SlowDown", "Please reduce your request rate."),
            ],
            Self::Expired => [
                (
                    400,
                    "ExpiredTokenException",
                    "The security token included in the request is expired",
                ),
                (400, "RequestExpired", "Request has expired."),
                (400, "ExpiredToken", "The provided token has expired."),
            ],
            Self::UnknownKey => [
                (
                    400,
                    "UnrecognizedClientException",
                    "The security token included in the request is invalid.",
                ),
                (
                    401,
                    "AuthFailure",
                    "AWS was not able to validate the provided access credentials",
                ),
                (
                    403,
                    "InvalidAccessKeyId",
                    "The AWS Access Key Id you provided does not exist in our records.",
                ),
            ],
            Self::Skewed => [
                (
                    400,
                    "InvalidSignatureException",
                    "Signature expired: it is too far from the current time",
                ),
                (400, "RequestExpired", "Request has expired."),
                (
                    403,
                    "RequestTimeTooSkewed",
                    "The difference between the request time and the current time is too large.",
                ),
            ],
            Self::Unavailable => [
                (503, "ServiceUnavailable", "The service is unavailable."),
                (503, "Unavailable", "The server is overloaded."),
                (503, "ServiceUnavailable", "Please try again."),
            ],
            _ => [
                (500, "ServerException", "The service has failed."),
                (500, "InternalError", "An internal error has occurred."),
                (500, "InternalError", "We encountered an internal error."),
            ],
        }
    }
}

impl Protocol {
    fn refusal(self, status: u16, code: &str, message: &str) -> Answered {
        let request = "00000000-0000-0000-0000-000000000000";
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
        let (content_type, body) = match self {
            Self::Json => (
                "application/x-amz-json-1.1",
                json!({"__type": code, "message": message}).to_string(),
            ),
            Self::Query => (
                "text/xml;charset=UTF-8",
                format!(
                    "{xml}\n<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message>\
                     </Error></Errors><RequestID>{request}</RequestID></Response>"
                ),
            ),
            Self::S3 => (
                "application/xml",
                format!(
                    "{xml}\n<Error><Code>{code}</Code><Message>{message}</Message>\
                     <RequestId>{request}</RequestId></Error>"
                ),
            ),
        };
        Answered {
            status,
            reason: "Made By The Test".to_owned(),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into_bytes(),
        }
    }
}
