//! The folder for temporary files.

use super::Settings;
use std::{
    fs::Permissions,
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// The folder for temporary files, removed at the end if it is our own.
#[derive(Debug)]
pub struct TempDir {
    path: PathBuf,
    _own: Option<tempfile::TempDir>,
}

/// Why there is no such folder.
#[derive(Debug, thiserror::Error)]
pub enum TempDirError {
    /// The folder that was asked for cannot be had.
    #[error("NJ_TEMP_DIR {} cannot be made", .path.display())]
    Given {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no place for one of our own.
    #[error("no temporary folder can be made in {}; set NJ_TEMP_DIR", .path.display())]
    Own {
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
            std::fs::create_dir_all(path).map_err(|source| TempDirError::Given {
                path: path.clone(),
                source,
            })?;
            return Ok(Self {
                path: path.clone(),
                _own: None,
            });
        }
        let own = tempfile::Builder::new()
            .prefix("nightjar-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&settings.system_temp_dir)
            .map_err(|source| TempDirError::Own {
                path: settings.system_temp_dir.clone(),
                source,
            })?;
        Ok(Self {
            path: own.path().to_owned(),
            _own: Some(own),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Env, Reader};
    use std::fs;

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
}
