//! Previous maps and files: what was in force before, kept beside the configuration folder.
//!
//! ```text
//! 0007/discovery-map.json   a map that came
//! 0007/replaced/…           the files of Envoy as they were before that map, or other templates, came
//! ```
//!
//! An entry has the next number, and the time of its folder. Nothing here may fail or delay a rollout: an
//! old file is kept by a second link to it, and what cannot be kept is logged once.

use nightjar_core::{
    digits::parse_digits,
    envoy::{Configuration, FileRole},
};
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

const MAP: &str = "discovery-map.json";
const REPLACED: &str = "replaced";
/// What all of it may take, in bytes, and never more than an eighth of the file system: a folder for
/// temporary files is often memory.
const MAX_BYTES: u64 = 64 << 20;

/// The entries, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Previous {
    /// `None` if nothing is kept.
    root: Option<PathBuf>,
    keep: usize,
    max_bytes: u64,
    /// The entry that files are kept in; `None` if the next file begins one.
    current: Option<PathBuf>,
    /// Whether the current entry was made for the map that the next configuration is built from.
    is_for_next_build: bool,
    /// Whether a file may be kept, by its name. Keys are not.
    names: BTreeMap<String, bool>,
    has_failed: bool,
}

impl Previous {
    /// Keeps so many entries in a folder, which is made when there is something to keep.
    pub(crate) fn new(root: PathBuf, keep: usize) -> Self {
        Self {
            root: (keep > 0).then_some(root),
            keep,
            max_bytes: MAX_BYTES,
            ..Self::default()
        }
    }

    /// Keeps a map that files will be made of. One that is kept last already, as after a restart, is not
    /// kept again.
    pub(crate) fn map_came(&mut self, map: &[u8]) {
        (self.current, self.is_for_next_build) = (None, false);
        let Some(root) = self.root.clone() else {
            return;
        };
        let latest = entries(&root).pop();
        let is_same = latest.is_some_and(|latest| {
            let path = latest.join(MAP);
            fs::metadata(&path).is_ok_and(|found| found.len() == map.len() as u64)
                && fs::read(path).is_ok_and(|found| found == map)
        });
        if is_same {
            return;
        }
        let kept = self.begin(&root).and_then(|entry| {
            self.make_room(&root, map.len() as u64);
            self.is_for_next_build = true;
            fs::write(entry.join(MAP), map)
        });
        if kept.is_err()
            && let Some(unfinished) = self.current.take()
        {
            let _ = fs::remove_dir_all(unfinished);
        }
        self.note(kept);
    }

    /// Gives up everything that is kept: the disk is full, and what Envoy has to read comes first.
    pub(crate) fn clear(&mut self) {
        (self.current, self.is_for_next_build) = (None, false);
        for entry in self.root.iter().flat_map(|root| entries(root)) {
            let _ = fs::remove_dir_all(entry);
        }
    }

    /// Notes that a configuration is built, whose files will replace others.
    pub(crate) fn built(&mut self, configuration: &Configuration) {
        if !std::mem::take(&mut self.is_for_next_build) {
            self.current = None;
        }
        for file in configuration.iter() {
            let may_be_kept = !matches!(file.role(), None | Some(FileRole::Secrets(_)));
            let known = self.names.entry(file.name().to_owned()).or_insert(true);
            *known &= may_be_kept;
        }
    }

    /// Keeps a file that is about to be replaced or removed. The first of a rollout counts: it is what was
    /// in force before.
    pub(crate) fn replaced(&mut self, name: &str, path: &Path) {
        let Some(root) = self.root.clone() else {
            return;
        };
        if self.names.get(name) != Some(&true) || !path.is_file() {
            return;
        }
        let kept = self.keep_file(&root, name, path);
        self.note(kept);
    }

