//! Each way to have no credentials: the kind of error, and its message.

use super::{CredentialSource, NoCredentialsError, TIMEOUT, check, source::Provider};
use crate::error::{Call, CallError, ErrorKind};
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

fn source(kind: Provider, roles: &[&str]) -> CredentialSource {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    CredentialSource::new("dev", kind, roles)
}

/// The error of a call that found no credentials.
fn kind_and_text(error: &CredentialsError, source: &CredentialSource) -> (ErrorKind, String) {
    let missing = CredentialsError::provider_error(NoCredentialsError::of(error, source));
    let connector = ConnectorError::other(missing.into(), None);
    let error = SdkError::<ErrorMetadata, Response>::dispatch_failure(connector);
    let error: CallError = Call::new("s3:GetObject", "s3://mesh/key").error(&error);
    let text = error.to_string();
    let text = text.strip_prefix("s3:GetObject on s3://mesh/key could not be ");
    (error.kind, text.unwrap().to_owned())
}

const USUAL_HINT: &str = "\n  hint: give the task or instance an IAM role, or set AWS_ACCESS_KEY_ID and \
                     AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";
const UNAVAILABLE: &str = "signed because the credentials could not be loaded: ";

#[test]
fn missing_credentials_differ_from_those_that_could_not_be_loaded() {
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
        let expected = format!("authenticated: {detail}{USUAL_HINT}");
        let found = kind_and_text(&error, &source(Provider::Other, &[]));
        assert_eq!(found, (ErrorKind::InvalidCredentials, expected));
    }
    for error in [
        CredentialsError::provider_error("HTTP status 500"),
        CredentialsError::provider_timed_out(TIMEOUT),
        CredentialsError::unhandled("what"),
    ] {
        let (kind, text) = kind_and_text(&error, &source(Provider::Other, &[]));
        assert_eq!(kind, ErrorKind::CredentialsUnavailable);
        assert!(text.starts_with(UNAVAILABLE), "{text}");
    }
}

#[test]
fn no_output_of_a_credential_process_is_shown() {
    for error in [
        CredentialsError::provider_error("exited with 1. Stderr: SECRET"),
        CredentialsError::unhandled("SECRET"),
        CredentialsError::provider_timed_out(TIMEOUT),
    ] {
        let (kind, text) = kind_and_text(&error, &source(Provider::Process, &[ROLE]));
        assert_eq!(kind, ErrorKind::CredentialsUnavailable);
        assert!(!text.contains("SECRET"), "{text}");
        let named = format!("{UNAVAILABLE}role {ROLE} with the credential process of profile dev ");
        assert!(text.starts_with(&named), "{text}");
    }
}

#[test]
fn what_only_the_cli_reads_is_named_with_its_remedy() {
    let error = CredentialsError::invalid_configuration("feature sso");
    let (kind, text) = kind_and_text(&error, &source(Provider::IdentityCenter, &[]));
    assert_eq!(kind, ErrorKind::InvalidCredentials);
    let expected = "authenticated: the IAM Identity Center session of profile dev: only the AWS CLI can read \
                    this session\n  hint: run `aws sso login --profile dev`, and set AWS_PROFILE to another \
                    profile that has `credential_process = aws configure export-credentials --profile dev \
                    --format process`";
    assert_eq!(text, expected);
}

/// An error of STS instead of a role's credentials.
fn sts_error(code: &str, status: u16, by_token: bool) -> CredentialsError {
    let metadata = ErrorMetadata::builder().code(code).message("said").build();
    let answer = Response::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
    if by_token {
        let error = AssumeRoleWithWebIdentityError::generic(metadata);
        CredentialsError::provider_error(SdkError::service_error(error, answer))
    } else {
        let error = AssumeRoleError::generic(metadata);
        CredentialsError::provider_error(SdkError::service_error(error, answer))
    }
}

#[test]
fn a_role_that_sts_denies_is_named_and_worth_another_try_or_not() {
    let provider = |by_token| {
        let token_file = "/token".to_owned();
        Some(Provider::WebIdentity { token_file }).filter(|_| by_token)
    };
    for (code, status, by_token, kind) in [
        ("AccessDenied", 403, false, ErrorKind::InvalidCredentials),
        ("AccessDenied", 403, true, ErrorKind::InvalidCredentials),
        (
            "InvalidIdentityToken",
            400,
            true,
            ErrorKind::InvalidCredentials,
        ),
        (
            "RegionDisabledException",
            403,
            false,
            ErrorKind::InvalidCredentials,
        ),
        ("Throttling", 400, false, ErrorKind::CredentialsUnavailable),
        (
            "ExpiredToken",
            403,
            false,
            ErrorKind::CredentialsUnavailable,
        ),
        (
            "ExpiredTokenException",
            400,
            true,
            ErrorKind::CredentialsUnavailable,
        ),
        (
            "IDPRejectedClaim",
            403,
            true,
            ErrorKind::CredentialsUnavailable,
        ),
        (
            "IDPCommunicationError",
            400,
            true,
            ErrorKind::CredentialsUnavailable,
        ),
        (
            "InternalFailure",
            500,
            false,
            ErrorKind::CredentialsUnavailable,
        ),
    ] {
        let error = sts_error(code, status, by_token);
        let (found, text) = kind_and_text(
            &error,
            &source(provider(by_token).unwrap_or(Provider::Other), &[ROLE]),
        );
        assert_eq!(found, kind, "{code}");
        assert_eq!(
            found.is_retryable(),
            kind == ErrorKind::CredentialsUnavailable
        );
        let call = if by_token {
            "sts:AssumeRoleWithWebIdentity"
        } else {
            "sts:AssumeRole"
        };
        let named = format!("role {ROLE} with ");
        assert!(text.contains(&named), "{text}");
        assert!(text.contains(&format!(": {call}: {code}: said")), "{text}");
        let advises = text.contains(&format!("allow {call} in the role's trust policy"));
        assert_eq!(advises, code == "AccessDenied", "{text}");
    }
}

#[test]
fn keys_that_no_header_can_carry_are_not_used_and_not_shown() {
    let keys = |id: &str, secret: &str, token: Option<&str>| {
        check(Credentials::new(
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
