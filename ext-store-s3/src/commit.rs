//! Commits: from a document to objects.

use crate::{
    bucket::Bucket,
    error::StoreError,
    gzip,
    history::{self, Retention},
    keys::Keys,
    put::{Body, PutOutcome},
    settings::Limits,
};
use aws_smithy_types::DateTime;
use nightjar_core::extension::{CommitOutcome, RawDocument};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::Duration,
};
use tokio::time::timeout;

/// The longest time for the copy, which follows the document.
const COPY_TIMEOUT: Duration = Duration::from_secs(25);
/// The longest time for pruning. With the two PUTs it stays below `NJ_EXTENSION_TIMEOUT`: a commit
/// that is done must not be reported as failed because of what comes after it.
const PRUNE_TIMEOUT: Duration = Duration::from_secs(8);

/// A document that is ready to be stored.
pub(crate) struct Commit {
    body: Body,
    hash: String,
}

impl Commit {
    /// Reads and checks the document in a file. Its own version does not matter.
    pub(crate) fn read(file: &Path, limits: Limits) -> Result<Self, StoreError> {
        let max_bytes = limits.document_bytes;
        let given = read(file, max_bytes).map_err(|source| StoreError::Read {
            path: file.to_owned(),
            source,
        })?;
        let fits = |bytes: &[u8]| bytes.len() as u64 <= max_bytes;
        let too_large = || StoreError::TooLarge {
            what: "the document to commit".to_owned(),
            max_bytes,
        };
        if !fits(&given) {
            return Err(too_large());
        }
        let document = RawDocument::read(&given).map_err(StoreError::InvalidDocument)?;
        // Equal content gives equal bytes, whatever version it came with.
        let hash = document.content_hash().to_string();
        let json = document.with_version(&hash);
        if !fits(&json) {
            return Err(too_large());
        }
        let compressed = gzip::compress(json);
        let (bytes, encoding) =
            compressed.map_err(|error| StoreError::Encode(error.to_string()))?;
        let body = Body {
            bytes: bytes.into(),
            encoding,
        };
        Ok(Self { body, hash })
    }

    /// Stores it, in place of version `previous` alone if one is given: first the current document,
    /// in one step, and then a copy for the history. Errors after the first step are logged, and the
    /// commit is done all the same.
    pub(crate) async fn store(
        self,
        bucket: &Bucket,
        keys: &Keys,
        previous: Option<&str>,
        limits: Limits,
        now: DateTime,
    ) -> Result<CommitOutcome, StoreError> {
        let replaced = match previous {
            Some(previous) => bucket.replace(&keys.current, &self.body, previous).await?,
            None => PutOutcome::Replaced(bucket.put_once(&keys.current, &self.body).await?),
        };
        let PutOutcome::Replaced(version) = replaced else {
            return Ok(CommitOutcome::Conflict);
        };
        if self
            .copy(bucket, keys, version.as_deref(), limits, now)
            .await?
        {
            prune_with_timeout(bucket, &keys.history, limits).await;
        }
        Ok(CommitOutcome::Done)
    }

    /// Puts a copy of the version that is current now into the history; whether that is done.
    async fn copy(
        self,
        bucket: &Bucket,
        keys: &Keys,
        version: Option<&str>,
        limits: Limits,
        now: DateTime,
    ) -> Result<bool, StoreError> {
        let name = history::name(now, version, &self.hash);
        let name = name.map_err(|error| StoreError::Encode(error.to_string()))?;
        let copy = format!("{}{name}", keys.history);
        let limit = limits.deadline.at_most(COPY_TIMEOUT);
        match timeout(limit, bucket.put(&copy, &self.body)).await {
            Ok(Ok(_)) => {
                tracing::debug!("committed; the copy is {}", bucket.uri(&copy));
                return Ok(true);
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    "the document is committed, but has no copy in its history: {error}"
                );
            }
            Err(_) => tracing::warn!(
                "the document is committed, but has no copy in its history: writing {} took longer \
                 than {limit:?}",
                bucket.uri(&copy)
            ),
        }
        Ok(false)
    }
}

/// Deletes old copies. Errors are logged.
async fn prune_with_timeout(bucket: &Bucket, history: &str, limits: Limits) {
    let limit = limits.deadline.at_most(PRUNE_TIMEOUT);
    match timeout(limit, prune(bucket, history, limits.history)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!("the document is committed, but old copies were not deleted: {error}");
        }
        Err(_) => tracing::warn!(
            "the document is committed, but old copies were not deleted: pruning {} took longer than \
             {limit:?}; the next commit continues",
            bucket.uri(history)
        ),
    }
}

async fn prune(bucket: &Bucket, history: &str, keep: Retention) -> Result<(), StoreError> {
    let copies = history::copies(&bucket.list(history).await?, history);
    let expired = history::expired(copies, keep);
    if !expired.is_empty() {
        tracing::debug!("deleting {} old copies", expired.len());
    }
    bucket.delete(&expired).await
}

/// The file's bytes; of a file that is too large, one more than `max_bytes`.
fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len().min(max_bytes);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
