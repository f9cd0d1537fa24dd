//! Data store in an S3 bucket.

use crate::{
    bucket::Bucket,
    commit, fetch,
    keys::Keys,
    settings::{
        self, BASE_PATH, BUCKET, FORCE_PATH_STYLE, Limits, MAX_DOCUMENT_SIZE_MB, PRESERVE_COUNT,
        PRESERVE_HOURS,
    },
};
use nightjar_aws::Session;
use nightjar_core::{
    env::Reader,
    extension::{
        About, ActionError, CommitOutcome, DataStore, DocumentName, FetchOutcome,
        NJ_STORE_ACCEPT_INVALID, Versions, serve::NJ_DEADLINE,
    },
};
use std::{path::Path, time::SystemTime};

/// Documents in a bucket.
pub(crate) struct S3Store {
    pub(crate) bucket: String,
    pub(crate) base_path: String,
    pub(crate) path_style: bool,
    pub(crate) limits: Limits,
}

impl S3Store {
    /// Opens a session. Each run of the program makes one.
    fn open(&self) -> Result<(Session, Bucket), ActionError> {
        let session = Session::open(Self::ABOUT.name)?;
        let bucket = Bucket::new(
            session.config(),
            &self.bucket,
            self.path_style,
            self.limits.deadline,
        );
        Ok((session, bucket))
    }
}

impl DataStore for S3Store {
    const ABOUT: About = About {
        name: "ext-store-s3",
        version: env!("CARGO_PKG_VERSION"),
        summary: "a data store in Amazon S3",
        settings: &[
            BUCKET,
            BASE_PATH,
            MAX_DOCUMENT_SIZE_MB,
            PRESERVE_COUNT,
            PRESERVE_HOURS,
            FORCE_PATH_STYLE,
            NJ_STORE_ACCEPT_INVALID,
            NJ_DEADLINE,
        ],
    };

    fn from_settings(reader: &mut Reader<'_>) -> Self {
        Self {
            bucket: reader.checked(&BUCKET, settings::bucket),
            base_path: reader.checked(&BASE_PATH, settings::base_path),
            path_style: reader.boolean(&FORCE_PATH_STYLE),
            limits: Limits::from_settings(reader),
        }
    }

    fn fetch(
        &self,
        document: &DocumentName,
        previous: Option<&str>,
    ) -> Result<FetchOutcome, ActionError> {
        let (session, bucket) = self.open()?;
        let keys = Keys::new(&self.base_path, document);
        let fetching = fetch::fetch(&bucket, &keys, previous, self.limits);
        Ok(session.block_on(fetching)?)
    }

    fn commit(
        &self,
        document: &DocumentName,
        file: &Path,
        previous: Option<&str>,
    ) -> Result<CommitOutcome, ActionError> {
        let commit = commit::Commit::read(file, self.limits)?;
        let (session, bucket) = self.open()?;
        let keys = Keys::new(&self.base_path, document);
        let now = SystemTime::now().into();
        let storing = commit.store(&bucket, &keys, previous, self.limits, now);
        Ok(session.block_on(storing)?)
    }

    fn list(&self, document: &DocumentName) -> Result<Versions, ActionError> {
        let (session, bucket) = self.open()?;
        let keys = Keys::new(&self.base_path, document);
        Ok(session.block_on(fetch::list(&bucket, &keys))?)
    }

    fn fetch_version(
        &self,
        document: &DocumentName,
        version: &str,
    ) -> Result<Vec<u8>, ActionError> {
        let (session, bucket) = self.open()?;
        let keys = Keys::new(&self.base_path, document);
        let fetching = fetch::fetch_version(&bucket, &keys, version, self.limits);
        Ok(session.block_on(fetching)?)
    }
}
