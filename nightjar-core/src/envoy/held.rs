//! Requests that Envoy holds back after it has chosen their route. It looks the route's cluster up only
//! when it lets them go on, and answers 503 if that is gone by then.

use std::time::Duration;

/// Members whose time a request may be held for, and how many times that. The waits between tries grow to
/// ten times the first, unless the longest is given.
const MEMBERS: [(&str, u32); 6] = [
    ("fixed_delay", 1),
    ("fixedDelay", 1),
    ("max_interval", 1),
    ("maxInterval", 1),
    ("base_interval", 10),
    ("baseInterval", 10),
];
/// The longest wait between tries where nothing says it: Envoy's own.
const DEFAULT_BACK_OFF: Duration = Duration::from_millis(250);
/// As long as a request may go without a byte, by default: Envoy ends it then.
const LONGEST: Duration = Duration::from_mins(5);

/// How long a request may be held back by what a file of routes or listeners says, in JSON or YAML.
pub fn longest_hold(text: &str) -> Duration {
    let retries = ["retry_on", "retryOn"]
        .iter()
        .any(|name| text.contains(name));
    let default = if retries {
        DEFAULT_BACK_OFF
    } else {
        Duration::ZERO
    };
    let said = MEMBERS.iter().flat_map(|(name, times)| {
        let found = text.match_indices(name);
        found.filter_map(move |(at, _)| {
            let rest = text.get(at + name.len()..)?;
            Some(seconds(rest)?.saturating_mul(*times))
        })
    });
    said.chain([default]).max().unwrap_or_default().min(LONGEST)
}

/// The time after a member's name, such as `": "1.5s"`.
fn seconds(rest: &str) -> Option<Duration> {
    let between = |letter: char| letter.is_ascii_whitespace() || ['"', '\''].contains(&letter);
    let value = rest.trim_start_matches(between).strip_prefix(':')?;
    let (number, _) = value.trim_start_matches(between).split_once('s')?;
    Duration::try_from_secs_f64(number.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_time_counts_in_whatever_form_it_is_written() {
        let milliseconds = |text: &str| longest_hold(text).as_millis();
        for (text, expected) in [
            (r#"{"delay": {"fixed_delay": "2s"}}"#, 2_000),
            (
                r#"{"fixed_delay":"0.5s","b":{"fixedDelay" : "1.5s"}}"#,
                1_500,
            ),
            ("delay:\n  fixed_delay: 3s\n  percentage: {}\n", 3_000),
            ("fixed_delay: '4s'", 4_000),
            (r#"{"retry_policy": {"retry_on": "5xx"}}"#, 250),
            (
                r#"{"retry_on": "5xx", "retry_back_off": {"base_interval": "0.1s"}}"#,
                1_000,
            ),
            (
                r#"{"retry_on": "5xx", "retry_back_off": {"base_interval": "0.1s", "max_interval": "7s"}}"#,
                7_000,
            ),
            (r#"{"fixed_delay": "99999s"}"#, 300_000),
            (r#"{"fixed_delay": "none"}"#, 0),
            (r#"{"fixed_delay": "-1s"}"#, 0),
            (r#"{"route": {"cluster": "fixed_delay"}}"#, 0),
            ("fixed_delay", 0),
            ("{}", 0),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
