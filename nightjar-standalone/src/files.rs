//! Configuration folder: every file is replaced as a whole, or not at all.

mod difference;

pub(crate) use difference::difference;

use crate::previous::Previous;
use nightjar_core::{
    atomic_file::{TEMP_SUFFIX, temp_path},
    daemon::dir_lock::{self, DirLock},
    envoy::Configuration,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Manifest of the files that Nightjar wrote, so that it can remove them after a restart too.
const MANIFEST: &str = ".nightjar-files";

/// What went wrong in the folder.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    #[error("{action} {path:?}: {source}")]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(
        "the configuration folder {0:?} is in use by another nightjar-standalone\n\
         hint: give each proxy an ENVOY_CONFIGURATION_DIR of its own"
    )]
    InUse(PathBuf),
}

/// The folder that Envoy reads.
pub(crate) struct Folder {
    root: PathBuf,
    /// The names in the manifest.
    manifest: BTreeSet<String>,
    /// Held for as long as this lives; `None` if the folder is only read.
    lock: Option<DirLock>,
    /// Identity of the folder, and of each file that was published, in the file system.
    identity: Option<Identity>,
    published: BTreeMap<String, Identity>,
    /// Where files go that are replaced or removed.
    previous: Arc<Mutex<Previous>>,
}

/// Identity of a file: another one if somebody else replaced or changed the file.
type Identity = (u64, u64, u64, i64);

/// A file that is written and synced, under a name that Envoy does not read.
pub(crate) struct Staged {
    name: String,
    unfinished: PathBuf,
    path: PathBuf,
}

impl Folder {
    /// Takes possession of the folder, making it if need be, and clears what an interrupted
    /// predecessor left unfinished.
    pub(crate) fn open(root: &Path) -> Result<Self, FolderError> {
        fs::create_dir_all(root).map_err(failed("cannot make the folder", root))?;
        let owned = dir_lock::acquire(root)
            .map_err(|source| failed("cannot write", &root.join(dir_lock::LOCK))(source))?;
        let Some(lock) = owned else {
            return Err(FolderError::InUse(root.to_owned()));
        };
        clear_unfinished(root);
        let mut folder = Self::read_only(root);
        folder.lock = Some(lock);
        folder.identity = identity_of_folder(root);
        Ok(folder)
    }

    /// The same, which keeps what it replaces.
    pub(crate) fn keeping(mut self, previous: Arc<Mutex<Previous>>) -> Self {
        self.previous = previous;
        self
    }

    fn previous(&self) -> MutexGuard<'_, Previous> {
        self.previous.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_previous(&self, name: &str) {
        self.previous().replaced(name, &self.root.join(name));
    }

    /// What others changed since: the files that were removed or changed, and whether the folder itself was
    /// replaced.
    pub(crate) fn changed_by_others(&self) -> (Vec<String>, bool) {
        let changed = self.published.iter().filter(|(name, published)| {
            identity_of_file(&self.root.join(name)).as_ref() != Some(*published)
        });
        let lost = self.identity.is_some() && identity_of_folder(&self.root) != self.identity;
        (changed.map(|(name, _)| name.clone()).collect(), lost)
    }

    /// Creates the folder again, if it is missing.
    fn restore(&mut self) -> Result<(), FolderError> {
        if self.identity.is_none() || identity_of_folder(&self.root) == self.identity {
            return Ok(());
        }
        let root = self.root.clone();
        self.lock = None;
        *self = Self::open(&root)?.keeping(Arc::clone(&self.previous));
        Ok(())
    }

    /// Opens the folder without taking possession of it; it need not exist.
    pub(crate) fn read_only(root: &Path) -> Self {
        let text = fs::read_to_string(root.join(MANIFEST)).unwrap_or_default();
        let manifest = text.lines().map(ToOwned::to_owned).collect();
        Self {
            root: root.to_owned(),
            manifest,
            lock: None,
            identity: None,
            published: BTreeMap::new(),
            previous: Arc::default(),
        }
    }

    /// The files that Nightjar wrote here, now or before a restart.
    pub(crate) fn manifest(&self) -> &BTreeSet<String> {
        &self.manifest
    }

