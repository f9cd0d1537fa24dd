//! Previous maps and files: what was in force before, kept beside the configuration folder.
//!
//! ```text
//! 0007/discovery-map.json   a map that came
//! 0007/replaced/…           the files of Envoy as they were before that map, or other templates, came
//! ```
//!
//! An entry has the next number, and the time of its folder. Nothing here may fail or delay a rollout: an
//! old file is kept by a second link to it, and what cannot be kept is told once.

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
/// What all of it may take, in bytes; a folder for temporary files is often memory.
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
            fs::write(entry.join(MAP), map)?;
            self.is_for_next_build = true;
            self.prune(&root)
        });
        self.note(kept);
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
            self.prune(root)?;
            entry
        };
        let kept = entry.join(REPLACED).join(name);
        if kept.exists() {
            return Ok(());
        }
        fs::create_dir_all(kept.parent().unwrap_or(&entry))?;
        link(path, &kept)
    }

    /// Begins an entry.
    fn begin(&mut self, root: &Path) -> io::Result<PathBuf> {
        let last = entries(root).pop();
        let last = last.and_then(|last| number(&last)).unwrap_or_default();
        let entry = root.join(format!("{:04}", last + 1));
        // Maps name hosts, and so are for this user alone.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&entry)?;
        self.current = Some(entry.clone());
        Ok(entry)
    }

    /// Removes the oldest entries past the limits, and never the newest.
    fn prune(&self, root: &Path) -> io::Result<()> {
        let mut all = entries(root);
        let mut sizes: Vec<u64> = all.iter().map(|entry| size(entry)).collect();
        while all.len() > 1 && (all.len() > self.keep || sizes.iter().sum::<u64>() > self.max_bytes)
        {
            fs::remove_dir_all(all.remove(0))?;
            sizes.remove(0);
        }
        Ok(())
    }

    fn note(&mut self, kept: io::Result<()>) {
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

/// The entries of a folder, the oldest first.
fn entries(root: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<(u64, PathBuf)> = found
        .filter_map(|entry| Some((number(&entry.path())?, entry.path())))
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// The number of an entry, if this is one.
fn number(entry: &Path) -> Option<u64> {
    let name = entry.file_name()?.to_str()?;
    parse_digits(name)
}

/// A second link to a file, which costs nothing; a copy where the folders are on different file systems.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
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
