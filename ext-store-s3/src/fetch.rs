//! Object to document.

use crate::{
    bucket::{Bucket, Got},
    error::StoreError,
    packing,
    store::{Keys, Limits},
};
use nightjar_core::extension::{Answer, RawDocument};

/// The current document with the object's ETag as its version, unless that is `previous`.
///
/// One GET: a PUT replaces the object as a whole, so what is read is one version of it, whatever
/// is committed meanwhile.
pub(crate) async fn fetch(
    bucket: &Bucket,
    keys: &Keys,
    previous: Option<&str>,
    limits: Limits,
) -> Result<Answer, StoreError> {
    let got = bucket.get(&keys.current, previous, limits.document_bytes);
    let object = match got.await? {
        Got::Unchanged => return Ok(Answer::Unchanged),
        Got::Object(object) => object,
    };
    let place = || bucket.place(&keys.current);
    tracing::debug!("{} is version {}", place(), object.version);
    let json = packing::unpack(object.bytes, limits.document_bytes);
    let json = json.map_err(|fault| StoreError::NotGzip {
        place: place(),
        fault,
    })?;
    let json = json.ok_or_else(|| StoreError::TooLarge {
        what: place(),
        max_bytes: limits.document_bytes,
    })?;
    let document = RawDocument::read(&json).map_err(|fault| StoreError::NotADocument {
        place: place(),
        fault,
    })?;
    Ok(Answer::New(document.with_version(&object.version)))
}
