//! History of a document: the names of its copies, and which of them are pruned.

use crate::bucket::ListedObject;
use aws_smithy_types::{
    DateTime,
    date_time::{DateTimeFormatError, Format},
};
use std::time::Duration;

/// Which copies are retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention {
    /// The newest copies that stay, whatever their age.
    pub(crate) count: usize,
    /// The age up to which all copies stay.
    pub(crate) age: Duration,
}

/// A copy, or the current object, in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StoredVersion {
    /// When it was last modified.
    pub(crate) time: DateTime,
    /// Its whole key.
    pub(crate) key: String,
    /// The version that a fetch reported when it was current.
    pub(crate) version: String,
}

/// The longest version that a name holds.
const MAX_VERSION: usize = 128;
/// What a name ends with.
const SUFFIX: &str = ".json";
/// What comes before a version.
const VERSION_PREFIX: &str = "etag-";

/// The name of a copy: when it was made, so that names sort by time, and the version that was
/// current then. A copy's own ETag may be another one, as under SSE-KMS.
///
/// `20261123T045012.123Z-etag-<version>.json`, or a hash of its content where no name can hold the
/// version: `20261123T045012.123Z-<32 hexadecimal digits>.json`
pub(crate) fn name(
    time: DateTime,
    version: Option<&str>,
    hash: &str,
) -> Result<String, DateTimeFormatError> {
    // Whole milliseconds, always with three digits.
    let milliseconds = time.subsec_nanos() / 1_000_000;
    let seconds = DateTime::from_secs(time.secs()).fmt(Format::DateTime)?;
    let compact: String = seconds
        .chars()
        .filter(|letter| !matches!(letter, '-' | ':' | 'Z'))
        .collect();
    let content = match version.filter(|version| fits_name(version)) {
        Some(version) => format!("{VERSION_PREFIX}{version}"),
        None => hash.to_owned(),
    };
    Ok(format!("{compact}.{milliseconds:03}Z-{content}{SUFFIX}"))
}

fn fits_name(version: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_VERSION).contains(&version.len()) && version.bytes().all(allowed)
}

/// The copies among these objects, which a list of all below `prefix` has brought. Other objects
/// beside the copies are not ours.
pub(crate) fn copies(listed: &[ListedObject], prefix: &str) -> Vec<StoredVersion> {
    let copy = |object: &ListedObject| {
        let version = match parse_name(object.key.strip_prefix(prefix)?)? {
            CopyName::Version(version) => version,
            CopyName::ContentHash => &object.version,
        };
        Some(StoredVersion {
            time: object.time,
            version: version.to_owned(),
            key: object.key.clone(),
        })
    };
    listed.iter().filter_map(copy).collect()
}

/// What the name of a copy says of its version.
#[derive(Debug, PartialEq, Eq)]
enum CopyName<'a> {
    Version(&'a str),
    ContentHash,
}

/// Parses a name, if it is one that [`name`] makes.
fn parse_name(name: &str) -> Option<CopyName<'_>> {
    const TIME: &str = "00000000T000000.000Z-";
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let fits = |(letter, pattern): (u8, u8)| match pattern {
        b'0' => letter.is_ascii_digit(),
        exactly => letter == exactly,
    };
    let (time, content) = name.split_at_checked(TIME.len())?;
    let content = content.strip_suffix(SUFFIX)?;
    if !time.bytes().zip(TIME.bytes()).all(fits) {
        return None;
    }
    match content.strip_prefix(VERSION_PREFIX) {
        Some(version) => fits_name(version).then_some(CopyName::Version(version)),
        None => {
            (content.len() == 32 && content.bytes().all(is_hex)).then_some(CopyName::ContentHash)
        }
    }
}

