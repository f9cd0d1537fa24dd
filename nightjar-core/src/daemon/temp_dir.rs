//! Folder for temporary files.

use super::{Settings, dir_lock};
use rustix::process::geteuid;
use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// How the name of a folder of our own begins.
const PREFIX: &str = "nightjar-";
/// The file in it that is locked for as long as it is in use. No other folder has one of this name.
const LOCK: &str = ".nightjar-temporary";

/// The folder for temporary files, removed at the end if it is our own.
///
/// One that is killed cannot remove its own, which a container that is started again would gather.
/// So each holds a lock in its folder, and removes those of its user that nobody holds any more.
#[derive(Debug)]
pub struct TempDir {
    path: PathBuf,
    _own: Option<(dir_lock::DirLock, tempfile::TempDir)>,
}

/// Why there is no folder for temporary files.
#[derive(Debug, thiserror::Error)]
pub enum TempDirError {
    /// The folder that the settings name cannot be created.
    #[error("cannot create the folder NJ_TEMP_DIR={}", .path.display())]
    Configured {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A private folder cannot be created.
    #[error("cannot create a temporary folder in {}, and NJ_TEMP_DIR is not set", .path.display())]
    Private {
        /// The system's folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl TempDir {
    /// The folder that the settings name, or a new private one.
    pub fn open(settings: &Settings) -> Result<Self, TempDirError> {
        if let Some(path) = &settings.temp_dir {
            fs::create_dir_all(path).map_err(|source| TempDirError::Configured {
                path: path.clone(),
                source,
            })?;
            return Ok(Self {
                path: path.clone(),
                _own: None,
            });
        }
        let parent = &settings.system_temp_dir;
        remove_abandoned(parent);
        let (lock, own) = new_in(parent).map_err(|source| TempDirError::Private {
            path: parent.clone(),
            source,
        })?;
        Ok(Self {
            path: own.path().to_owned(),
            _own: Some((lock, own)),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn new_in(parent: &Path) -> io::Result<(dir_lock::DirLock, tempfile::TempDir)> {
    loop {
        let own = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        match dir_lock::lock(&own.path().join(LOCK)) {
            Ok(Some(lock)) => return Ok((lock, own)),
            // Another process looked between these two steps, and took it for abandoned.
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes the folders of killed predecessors. What cannot be removed does no harm.
fn remove_abandoned(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        // Of a link, this is its own metadata.
        let is_ours = entry
            .metadata()
            .is_ok_and(|entry| entry.is_dir() && entry.uid() == geteuid().as_raw());
        // One without a lock is just being made, or is not of this kind.
        let lock = path.join(LOCK);
        if is_ours
            && name.to_string_lossy().starts_with(PREFIX)
            && lock.is_file()
            && !dir_lock::is_locked(&lock)
            && let Ok(Some(_lock)) = dir_lock::lock(&lock)
        {
            let removed = fs::remove_dir_all(&path);
            tracing::debug!("removing the abandoned {}: {removed:?}", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Env, Reader};

    #[test]
    fn a_folder_of_our_own_is_private_and_does_not_stay() {
        let system = tempfile::tempdir().unwrap();
        let env = Env::from_pairs([("TMPDIR", system.path())]);
        let settings = Settings::read(&mut Reader::new(&env));
        let own = TempDir::open(&settings).unwrap();
        let mode = fs::metadata(own.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(own.path().parent(), Some(system.path()));
        drop(own);
        assert_eq!(system.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_predecessor_left_is_removed_and_nothing_else() {
        let system = tempfile::tempdir().unwrap();
        let env = Env::from_pairs([("TMPDIR", system.path())]);
        let settings = Settings::read(&mut Reader::new(&env));
        for (folder, file) in [
            ("nightjar-dead", LOCK),
            ("nightjar-dead", "check-1"),
            // As a proxy's configuration folder may be called, and as it is locked.
            ("nightjar-shop", dir_lock::LOCK),
            ("other", LOCK),
        ] {
            let folder = system.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(file), "").unwrap();
        }
        let link = system.path().join("nightjar-link");
        std::os::unix::fs::symlink(system.path().join("other"), link).unwrap();
        let names = || {
            let entries = system.path().read_dir().unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };

        let first = TempDir::open(&settings).unwrap();
        let second = TempDir::open(&settings).unwrap();
        assert!(first.path().is_dir() && second.path().is_dir());
        drop((first, second));
        assert_eq!(names(), ["nightjar-link", "nightjar-shop", "other"]);
    }
}
