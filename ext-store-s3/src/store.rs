//! Settings, and which object is which document.

use crate::{bucket::Bucket, commit, fetch, history::Keep};
use nightjar_aws::Session;
use nightjar_core::{
    env::{Reader, Setting},
    extension::{
        About, ActionError, CommitOutcome, DataStore, Deadline, DocumentName, FetchOutcome,
        NJ_STORE_ACCEPT_INVALID, Versions, serve::NJ_DEADLINE,
    },
};
use std::{
    path::Path,
    time::{Duration, SystemTime},
};

pub(crate) const BUCKET: Setting = Setting::required(
    "NJ_DSS3_BUCKET",
    "the bucket that holds the documents: its name, or the ARN of an access point",
);
pub(crate) const BASE_PATH: Setting = Setting::with_default(
    "NJ_DSS3_BASE_PATH",
    "nightjar-datastore",
    "what the keys of all objects begin with, so that one bucket can hold several stores",
);
pub(crate) const MAX_DOCUMENT_SIZE_MB: Setting = Setting::with_default(
    "NJ_DSS3_MAX_DOCUMENT_SIZE_MB",
    "16",
    "the largest document, in MiB before compression, that is committed or fetched",
);
pub(crate) const PRESERVE_COUNT: Setting = Setting::with_default(
    "NJ_DSS3_HISTORICAL_PRESERVE_COUNT",
    "6",
    "how many of the newest copies of each document stay in its history, whatever their age",
);
pub(crate) const PRESERVE_HOURS: Setting = Setting::with_default(
    "NJ_DSS3_HISTORICAL_PRESERVE_HOURS",
    "12",
    "how many hours all copies stay in the history, whatever their number; decimals allowed",
);
pub(crate) const FORCE_PATH_STYLE: Setting = Setting::with_default(
    "NJ_DSS3_FORCE_PATH_STYLE",
    "false",
    "whether the bucket's name is in the path instead of the host name, as servers other than \
     Amazon's may want it",
);

const MAX_HOURS: u64 = 10 * 366 * 24;
/// What is left of the 1024 bytes of a key for the base path, beside the document's name and the
/// name of a copy.
const MAX_BASE_PATH: usize = 512;

/// Documents in a bucket.
pub(crate) struct S3Store {
    pub(crate) bucket: String,
    pub(crate) base_path: String,
    pub(crate) path_style: bool,
    pub(crate) limits: Limits,
}

/// How much is kept and handed over, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The largest document, in bytes before compression.
    pub(crate) document_bytes: u64,
    /// What stays in the history.
    pub(crate) history: Keep,
    /// When the caller ends this run.
    pub(crate) deadline: Deadline,
}

/// Where the objects of one document are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    /// What the keys of all of them begin with.
    pub(crate) all: String,
    /// The document as it is now.
    pub(crate) current: String,
    /// What the keys of all copies begin with.
    pub(crate) history: String,
}

impl Keys {
    fn new(base_path: &str, document: &DocumentName) -> Self {
        Self {
            all: format!("{base_path}/{document}/"),
            current: format!("{base_path}/{document}/current.json"),
            history: format!("{base_path}/{document}/history/"),
        }
    }
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
            bucket: reader.checked(&BUCKET, bucket),
            base_path: reader.checked(&BASE_PATH, base_path),
            path_style: reader.boolean(&FORCE_PATH_STYLE),
            limits: Limits {
                document_bytes: reader.integer(&MAX_DOCUMENT_SIZE_MB, 1..=4096) << 20,
                history: Keep {
                    count: usize::try_from(reader.integer(&PRESERVE_COUNT, 0..=100_000))
                        .unwrap_or(usize::MAX),
                    age: reader.checked(&PRESERVE_HOURS, hours),
                },
                deadline: Deadline::from_settings(reader),
            },
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

/// Whether a bucket of this name exists is for S3 to say; a URL or a path is caught here.
fn bucket(text: &str) -> Result<String, String> {
    let is_arn = text.starts_with("arn:");
    if is_arn && text.rsplit('.').next() == Some("mrap") {
        return Err(
            "is a Multi-Region Access Point, whose requests need signatures of another kind \
             (SigV4A); give the bucket, or an access point in one region"
                .to_owned(),
        );
    }
    let allowed = |letter: char| {
        letter.is_ascii_alphanumeric()
            || "._-".contains(letter)
            || (is_arn && ":/".contains(letter))
    };
    if text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(
            "is neither a bucket's name (letters, digits, '.', '_' and '-') nor the ARN of an \
             access point"
                .to_owned(),
        )
    }
}

fn base_path(text: &str) -> Result<String, String> {
    let path = text.trim_matches('/');
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "!._-'()=+@".contains(letter);
    let is_name =
        |part: &str| !part.is_empty() && !matches!(part, "." | "..") && part.chars().all(allowed);
    if path.split('/').all(is_name) && path.len() <= MAX_BASE_PATH {
        Ok(path.to_owned())
    } else {
        Err(format!(
            "is not a path of at most {MAX_BASE_PATH} letters, digits and !._-'()=+@ between \
             single slashes"
        ))
    }
}

fn hours(text: &str) -> Result<Duration, String> {
    // `f64` would also take signs, exponents, `inf` and `NaN`.
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: Option<f64> = if plain { text.parse().ok() } else { None };
    let time = number.and_then(|hours| Duration::try_from_secs_f64(hours * 3600.0).ok());
    time.filter(|time| *time <= Duration::from_hours(MAX_HOURS))
        .ok_or_else(|| format!("is not a number of hours from 0 to {MAX_HOURS}, such as 12 or 0.5"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_below_the_base_path() {
        let base_path = base_path("/a/mesh one/").unwrap_or_default();
        assert_eq!(base_path, "", "a blank is not allowed");
        let keys = Keys::new("a/mesh-1", &DocumentName::TEMPLATES);
        assert_eq!(keys.current, "a/mesh-1/templates/current.json");
        assert_eq!(keys.history, "a/mesh-1/templates/history/");
    }

    #[test]
    fn base_paths_are_names_between_slashes() {
        for (text, path) in [("a", "a"), ("/a/b/", "a/b"), ("a.b/_c=1", "a.b/_c=1")] {
            assert_eq!(base_path(text).as_deref(), Ok(path));
        }
        for text in [
            "/",
            "a//b",
            "a/../b",
            ".",
            "a b",
            "a\nb",
            "ä",
            &"a".repeat(513),
        ] {
            assert!(base_path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn buckets_are_names_or_arns() {
        let arn = "arn:aws:s3:eu-west-1:123456789012:accesspoint/mesh";
        for text in ["mesh-1.example", arn] {
            assert_eq!(bucket(text).as_deref(), Ok(text));
        }
        for text in [
            "s3://mesh",
            "mesh/path",
            "a b",
            "mesh\n",
            "arn:aws:s3:::a?b",
            "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
        ] {
            assert!(bucket(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hours_are_decimal() {
        assert_eq!(hours("12"), Ok(Duration::from_hours(12)));
        assert_eq!(hours("0.5"), Ok(Duration::from_mins(30)));
        assert_eq!(hours("0"), Ok(Duration::ZERO));
        for text in ["-1", "1e3", "inf", "x", "87841"] {
            assert!(hours(text).is_err(), "{text}");
        }
    }
}
