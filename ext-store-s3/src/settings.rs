//! Settings of the store.

use crate::history::Retention;
use nightjar_core::{
    env::{Reader, Setting},
    extension::Deadline,
};
use std::time::Duration;

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

/// Limits of size, of the history, and of time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The largest document, in bytes before compression.
    pub(crate) document_bytes: u64,
    /// Which copies stay in the history.
    pub(crate) history: Retention,
    /// When the caller stops this run.
    pub(crate) deadline: Deadline,
}

impl Limits {
    pub(crate) fn from_settings(reader: &mut Reader<'_>) -> Self {
        Self {
            document_bytes: reader.integer(&MAX_DOCUMENT_SIZE_MB, 1..=4096) << 20,
            history: Retention {
                count: usize::try_from(reader.integer(&PRESERVE_COUNT, 0..=100_000))
                    .unwrap_or(usize::MAX),
                age: reader.checked(&PRESERVE_HOURS, hours),
            },
            deadline: Deadline::from_settings(reader),
        }
    }
}

/// Whether a bucket of this name exists is for S3 to say; a URL or a path is caught here.
pub(crate) fn bucket(text: &str) -> Result<String, String> {
    let is_arn = text.starts_with("arn:");
    if is_arn && text.rsplit('.').next() == Some("mrap") {
        return Err(
            "is a Multi-Region Access Point, which needs SigV4A signatures; use the bucket, or an \
             access point in one region"
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
            "is neither a bucket name (letters, digits, '.', '_' and '-') nor the ARN of an access \
             point"
                .to_owned(),
        )
    }
}

pub(crate) fn base_path(text: &str) -> Result<String, String> {
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
            "/a/mesh one/",
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
