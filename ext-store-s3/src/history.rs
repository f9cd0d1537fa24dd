//! Copies of what was committed: what they are called, and which of them are old enough to go.

use aws_smithy_types::{
    DateTime,
    date_time::{DateTimeFormatError, Format},
};
use std::time::Duration;

/// How many copies stay, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keep {
    /// The newest copies that stay, whatever their age.
    pub(crate) count: usize,
    /// The age up to which all copies stay.
    pub(crate) age: Duration,
}

/// A copy in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kept {
    /// When S3 took it.
    pub(crate) time: DateTime,
    /// Its whole key.
    pub(crate) key: String,
}

/// The name of a copy: when it was made, so that names sort by time, and a hash of its content.
///
/// `20261123T045012.123Z-<32 hexadecimal digits>.json`
pub(crate) fn name(time: DateTime, hash: &str) -> Result<String, DateTimeFormatError> {
    // Whole milliseconds, always with three digits.
    let milliseconds = time.subsec_nanos() / 1_000_000;
    let seconds = DateTime::from_secs(time.secs()).fmt(Format::DateTime)?;
    let compact: String = seconds
        .chars()
        .filter(|letter| !matches!(letter, '-' | ':' | 'Z'))
        .collect();
    Ok(format!("{compact}.{milliseconds:03}Z-{hash}.json"))
}

/// Whether a name is one that [`name`] makes. Other objects beside the copies are not ours.
pub(crate) fn is_name(name: &str) -> bool {
    const PATTERN: &str = "00000000T000000.000Z-ffffffffffffffffffffffffffffffff.json";
    let fits = |(letter, pattern): (u8, u8)| match pattern {
        b'0' => letter.is_ascii_digit(),
        b'f' => matches!(letter, b'0'..=b'9' | b'a'..=b'f'),
        exactly => letter == exactly,
    };
    name.len() == PATTERN.len() && name.bytes().zip(PATTERN.bytes()).all(fits)
}

/// The keys of the copies that may go: beyond the newest `keep.count`, and `keep.age` old.
///
/// Ages are counted back from the newest copy, which was written a moment ago. So S3's clock
/// alone decides, and a committer whose own clock is wrong deletes nothing too early.
pub(crate) fn outdated(mut copies: Vec<Kept>, keep: Keep) -> Vec<String> {
    copies.sort_unstable_by(|one, other| other.cmp(one));
    let Some(now) = copies.first().map(|newest| newest.time) else {
        return Vec::new();
    };
    let is_old = |copy: &Kept| now.as_nanos() - copy.time.as_nanos() >= nanos(keep.age);
    let outdated = copies.into_iter().skip(keep.count).filter(is_old);
    outdated.map(|copy| copy.key).collect()
}

fn nanos(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn names_hold_time_and_hash_and_sort_by_time() {
        let at = |nanos| name(DateTime::from_nanos(nanos).unwrap(), HASH).unwrap();
        let names = [
            at(1_795_409_412_000_000_000),
            at(1_795_409_412_007_000_001),
            at(1_795_409_412_120_000_000),
            at(1_795_409_413_000_000_000),
        ];
        assert_eq!(names[1], format!("20261123T045012.007Z-{HASH}.json"));
        assert!(names.is_sorted());
        assert!(names.iter().all(|name| is_name(name)), "{names:?}");
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
        ] {
            assert!(!is_name(other), "{other}");
        }
    }

    fn copies(seconds: impl IntoIterator<Item = i64>) -> Vec<Kept> {
        let copy = |second| Kept {
            time: DateTime::from_secs(second),
            key: second.to_string(),
        };
        seconds.into_iter().map(copy).collect()
    }

    fn outdated_of(seconds: impl IntoIterator<Item = i64>, count: usize, age: u64) -> Vec<String> {
        let age = Duration::from_secs(age);
        outdated(copies(seconds), Keep { count, age })
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
