//! Client for one S3 bucket.

use crate::{
    error::{StoreError, call_error},
    etag::{etag_of, is_same, version_of},
};
use aws_sdk_s3::{
    Client,
    config::{
        Builder, ResponseChecksumValidation, StalledStreamProtectionConfig, http::HttpResponse,
    },
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::{GetObjectError, GetObjectOutput},
    primitives::ByteStreamError,
    types::{Delete, ObjectIdentifier},
};
use aws_smithy_types::DateTime;
use nightjar_aws::{Call, CallError, SdkConfig, is_html_response, is_html_type};
use nightjar_core::extension::Deadline;
use std::{error::Error, time::Duration};
use tokio::time::timeout;

/// The longest wait for the body of an answer, after its head. Head and body together stay below
/// `NJ_EXTENSION_TIMEOUT`, unless that is short, so that the message names the call.
const BODY_TIMEOUT: Duration = Duration::from_secs(25);
/// The most keys that one `DeleteObjects` takes.
const MAX_KEYS_PER_DELETE: usize = 1000;

/// A bucket, and how it is reached.
pub(crate) struct Bucket {
    pub(crate) client: Client,
    pub(crate) name: String,
    deadline: Deadline,
}

/// The outcome of a conditional read.
#[derive(Debug)]
pub(crate) enum GetOutcome {
    /// The object is the caller's version.
    Unchanged,
    /// The object is another version.
    Object(Object),
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedObject {
    /// Its whole key.
    pub(crate) key: String,
    /// When it was last modified.
    pub(crate) time: DateTime,
    /// Its ETag without the quotes.
    pub(crate) version: String,
}

/// An object.
#[derive(Debug)]
pub(crate) struct Object {
    /// Its ETag without the quotes.
    pub(crate) version: String,
    /// Its content, as it is stored.
    pub(crate) bytes: Vec<u8>,
}

impl Bucket {
    /// A bucket as the standard AWS settings reach it.
    pub(crate) fn new(
        config: &SdkConfig,
        name: &str,
        path_style: bool,
        deadline: Deadline,
    ) -> Self {
        let s3 = Builder::from(config)
            .force_path_style(path_style)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // Every call has a time-out, bodies included.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            client: Client::from_conf(s3),
            name: name.to_owned(),
            deadline,
        }
    }

    /// The URI of an object, or of all objects whose keys begin so.
    pub(crate) fn uri(&self, key: &str) -> String {
        if self.name.starts_with("arn:") {
            format!("{}/object/{key}", self.name)
        } else {
            format!("s3://{}/{key}", self.name)
        }
    }

    /// The object, unless it still is `previous`. One request.
    pub(crate) async fn get(
        &self,
        key: &str,
        previous: Option<&str>,
        max_bytes: u64,
    ) -> Result<GetOutcome, StoreError> {
        let uri = || self.uri(key);
        let call = || Call::new("s3:GetObject", uri());
        let request = self.client.get_object().bucket(&self.name).key(key);
        let request = request.set_if_none_match(previous.and_then(etag_of));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if is_not_modified(&error) && previous.is_some() => {
                return Ok(GetOutcome::Unchanged);
            }
            Err(error) if is_missing_object(&error) => return Err(StoreError::Missing(uri())),
            Err(error) => return Err(call_error(call(), &error).into()),
        };
        let etag = answer.e_tag().unwrap_or_default();
        let Some(version) = version_of(etag) else {
            let is_html_response = answer.content_type().is_some_and(is_html_type);
            return Err(if is_html_response {
                StoreError::HtmlResponse(uri())
            } else {
                StoreError::NoETag(uri())
            });
        };
        // A server that knows no conditions sends everything.
        if previous.is_some_and(|previous| is_same(previous, version)) {
            return Ok(GetOutcome::Unchanged);
        }
        let version = version.to_owned();
        let limit = self.deadline.at_most(BODY_TIMEOUT);
        let reading = timeout(limit, read(answer, max_bytes));
        match reading.await {
            Ok(Ok(Some(bytes))) => Ok(GetOutcome::Object(Object { version, bytes })),
            Ok(Ok(None)) => Err(StoreError::TooLarge {
                what: uri(),
                max_bytes,
            }),
            Ok(Err(error)) => Err(call().interrupted(&error).into()),
            Err(_) => Err(call().timed_out(limit).into()),
        }
    }

    /// All objects whose keys begin with `prefix`.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<ListedObject>, CallError> {
        let request = self.client.list_objects_v2();
        let mut pages = request
            .bucket(&self.name)
            .prefix(prefix)
            .into_paginator()
            .send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let call = || Call::new("s3:ListBucket", self.uri(prefix));
            let page = page.map_err(|error| call_error(call(), &error))?;
            for object in page.contents.unwrap_or_default() {
                let (Some(key), Some(time)) = (object.key, object.last_modified) else {
                    continue;
                };
                let version = object.e_tag.as_deref().and_then(version_of);
                let version = version.unwrap_or_default().to_owned();
                listed.push(ListedObject { key, time, version });
            }
        }
        Ok(listed)
    }

    /// Deletes objects. One that is gone already is not an error.
    pub(crate) async fn delete(&self, keys: &[String]) -> Result<(), StoreError> {
        for batch in keys.chunks(MAX_KEYS_PER_DELETE) {
            self.delete_batch(batch).await?;
        }
        Ok(())
    }

    async fn delete_batch(&self, keys: &[String]) -> Result<(), StoreError> {
        let first = keys.first().map(String::as_str).unwrap_or_default();
        let call = |key: &str| Call::new("s3:DeleteObject", self.uri(key));
        let objects = keys
            .iter()
            .filter_map(|key| ObjectIdentifier::builder().key(key).build().ok());
        let objects = Delete::builder()
            .set_objects(Some(objects.collect()))
            .quiet(true)
            .build();
        let objects = objects.map_err(|error| call(first).interrupted(&error))?;
        let request = self.client.delete_objects().bucket(&self.name);
        let answer = request.delete(objects).send().await;
        let answer = answer.map_err(|error| call_error(call(first), &error))?;
        let Some(refused) = answer.errors().first() else {
            return Ok(());
        };
        Err(StoreError::NotDeleted {
            uri: self.uri(refused.key().unwrap_or_default()),
            code: refused.code().unwrap_or("no reason given").to_owned(),
            others: answer.errors().len() - 1,
        })
    }
}

/// The body, or `None` as soon as it is larger than `max_bytes`.
async fn read(answer: GetObjectOutput, max_bytes: u64) -> Result<Option<Vec<u8>>, ByteStreamError> {
    let length = answer
        .content_length()
        .and_then(|length| u64::try_from(length).ok())
        .unwrap_or_default();
    if length > max_bytes {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    let mut body = answer.body;
    while let Some(chunk) = body.try_next().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > max_bytes {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

pub(crate) fn code<E>(error: &SdkError<E, HttpResponse>) -> Option<&str>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    error.as_service_error().and_then(|error| error.code())
}

fn is_not_modified(error: &SdkError<GetObjectError, HttpResponse>) -> bool {
    status(error) == Some(304)
}

/// Whether there is a bucket and no such object in it. Other servers give other codes, or none.
pub(crate) fn is_missing_object<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata + Error + 'static,
{
    status(error) == Some(404)
        && matches!(code(error), None | Some("NoSuchKey" | "NotFound"))
        && !error.raw_response().is_some_and(is_html_response)
}
