//! Document to object.

use crate::{
    bucket::Bucket,
    error::StoreError,
    history::{self, Keep},
    packing,
    store::{Keys, Limits},
};
use aws_smithy_types::DateTime;
use bytes::Bytes;
use nightjar_core::extension::RawDocument;
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::Duration,
};
use tokio::time::timeout;

/// The longest time for pruning. With the two PUTs it stays below `NJ_EXTENSION_TIMEOUT`: a commit
/// that is done must not be reported as failed because of what comes after it.
const PRUNING: Duration = Duration::from_secs(8);

/// A document that is ready to be kept.
pub(crate) struct Commit {
    bytes: Bytes,
    encoding: Option<&'static str>,
    hash: String,
}

impl Commit {
    /// Reads and checks the document in a file. What it says of its version does not matter.
    pub(crate) fn read(file: &Path, limits: Limits) -> Result<Self, StoreError> {
        let max_bytes = limits.document_bytes;
        let given = read(file, max_bytes).map_err(|source| StoreError::Read {
            path: file.to_owned(),
            source,
        })?;
        let fits = |bytes: &[u8]| bytes.len() as u64 <= max_bytes;
        let too_large = || StoreError::TooLarge {
            what: "what is to be committed".to_owned(),
            max_bytes,
        };
        if !fits(&given) {
            return Err(too_large());
        }
        let document = RawDocument::read(&given).map_err(StoreError::BadCommit)?;
        // Equal content gives equal bytes, whatever version it came with.
        let hash = document.content_hash().to_string();
        let json = document.with_version(&hash);
        if !fits(&json) {
            return Err(too_large());
        }
        let packed = packing::pack(json);
        let (bytes, encoding) = packed.map_err(|error| StoreError::Encode(error.to_string()))?;
        Ok(Self {
            bytes: bytes.into(),
            encoding,
            hash,
        })
    }

    /// Keeps it: a copy first, so that no version was ever current without one in the history, and
    /// then the current document, in one step.
    pub(crate) async fn store(
        self,
        bucket: &Bucket,
        keys: &Keys,
        limits: Limits,
        now: DateTime,
    ) -> Result<(), StoreError> {
        let name = history::name(now, &self.hash);
        let name = name.map_err(|error| StoreError::Encode(error.to_string()))?;
        let copy = format!("{}{name}", keys.history);
        bucket.put(&copy, self.bytes.clone(), self.encoding).await?;
        bucket.put(&keys.current, self.bytes, self.encoding).await?;
        tracing::debug!("committed; the copy is {}", bucket.place(&copy));
        let pruning = timeout(PRUNING, prune(bucket, &keys.history, limits.history));
        match pruning.await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => {
                tracing::warn!("the document is committed, but old copies of it stay: {fault}");
            }
            Err(_) => tracing::warn!(
                "the document is committed, but old copies of it stay: to delete those below {} \
                 took longer than {PRUNING:?}; the next commit goes on with it",
                bucket.place(&keys.history)
            ),
        }
        Ok(())
    }
}

async fn prune(bucket: &Bucket, history: &str, keep: Keep) -> Result<(), StoreError> {
    let copies = bucket.copies(history).await?;
    let outdated = history::outdated(copies, keep);
    if !outdated.is_empty() {
        tracing::debug!("deleting {} old copies", outdated.len());
    }
    bucket.delete(&outdated).await
}

/// The file's bytes, of a file that is too large only so many that it shows.
fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len().min(max_bytes);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
