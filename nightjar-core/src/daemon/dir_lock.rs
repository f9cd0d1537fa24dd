//! Locks by which a running process owns a folder.

use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    time::Duration,
};

/// The file in a folder that is locked while a process owns the folder.
pub const LOCK: &str = ".nightjar-lock";

const LOCK_TRIES: usize = 5;
const LOCK_RETRY_DELAY: Duration = Duration::from_millis(5);

/// A folder's ownership, which ends with this.
#[derive(Debug)]
pub struct DirLock(#[expect(dead_code, reason = "held, and never read")] File);

/// Takes possession of a folder; `None` if a running process has it.
///
/// # Errors
/// If the folder cannot be written.
pub fn acquire(dir: &Path) -> io::Result<Option<DirLock>> {
    lock(&dir.join(LOCK))
}

/// Whether a running process owns a folder.
pub fn is_owned(dir: &Path) -> bool {
    is_locked(&dir.join(LOCK))
}

/// Locks a file, which is made if it is not there; `None` if a running process holds it.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn lock(path: &Path) -> io::Result<Option<DirLock>> {
    // A process that checks for readiness holds the lock for a moment.
    for _ in 0..LOCK_TRIES {
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o644)
            .open(path)?;
        let is_ours = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        // An owner may have removed the folder at its end, with the file that was just opened.
        if is_ours && is_at(&lock, path) {
            return Ok(Some(DirLock(lock)));
        }
        std::thread::sleep(LOCK_RETRY_DELAY);
    }
    Ok(None)
}

/// Whether a running process holds a file.
pub(super) fn is_locked(path: &Path) -> bool {
    let lock = File::open(path);
    lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockShared).is_err())
}

fn is_at(file: &File, path: &Path) -> bool {
    let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let (ours, there) = (file.metadata().map(inode), fs::metadata(path).map(inode));
    matches!((ours, there), (Ok(ours), Ok(there)) if ours == there)
}
