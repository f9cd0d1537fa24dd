//! Spans of time.

use crate::document::parse_digits;

const NANOS_PER_SECOND: u128 = 1_000_000_000;
const NANOS_PER_MILLISECOND: u128 = 1_000_000;
/// The longest span that Envoy takes in whole seconds: it counts nanoseconds in 64 bits.
const MAX_SECONDS: u128 = 9_223_372_035;

/// The longer of two durations in Envoy's form; `0s` is none and so the longest.
pub(in crate::context) fn longer(left: String, right: String) -> String {
    let length = |text: &str| {
        let seconds: f64 = text.trim_end_matches('s').parse().unwrap_or_default();
        if seconds == 0.0 {
            f64::INFINITY
        } else {
            seconds
        }
    };
    if length(&left) >= length(&right) {
        left
    } else {
        right
    }
}

/// The sum of two durations in Envoy's form; `0s` is none, and so is its sum with anything.
pub(in crate::context) fn sum(left: &str, right: &str) -> Option<String> {
    let nanos = [left, right].map(|text| duration_nanos(text, true));
    match nanos {
        [Some(0), Some(_)] => Some(left.to_owned()),
        [Some(left), Some(right)] => Some(nanos_text(
            (left + right).min(MAX_SECONDS * NANOS_PER_SECOND),
        )),
        _ => None,
    }
}

/// A span of time in Envoy's form, if it is one.
pub(super) fn duration(value: &str, may_be_none: bool) -> Option<String> {
    duration_nanos(value, may_be_none).map(nanos_text)
}

/// Envoy counts in milliseconds: less than one would silently be none.
pub(super) fn duration_nanos(value: &str, may_be_none: bool) -> Option<u128> {
    // `ms` before `s` and `m`, which it ends and begins with.
    let units = [
        ("ms", NANOS_PER_MILLISECOND),
        ("s", NANOS_PER_SECOND),
        ("m", 60 * NANOS_PER_SECOND),
        ("h", 3600 * NANOS_PER_SECOND),
    ];
    let (number, unit) = units
        .iter()
        .find_map(|(suffix, unit)| Some((value.strip_suffix(suffix)?, *unit)))?;
    let (whole, fraction) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (number, ""),
    };
    if whole.is_empty() {
        return None;
    }
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = parse_digits::<u128>(&format!("{whole}{fraction}"))?.checked_mul(unit)?;
    let nanos = scaled / scale;
    let in_range = (NANOS_PER_MILLISECOND..=MAX_SECONDS * NANOS_PER_SECOND).contains(&nanos)
        || (may_be_none && nanos == 0);
    (in_range && scaled % scale == 0).then_some(nanos)
}

/// A span of time as Envoy's JSON has it.
pub(super) fn nanos_text(nanos: u128) -> String {
    let (seconds, rest) = (nanos / NANOS_PER_SECOND, nanos % NANOS_PER_SECOND);
    if rest == 0 {
        return format!("{seconds}s");
    }
    let decimals = format!("{rest:09}");
    format!("{seconds}.{}s", decimals.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_the_longest() {
        let longest = |left: &str, right: &str| longer(left.to_owned(), right.to_owned());
        assert_eq!(longest("15s", "0.25s"), "15s");
        assert_eq!(longest("15s", "0s"), "0s");
        assert_eq!(longest("15s", "3600s"), "3600s");
        assert_eq!(sum("15s", "0.25s").as_deref(), Some("15.25s"));
        assert_eq!(sum("0s", "2s").as_deref(), Some("0s"));
        assert_eq!(
            sum("9223372035s", "1s").as_deref(),
            Some("9223372035s"),
            "the longest that Envoy takes"
        );
    }
}
