//! Documents in files.
//!
//! Its version is a hash of the file's bytes: an unchanged fetch reads and hashes, and parses
//! nothing. A commit renames a finished file into place, so a fetch, which opens the file once,
//! has one version whole, whatever is committed meanwhile.

use crate::{error::StoreError, lock::CommitLock};
use nightjar_core::{
    atomic_file::replace_durably,
    extension::{CommitOutcome, FetchOutcome, RawDocument},
};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};
use xxhash_rust::xxh3::xxh3_128;

/// The content of a file.
pub(crate) struct Content {
    bytes: Vec<u8>,
    /// The version that a fetch reports.
    pub(crate) version: String,
    /// When it was written.
    pub(crate) time: SystemTime,
}

/// The file's document with its version put in, unless `previous` is that version.
pub(crate) fn fetch(path: &Path, previous: Option<&str>) -> Result<FetchOutcome, StoreError> {
    let content = read(path)?;
    if previous == Some(content.version.as_str()) {
        return Ok(FetchOutcome::Unchanged);
    }
    content.document(path).map(FetchOutcome::New)
}

/// Makes what is in `input` the document, unless the file holds another version than `previous`. If it
/// is there already, an earlier try has done it.
pub(crate) fn commit(
    path: &Path,
    input: &Path,
    previous: Option<&str>,
) -> Result<CommitOutcome, StoreError> {
    let bytes = fs::read(input).map_err(|source| StoreError::Read {
        path: input.into(),
        source,
    })?;
    RawDocument::read(&bytes).map_err(StoreError::InvalidDocument)?;
    let failed = |source| StoreError::Write {
        path: path.to_owned(),
        source,
    };
    let path = resolve_target(path).map_err(failed)?;
    // Commits are serialized, so that what is compared is what is replaced.
    let _lock = CommitLock::acquire(&path, previous.is_some())?;
    let current = match previous {
        Some(_) => current_version(&path)?,
        None => None,
    };
    if previous != current.as_deref() {
        let is_there = current == Some(version_of(&bytes));
        return Ok(if is_there {
            CommitOutcome::Done
        } else {
            CommitOutcome::Conflict
        });
    }
    replace_durably(&path, &bytes, 0o644).map_err(failed)?;
    Ok(CommitOutcome::Done)
}

impl Content {
    /// The document with its version put in.
    pub(crate) fn document(&self, path: &Path) -> Result<Vec<u8>, StoreError> {
        let document = RawDocument::read(&self.bytes).map_err(|source| {
            let path = path.to_owned();
            if source.is_data() {
                StoreError::NotAnObject { path, source }
            } else {
                StoreError::Incomplete { path, source }
            }
        })?;
        Ok(document.with_version(&self.version))
    }
}

/// The version that a file holds; `None` if there is no file.
fn current_version(path: &Path) -> Result<Option<String>, StoreError> {
    match read(path) {
        Err(StoreError::Missing(_)) => Ok(None),
        read => Ok(Some(read?.version)),
    }
}

/// Reads a file, and notices if somebody writes into it meanwhile.
pub(crate) fn read(path: &Path) -> Result<Content, StoreError> {
    let read = || {
        let mut file = File::open(path)?;
        let before = file.metadata()?;
        let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or_default());
        file.read_to_end(&mut bytes)?;
        let after = file.metadata()?;
        let time = after.modified()?;
        let same = before.modified()? == time && after.len() == bytes.len() as u64;
        Ok((bytes, time, same))
    };
    match read().map_err(StoreError::read(path))? {
        (bytes, time, true) => Ok(Content {
            version: version_of(&bytes),
            bytes,
            time,
        }),
        (.., false) => Err(StoreError::Changing(path.to_owned())),
    }
}

fn version_of(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

/// The path that is written: a link stays a link, and its target is replaced. The folder is created
/// if it does not exist.
fn resolve_target(path: &Path) -> io::Result<PathBuf> {
    let path = match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        resolved => resolved?,
    };
    fs::create_dir_all(folder(&path))?;
    Ok(path)
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}
