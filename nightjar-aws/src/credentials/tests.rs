//! What becomes of each way to have no credentials, and what is said of it.

use super::{NoCredentials, Origin, TIMEOUT, checked, origin::Kind};
use crate::fault::{Call, CallFault, Reason};
use aws_credential_types::{Credentials, provider::error::CredentialsError};
use aws_sdk_sts::{
    error::ErrorMetadata,
    operation::{
        assume_role::AssumeRoleError, assume_role_with_web_identity::AssumeRoleWithWebIdentityError,
    },
};
use aws_smithy_runtime_api::{
    client::result::{ConnectorError, SdkError},
    http::{Response, StatusCode},
};
use aws_smithy_types::body::SdkBody;

const ROLE: &str = "arn:aws:iam::1:role/mesh";

fn origin(kind: Kind, roles: &[&str]) -> Origin {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    Origin::new("dev", kind, roles)
}

/// What a call says that found no credentials.
fn told(error: &CredentialsError, origin: &Origin) -> (Reason, String) {
    let missing = CredentialsError::provider_error(NoCredentials::of(error, origin));
    let connector = ConnectorError::other(missing.into(), None);
    let error = SdkError::<ErrorMetadata, Response>::dispatch_failure(connector);
    let fault: CallFault = Call::new("s3:GetObject", "s3://mesh/key").failed(&error);
    let text = fault.to_string();
    let text = text.strip_prefix("s3:GetObject on s3://mesh/key could not be signed");
    (fault.reason, text.unwrap().to_owned())
}

const USUAL: &str = "\n  hint: give the task or instance an IAM role, or set AWS_ACCESS_KEY_ID and \
                     AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";
const LATER: &str = ", as the credentials could not be fetched: ";

#[test]
fn credentials_that_are_missing_are_told_from_those_that_did_not_come() {
    for (error, detail) in [
        (
            CredentialsError::not_loaded("none found"),
            "the credential provider was not enabled: none found",
        ),
        (
            CredentialsError::invalid_configuration("a profile without end"),
            "the credentials provider was not properly configured: a profile without end",
        ),
    ] {
        let expected = format!(" with valid credentials: {detail}{USUAL}");
        let found = told(&error, &origin(Kind::Other, &[]));
        assert_eq!(found, (Reason::NoCredentials, expected));
    }
    for error in [
        CredentialsError::provider_error("HTTP status 500"),
        CredentialsError::provider_timed_out(TIMEOUT),
        CredentialsError::unhandled("what"),
    ] {
        let (reason, text) = told(&error, &origin(Kind::Other, &[]));
        assert_eq!(reason, Reason::Unsigned);
        assert!(text.starts_with(LATER), "{text}");
    }
}

#[test]
fn nothing_of_a_credential_process_is_told() {
    for error in [
        CredentialsError::provider_error("exited with 1. Stderr: SECRET"),
        CredentialsError::unhandled("SECRET"),
        CredentialsError::provider_timed_out(TIMEOUT),
    ] {
        let (reason, text) = told(&error, &origin(Kind::Process, &[ROLE]));
        assert_eq!(reason, Reason::Unsigned);
        assert!(!text.contains("SECRET"), "{text}");
        let named = format!("{LATER}role {ROLE} with the credential process of profile dev ");
        assert!(text.starts_with(&named), "{text}");
    }
}

#[test]
fn what_only_the_cli_reads_is_named_with_its_remedy() {
    let error = CredentialsError::invalid_configuration("feature sso");
    let (reason, text) = told(&error, &origin(Kind::IdentityCenter, &[]));
    assert_eq!(reason, Reason::NoCredentials);
    let expected = " with valid credentials: profile dev of IAM Identity Center: only the AWS CLI reads its \
                    session\n  hint: run `aws sso login --profile dev`, and set AWS_PROFILE to another \
                    profile, with `credential_process = aws configure export-credentials --profile dev \
                    --format process`";
    assert_eq!(text, expected);
}

/// STS's refusal to assume a role.
fn refused(code: &str, status: u16, by_token: bool) -> CredentialsError {
    let said = ErrorMetadata::builder().code(code).message("said").build();
    let answer = Response::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
    if by_token {
        let error = AssumeRoleWithWebIdentityError::generic(said);
        CredentialsError::provider_error(SdkError::service_error(error, answer))
    } else {
        let error = AssumeRoleError::generic(said);
        CredentialsError::provider_error(SdkError::service_error(error, answer))
    }
}

#[test]
fn a_refused_role_is_named_and_may_pass_or_not() {
    let kind = |by_token| {
        let file = "/token".to_owned();
        Some(Kind::WebIdentity { file }).filter(|_| by_token)
    };
    for (code, status, by_token, reason) in [
        ("AccessDenied", 403, false, Reason::NoCredentials),
        ("AccessDenied", 403, true, Reason::NoCredentials),
        ("InvalidIdentityToken", 400, true, Reason::NoCredentials),
        ("RegionDisabledException", 403, false, Reason::NoCredentials),
        ("Throttling", 400, false, Reason::Unsigned),
        ("ExpiredToken", 403, false, Reason::Unsigned),
        ("ExpiredTokenException", 400, true, Reason::Unsigned),
        ("IDPRejectedClaim", 403, true, Reason::Unsigned),
        ("IDPCommunicationError", 400, true, Reason::Unsigned),
        ("InternalFailure", 500, false, Reason::Unsigned),
    ] {
        let error = refused(code, status, by_token);
        let (found, text) = told(
            &error,
            &origin(kind(by_token).unwrap_or(Kind::Other), &[ROLE]),
        );
        assert_eq!(found, reason, "{code}");
        assert_eq!(found.may_pass(), reason == Reason::Unsigned);
        let call = if by_token {
            "sts:AssumeRoleWithWebIdentity"
        } else {
            "sts:AssumeRole"
        };
        let named = format!("role {ROLE} with ");
        assert!(text.contains(&named), "{text}");
        assert!(text.contains(&format!(": {call}: {code}: said")), "{text}");
        let advises = text.contains(&format!("allow {call} on it"));
        assert_eq!(advises, code == "AccessDenied", "{text}");
    }
}

#[test]
fn keys_that_no_header_can_carry_are_not_used_and_not_shown() {
    let keys = |id: &str, secret: &str, token: Option<&str>| {
        checked(Credentials::new(
            id,
            secret,
            token.map(Into::into),
            None,
            "test",
        ))
    };
    assert!(keys("AKIA", "key", None).is_ok());
    assert!(keys("AKIA", "wJalr", Some("token")).is_ok());
    for (id, secret, token) in [
        ("AK\nIA", "wJalr", None),
        ("", "wJalr", None),
        ("AKIA", "wJa\rlr", None),
        ("AKIA", "wJalr", Some("to\u{0}ken")),
    ] {
        let text = keys(id, secret, token).unwrap_err().to_string();
        for part in [id, secret].into_iter().filter(|part| !part.is_empty()) {
            assert!(!text.contains(part), "{text}");
        }
    }
}
