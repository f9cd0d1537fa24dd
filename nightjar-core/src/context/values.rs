//! The forms that documented properties' values have, and how Envoy's JSON writes them.

use std::net::Ipv6Addr;

/// The form of a property's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A span of time, at least one millisecond.
    Duration,
    /// A span of time, or `0s` for no limit.
    DurationOrNone,
    /// A whole number from 0 to 4294967295.
    Count,
    /// Envoy's words for what to retry, separated by commas.
    RetryOn,
    /// The name of one of Envoy's load-balancing policies.
    LbPolicy,
    /// A path, perhaps with a query.
    Path,
    /// A path that replaces a prefix.
    PathPrefix,
    /// A host name or address, perhaps with a port.
    Host,
}

/// The words of Envoy's `retry_on`, for HTTP and gRPC.
const RETRY_ON: [&str; 16] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

const LB_POLICIES: [&str; 5] = [
    "ROUND_ROBIN",
    "LEAST_REQUEST",
    "RANDOM",
    "RING_HASH",
    "MAGLEV",
];

const NANOS_PER_SECOND: u128 = 1_000_000_000;
const NANOS_PER_MILLISECOND: u128 = 1_000_000;
/// The longest span that Envoy takes in whole seconds: it counts nanoseconds in 64 bits.
const MAX_SECONDS: u128 = 9_223_372_035;

impl Kind {
    /// The form in words, to follow "not" or "is".
    pub fn form(self) -> &'static str {
        match self {
            Self::Duration => "a duration of at least 1ms, such as `250ms`, `1.5s`, `2m` or `1h`",
            Self::DurationOrNone => {
                "a duration of at least 1ms, such as `250ms`, `1.5s`, `2m` or `1h`, or `0s`"
            }
            Self::Count => "a whole number from 0 to 4294967295",
            Self::RetryOn => "a comma-separated list of Envoy's retry-on words",
            Self::LbPolicy => "one of ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH and MAGLEV",
            Self::Path => "a path that starts with `/` and holds visible ASCII characters only",
            Self::PathPrefix => {
                "a path that starts with `/` and holds visible ASCII characters only, without `?` and `#`"
            }
            Self::Host => "a host name or address, with or without a port",
        }
    }

    /// The value as Envoy's JSON takes it, if it is in this form.
    pub fn normalise(self, value: &str) -> Option<String> {
        match self {
            Self::Duration => duration(value, false),
            Self::DurationOrNone => duration(value, true),
            Self::Count => {
                let count: u32 = digits(value)?.parse().ok()?;
                Some(count.to_string())
            }
            Self::RetryOn => retry_on(value),
            Self::LbPolicy => {
                let policy = value.to_ascii_uppercase().replace('-', "_");
                LB_POLICIES.contains(&policy.as_str()).then_some(policy)
            }
            Self::Path => is_path(value).then(|| value.to_owned()),
            Self::PathPrefix => {
                (is_path(value) && !value.contains(['?', '#'])).then(|| value.to_owned())
            }
            Self::Host => is_host(value).then(|| value.to_owned()),
        }
    }
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// Envoy counts in milliseconds: less than one would silently be none.
fn duration(value: &str, may_be_none: bool) -> Option<String> {
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
        Some((whole, fraction)) => (digits(whole)?, digits(fraction)?),
        None => (digits(number)?, ""),
    };
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = format!("{whole}{fraction}")
        .parse::<u128>()
        .ok()?
        .checked_mul(unit)?;
    let nanos = scaled / scale;
    let in_range = (NANOS_PER_MILLISECOND..=MAX_SECONDS * NANOS_PER_SECOND).contains(&nanos)
        || (may_be_none && nanos == 0);
    if !in_range || scaled % scale != 0 {
        return None;
    }
    let (seconds, rest) = (nanos / NANOS_PER_SECOND, nanos % NANOS_PER_SECOND);
    if rest == 0 {
        return Some(format!("{seconds}s"));
    }
    let decimals = format!("{rest:09}");
    Some(format!("{seconds}.{}s", decimals.trim_end_matches('0')))
}

fn retry_on(value: &str) -> Option<String> {
    let words: Vec<String> = value
        .split(',')
        .map(|word| word.trim().to_ascii_lowercase())
        .collect();
    let known = words.iter().all(|word| RETRY_ON.contains(&word.as_str()));
    known.then(|| words.join(","))
}

