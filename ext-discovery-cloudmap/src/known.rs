//! What earlier discoveries found out, in a file.
//!
//! The file is replaced as a whole. One that is not there, or does not read, is as good as an empty
//! one: the calls are then made anew.

use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use xxhash_rust::xxh3::xxh3_64;

/// All that is known of services, by ARN.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) services: BTreeMap<String, Seen>,
    /// The warnings told last.
    pub(crate) told: Option<Told>,
}

/// What is known of a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) attributes: Option<Attributes>,
    pub(crate) instances: Option<Instances>,
}

/// A service's attributes, as far as they are settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attributes {
    /// When they were read, in seconds since 1970.
    pub(crate) read: u64,
    pub(crate) settings: BTreeMap<String, String>,
}

/// A service's instances.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Instances {
    /// Another one whenever an instance comes or goes.
    pub(crate) revision: Option<i64>,
    pub(crate) list: Vec<Instance>,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) is_healthy: bool,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Warnings, and when they were told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    hash: u64,
    at: u64,
}

/// How long warnings that stay the same are not repeated.
const SILENCE: Duration = Duration::from_hours(1);

impl Known {
    /// Reads the file.
    pub(crate) fn read(file: &Path) -> Self {
        let bytes = fs::read(file).ok();
        bytes
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Replaces the file.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(&serde_json::to_vec(self)?)?;
        new.persist(file)?;
        Ok(())
    }

    /// Whether warnings are to be told now: they are others than last time, or it was long ago.
    pub(crate) fn has_to_tell(&mut self, warnings: &[String]) -> bool {
        let hash = xxh3_64(warnings.join("\n").as_bytes());
        let is_old_news = self
            .told
            .as_ref()
            .is_some_and(|told| told.hash == hash && is_within(told.at, SILENCE));
        if !is_old_news {
            self.told = Some(Told { hash, at: now() });
        }
        !is_old_news && !warnings.is_empty()
    }
}

/// The file in a folder for what this endpoint and region know.
pub(crate) fn file(folder: &Path, place: &str) -> PathBuf {
    folder.join(format!("cloudmap-{:016x}.json", xxh3_64(place.as_bytes())))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Whether a moment is no longer ago than this; one in the future is not.
pub(crate) fn is_within(moment: u64, span: Duration) -> bool {
    let age = now().checked_sub(moment);
    age.is_some_and(|age| age < span.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = file(
            &folder.path().join("not there yet"),
            "http://127.0.0.1 eu-central-1",
        );
        assert_eq!(Known::read(&path), Known::default());
        let instance = Instance {
            id: "i-1".to_owned(),
            is_healthy: false,
            attributes: BTreeMap::from([("AWS_INSTANCE_PORT".to_owned(), "80".to_owned())]),
        };
        let seen = Seen {
            attributes: Some(Attributes {
                read: 7,
                settings: BTreeMap::new(),
            }),
            instances: Some(Instances {
                revision: Some(i64::MAX),
                list: vec![instance],
            }),
        };
        let known = Known {
            services: BTreeMap::from([("arn".to_owned(), seen)]),
            told: None,
        };
        known.write(&path)?;
        assert_eq!(Known::read(&path), known);
        assert_ne!(path, file(folder.path(), "http://127.0.0.1 us-east-1"));
        Ok(())
    }

    #[test]
    fn warnings_are_told_when_they_change() {
        let mut known = Known::default();
        let warnings = |text: &str| vec![text.to_owned()];
        assert!(!known.has_to_tell(&[]));
        assert!(known.has_to_tell(&warnings("a")));
        assert!(!known.has_to_tell(&warnings("a")));
        assert!(known.has_to_tell(&warnings("b")));
        known.told = known.told.map(|told| Told { at: 0, ..told });
        assert!(known.has_to_tell(&warnings("b")), "an hour is over");
        assert!(!known.has_to_tell(&[]));
        assert!(known.has_to_tell(&warnings("b")), "it was gone in between");
    }

    #[test]
    fn a_time_to_come_is_not_within_any_span() {
        assert!(is_within(now(), Duration::from_mins(1)));
        assert!(!is_within(now() + 10, Duration::from_mins(1)));
        assert!(!is_within(now() - 60, Duration::from_mins(1)));
        assert!(!is_within(now(), Duration::ZERO));
    }
}
