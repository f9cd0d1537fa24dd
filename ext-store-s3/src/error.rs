//! What can go wrong, and whether another try may help.

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use nightjar_aws::{Call, CallFault, Reason};
use nightjar_core::extension::ActionError;
use std::{error::Error, io, path::PathBuf};

/// Why a document could not be fetched or committed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallFault),
    /// Nothing was committed yet.
    #[error("{0} is not there yet")]
    Missing(String),
    /// The object's version is not known.
    #[error("{0} was handed over without an ETag, which is a document's version")]
    NoETag(String),
    /// Something on the way has answered, and not S3.
    #[error(
        "{0} was answered with an HTML page, which a proxy or filter on the way has made\n  hint: \
         see what HTTPS_PROXY, NO_PROXY and AWS_ENDPOINT_URL lead to"
    )]
    Page(String),
    /// The object was replaced, or pruned, since it was listed.
    #[error("{0} was replaced right now")]
    Replaced(String),
    /// Neither the current object nor a copy is of this version.
    #[error("{place} has no version {version}\n  hint: --action=list tells which there are")]
    NoVersion { place: String, version: String },
    /// The document is larger than the settings allow.
    #[error(
        "{what} is larger than {max_bytes} bytes\n  hint: NJ_DSS3_MAX_DOCUMENT_SIZE_MB sets the \
         limit, for those who commit and for those who fetch"
    )]
    TooLarge { what: String, max_bytes: u64 },
    /// The object begins as gzip does, and is none.
    #[error("{place} is not complete gzip: {fault}\n  {BAD_OBJECT}")]
    NotGzip { place: String, fault: io::Error },
    /// The object is not a document.
    #[error("{place} is not a JSON object: {fault}\n  {BAD_OBJECT}")]
    NotADocument {
        place: String,
        fault: serde_json::Error,
    },
    /// What is to be committed is not a document.
    #[error("what is to be committed is not a JSON object")]
    BadCommit(#[source] serde_json::Error),
    /// What is to be committed cannot be read.
    #[error("cannot read {}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// What is to be committed cannot be made ready.
    #[error("cannot make the object: {0}")]
    Encode(String),
    /// S3 deleted some of the objects, and not all.
    #[error("s3:DeleteObject on {place} was refused: {code} ({others} others with it)")]
    NotDeleted {
        place: String,
        code: String,
        others: usize,
    },
}

const BAD_OBJECT: &str = "hint: commit the document again, or copy one from its history back";

impl From<StoreError> for ActionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Call(fault) => fault.into(),
            StoreError::Missing(_) | StoreError::Page(_) | StoreError::Replaced(_) => {
                Self::retry(error)
            }
            _ => Self::fatal(error),
        }
    }
}

/// A failed call of S3, with what S3 alone has to be told about.
pub(crate) fn explained<E>(call: Call, error: &SdkError<E, HttpResponse>) -> CallFault
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let is_get = call.action == "s3:GetObject";
    let mut fault = call.failed(error);
    let answer = error.raw_response();
    let code = fault.code.as_deref().unwrap_or_default();
    if code == "InvalidObjectState" {
        // S3 says so with 403, and no permission would help.
        fault.reason = Reason::Refused;
        return fault.with_hint(
            "the object is archived: restore it, or commit the document again, and let no \
             lifecycle rule archive what is below the base path",
        );
    }
    let is_of_key = code.starts_with("KMS.") || fault.detail.contains("kms:");
    let hint = match (fault.reason, fault.code.as_deref()) {
        (Reason::Denied | Reason::Refused, _) if is_of_key => Some(format!(
            "it is the KMS key of the bucket's encryption: see that it is enabled, and allow {} \
             on it in the IAM role's policy and in the key's own",
            if is_get {
                "kms:Decrypt"
            } else {
                "kms:GenerateDataKey"
            }
        )),
        (Reason::Denied, _) if is_get => Some(
            "allow s3:GetObject on it in the IAM role's policy; S3 gives this answer for a \
             document that is not there, too, unless s3:ListBucket is allowed on the bucket"
                .to_owned(),
        ),
        (_, Some("NoSuchBucket")) => {
            Some("create the bucket, or correct NJ_DSS3_BUCKET".to_owned())
        }
        _ => answer.and_then(region_hint),
    };
    match hint {
        Some(hint) => fault.with_hint(hint),
        None => fault,
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
        None if is_redirect => {
            Some("the bucket is in another region: set AWS_REGION to that of the bucket".to_owned())
        }
        _ => None,
    }
}
