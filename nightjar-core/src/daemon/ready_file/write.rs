//! Writing of the ready file, even on a full disk.

use super::Content;
use crate::atomic_file::{replace_own, temp_path};
use std::{
    fs::{self, File},
    io::{self, Seek as _, Write as _},
    path::Path,
};

/// What became of the file.
#[derive(Debug)]
pub(super) enum WriteOutcome {
    /// A new file took its place.
    Replaced,
    /// It was overwritten where it is, as it could not be replaced for this reason.
    Overwritten(io::Error),
    /// It is gone, as it could not be written for this reason.
    Removed(io::Error),
    /// It is there still, and old.
    Stale(io::Error),
}

/// Replaces the file in one step. Without room for another file, overwrites it, which needs none; a
/// reader may then find half of it, and not accept it. If all fails, removes it.
pub(super) fn write(path: &Path, content: &Content) -> WriteOutcome {
    let text = serde_json::to_vec(content).unwrap_or_default();
    let Err(error) = replace_own(path, &text) else {
        return WriteOutcome::Replaced;
    };
    let _ = fs::remove_file(temp_path(path));
    if overwrite(path, &text).is_ok() {
        return WriteOutcome::Overwritten(error);
    }
    match fs::remove_file(path) {
        Ok(()) => WriteOutcome::Removed(error),
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => WriteOutcome::Removed(error),
        Err(_) => WriteOutcome::Stale(error),
    }
}

/// Overwrites the file before it is cut to its new length: what is cut off first would give its room
/// away.
fn overwrite(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    file.write_all(text)?;
    let length = file.stream_position()?;
    file.set_len(length)
}
