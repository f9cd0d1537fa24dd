//! The forms that documented properties' values have, and how Envoy's JSON writes them.

mod duration;
mod headers;
mod redirect;
mod traffic;

pub(super) use duration::{longer, sum};
pub(super) use headers::header_refusal;
pub(super) use redirect::redirect;
pub(crate) use redirect::redirect_below;
pub(super) use traffic::{
    back_off, fraction, origins, per_million, rate_limit, service_color, status, statuses,
};

use super::telemetry_format;
use crate::document::{
    discovery_map::{HostName, Port},
    parse_digits,
    proxy_input::HashPolicy,
};
use duration::duration;
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
    /// A share in percent, in the steps that Envoy counts in.
    Percent(Steps),
    /// A status of HTTP.
    Status,
    /// Several statuses, separated by commas.
    Statuses,
    /// The time between tries, perhaps with the most that it grows to.
    BackOff,
    /// How many requests in a second, a minute or an hour.
    RateLimit,
    /// A service and its color.
    ServiceColor,
    /// Where to redirect to, perhaps with the status before it.
    Redirect,
    /// The origins of web pages, separated by commas.
    Origins,
    /// The value of a header.
    HeaderValue,
    /// The names of headers, separated by commas.
    HeaderNames,
    /// A whole number from 0 to 100.
    WholePercent,
    /// What a health check speaks.
    HealthCheckProtocol,
    /// A TCP port.
    Port,
    /// An IP address and a port.
    IpAndPort,
    /// A collector of spans.
    Collector,
    /// How the access log is written.
    AccessLog,
    /// A line of the access log, with Envoy's commands in it.
    AccessLogFormat,
}

/// The steps of a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steps {
    /// Of 0.01.
    Hundredths,
    /// Of 0.0001.
    TenThousandths,
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
            Self::Percent(Steps::Hundredths) => {
                "a number from 0 to 100 with at most two decimals, such as `0.5`"
            }
            Self::Percent(Steps::TenThousandths) => {
                "a number from 0 to 100 with at most four decimals, such as `0.5`"
            }
            Self::Status => "a status from 200 to 599",
            Self::Statuses => "a comma-separated list of statuses from 200 to 599",
            Self::BackOff => {
                "a duration of at least 1ms, such as `100ms`, or two as in `100ms..2s`, the shorter first"
            }
            Self::RateLimit => {
                "a number of requests with `/s`, `/m` or `/h`, such as `100/s`, at least 1"
            }
            Self::ServiceColor => "a service and its color, such as `shop/blue`",
            Self::Redirect => {
                "`https:`, a URL such as `https://shop.example/new/`, or a path such as `/new/`; before it, if \
                 need be, the status and a space: 301, 302, 303, 307 or 308"
            }
            Self::Origins => {
                "a comma-separated list of origins such as `https://shop.example`, without a path, or `*`"
            }
            Self::HeaderValue => "a text of 1 to 8192 bytes",
            Self::HeaderNames => {
                "a comma-separated list of header names, without `host`, `server`, `x-envoy-…` and those of one \
                 connection, such as `connection`"
            }
            Self::WholePercent => "a whole number from 0 to 100",
            Self::HealthCheckProtocol => "one of http, grpc and tcp",
            Self::Port => "a port from 1 to 65535",
            Self::IpAndPort => "an IP address and a port, such as `127.0.0.1:8125`",
            Self::Collector => {
                "`otlp://HOST:PORT`, `zipkin://HOST:PORT`, `datadog://HOST:PORT` or `xray://IP:PORT`"
            }
            Self::AccessLog => "one of text, json and none",
            Self::AccessLogFormat => {
                "a line with Envoy's command operators, such as `%RESPONSE_CODE%`, in which `%%` stands for `%`"
            }
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
            Self::WholePercent => {
                let percent = parse_digits::<u8>(value)?;
                (percent <= 100).then(|| percent.to_string())
            }
            Self::HealthCheckProtocol => word_of(&["http", "grpc", "tcp"], value),
            Self::Port => Some(value.parse::<Port>().ok()?.get().to_string()),
            Self::IpAndPort => Some(telemetry_format::ip_and_port(value)?.to_string()),
            Self::Collector => telemetry_format::collector(value).map(|_| value.to_owned()),
            Self::AccessLog => word_of(&["text", "json", ACCESS_LOG_NONE], value),
            Self::AccessLogFormat => {
                let line = value.trim_end_matches('\n');
                telemetry_format::is_log_format(line).then(|| line.to_owned())
            }
            Self::RetryOn => retry_on(value),
            Self::LbPolicy => {
                let policy = value.to_ascii_uppercase().replace('-', "_");
                LB_POLICIES.contains(&policy.as_str()).then_some(policy)
            }
            Self::Path => is_path(value).then(|| value.to_owned()),
            Self::PathPrefix => is_path_prefix(value).then(|| value.to_owned()),
            Self::Host => is_host(value).then(|| value.to_owned()),
            Self::Percent(steps) => traffic::percent(value, steps),
            Self::Status => Some(status(value)?.to_string()),
            Self::Statuses => Some(joined(&statuses(value)?)),
            Self::BackOff => {
                let back_off = back_off(value)?;
                let max = Some(back_off.max).filter(|_| back_off.has_max);
                Some(max.map_or(back_off.base.clone(), |max| {
                    format!("{}..{max}", back_off.base)
                }))
            }
            Self::RateLimit => rate_limit(value).map(|_| value.to_owned()),
            Self::ServiceColor => service_color(value).map(|_| value.to_owned()),
            Self::Redirect => redirect(value).map(|_| value.to_owned()),
            Self::Origins => Some(origins(value)?.join(",")),
            Self::HeaderValue => headers::header_value(value),
            Self::HeaderNames => Some(headers::header_names(value)?.join(",")),
        }
    }
}

fn joined(numbers: &[u16]) -> String {
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    texts.join(",")
}

/// The items of a list that is separated by commas, each once; `None` if one of them is wrong.
fn comma_separated<'v, T: PartialEq>(
    value: &'v str,
    item: impl Fn(&'v str) -> Option<T>,
) -> Option<Vec<T>> {
    let mut items = Vec::new();
    for text in value.split(',') {
        let item = item(text.trim())?;
        if !items.contains(&item) {
            items.push(item);
        }
    }
    Some(items)
}

/// RFC 9110, `token`.
fn is_token(text: &str) -> bool {
    let is_held = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_held)
}

/// The value of `access-log` by which nothing is logged.
pub(super) const ACCESS_LOG_NONE: &str = "none";

fn word_of(words: &[&str], value: &str) -> Option<String> {
    let word = words.iter().find(|word| word.eq_ignore_ascii_case(value));
    word.map(|word| (*word).to_owned())
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
    // Header names of HTTP/2's own begin with a colon.
    let name = policy
        .name
        .strip_prefix(':')
        .filter(|_| policy.is_header)
        .unwrap_or(&policy.name);
    (is_token(name) || policy.is_source_ip).then_some(policy)
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

fn is_path_prefix(value: &str) -> bool {
    is_path(value) && !value.contains(['?', '#', '\\'])
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
}
