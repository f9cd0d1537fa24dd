//! Data store in local files, and in a folder of templates.

use crate::{error::StoreError, file, folder};
use nightjar_core::{
    env::{Reader, Setting},
    extension::{
        About, ActionError, CommitOutcome, DataStore, DocumentName, FetchOutcome, ListedVersion,
        NJ_STORE_ACCEPT_INVALID, Versions,
    },
};
use std::path::{Path, PathBuf};

pub(crate) const FILE_TEMPLATES: Setting = Setting::with_default(
    "NJ_DSLOCAL_FILE_TEMPLATES",
    "/usr/share/nightjar/data-store/templates.json",
    "the file that holds the templates document",
);
pub(crate) const FILE_DISCOVERY_MAP: Setting = Setting::with_default(
    "NJ_DSLOCAL_FILE_DISCOVERY_MAP",
    "/usr/share/nightjar/data-store/discovery-map.json",
    "the file that holds the discovery map",
);
pub(crate) const DIR_TEMPLATES: Setting = Setting::optional(
    "NJ_DSLOCAL_DIR_TEMPLATES",
    "the templates come from NJ_DSLOCAL_FILE_TEMPLATES",
    "a folder of templates that people edit directly, used instead of the file: \
     gateway/<namespace>/<purpose>.mustache and \
     service/<namespace>/<service>/<color>/<purpose>.mustache, with _default for any",
);

/// Documents in local files, and templates in a folder if one is given.
pub(crate) struct LocalStore {
    discovery_map: PathBuf,
    templates: Templates,
}

enum Templates {
    File(PathBuf),
    Folder(PathBuf),
}

/// Where one document is.
enum Location<'a> {
    File(&'a Path),
    Folder(&'a Path),
}

impl LocalStore {
    fn locate(&self, document: &DocumentName) -> Result<Location<'_>, StoreError> {
        if *document == DocumentName::DISCOVERY_MAP {
            Ok(Location::File(&self.discovery_map))
        } else if *document == DocumentName::TEMPLATES {
            Ok(match &self.templates {
                Templates::File(path) => Location::File(path),
                Templates::Folder(path) => Location::Folder(path),
            })
        } else {
            Err(StoreError::UnknownDocument(document.clone()))
        }
    }

    /// The file of a document that has versions.
    fn versioned_file(&self, document: &DocumentName) -> Result<&Path, StoreError> {
        match self.locate(document)? {
            Location::File(path) => Ok(path),
            Location::Folder(path) => Err(StoreError::NoVersions(path.to_owned())),
        }
    }
}

impl DataStore for LocalStore {
    const ABOUT: About = About {
        name: "ext-store-local",
        version: env!("CARGO_PKG_VERSION"),
        summary: "a data store in local files, and in a folder of templates",
        settings: &[
            FILE_TEMPLATES,
            FILE_DISCOVERY_MAP,
            DIR_TEMPLATES,
            NJ_STORE_ACCEPT_INVALID,
        ],
    };

    fn from_settings(reader: &mut Reader<'_>) -> Self {
        let file = reader.path(&FILE_TEMPLATES);
        let folder = reader.optional(&DIR_TEMPLATES, Reader::path);
        Self {
            discovery_map: reader.path(&FILE_DISCOVERY_MAP),
            templates: folder.map_or(Templates::File(file), Templates::Folder),
        }
    }

    fn fetch(
        &self,
        document: &DocumentName,
        previous: Option<&str>,
    ) -> Result<FetchOutcome, ActionError> {
        let answer = match self.locate(document)? {
            Location::File(path) => file::fetch(path, previous),
            Location::Folder(path) => folder::fetch(path, previous),
        };
        Ok(answer?)
    }

    fn commit(
        &self,
        document: &DocumentName,
        input: &Path,
        previous: Option<&str>,
    ) -> Result<CommitOutcome, ActionError> {
        match self.locate(document)? {
            Location::File(path) => Ok(file::commit(path, input, previous)?),
            Location::Folder(path) => Err(StoreError::CommitToFolder(path.to_owned()).into()),
        }
    }

    /// A file holds one version. A file that is missing in a folder that is there holds none.
    fn list(&self, document: &DocumentName) -> Result<Versions, ActionError> {
        let path = self.versioned_file(document)?;
        let content = match file::read(path) {
            Err(StoreError::Missing(_)) if path.parent().is_some_and(Path::is_dir) => {
                return Ok(Versions::default());
            }
            read => read?,
        };
        Ok(Versions {
            versions: vec![ListedVersion::new(content.version, content.time)],
        })
    }

    fn fetch_version(
        &self,
        document: &DocumentName,
        version: &str,
    ) -> Result<Vec<u8>, ActionError> {
        let path = self.versioned_file(document)?;
        let content = file::read(path)?;
        if content.version == version {
            Ok(content.document(path)?)
        } else {
            Err(StoreError::NoVersion(path.to_owned(), content.version).into())
        }
    }
}
