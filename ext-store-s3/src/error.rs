//! Errors of the store, and whether another try may help.

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use nightjar_aws::{Call, CallError, ErrorKind};
use nightjar_core::extension::ActionError;
use std::{error::Error, io, path::PathBuf};

/// Why a document could not be fetched or committed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Nothing was committed yet.
    #[error("{0} is not there yet")]
    Missing(String),
    /// The object's version is not known.
    #[error("the response for {0} has no ETag, which is the document's version")]
    NoETag(String),
    /// A proxy or filter has answered, and not S3.
    #[error(
        "the response for {0} is an HTML page from a proxy or filter\n  hint: check HTTPS_PROXY, \
         NO_PROXY and AWS_ENDPOINT_URL"
    )]
    HtmlResponse(String),
    /// The object was replaced, or pruned, since it was listed.
    #[error("{0} was replaced while it was being read")]
    ReplacedMeanwhile(String),
    /// Neither the current object nor a copy is of this version.
    #[error("{uri} has no version {version}\n  hint: --action=list shows the versions")]
    NoVersion { uri: String, version: String },
    /// The document is larger than the settings allow.
    #[error(
        "{what} is larger than {max_bytes} bytes\n  hint: NJ_DSS3_MAX_DOCUMENT_SIZE_MB sets the \
         limit for commits and fetches"
    )]
    TooLarge { what: String, max_bytes: u64 },
    /// The object begins as gzip does, and is not valid gzip.
    #[error("{uri} is not complete gzip data: {error}\n  {BAD_OBJECT}")]
    NotGzip { uri: String, error: io::Error },
    /// The object is not a document.
    #[error("{uri} is not a JSON object: {error}\n  {BAD_OBJECT}")]
    NotAnObject {
        uri: String,
        error: serde_json::Error,
    },
    /// The input of a commit is not a document.
    #[error("the document to commit is not a JSON object")]
    InvalidDocument(#[source] serde_json::Error),
    /// The input of a commit cannot be read.
    #[error("cannot read {}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The object for a commit cannot be encoded.
    #[error("cannot encode the object: {0}")]
    Encode(String),
    /// S3 deleted some of the objects, and not all.
    #[error("s3:DeleteObject on {uri} was rejected: {code} (and {others} more)")]
    NotDeleted {
        uri: String,
        code: String,
        others: usize,
    },
}

const BAD_OBJECT: &str = "hint: commit the document again, or restore a copy from its history";

impl From<StoreError> for ActionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Call(error) => error.into(),
            StoreError::Missing(_)
            | StoreError::HtmlResponse(_)
            | StoreError::ReplacedMeanwhile(_) => Self::retry(error),
            _ => Self::fatal(error),
        }
    }
}

/// The error of a failed call, with the hints that S3 alone needs.
pub(crate) fn call_error<E>(call: Call, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let is_get = call.action == "s3:GetObject";
    let mut explained = call.error(error);
    let answer = error.raw_response();
    let code = explained.code.as_deref().unwrap_or_default();
    if code == "InvalidObjectState" {
        // S3 says so with 403, and no permission would help.
        explained.kind = ErrorKind::Rejected;
        return explained.with_hint(
            "the object is archived: restore it or commit the document again, and exclude the base \
             path from lifecycle rules that archive objects",
        );
    }
    let is_of_key = code.starts_with("KMS.") || explained.detail.contains("kms:");
    let hint = match (explained.kind, explained.code.as_deref()) {
        (ErrorKind::Denied | ErrorKind::Rejected, _) if is_of_key => Some(format!(
            "the bucket is encrypted with a KMS key: check that the key is enabled, and allow {} \
             on it in the IAM role's policy and in the key policy",
            if is_get {
                "kms:Decrypt"
            } else {
                "kms:GenerateDataKey"
            }
        )),
        (ErrorKind::Denied, _) if is_get => Some(
            "allow s3:GetObject on it in the IAM role's policy; S3 answers the same for a \
             document that does not exist, unless s3:ListBucket is allowed on the bucket"
                .to_owned(),
        ),
        (_, Some("NoSuchBucket")) => {
            Some("create the bucket, or correct NJ_DSS3_BUCKET".to_owned())
        }
        _ => answer.and_then(region_hint),
    };
    match hint {
        Some(hint) => explained.with_hint(hint),
        None => explained,
    }
}

/// Which region to set, if the answer is that the bucket is in another one.
fn region_hint(answer: &HttpResponse) -> Option<String> {
    const ELEMENT: (&str, &str) = ("<Region>", "</Region>");
    let (is_redirect, is_bad) = (
        matches!(answer.status().as_u16(), 301 | 307),
        answer.status().as_u16() == 400,
    );
    let in_header = answer.headers().get("x-amz-bucket-region");
    let in_body = || {
        let body = std::str::from_utf8(answer.body().bytes()?).ok()?;
        let (_, rest) = body.split_once(ELEMENT.0)?;
        Some(rest.split_once(ELEMENT.1)?.0)
    };
    let region = in_header.or_else(in_body).filter(|region| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=40).contains(&region.len()) && region.bytes().all(allowed)
    });
    match region {
        Some(region) if is_redirect || is_bad => Some(format!(
            "the bucket is in another region: set AWS_REGION={region}"
        )),
        None if is_redirect => Some(
            "the bucket is in another region: set AWS_REGION to the bucket's region".to_owned(),
        ),
        _ => None,
    }
}
