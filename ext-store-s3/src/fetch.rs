//! Fetches: from an object to a document.

use crate::{
    bucket::{Bucket, GetOutcome, Object},
    error::StoreError,
    etag::is_same,
    gzip,
    history::{self, StoredVersion},
    keys::Keys,
    settings::Limits,
};
use nightjar_core::extension::{FetchOutcome, ListedVersion, RawDocument, Versions};
use std::time::SystemTime;

/// The current document with the object's ETag as its version, unless that is `previous`.
///
/// One GET: a PUT replaces the object as a whole, so what is read is one version of it, whatever
/// is committed meanwhile.
pub(crate) async fn fetch(
    bucket: &Bucket,
    keys: &Keys,
    previous: Option<&str>,
    limits: Limits,
) -> Result<FetchOutcome, StoreError> {
    let outcome = bucket.get(&keys.current, previous, limits.document_bytes);
    let object = match outcome.await? {
        GetOutcome::Unchanged => return Ok(FetchOutcome::Unchanged),
        GetOutcome::Object(object) => object,
    };
    let version = object.version.clone();
    let uri = bucket.uri(&keys.current);
    tracing::debug!("{uri} is version {version}");
    document(object, &version, &uri, limits).map(FetchOutcome::New)
}

/// One version of the document. A list, and one GET: of the current object, or of a copy.
pub(crate) async fn fetch_version(
    bucket: &Bucket,
    keys: &Keys,
    version: &str,
    limits: Limits,
) -> Result<Vec<u8>, StoreError> {
    let stored = stored_versions(bucket, keys).await?.into_iter();
    let found = stored.filter(|stored| is_same(&stored.version, version));
    // A copy does not change, so the newest of them is better than the current object.
    let Some(found) = found.min_by_key(|stored| stored.key == keys.current) else {
        return Err(StoreError::NoVersion {
            uri: bucket.uri(&keys.current),
            version: version.to_owned(),
        });
    };
    let uri = bucket.uri(&found.key);
    let is_current = found.key == keys.current;
    match bucket.get(&found.key, None, limits.document_bytes).await {
        Ok(GetOutcome::Object(object)) if !is_current || is_same(&object.version, version) => {
            document(object, version, &uri, limits)
        }
        // A copy that is gone was pruned since it was listed.
        Ok(_) | Err(StoreError::Missing(_)) => Err(StoreError::ReplacedMeanwhile(uri)),
        Err(error) => Err(error),
    }
}

/// The versions that can be fetched: the current one first, and then those of the copies.
pub(crate) async fn list(bucket: &Bucket, keys: &Keys) -> Result<Versions, StoreError> {
    let mut versions: Vec<ListedVersion> = Vec::new();
    for stored in stored_versions(bucket, keys).await? {
        let is_new = versions
            .iter()
            .all(|listed| listed.document_version != stored.version);
        if is_new && !stored.version.is_empty() {
            let time = SystemTime::try_from(stored.time).unwrap_or(SystemTime::UNIX_EPOCH);
            versions.push(ListedVersion::new(stored.version, time));
        }
    }
    Ok(Versions { versions })
}

/// The current object, and then the copies, newest first.
async fn stored_versions(bucket: &Bucket, keys: &Keys) -> Result<Vec<StoredVersion>, StoreError> {
    let listed = bucket.list(&keys.all).await?;
    let mut copies = history::copies(&listed, &keys.history);
    copies.sort_unstable_by(|one, other| other.cmp(one));
    let current = listed.into_iter().find(|object| object.key == keys.current);
    let current = current.map(|object| StoredVersion {
        time: object.time,
        key: object.key,
        version: object.version,
    });
    Ok(current.into_iter().chain(copies).collect())
}

/// The document in an object, with this version.
fn document(
    object: Object,
    version: &str,
    uri: &str,
    limits: Limits,
) -> Result<Vec<u8>, StoreError> {
    let json = gzip::decompress(object.bytes, limits.document_bytes);
    let json = json.map_err(|error| StoreError::NotGzip {
        uri: uri.to_owned(),
        error,
    })?;
    let json = json.ok_or_else(|| StoreError::TooLarge {
        what: uri.to_owned(),
        max_bytes: limits.document_bytes,
    })?;
    let document = RawDocument::read(&json).map_err(|error| StoreError::NotAnObject {
        uri: uri.to_owned(),
        error,
    })?;
    Ok(document.with_version(version))
}