    /// The text of a file as it is; `None` if there is none.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        fs::read(self.root.join(name))
            .ok()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Adds files that are about to be written to the manifest.
    ///
    /// The manifest comes first: a process that is killed in between must not leave files behind that are not
    /// in it.
    pub(crate) fn add_to_manifest<'a>(
        &mut self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), FolderError> {
        let names: BTreeSet<&str> = names.into_iter().collect();
        self.make_room(&names)?;
        let before = self.manifest.len();
        self.manifest
            .extend(names.into_iter().map(ToOwned::to_owned));
        if self.manifest.len() == before {
            Ok(())
        } else {
            self.write_manifest()
        }
    }

    /// Removes what conflicts with new files: a file where a folder has to be, or the other way round.
    fn make_room(&mut self, names: &BTreeSet<&str>) -> Result<(), FolderError> {
        let holds = |folder: &str, name: &str| {
            name.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let conflicts = |own: &&String| {
            !names.contains(own.as_str())
                && names
                    .iter()
                    .any(|name| holds(own, name) || holds(name, own))
        };
        let in_conflict: Vec<String> = self.manifest.iter().filter(conflicts).cloned().collect();
        self.remove(in_conflict)
    }

    /// Writes a file beside its place.
    pub(crate) fn stage(&self, name: &str, text: &str) -> Result<Staged, FolderError> {
        let path = self.root.join(name);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(failed("cannot make the folder", folder))?;
        let staged = Staged {
            name: name.to_owned(),
            unfinished: temp_path(&path),
            path,
        };
        let write = || -> io::Result<()> {
            let mut file = File::options()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(0o644)
                .open(&staged.unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        let mut written = write();
        if written
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::StorageFull)
        {
            self.previous().clear();
            written = write();
        }
        written.map_err(failed("cannot write", &staged.path))?;
        Ok(staged)
    }

    /// Puts a file in its place, in one step.
    pub(crate) fn publish(&mut self, staged: &Staged) -> Result<(), FolderError> {
        self.keep_previous(&staged.name);
        fs::rename(&staged.unfinished, &staged.path)
            .map_err(failed("cannot replace", &staged.path))?;
        if let Some(identity) = identity_of_file(&staged.path) {
            self.published.insert(staged.name.clone(), identity);
        }
        Ok(())
    }

    /// Writes a whole set of files and removes files that were written before and are not in it.
    pub(crate) fn replace_all(&mut self, files: &Configuration) -> Result<(), FolderError> {
        self.restore()?;
        self.add_to_manifest(files.iter().map(|file| file.name()))?;
        let mut staged = Vec::new();
        for file in files.iter() {
            let path = self.root.join(file.name());
            if fs::read(&path).is_ok_and(|bytes| bytes == file.text().as_bytes()) {
                if let Some(identity) = identity_of_file(&path) {
                    self.published.insert(file.name().to_owned(), identity);
                }
            } else {
                staged.push(self.stage(file.name(), file.text())?);
            }
        }
        for file in &staged {
            self.publish(file)?;
        }
        self.remove_others(files)
    }

    /// Removes files that were written before and are not in the set.
    pub(crate) fn remove_others(&mut self, files: &Configuration) -> Result<(), FolderError> {
        let removed: Vec<String> = self
            .manifest
            .iter()
            .filter(|name| files.get(name).is_none())
            .cloned()
            .collect();
        if removed.is_empty() {
            return Ok(());
        }
        self.remove(removed)?;
        self.write_manifest()
    }

    fn remove(&mut self, names: Vec<String>) -> Result<(), FolderError> {
        for name in names {
            let path = self.root.join(&name);
            self.keep_previous(&name);
            match fs::remove_file(&path) {
                Err(source)
                    if !matches!(
                        source.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                    ) =>
                {
                    return Err(failed("cannot remove", &path)(source));
                }
                _ => {}
            }
            self.remove_empty_parents(&path);
            self.manifest.remove(&name);
            self.published.remove(&name);
        }
        Ok(())
    }

    fn remove_empty_parents(&self, path: &Path) {
        let parents = path.ancestors().skip(1);
        for folder in parents.take_while(|folder| *folder != self.root) {
            if fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }

    fn write_manifest(&self) -> Result<(), FolderError> {
        let mut text = String::new();
        for name in &self.manifest {
            text.push_str(name);
            text.push('\n');
        }
        let staged = self.stage(MANIFEST, &text)?;
        fs::rename(&staged.unfinished, &staged.path).map_err(failed("cannot replace", &staged.path))
    }
}

fn identity_of_file(path: &Path) -> Option<Identity> {
    let metadata = fs::metadata(path).ok()?;
    let changed = metadata.mtime().wrapping_mul(1_000_000_000) + metadata.mtime_nsec();
    Some((metadata.dev(), metadata.ino(), metadata.len(), changed))
}

fn identity_of_folder(path: &Path) -> Option<Identity> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino(), 0, 0))
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove, and that is fine.
        let _ = fs::remove_file(&self.unfinished);
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io {
        action,
        path,
        source,
    }
}

fn clear_unfinished(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            clear_unfinished(&path);
        } else if path.to_string_lossy().ends_with(TEMP_SUFFIX) {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests;
