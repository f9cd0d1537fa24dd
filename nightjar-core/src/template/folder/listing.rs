//! Listing of a template folder, without the texts.

use super::{FolderError, SUFFIX, TemplateLocation};
use std::{
    fs::{self, Metadata},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Every template of a folder, in the order of their names, and remarks about other files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) templates: Vec<TemplateFile>,
    pub(super) notes: Vec<String>,
}

/// One template file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TemplateFile {
    /// Relative to the template folder.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) stamp: FileStamp,
}

/// What differs once a file has been edited or replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    pub(super) modified: SystemTime,
}

impl FileStamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        }
    }
}

impl Listing {
    pub(super) fn of(folder: &Path) -> Result<Self, FolderError> {
        let mut listing = Self::default();
        let mut has_kind = false;
        let mut parents = vec![identity(&metadata(folder)?)];
        for (path, name, metadata) in visible(folder)? {
            if !metadata.is_dir() {
                listing.add_file(path, name, &metadata);
            } else if matches!(name.as_str(), "gateway" | "service") {
                has_kind = true;
                listing.add_folder(&path, &name, &mut parents)?;
            }
        }
        if !has_kind {
            return Err(FolderError::NoTemplates(folder.to_owned()));
        }
        listing
            .templates
            .sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listing)
    }

    fn add_folder(
        &mut self,
        folder: &Path,
        name: &str,
        parents: &mut Vec<(u64, u64)>,
    ) -> Result<(), FolderError> {
        let this = identity(&metadata(folder)?);
        if parents.contains(&this) {
            return Err(FolderError::Loop(folder.to_owned()));
        }
        parents.push(this);
        for (path, entry_name, metadata) in visible(folder)? {
            let name = format!("{name}/{entry_name}");
            if metadata.is_dir() {
                self.add_folder(&path, &name, parents)?;
            } else {
                self.add_file(path, name, &metadata);
            }
        }
        parents.pop();
        Ok(())
    }

    fn add_file(&mut self, path: PathBuf, name: String, metadata: &Metadata) {
        if !metadata.is_file() || !name.ends_with(SUFFIX) {
            // Backups of editors, explanations and the like.
        } else if TemplateLocation::of(&name).is_some() {
            self.templates.push(TemplateFile {
                name,
                path,
                stamp: FileStamp::of(metadata),
            });
        } else {
            self.note_misplaced(&name);
        }
    }

    fn note_misplaced(&mut self, name: &str) {
        self.notes.push(format!(
            "{name} is ignored: a template belongs in gateway/<namespace>/ or \
             service/<namespace>/<service>/<color>/, with _default for any"
        ));
    }
}

/// What a folder holds: path, name, and what a link leads to. Leaves out hidden entries, which
/// editors and tools keep to themselves.
fn visible(folder: &Path) -> Result<Vec<(PathBuf, String, Metadata)>, FolderError> {
    let read = || fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>();
    let mut entries = Vec::new();
    for entry in read().map_err(FolderError::read(folder))? {
        let (path, name) = (entry.path(), entry.file_name());
        if name.as_bytes().starts_with(b".") {
            continue;
        }
        let Ok(name) = name.into_string() else {
            return Err(FolderError::NotUtf8 {
                what: "the name",
                path,
            });
        };
        match metadata(&path) {
            // Gone since the folder was read, or a link to nowhere.
            Err(FolderError::Missing(_)) => {}
            metadata => entries.push((path, name, metadata?)),
        }
    }
    entries.sort_by(|(_, one, _), (_, other, _)| one.cmp(other));
    Ok(entries)
}

fn metadata(path: &Path) -> Result<Metadata, FolderError> {
    fs::metadata(path).map_err(FolderError::read(path))
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
