//! Templates document from a folder that people edit directly.

use crate::error::StoreError;
use nightjar_core::{extension::FetchOutcome, template::folder};
use std::path::Path;

/// The folder's templates as a document, unless `previous` is its version.
pub(crate) fn fetch(path: &Path, previous: Option<&str>) -> Result<FetchOutcome, StoreError> {
    let Some(found) = folder::read(path, previous)? else {
        return Ok(FetchOutcome::Unchanged);
    };
    // Logged once for each version, and not at every fetch.
    for note in &found.notes {
        tracing::warn!("{note}");
    }
    let mut json = serde_json::to_vec(&found.templates).map_err(|source| StoreError::Encode {
        path: path.to_owned(),
        source,
    })?;
    json.push(b'\n');
    Ok(FetchOutcome::New(json))
}
