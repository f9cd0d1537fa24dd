//! Configurations: sets of files as Envoy reads them.

use super::{
    error::FilesError,
    file::{File, Files},
    proto_json::inside,
    resource_scan::Reference,
    role::FileRole,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use xxhash_rust::xxh3::Xxh3;

/// A set of files, with what each of them is to Envoy.
///
/// Clones share the files. So does a configuration that is read after another with those of its
/// files that are still the same.
#[derive(Debug, Clone)]
pub struct Configuration {
    files: Arc<BTreeMap<Box<str>, Arc<File>>>,
    bootstrap: Arc<File>,
    config_dir: Arc<str>,
}

/// A file that is named and not read yet.
struct PendingFile {
    name: String,
    role: FileRole,
    by: String,
}

impl Configuration {
    /// Finds the role of every file.
    ///
    /// `bootstrap` is the name of the bootstrap among the files; `config_dir` is the folder that
    /// they will be in, as the files themselves spell it. Files of `before` whose text and role
    /// are the same are shared and not parsed again.
    ///
    /// # Errors
    /// [`FilesError`] if the bootstrap is missing, a file with a role does not parse or is unfit
    /// for it, or a file inside the configuration folder is named that is not made.
    pub fn read(
        files: Files,
        bootstrap: &str,
        config_dir: &str,
        before: Option<&Self>,
    ) -> Result<Self, FilesError> {
        Self::read_layered(files, |_| Ok(None), bootstrap, config_dir, before)
    }

    /// As [`Configuration::read`], and a file that is named and not among the files is asked of a layer
    /// beneath.
    ///
    /// # Errors
    /// [`FilesError`] as there, and whatever the layer fails with.
    pub fn read_layered<E: From<FilesError>>(
        mut files: Files,
        mut inherited: impl FnMut(&str) -> Result<Option<String>, E>,
        bootstrap: &str,
        config_dir: &str,
        before: Option<&Self>,
    ) -> Result<Self, E> {
        let mut take = |files: &mut Files, name: &str| match files.remove(name) {
            Some(text) => Ok(Some(text)),
            None => inherited(name),
        };
        let Some(text) = take(&mut files, bootstrap)? else {
            return Err(no_bootstrap(&files, bootstrap).into());
        };
        let read = |name: &str, text: String, role: Option<FileRole>| {
            let known = before.and_then(|before| before.get(name));
            let is_same = |known: &&Arc<File>| known.role == role && *known.text == *text;
            match known.filter(is_same) {
                Some(known) => Ok(Arc::clone(known)),
                None => File::read(name, text, role).map(Arc::new),
            }
        };
        let root = read(bootstrap, text, Some(FileRole::Bootstrap))?;
        let mut pending = named_by(&root, config_dir);
        let mut done = BTreeMap::from([(root.name.clone(), Arc::clone(&root))]);
        while let Some(PendingFile { name, role, by }) = pending.pop() {
            if let Some(known) = done.get(name.as_str()) {
                check_role(known, &role)?;
                continue;
            }
            let Some(text) = take(&mut files, &name)? else {
                let path = format!("{config_dir}/{name}");
                return Err(FilesError::Missing { by, path }.into());
            };
            let file = read(&name, text, Some(role))?;
            pending.extend(named_by(&file, config_dir));
            done.insert(name.into(), file);
        }
        for (name, text) in files {
            let file = read(&name, text, None)?;
            done.insert(name.into(), file);
        }
        Ok(Self {
            files: Arc::new(done),
            bootstrap: root,
            config_dir: config_dir.into(),
        })
    }

    /// Every file, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<File>> {
        self.files.values()
    }

    /// A file by its name.
    pub fn get(&self, name: &str) -> Option<&Arc<File>> {
        self.files.get(name)
    }

    /// The bootstrap.
    pub fn bootstrap(&self) -> &Arc<File> {
        &self.bootstrap
    }

    /// The number of files; at least the bootstrap is there.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Always false, since there is a bootstrap.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Tells one set of files from another: a hash of names and texts.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Xxh3::new();
        for file in self.iter() {
            hash.update(&file.name.len().to_le_bytes());
            hash.update(file.name.as_bytes());
            hash.update(&file.hash.to_le_bytes());
        }
        hash.digest()
    }

    /// Whether names and texts are those of another.
    pub fn is_same(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .zip(other.iter())
                .all(|(mine, theirs)| mine.is_same(theirs))
    }

    /// The file that a path names.
    pub(super) fn at(&self, path: &str) -> Option<&Arc<File>> {
        self.get(inside(path, &self.config_dir)?)
    }

    /// How many inotify instances an Envoy needs that starts with these files.
    ///
    /// Each subscription to a file takes one, and a secret that names files of keys or certificates one
    /// more. Envoy shares subscriptions to routes and secrets between
    /// those that name them in the same words.
    pub fn inotify_instances(&self) -> usize {
        let mut shared = BTreeSet::new();
        let mut count = 0;
        for reference in self.iter().flat_map(|file| &file.references) {
            let is_shared = matches!(reference.role, FileRole::Routes(_) | FileRole::Secrets(_));
            if !is_shared || shared.insert((&reference.role, reference.source)) {
                count += 1 + usize::from(self.names_files(reference));
            }
        }
        count
    }

    /// Whether a reference is to a secret that names files in its turn. One that is made elsewhere
    /// is taken to.
    fn names_files(&self, reference: &Reference) -> bool {
        matches!(reference.role, FileRole::Secrets(_))
            && self
                .at(&reference.path)
                .is_none_or(|file| file.text.contains("filename"))
    }

    pub(super) fn config_dir(&self) -> &str {
        &self.config_dir
    }
}

fn no_bootstrap(files: &Files, bootstrap: &str) -> FilesError {
    let made: Vec<_> = files.keys().map(|name| format!("{name:?}")).collect();
    FilesError::NoBootstrap {
        name: bootstrap.to_owned(),
        made: if made.is_empty() {
            "no file".to_owned()
        } else {
            made.join(", ")
        },
    }
}

fn named_by(file: &File, config_dir: &str) -> Vec<PendingFile> {
    file.references
        .iter()
        .filter_map(|reference| {
            Some(PendingFile {
                name: inside(&reference.path, config_dir)?.to_owned(),
                role: reference.role.clone(),
                by: file.name.to_string(),
            })
        })
        .collect()
}

/// Checks that a file that is named again has the same role.
fn check_role(file: &File, role: &FileRole) -> Result<(), FilesError> {
    match file.role() {
        Some(first) if !first.is_compatible_with(role) => Err(FilesError::Invalid {
            file: file.name.to_string(),
            reason: format!("other files name it both as {first} and as {role}"),
        }),
        _ => Ok(()),
    }
}
