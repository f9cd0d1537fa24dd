//! What is written: objects as they are committed and copied.

use crate::{
    bucket::{Bucket, Got, code, is_missing_object, status},
    error::{StoreError, explained},
    etag::{etag_of, is_strong, version_of},
};
use aws_sdk_s3::{
    config::{Builder, http::HttpResponse, retry::RetryConfig},
    error::SdkError,
    operation::put_object::{PutObjectError, PutObjectOutput, builders::PutObjectFluentBuilder},
    primitives::ByteStream,
};
use bytes::Bytes;
use nightjar_aws::{Call, CallFault, is_page};

/// What became of an object that was to replace a certain one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// It did. Its ETag without the quotes, if the server told it.
    By(Option<String>),
    /// There is another one, or none.
    Conflict,
}

/// The content of an object.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// As it is kept.
    pub(crate) bytes: Bytes,
    /// Its content encoding, if it has one.
    pub(crate) encoding: Option<&'static str>,
}

impl Bucket {
    /// Makes this the object, in one step. Its ETag without the quotes, if the server tells it.
    pub(crate) async fn put(&self, key: &str, body: &Body) -> Result<Option<String>, CallFault> {
        let answer = self.put_object(key, body).send().await;
        let answer = answer.map_err(|error| self.not_put(key, &error))?;
        Ok(version(&answer))
    }

    /// The same, tried once. If the answer is lost, the object may be there, and another one after
    /// it that a second try would replace.
    pub(crate) async fn put_once(
        &self,
        key: &str,
        body: &Body,
    ) -> Result<Option<String>, CallFault> {
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let request = self.put_object(key, body).customize();
        let answer = request.config_override(once).send().await;
        let answer = answer.map_err(|error| self.not_put(key, &error))?;
        Ok(version(&answer))
    }

    /// The same in place of version `previous` alone.
    pub(crate) async fn replace(
        &self,
        key: &str,
        body: &Body,
        previous: &str,
    ) -> Result<Replaced, StoreError> {
        // What cannot be an ETag is not the current one.
        let Some(etag) = etag_of(previous) else {
            return Ok(Replaced::Conflict);
        };
        // No server compares by a weak one.
        if is_strong(&etag) {
            match self.put_object(key, body).if_match(etag).send().await {
                Ok(answer) => return Ok(Replaced::By(version(&answer))),
                Err(error) if is_conflict(&error) => {
                    // Nothing is replaced, so nothing is lost if this look fails.
                    let found = self.get(key, None, body.bytes.len() as u64).await;
                    return Ok(found.map_or(Replaced::Conflict, |found| by_itself(found, body)));
                }
                Err(error) if status(&error) != Some(501) => {
                    return Err(self.not_put(key, &error).into());
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
    ) -> Result<Replaced, StoreError> {
        let found = self.get(key, Some(previous), body.bytes.len() as u64).await;
        match found {
            Ok(Got::Unchanged) => {}
            Ok(found) => return Ok(by_itself(found, body)),
            Err(StoreError::Missing(_) | StoreError::TooLarge { .. }) => {
                return Ok(Replaced::Conflict);
            }
            Err(error) => return Err(error),
        }
        tracing::warn!(
            "the server has no conditional writes, so what another commits to {} at this very \
             moment is lost",
            self.place(key)
        );
        Ok(Replaced::By(self.put_once(key, body).await?))
    }

    fn put_object(&self, key: &str, body: &Body) -> PutObjectFluentBuilder {
        let request = self.client.put_object().bucket(&self.name).key(key);
        request
            .content_type("application/json")
            .set_content_encoding(body.encoding.map(ToOwned::to_owned))
            .body(ByteStream::from(body.bytes.clone()))
    }

    fn not_put(&self, key: &str, error: &SdkError<PutObjectError, HttpResponse>) -> CallFault {
        explained(Call::new("s3:PutObject", self.place(key)), error)
    }
}

fn version(answer: &PutObjectOutput) -> Option<String> {
    let version = answer.e_tag().and_then(version_of);
    version.map(ToOwned::to_owned)
}

/// What another object means that was found in place of the previous one: if it has the same
/// content, it is that of an earlier try whose answer was lost.
fn by_itself(found: Got, body: &Body) -> Replaced {
    match found {
        Got::Object(object) if object.bytes == body.bytes => Replaced::By(Some(object.version)),
        Got::Object(_) | Got::Unchanged => Replaced::Conflict,
    }
}

/// Whether a PUT that compares found another object, or none, or another PUT under way.
fn is_conflict(error: &SdkError<PutObjectError, HttpResponse>) -> bool {
    match status(error) {
        Some(412) => !error.raw_response().is_some_and(is_page),
        Some(409) => code(error) == Some("ConditionalRequestConflict"),
        _ => is_missing_object(error),
    }
}