/// The keys of the copies that may go: beyond the newest `keep.count`, and `keep.age` old.
///
/// Ages are counted back from the newest copy, which was written a moment ago. So S3's clock
/// alone decides, and a committer whose own clock is wrong deletes nothing too early.
pub(crate) fn expired(mut copies: Vec<StoredVersion>, keep: Retention) -> Vec<String> {
    copies.sort_unstable_by(|one, other| other.cmp(one));
    let Some(now) = copies.first().map(|newest| newest.time) else {
        return Vec::new();
    };
    let is_old = |copy: &StoredVersion| now.as_nanos() - copy.time.as_nanos() >= nanos(keep.age);
    let expired = copies.into_iter().skip(keep.count).filter(is_old);
    expired.map(|copy| copy.key).collect()
}

fn nanos(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn names_hold_time_and_version_and_sort_by_time() {
        let at = |nanos| name(DateTime::from_nanos(nanos).unwrap(), Some("9-a_b.c"), HASH).unwrap();
        let names = [
            at(1_795_409_412_000_000_000),
            at(1_795_409_412_007_000_001),
            at(1_795_409_412_120_000_000),
            at(1_795_409_413_000_000_000),
        ];
        assert_eq!(names[1], "20261123T045012.007Z-etag-9-a_b.c.json");
        assert!(names.is_sorted());
        for name in names {
            assert_eq!(parse_name(&name), Some(CopyName::Version("9-a_b.c")));
        }
    }

    #[test]
    fn a_version_that_no_name_can_hold_is_left_out() {
        let long = "a".repeat(129);
        for version in [None, Some(""), Some("W/\"a\""), Some("a/b"), Some(&long)] {
            let name = name(DateTime::from_secs(1_795_409_412), version, HASH).unwrap();
            assert_eq!(name, format!("20261123T045012.000Z-{HASH}.json"));
            assert_eq!(parse_name(&name), Some(CopyName::ContentHash));
        }
    }

    #[test]
    fn other_names_are_not_ours() {
        let ours = format!("20261123T045012.007Z-{HASH}.json");
        for other in [
            "",
            "README",
            &format!("{ours}.bak"),
            &format!("before-{ours}"),
            &ours.replace('T', " "),
            &ours.to_uppercase(),
            &ours[1..],
            "20261123T045012.007Z-etag-.json",
            "20261123T045012.007Z-etag-a/b.json",
            "20261123T045012.007Z-version-a.json",
        ] {
            assert_eq!(parse_name(other), None, "{other}");
        }
    }

    fn copies(seconds: impl IntoIterator<Item = i64>) -> Vec<StoredVersion> {
        let copy = |second| StoredVersion {
            time: DateTime::from_secs(second),
            key: second.to_string(),
            version: String::new(),
        };
        seconds.into_iter().map(copy).collect()
    }

    fn outdated_of(seconds: impl IntoIterator<Item = i64>, count: usize, age: u64) -> Vec<String> {
        let age = Duration::from_secs(age);
        expired(copies(seconds), Retention { count, age })
    }

    #[test]
    fn a_copy_goes_only_if_it_is_beyond_the_count_and_old() {
        // 100 is now; 90, 80, … are 10, 20, … seconds old.
        let all = || (0..=10).map(|number| number * 10);
        assert_eq!(outdated_of(all(), 3, 75), ["20", "10", "0"]);
        assert_eq!(outdated_of(all(), 3, 80), ["20", "10", "0"]);
        assert_eq!(outdated_of(all(), 9, 75), ["10", "0"]);
        assert_eq!(outdated_of(all(), 11, 0), [""; 0]);
        assert_eq!(outdated_of(all(), 0, 101), [""; 0]);
        assert_eq!(outdated_of(all(), 10, 0), ["0"]);
        assert_eq!(outdated_of(all(), 0, 0).len(), 11);
        assert_eq!(outdated_of([], 0, 0), [""; 0]);
    }

    #[test]
    fn the_order_of_the_list_does_not_matter() {
        assert_eq!(outdated_of([5, 1, 4, 3, 2], 2, 0), ["3", "2", "1"]);
    }
}
