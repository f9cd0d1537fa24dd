//! Private folders of runs, and the file in each.

use super::RunError;
use std::{
    fs::{self, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tempfile::TempDir;

/// Where the folders of an extension's runs are.
#[derive(Debug, Clone)]
pub(super) struct RunDirs {
    temp_dir: PathBuf,
    /// The folder of the last run that went well, empty again, for the next one.
    kept: Arc<Mutex<Option<TempDir>>>,
}

/// The folder of one run.
pub(super) struct RunDir {
    folder: TempDir,
    /// The file to write, or the one that is handed over.
    pub(super) file: PathBuf,
}

impl RunDirs {
    pub(super) fn within(temp_dir: &Path) -> Self {
        Self {
            temp_dir: temp_dir.to_owned(),
            kept: Arc::default(),
        }
    }

    pub(super) fn temp_dir(&self) -> &Path {
        &self.temp_dir
    }

    /// Makes the folder of one run, and in it the file that a commit hands over.
    pub(super) fn make(&self, file: &str, input: Option<&[u8]>) -> Result<RunDir, RunError> {
        let make = || {
            let kept = self.kept().take().filter(|folder| folder.path().is_dir());
            let folder = kept.map_or_else(|| self.new_folder(), Ok)?;
            let file = folder.path().join(file);
            if let Some(bytes) = input {
                File::create_new(&file)?.write_all(bytes)?;
            }
            Ok(RunDir { folder, file })
        };
        make().map_err(|source| RunError::TempDir {
            path: self.temp_dir.clone(),
            source,
        })
    }

    fn new_folder(&self) -> io::Result<TempDir> {
        // A cleaner of old files may have removed the folder around it.
        fs::create_dir_all(&self.temp_dir)?;
        tempfile::Builder::new()
            .prefix("run-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&self.temp_dir)
    }

    /// Keeps a folder for the next run. One run's folder is the next one's only if all is well:
    /// whatever a failed run may have left is removed with it.
    pub(super) fn keep(&self, RunDir { folder, file }: RunDir) {
        let _ = fs::remove_file(file);
        let is_empty = folder
            .path()
            .read_dir()
            .is_ok_and(|mut entries| entries.next().is_none());
        if is_empty {
            *self.kept() = Some(folder);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<TempDir>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what an extension has written, never more of it than a document may have.
pub(super) fn read(path: &Path, max: u64) -> Result<Vec<u8>, RunError> {
    let unreadable = |source| RunError::Unreadable { source };
    let file = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(RunError::NoFile),
        opened => opened.map_err(unreadable)?,
    };
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(RunError::NotAFile);
    }
    let size = metadata.len();
    if size > max {
        return Err(RunError::TooLarge { size, max });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    match bytes.len() as u64 {
        0 => Err(RunError::EmptyFile),
        read if read > max => Err(RunError::TooLarge { size: read, max }),
        _ => Ok(bytes),
    }
}

/// Opens a file that may be anything: opening a pipe must not wait for a writer.
fn open(path: &Path) -> io::Result<File> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    File::options()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)
}
