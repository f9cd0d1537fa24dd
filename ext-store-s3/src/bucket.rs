//! The calls of S3.

use crate::{
    error::{StoreError, explained},
    history::{self, Kept},
};
use aws_sdk_s3::{
    Client,
    config::{
        Builder, ResponseChecksumValidation, StalledStreamProtectionConfig, http::HttpResponse,
    },
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::{GetObjectError, GetObjectOutput},
    primitives::{ByteStream, ByteStreamError},
    types::{Delete, ObjectIdentifier},
};
use bytes::Bytes;
use nightjar_aws::{Call, CallFault, SdkConfig};
use std::time::Duration;
use tokio::time::timeout;

/// The longest wait for the body of an answer, after its head. Head and body together stay below
/// `NJ_EXTENSION_TIMEOUT`, so that the message names the call.
const BODY: Duration = Duration::from_secs(25);
/// The most keys that one `DeleteObjects` takes.
const DELETE_BATCH: usize = 1000;

/// A bucket, and how it is reached.
pub(crate) struct Bucket {
    client: Client,
    name: String,
}

/// What became of an object since the caller's version of it.
#[derive(Debug)]
pub(crate) enum Got {
    /// It is the caller's version.
    Unchanged,
    /// It is another one.
    Object(Object),
}

/// An object.
#[derive(Debug)]
pub(crate) struct Object {
    /// Its ETag without the quotes.
    pub(crate) version: String,
    /// Its content, as it is kept.
    pub(crate) bytes: Vec<u8>,
}

