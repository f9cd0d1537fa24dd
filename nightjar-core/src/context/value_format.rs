//! The forms that documented properties' values have, and how Envoy's JSON writes them.

use crate::document::{
    discovery_map::{HostName, Port},
    parse_digits,
    proxy_input::HashPolicy,
};
use std::net::Ipv6Addr;

/// The form of a property's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueFormat {
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
    /// What requests are hashed by.
    HashOn,
    /// What to do with headers whose names hold an underscore.
    UnderscoreHeaders,
    /// A whole number from 0 to 255.
    Hops,
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

impl ValueFormat {
    /// The form in words, to follow "not" or "is".
    pub fn description(self) -> &'static str {
        match self {
            Self::Duration => "a duration of at least 1ms, such as `250ms`, `1.5s`, `2m` or `1h`",
            Self::DurationOrNone => {
                "a duration of at least 1ms, such as `250ms`, `1.5s`, `2m` or `1h`, or `0s`"
            }
            Self::Count => "a whole number from 0 to 4294967295",
            Self::RetryOn => "a comma-separated list of Envoy's retry-on words",
            Self::LbPolicy => "one of ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH and MAGLEV",
            Self::Path => "a path that starts with `/` and contains only visible ASCII characters",
            Self::PathPrefix => {
                "a path that starts with `/` and contains only visible ASCII characters, without `?`, `#` and `\\`"
            }
            Self::HashOn => "`header:NAME`, `cookie:NAME`, `cookie:NAME:TTL` or `source-ip`",
            Self::UnderscoreHeaders => "one of drop, allow and reject",
            Self::Hops => "a whole number from 0 to 255",
            Self::Host => "a host name or address, with or without a port",
        }
    }

    /// The value as Envoy's JSON takes it, if it is in this form.
    pub fn normalise(self, value: &str) -> Option<String> {
        match self {
            Self::Duration => duration(value, false),
            Self::DurationOrNone => duration(value, true),
            Self::Count => Some(parse_digits::<u32>(value)?.to_string()),
            Self::Hops => Some(parse_digits::<u8>(value)?.to_string()),
            Self::HashOn => hash_policy(value).map(|_| value.to_owned()),
            Self::UnderscoreHeaders => {
                let words = [
                    ("drop", "DROP_HEADER"),
                    ("allow", "ALLOW"),
                    ("reject", "REJECT_REQUEST"),
                ];
                let word = words
                    .iter()
                    .find(|(word, _)| word.eq_ignore_ascii_case(value));
                word.map(|(_, envoys)| (*envoys).to_owned())
            }
            Self::RetryOn => retry_on(value),
            Self::LbPolicy => {
                let policy = value.to_ascii_uppercase().replace('-', "_");
                LB_POLICIES.contains(&policy.as_str()).then_some(policy)
            }
            Self::Path => is_path(value).then(|| value.to_owned()),
            Self::PathPrefix => {
                (is_path(value) && !value.contains(['?', '#', '\\'])).then(|| value.to_owned())
            }
            Self::Host => is_host(value).then(|| value.to_owned()),
        }
    }
}

/// What requests are hashed by, taken apart.
pub(super) fn hash_policy(value: &str) -> Option<HashPolicy> {
    let mut policy = HashPolicy::default();
    match value.split_once(':') {
        None if value == "source-ip" => policy.is_source_ip = true,
        Some(("header", name)) => {
            policy.is_header = true;
            name.clone_into(&mut policy.name);
        }
        Some(("cookie", rest)) => {
            policy.is_cookie = true;
            let (name, ttl) = rest
                .split_once(':')
                .map_or((rest, None), |(name, ttl)| (name, Some(ttl)));
            name.clone_into(&mut policy.name);
            policy.has_ttl = ttl.is_some();
            policy.ttl = ttl.map_or(Some(String::new()), |ttl| duration(ttl, true))?;
        }
        _ => return None,
    }
    // RFC 9110, `token`; header names of HTTP/2's own begin with a colon.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let name = policy
        .name
        .strip_prefix(':')
        .filter(|_| policy.is_header)
        .unwrap_or(&policy.name);
    let is_named = !name.is_empty() && name.bytes().all(is_token);
    (is_named || policy.is_source_ip).then_some(policy)
}

/// The longer of two durations in Envoy's form; `0s` is none and so the longest.
pub(super) fn longer(left: String, right: String) -> String {
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
        (name.parse::<HostName>().is_ok(), port)
    };
    host_is_good
        && (port.is_empty()
            || port
                .strip_prefix(':')
                .is_some_and(|port| port.parse::<Port>().is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each value with what becomes of it, `-` for values that are not in the form.
    fn check(format: ValueFormat, cases: &[(&str, &str)]) {
        for (value, expected) in cases {
            let normalised = format.normalise(value);
            assert_eq!(
                normalised.as_deref().unwrap_or("-"),
                *expected,
                "{format:?} `{value}`"
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
        check(ValueFormat::Duration, &cases);
        check(ValueFormat::DurationOrNone, &cases);
        check(ValueFormat::Duration, &[("0s", "-"), ("0ms", "-")]);
        check(ValueFormat::DurationOrNone, &[("0s", "0s"), ("0.0h", "0s")]);
    }

    #[test]
    fn counts_fit_in_32_bits() {
        check(
            ValueFormat::Count,
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
            ValueFormat::RetryOn,
            &[
                ("5xx", "5xx"),
                ("gateway-error, Reset", "gateway-error,reset"),
                ("5xx,", "-"),
                ("", "-"),
                ("5xx,always", "-"),
            ],
        );
        check(
            ValueFormat::LbPolicy,
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
        check(ValueFormat::Path, &same);
        check(ValueFormat::PathPrefix, &same);
        check(ValueFormat::Path, &[("/h?x=1", "/h?x=1"), ("/\u{e9}", "-")]);
        check(ValueFormat::PathPrefix, &[("/h?x=1", "-"), ("/h#x", "-")]);
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
        check(ValueFormat::Host, &good.map(|value| (value, value)));
        check(ValueFormat::Host, &bad.map(|value| (value, "-")));
    }
    #[test]
    fn hashes_are_taken_apart() {
        let same = |value| (value, value);
        check(
            ValueFormat::HashOn,
            &[
                "header:x-user",
                "header::path",
                "cookie:id",
                "cookie:id:0s",
                "source-ip",
            ]
            .map(same),
        );
        let bad = [
            "",
            "header:",
            "cookie::1s",
            "cookie:id:x",
            "source-ip:1",
            "header:a b",
            "query:a",
            "cookie:a;b",
        ];
        check(ValueFormat::HashOn, &bad.map(|value| (value, "-")));
        let policy = hash_policy("cookie:id:2m").unwrap();
        assert_eq!(
            (&*policy.name, policy.has_ttl, &*policy.ttl),
            ("id", true, "120s")
        );
    }

    #[test]
    fn no_limit_is_the_longest() {
        let longest = |left: &str, right: &str| longer(left.to_owned(), right.to_owned());
        assert_eq!(longest("15s", "0.25s"), "15s");
        assert_eq!(longest("15s", "0s"), "0s");
        assert_eq!(longest("15s", "3600s"), "3600s");
    }
}
