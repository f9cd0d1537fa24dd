//! Errors of the store, and whether another try may help.

use nightjar_core::{
    extension::{ActionError, DocumentName},
    template::folder::FolderError,
};
use std::{io, path::PathBuf};

/// Why a document could not be fetched or committed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The store does not keep such a document.
    #[error("this store keeps discovery-map and templates, not {0}")]
    UnknownDocument(DocumentName),
    /// Nothing was committed or written there yet.
    #[error(
        "{} is not there yet\n  \
         hint: NJ_DSLOCAL_FILE_DISCOVERY_MAP and NJ_DSLOCAL_FILE_TEMPLATES set where documents are",
        .0.display()
    )]
    Missing(PathBuf),
    /// The file changes while it is read.
    #[error("{} keeps changing while it is read", .0.display())]
    Changing(PathBuf),
    /// An editor has saved half of the file, or somebody has made a mistake.
    #[error("{} is not complete JSON", .path.display())]
    Incomplete {
        path: PathBuf,
        source: serde_json::Error,
    },
    /// JSON, but not a document.
    #[error("{} is not a JSON object", .path.display())]
    NotAnObject {
        path: PathBuf,
        source: serde_json::Error,
    },
    /// The input of a commit is not a document.
    #[error("the document to commit is not a JSON object")]
    InvalidDocument(#[source] serde_json::Error),
    /// The template folder gives no templates.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The templates document could not be encoded.
    #[error("cannot write the templates of {} as JSON", .path.display())]
    Encode {
        path: PathBuf,
        source: serde_json::Error,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// Commits cannot be serialized.
    #[error(
        "cannot lock {}, which serializes commits\n  \
         hint: remove the file if it was left behind; commits that compare versions need a file \
         system with locks", .path.display()
    )]
    Lock { path: PathBuf, source: io::Error },
    /// A file cannot be written.
    #[error("cannot write {}", .path.display())]
    Write { path: PathBuf, source: io::Error },
    /// The template folder is edited directly.
    #[error(
        "templates come from the folder {}, which is edited directly and accepts no commits\n  \
         hint: unset NJ_DSLOCAL_DIR_TEMPLATES to commit to NJ_DSLOCAL_FILE_TEMPLATES", .0.display()
    )]
    CommitToFolder(PathBuf),
    /// The template folder has no versions.
    #[error("templates come from the folder {}, which has no versions", .0.display())]
    NoVersions(PathBuf),
    /// A file holds the document that was committed last, and nothing older.
    #[error("{} holds only its current version, {}", .0.display(), .1)]
    NoVersion(PathBuf, String),
}

impl StoreError {
    /// Classifies an error of reading `path`.
    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.into();
            match source.kind() {
                io::ErrorKind::NotFound => Self::Missing(path),
                _ => Self::Read { path, source },
            }
        }
    }
}

impl From<StoreError> for ActionError {
    fn from(error: StoreError) -> Self {
        let is_retryable = match &error {
            StoreError::Missing(_)
            | StoreError::Changing(_)
            | StoreError::Incomplete { .. }
            | StoreError::Folder(
                FolderError::Missing(_) | FolderError::Changing(_) | FolderError::NoTemplates(_),
            ) => true,
            StoreError::Write { source, .. } | StoreError::Lock { source, .. } => {
                source.kind() == io::ErrorKind::StorageFull
            }
            _ => false,
        };
        if is_retryable {
            Self::retry(error)
        } else {
            Self::fatal(error)
        }
    }
}
