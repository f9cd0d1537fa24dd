//! Locks by which commits to one file take turns.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The turn of one commit, which ends with this. It is a lock on a file of its own beside the
/// document, as the document is replaced by another file.
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Waits until no other commit to this file is under way.
    pub(crate) fn on(document: &Path) -> io::Result<Self> {
        let mut name = OsString::from(".nightjar-lock-");
        name.push(document.file_name().unwrap_or_default());
        let path = document.with_file_name(name);
        loop {
            let file = open(&path)?;
            file.lock()?;
            // Whoever had it before has removed it at the end.
            if is_at(&file, &path)? {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // One that stays holds nobody up.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes the file if it is not there. One that another user has left behind can be locked too.
fn open(path: &Path) -> io::Result<File> {
    let opened = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    match opened {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(path),
        opened => opened,
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match fs::metadata(path) {
        Ok(there) => Ok(inode(there) == inode(file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
