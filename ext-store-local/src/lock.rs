//! Lock that serializes commits to one file.

use crate::error::StoreError;
use std::{
    ffi::OsString,
    fs::{self, File, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// "No locks available": a network file system whose lock service does not run.
const ENOLCK: i32 = 37;

/// The lock of one commit, released on drop. It is on a file of its own beside the document, because
/// the document is replaced by another file.
pub(crate) struct CommitLock {
    path: PathBuf,
    _file: File,
}

impl CommitLock {
    /// Waits until no other commit to this file is under way. Where the file system has no locks, a
    /// commit that does not need one goes on without.
    pub(crate) fn acquire(document: &Path, is_needed: bool) -> Result<Option<Self>, StoreError> {
        let mut name = OsString::from(".nightjar-lock-");
        name.push(document.file_name().unwrap_or_default());
        let path = document.with_file_name(name);
        match open_and_lock(&path) {
            Ok(file) => Ok(Some(Self { path, _file: file })),
            Err(error) if !is_needed && has_no_locks(&error) => {
                tracing::debug!("cannot lock {}: {error}", path.display());
                Ok(None)
            }
            Err(source) => Err(StoreError::Lock { path, source }),
        }
    }
}

fn open_and_lock(path: &Path) -> io::Result<File> {
    loop {
        let file = open(path)?;
        file.lock()?;
        // Whoever had it before has removed it at the end.
        if is_file_at(&file, path)? {
            return Ok(file);
        }
    }
}

fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported || error.raw_os_error() == Some(ENOLCK)
}

impl Drop for CommitLock {
    fn drop(&mut self) {
        // A file that stays blocks nobody.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes the file if it is not there. One that another user has left behind can be locked too, or is
/// removed.
fn open(path: &Path) -> io::Result<File> {
    let is_denied = |error: &io::Error| error.kind() == ErrorKind::PermissionDenied;
    match create(path) {
        Err(error) if is_denied(&error) => {}
        created => return created,
    }
    match File::open(path) {
        // No user makes one that others cannot open, so it is not held.
        Err(error) if is_denied(&error) => {
            fs::remove_file(path).map_err(|_| error)?;
            create(path)
        }
        opened => opened,
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    match options.write(true).create_new(true).open(path) {
        Ok(file) => {
            // Whatever the umask is: commits of another user need the lock too.
            let _ = file.set_permissions(Permissions::from_mode(0o666));
            Ok(file)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            options.create_new(false).create(true).open(path)
        }
        failed => failed,
    }
}

fn is_file_at(file: &File, path: &Path) -> io::Result<bool> {
    let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match fs::metadata(path) {
        Ok(there) => Ok(inode(there) == inode(file.metadata()?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_locks_is_distinguished_from_other_errors() {
        // EOPNOTSUPP, ENOSYS, ENOLCK; EBADF, EINTR, EACCES.
        for (code, expected) in [
            (95, true),
            (38, true),
            (ENOLCK, true),
            (9, false),
            (4, false),
            (13, false),
        ] {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(has_no_locks(&error), expected, "{error}");
        }
    }
}
