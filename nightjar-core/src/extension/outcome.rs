//! Outcomes of fetches, commits and lists.

use super::RawDocument;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The outcome of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchOutcome {
    /// The whole document. To the caller it is a file that is complete according to the
    /// extension: nothing in it has been checked.
    New(Vec<u8>),
    /// The version that the caller has is the current one.
    Unchanged,
}

impl FetchOutcome {
    /// The document that a JSON object makes with a hash of its content as `document-version`, unless
    /// the caller has that. So the version changes when, and only when, the content does.
    ///
    /// # Errors
    /// If the text is not a JSON object.
    pub fn of_content(json: &[u8], previous: Option<&str>) -> Result<Self, serde_json::Error> {
        let document = RawDocument::read(json)?;
        let version = document.content_hash().to_string();
        Ok(if previous == Some(version.as_str()) {
            Self::Unchanged
        } else {
            Self::New(document.with_version(&version))
        })
    }
}

/// The outcome of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CommitOutcome {
    /// The document is kept.
    Done,
    /// Nothing is changed: the current version is not the one that the caller gave, because
    /// another committed first.
    Conflict,
}

/// The versions of a document that a data store can hand over, newest first: the answer to
/// `--action=list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Newest first.
    pub versions: Vec<ListedVersion>,
}

/// One version of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListedVersion {
    /// The version that a fetch of it reports.
    pub document_version: String,
    /// When it was committed: RFC 3339, in UTC.
    pub time: String,
}

impl ListedVersion {
    /// A version that was committed at this time. Times before 1970 become its beginning.
    pub fn new(document_version: impl Into<String>, time: SystemTime) -> Self {
        Self {
            document_version: document_version.into(),
            time: rfc3339(time.duration_since(UNIX_EPOCH).unwrap_or_default()),
        }
    }
}

/// A time since 1970 as `2026-11-23T04:50:12Z`, to the second.
fn rfc3339(since_1970: Duration) -> String {
    const DAY: u64 = 24 * 3600;
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let (days, second) = (since_1970.as_secs() / DAY, since_1970.as_secs() % DAY);
    // Years begin in March here, so that a leap day is the last of its year.
    let days = days + 719_468;
    let (era, day) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + next;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_makes_the_version() {
        let Ok(FetchOutcome::New(document)) =
            FetchOutcome::of_content(br#"{"b": 1, "a": 2}"#, Some("old"))
        else {
            panic!("it is new");
        };
        let version = RawDocument::read(&document)
            .unwrap()
            .version()
            .unwrap()
            .to_owned();
        let same = br#"{"a":2,"b":1,"document-version":"of somebody else"}"#;
        assert_eq!(
            FetchOutcome::of_content(same, Some(&version)).unwrap(),
            FetchOutcome::Unchanged
        );
        let other = FetchOutcome::of_content(br#"{"a": 3, "b": 1}"#, Some(&version)).unwrap();
        assert!(matches!(other, FetchOutcome::New(_)));
        assert!(FetchOutcome::of_content(b"[]", None).is_err());
    }

    #[test]
    fn a_list_is_written_with_the_names_of_the_protocol() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let versions = Versions {
            versions: vec![
                ListedVersion::new("b", at(1_795_409_412)),
                ListedVersion::new("a", at(0)),
            ],
        };
        let text = serde_json::to_string(&versions).unwrap();
        assert_eq!(
            text,
            r#"{"versions":[{"document-version":"b","time":"2026-11-23T04:50:12Z"},{"document-version":"a","time":"1970-01-01T00:00:00Z"}]}"#
        );
        assert_eq!(serde_json::from_str::<Versions>(&text).unwrap(), versions);
    }

    #[test]
    fn times_hold_across_leap_days() {
        for (seconds, text) in [
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Duration::from_secs(seconds)), text);
        }
    }
}
