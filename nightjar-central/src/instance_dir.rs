//! The folder in which a running instance keeps its ready file.
//!
//! This program has no folder of its own, so it takes one beside the temporary files, whose name
//! follows from the environment: a program with the same environment finds it. Instances that share
//! an environment and a file system take one each.

use nightjar_core::daemon::{
    ReadyFile,
    dir_lock::{self, DirLock},
    ready_file::{self, NotReadyError},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// How many instances with one environment find a folder.
const MAX_INSTANCES: usize = 16;

/// A folder that this instance owns, and removes at its end.
#[derive(Debug)]
pub(crate) struct InstanceDir {
    folder: PathBuf,
    file: ReadyFile,
    _lock: DirLock,
}

impl InstanceDir {
    /// Takes the first folder that nobody owns; `None` if there is none left. One that cannot be had,
    /// as an instance of another user left it behind, is passed over.
    ///
    /// # Errors
    /// If a folder cannot be made or written, and there is no other.
    pub(crate) fn take(dirs: &Path) -> io::Result<Option<Self>> {
        let mut fault = None;
        for folder in folders(dirs) {
            match acquire(&folder) {
                Ok(Some(lock)) => {
                    return Ok(Some(Self {
                        file: ReadyFile::within(&folder),
                        folder,
                        _lock: lock,
                    }));
                }
                Ok(None) => {}
                Err(error) => fault = Some(error),
            }
        }
        fault.map_or(Ok(None), Err)
    }

    pub(crate) fn file(&self) -> &ReadyFile {
        &self.file
    }
}

fn acquire(folder: &Path) -> io::Result<Option<DirLock>> {
    fs::create_dir_all(folder)?;
    match dir_lock::acquire(folder) {
        // Its owner ended just now, and removed it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            dir_lock::acquire(folder)
        }
        owned => owned,
    }
}

impl Drop for InstanceDir {
    fn drop(&mut self) {
        // What is left costs a few bytes, and the next instance with these settings takes it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether an instance says that it is ready, and all that it says.
///
/// # Errors
/// Why none of them is ready.
pub(crate) fn check(dirs: &Path) -> Result<String, NotReadyError> {
    let mut reason = None;
    for folder in folders(dirs).filter(|folder| dir_lock::is_owned(folder)) {
        match ready_file::check(&folder) {
            Ok(text) => return Ok(text),
            Err(other) => reason = reason.or(Some(other)),
        }
    }
    Err(reason.unwrap_or_else(|| {
        NotReadyError::Reported("not ready: no instance runs with these settings".to_owned())
    }))
}

fn folders(dirs: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=MAX_INSTANCES).map(|number| {
        let mut name = dirs.to_owned().into_os_string();
        name.push(format!("-{number}"));
        name.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_core::daemon::Readiness;

    fn says(dir: &InstanceDir, obstacle: Option<&str>) {
        dir.file().publish(&Readiness::new(obstacle, &[]));
    }

    fn check(dirs: &Path) -> Result<String, String> {
        super::check(dirs).map_err(|reason| reason.to_string())
    }

    #[test]
    fn one_of_several_instances_that_is_ready_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let dirs = folder.path().join("dirs");
        let nobody = Err("not ready: no instance runs with these settings".to_owned());
        assert_eq!(check(&dirs), nobody);
        let first = InstanceDir::take(&dirs).unwrap().unwrap();
        let second = InstanceDir::take(&dirs).unwrap().unwrap();
        says(&first, Some("no map yet"));
        says(&second, Some("stopping"));
        assert_eq!(check(&dirs), Err("not ready: no map yet\n".to_owned()));
        says(&second, None);
        assert_eq!(check(&dirs), Ok("ready\n".to_owned()));
        drop(second);
        assert_eq!(check(&dirs), Err("not ready: no map yet\n".to_owned()));
        drop(first);
        assert_eq!(check(&dirs), nobody);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_had_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let dirs = folder.path().join("dirs");
        fs::write(folder.path().join("dirs-1"), "").unwrap();
        let dir = InstanceDir::take(&dirs).unwrap().unwrap();
        says(&dir, None);
        assert_eq!(check(&dirs), Ok("ready\n".to_owned()));
    }
}