fn is_path(value: &str) -> bool {
    value.starts_with('/') && value.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_host(value: &str) -> bool {
    let bracketed = value
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'));
    let (host_is_good, port) = if let Some((address, port)) = bracketed {
        (address.parse::<Ipv6Addr>().is_ok(), port)
    } else {
        let (name, port) = value.split_at(value.find(':').unwrap_or(value.len()));
        (is_host_name(name), port)
    };
    host_is_good && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_port(text: &str) -> bool {
    digits(text)
        .and_then(|text| text.parse::<u16>().ok())
        .is_some_and(|port| port > 0)
}

fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.len() <= 253
        && name
            .strip_suffix('.')
            .unwrap_or(name)
            .split('.')
            .all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each value with what becomes of it, `-` for values that are not in the form.
    fn check(kind: Kind, cases: &[(&str, &str)]) {
        for (value, expected) in cases {
            let normal = kind.normalise(value);
            assert_eq!(
                normal.as_deref().unwrap_or("-"),
                *expected,
                "{kind:?} `{value}`"
            );
        }
    }

    #[test]
    fn durations_are_written_in_seconds() {
        let cases = [
            ("5s", "5s"),
            ("250ms", "0.25s"),
            ("0.25s", "0.25s"),
            ("1.50s", "1.5s"),
            ("2m", "120s"),
            ("1.5h", "5400s"),
            ("007s", "7s"),
            ("1ms", "0.001s"),
            ("1.000000001s", "1.000000001s"),
            ("9223372035s", "9223372035s"),
            ("9223372036s", "-"),
            ("1.0000000001s", "-"),
            ("0.9ms", "-"),
            ("99999999999999999999999999999999999999999h", "-"),
            ("", "-"),
            ("s", "-"),
            ("5", "-"),
            ("5 s", "-"),
            ("-5s", "-"),
            ("+5s", "-"),
            (".5s", "-"),
            ("5.s", "-"),
            ("1e3s", "-"),
            ("5sec", "-"),
            ("5S", "-"),
            ("5us", "-"),
        ];
        check(Kind::Duration, &cases);
        check(Kind::DurationOrNone, &cases);
        check(Kind::Duration, &[("0s", "-"), ("0ms", "-")]);
        check(Kind::DurationOrNone, &[("0s", "0s"), ("0.0h", "0s")]);
    }

    #[test]
    fn counts_fit_in_32_bits() {
        check(
            Kind::Count,
            &[
                ("0", "0"),
                ("010", "10"),
                ("4294967295", "4294967295"),
                ("4294967296", "-"),
                ("", "-"),
                ("+1", "-"),
                ("-1", "-"),
                ("1.0", "-"),
                ("\u{663}", "-"),
            ],
        );
    }

    #[test]
    fn words_are_envoys() {
        check(
            Kind::RetryOn,
            &[
                ("5xx", "5xx"),
                ("gateway-error, Reset", "gateway-error,reset"),
                ("5xx,", "-"),
                ("", "-"),
                ("5xx,always", "-"),
            ],
        );
        check(
            Kind::LbPolicy,
            &[
                ("least-request", "LEAST_REQUEST"),
                ("Round_Robin", "ROUND_ROBIN"),
                ("MAGLEV", "MAGLEV"),
                ("CLUSTER_PROVIDED", "-"),
                ("", "-"),
            ],
        );
    }

    #[test]
    fn paths_are_absolute_and_visible() {
        let same = [
            ("/", "/"),
            ("/a%20b", "/a%20b"),
            ("a", "-"),
            ("", "-"),
            ("/a b", "-"),
        ];
        check(Kind::Path, &same);
        check(Kind::PathPrefix, &same);
        check(Kind::Path, &[("/h?x=1", "/h?x=1"), ("/\u{e9}", "-")]);
        check(Kind::PathPrefix, &[("/h?x=1", "-"), ("/h#x", "-")]);
    }

    #[test]
    fn hosts_may_have_a_port() {
        let good = [
            "a",
            "a.b-c.example",
            "a_b.",
            "10.0.0.1:80",
            "a:65535",
            "[::1]",
            "[::1]:80",
        ];
        let bad = [
            "", ".", "a..b", "-a", "a-", "a b", "a:", "a:0", "a:65536", "a:+1", "a:1:2", "::1",
            "[::1", "[::1]80", "[a]", "a/b", "a\"b",
        ];
        check(Kind::Host, &good.map(|value| (value, value)));
        check(Kind::Host, &bad.map(|value| (value, "-")));
    }
}