impl Bucket {
    /// A bucket as the standard AWS settings reach it.
    pub(crate) fn new(config: &SdkConfig, name: &str, path_style: bool) -> Self {
        let s3 = Builder::from(config)
            .force_path_style(path_style)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // Every call has a time-out, bodies included.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            client: Client::from_conf(s3),
            name: name.to_owned(),
        }
    }

    /// How messages name an object, or all objects whose keys begin so.
    pub(crate) fn place(&self, key: &str) -> String {
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
    ) -> Result<Got, StoreError> {
        let place = || self.place(key);
        let call = || Call::new("s3:GetObject", place());
        let request = self.client.get_object().bucket(&self.name).key(key);
        let request = request.set_if_none_match(previous.and_then(etag_of));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if is_not_modified(&error) && previous.is_some() => {
                return Ok(Got::Unchanged);
            }
            Err(error) if is_missing_object(&error) => return Err(StoreError::Missing(place())),
            Err(error) => return Err(explained(call(), &error).into()),
        };
        let etag = answer.e_tag().unwrap_or_default();
        let Some(version) = version_of(etag) else {
            return Err(StoreError::NoETag(place()));
        };
        // A server that knows no conditions sends everything.
        if previous == Some(version) {
            return Ok(Got::Unchanged);
        }
        let version = version.to_owned();
        let reading = timeout(BODY, read(answer, max_bytes));
        match reading.await {
            Ok(Ok(Some(bytes))) => Ok(Got::Object(Object { version, bytes })),
            Ok(Ok(None)) => Err(StoreError::TooLarge {
                what: place(),
                max_bytes,
            }),
            Ok(Err(error)) => Err(call().cut_short(&error).into()),
            Err(_) => Err(call().out_of_time(BODY).into()),
        }
    }

    /// Makes this the object, in one step.
    pub(crate) async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        encoding: Option<&str>,
    ) -> Result<(), CallFault> {
        let request = self.client.put_object().bucket(&self.name).key(key);
        request
            .content_type("application/json")
            .set_content_encoding(encoding.map(ToOwned::to_owned))
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map(drop)
            .map_err(|error| explained(Call::new("s3:PutObject", self.place(key)), &error))
    }

    /// All copies whose keys begin with `prefix`.
    pub(crate) async fn copies(&self, prefix: &str) -> Result<Vec<Kept>, CallFault> {
        let request = self.client.list_objects_v2();
        let mut pages = request
            .bucket(&self.name)
            .prefix(prefix)
            .into_paginator()
            .send();
        let mut copies = Vec::new();
        while let Some(page) = pages.next().await {
            let call = || Call::new("s3:ListBucket", self.place(prefix));
            let page = page.map_err(|error| explained(call(), &error))?;
            for object in page.contents.unwrap_or_default() {
                let (Some(key), Some(time)) = (object.key, object.last_modified) else {
                    continue;
                };
                if key.strip_prefix(prefix).is_some_and(history::is_name) {
                    copies.push(Kept { time, key });
                }
            }
        }
        Ok(copies)
    }

    /// Deletes objects. One that is gone already is no fault.
    pub(crate) async fn delete(&self, keys: &[String]) -> Result<(), StoreError> {
        for batch in keys.chunks(DELETE_BATCH) {
            self.delete_batch(batch).await?;
        }
        Ok(())
    }

    async fn delete_batch(&self, keys: &[String]) -> Result<(), StoreError> {
        let first = keys.first().map(String::as_str).unwrap_or_default();
        let call = |key: &str| Call::new("s3:DeleteObject", self.place(key));
        let objects = keys
            .iter()
            .filter_map(|key| ObjectIdentifier::builder().key(key).build().ok());
        let objects = Delete::builder()
            .set_objects(Some(objects.collect()))
            .quiet(true)
            .build();
        let objects = objects.map_err(|error| call(first).cut_short(&error))?;
        let request = self.client.delete_objects().bucket(&self.name);
        let answer = request.delete(objects).send().await;
        let answer = answer.map_err(|error| explained(call(first), &error))?;
        let Some(refused) = answer.errors().first() else {
            return Ok(());
        };
        Err(StoreError::NotDeleted {
            place: self.place(refused.key().unwrap_or_default()),
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

/// The version that an ETag stands for: the ETag without its quotes, or a weak one as it is.
fn version_of(etag: &str) -> Option<&str> {
    let version = etag
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Some(version.unwrap_or(etag)).filter(|version| !version.is_empty())
}

/// The ETag that a version stands for. A version that no ETag can be was given by somebody else,
/// and is not asked for.
fn etag_of(version: &str) -> Option<String> {
    let is_etag = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"')
    };
    let weak = version
        .strip_prefix("W/\"")
        .and_then(|rest| rest.strip_suffix('"'));
    if weak.is_some_and(is_etag) {
        Some(version.to_owned())
    } else {
        is_etag(version).then(|| format!("\"{version}\""))
    }
}

type GetFault = SdkError<GetObjectError, HttpResponse>;

fn status(error: &GetFault) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

fn is_not_modified(error: &GetFault) -> bool {
    status(error) == Some(304)
}

/// Whether there is a bucket and no such object in it. Other servers give other codes, or none.
fn is_missing_object(error: &GetFault) -> bool {
    let code = error.as_service_error().and_then(|error| error.code());
    status(error) == Some(404) && matches!(code, None | Some("NoSuchKey" | "NotFound"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_etags_without_quotes() {
        for (etag, version) in [("\"a1-2\"", "a1-2"), ("a1", "a1"), ("W/\"a1\"", "W/\"a1\"")] {
            assert_eq!(version_of(etag), Some(version));
        }
        assert_eq!(version_of(""), None);
        assert_eq!(version_of("\"\""), None);
    }

    #[test]
    fn only_what_can_be_an_etag_is_asked_for() {
        assert_eq!(etag_of("a1-2").as_deref(), Some("\"a1-2\""));
        assert_eq!(etag_of("W/\"a1\"").as_deref(), Some("W/\"a1\""));
        for version in ["", "a b", "a\nb", "a\"b", "ä", "W/\"\"", "W/\"a\"\""] {
            assert_eq!(etag_of(version), None, "{version}");
        }
    }
}
