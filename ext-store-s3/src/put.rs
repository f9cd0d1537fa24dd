//! Writes of objects, conditional or not.

use crate::{
    bucket::{Bucket, GetOutcome, code, is_missing_object, status},
    error::{StoreError, call_error},
    etag::{etag_of, is_strong, version_of},
};
use aws_sdk_s3::{
    config::{Builder, http::HttpResponse, retry::RetryConfig},
    error::SdkError,
    operation::put_object::{PutObjectError, PutObjectOutput, builders::PutObjectFluentBuilder},
    primitives::ByteStream,
};
use bytes::Bytes;
use nightjar_aws::{Call, CallError, is_html_response};

/// The outcome of a conditional write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PutOutcome {
    /// The object was replaced. Its ETag without the quotes, if the server sent it.
    Replaced(Option<String>),
    /// The bucket has another object than the expected one, or none.
    Conflict,
}

/// The content of an object.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// As it is stored.
    pub(crate) bytes: Bytes,
    /// Its content encoding, if it has one.
    pub(crate) encoding: Option<&'static str>,
}

impl Bucket {
    /// Makes this the object, in one step. Its ETag without the quotes, if the server sends it.
    pub(crate) async fn put(&self, key: &str, body: &Body) -> Result<Option<String>, CallError> {
        let answer = self.put_object(key, body).send().await;
        let answer = answer.map_err(|error| self.put_error(key, &error))?;
        Ok(version(&answer))
    }

    /// The same, tried once. If the answer is lost, the object may be there, and another one after
    /// it that a second try would replace.
    pub(crate) async fn put_once(
        &self,
        key: &str,
        body: &Body,
    ) -> Result<Option<String>, CallError> {
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let request = self.put_object(key, body).customize();
        let answer = request.config_override(once).send().await;
        let answer = answer.map_err(|error| self.put_error(key, &error))?;
        Ok(version(&answer))
    }

    /// The same in place of version `previous` alone.
    pub(crate) async fn replace(
        &self,
        key: &str,
        body: &Body,
        previous: &str,
    ) -> Result<PutOutcome, StoreError> {
        // What cannot be an ETag is not the current one.
        let Some(etag) = etag_of(previous) else {
            return Ok(PutOutcome::Conflict);
        };
        // No server compares by a weak one.
        if is_strong(&etag) {
            match self.put_object(key, body).if_match(etag).send().await {
                Ok(answer) => return Ok(PutOutcome::Replaced(version(&answer))),
                Err(error) if is_conflict(&error) => {
                    // Nothing is replaced, so nothing is lost if this look fails.
                    let found = self.get(key, None, body.bytes.len() as u64).await;
                    return Ok(found.map_or(PutOutcome::Conflict, |found| outcome_of(found, body)));
                }
                Err(error) if status(&error) != Some(501) => {
                    return Err(self.put_error(key, &error).into());
                }
                Err(_) => {}
            }
        }
        self.replace_unguarded(key, body, previous).await
    }

    /// The same on a server that does not compare: it is compared here, just before.
    async fn replace_unguarded(
        &self,
        key: &str,
        body: &Body,
        previous: &str,
    ) -> Result<PutOutcome, StoreError> {
        let found = self.get(key, Some(previous), body.bytes.len() as u64).await;
        match found {
            Ok(GetOutcome::Unchanged) => {}
            Ok(found) => return Ok(outcome_of(found, body)),
            Err(StoreError::Missing(_) | StoreError::TooLarge { .. }) => {
                return Ok(PutOutcome::Conflict);
            }
            Err(error) => return Err(error),
        }
        tracing::warn!(
            "the server does not support conditional writes, so a commit to {} by another program at \
             the same moment is lost",
            self.uri(key)
        );
        Ok(PutOutcome::Replaced(self.put_once(key, body).await?))
    }

    fn put_object(&self, key: &str, body: &Body) -> PutObjectFluentBuilder {
        let request = self.client.put_object().bucket(&self.name).key(key);
        request
            .content_type("application/json")
            .set_content_encoding(body.encoding.map(ToOwned::to_owned))
            .body(ByteStream::from(body.bytes.clone()))
    }

    fn put_error(&self, key: &str, error: &SdkError<PutObjectError, HttpResponse>) -> CallError {
        call_error(Call::new("s3:PutObject", self.uri(key)), error)
    }
}

fn version(answer: &PutObjectOutput) -> Option<String> {
    let version = answer.e_tag().and_then(version_of);
    version.map(ToOwned::to_owned)
}

/// The outcome if another object was found in place of the previous one: if it has the same content,
/// an earlier attempt wrote it and its response was lost.
fn outcome_of(found: GetOutcome, body: &Body) -> PutOutcome {
    match found {
        GetOutcome::Object(object) if object.bytes == body.bytes => {
            PutOutcome::Replaced(Some(object.version))
        }
        GetOutcome::Object(_) | GetOutcome::Unchanged => PutOutcome::Conflict,
    }
}

/// Whether a PUT that compares found another object, or none, or another PUT under way.
fn is_conflict(error: &SdkError<PutObjectError, HttpResponse>) -> bool {
    match status(error) {
        Some(412) => !error.raw_response().is_some_and(is_html_response),
        Some(409) => code(error) == Some("ConditionalRequestConflict"),
        _ => is_missing_object(error),
    }
}