    fn keep_file(&mut self, root: &Path, name: &str, path: &Path) -> io::Result<()> {
        let entry = if let Some(entry) = &self.current {
            entry.clone()
        } else {
            let latest = entries(root).pop().map(|latest| latest.join(MAP));
            let entry = self.begin(root)?;
            if let Some(map) = latest.filter(|map| map.is_file()) {
                link(&map, &entry.join(MAP))?;
            }
            self.make_room(root, 0);
            entry
        };
        let kept = entry.join(REPLACED).join(name);
        if kept.exists() {
            return Ok(());
        }
        fs::create_dir_all(kept.parent().unwrap_or(&entry))?;
        link(path, &kept)
    }

    /// Begins an entry. A folder of that number that is somebody else's is left alone.
    fn begin(&mut self, root: &Path) -> io::Result<PathBuf> {
        // Maps name hosts, and so are for this user alone.
        let mut folder = DirBuilder::new();
        folder.mode(0o700);
        folder.recursive(true).create(root)?;
        folder.recursive(false);
        let last = entries(root).pop();
        let mut next = last.and_then(|last| number(&last)).unwrap_or_default() + 1;
        let entry = loop {
            let entry = root.join(format!("{next:04}"));
            match folder.create(&entry) {
                Ok(()) => break entry,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => next += 1,
                Err(error) => return Err(error),
            }
        };
        self.current = Some(entry.clone());
        Ok(entry)
    }

    /// Removes the oldest entries, so that one more with so many bytes is within the limits. The one that
    /// is filled stays.
    fn make_room(&self, root: &Path, bytes: u64) {
        let mut all = entries(root);
        all.retain(|entry| Some(entry) != self.current.as_ref());
        let mut sizes: Vec<u64> = all.iter().map(|entry| size(entry)).collect();
        let limit = self.max_bytes.min(capacity(root) / 8);
        let limit = limit.saturating_sub(bytes);
        while !all.is_empty() && (all.len() >= self.keep || sizes.iter().sum::<u64>() > limit) {
            // What cannot be removed now is tried again with the next entry.
            let _ = fs::remove_dir_all(all.remove(0));
            sizes.remove(0);
        }
    }

    fn note(&mut self, kept: io::Result<()>) {
        let is_full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
        if kept.as_ref().is_err_and(is_full) {
            self.clear();
        }
        match (kept, &self.root) {
            (Ok(()), _) => self.has_failed = false,
            (Err(error), Some(root)) if !self.has_failed => {
                self.has_failed = true;
                tracing::warn!(
                    "previous maps and files are not kept in {}: {error}\nhint: name another folder in \
                     NJ_PREVIOUS_DIR, or keep none with NJ_PREVIOUS_KEEP=0",
                    root.display()
                );
            }
            (Err(_), _) => {}
        }
    }
}

/// The entries of a folder, the oldest first. Only a folder that holds what entries hold is one.
fn entries(root: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<(u64, PathBuf)> = found
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| Some((number(&entry.path())?, entry.path())))
        .filter(|(_, path)| is_entry(path))
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

fn is_entry(folder: &Path) -> bool {
    let held: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    !held.is_empty() && held.iter().all(|name| name == MAP || name == REPLACED)
}

/// The bytes of the file system that a folder is in, or will be in.
fn capacity(folder: &Path) -> u64 {
    let exists = folder.ancestors().find(|folder| folder.exists());
    let found = exists.and_then(|folder| rustix::fs::statvfs(folder).ok());
    found.map_or(u64::MAX, |found| {
        found.f_blocks.saturating_mul(found.f_frsize)
    })
}

/// The number of an entry, if this is one.
fn number(entry: &Path) -> Option<u64> {
    let name = entry.file_name()?.to_str()?;
    parse_digits(name)
}

/// A second link to a file, which copies nothing; a copy where there can be no link.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    match fs::hard_link(from, to) {
        Err(error)
            if matches!(
                error.kind(),
                CrossesDevices | PermissionDenied | TooManyLinks | Unsupported
            ) =>
        {
            fs::copy(from, to).map(|_| ())
        }
        linked => linked,
    }
}

/// The bytes of all files of a folder.
fn size(folder: &Path) -> u64 {
    let found = fs::read_dir(folder).into_iter().flatten().flatten();
    found
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests;
