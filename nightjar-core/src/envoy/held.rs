//! Requests that Envoy holds back after it has chosen their route. It looks the route's cluster up only
//! when it lets them go on, and answers 503 if that is gone by then.

use std::time::Duration;

/// Filters that ask another service before they let a request go on.
const ASKING_FILTERS: [&str; 7] = [
    "ext_authz",
    "ext_proc",
    "remote_jwks",
    "ratelimit",
    "oauth2",
    "lua",
    "wasm",
];
/// How long a filter may ask, at least: Envoy's own defaults are shorter.
const ASKING: Duration = Duration::from_secs(1);
/// The longest wait between tries where nothing says it: Envoy's own.
const DEFAULT_BACK_OFF: Duration = Duration::from_millis(250);
/// The waits between tries grow to this many times the first one, unless the longest is given.
const BACK_OFF_GROWTH: u32 = 10;
/// How long Envoy tries to connect where nothing says it.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// As long as a request may go without a byte, by default: Envoy ends it then.
const LONGEST: Duration = Duration::from_mins(5);

/// How long a request may be held back by what files of routes, of listeners and of their clusters say, in
/// JSON or YAML. At most 5 min.
///
/// A fault's delay, filters that ask another service, and each try that leads nowhere with the wait after it.
/// A try that reaches an endpoint counts with its `per_try_timeout` alone: without one, it may take as long as
/// the service likes.
pub fn longest_hold(routes: &[&str], listeners: &[&str], clusters: &[&str]) -> Duration {
    // A listener may have its routes in itself.
    let both = &[routes, listeners].concat();
    let longest = |names: &[&str]| said(both, names);
    let delay = longest(&["fixed_delay", "fixedDelay"]).unwrap_or_default();
    let asks = |filter: &&str| {
        listeners
            .iter()
            .any(|text| words(text, filter).next().is_some())
    };
    let asking = if ASKING_FILTERS.iter().any(asks) {
        let timeout = said(listeners, &["timeout", "message_timeout", "messageTimeout"]);
        timeout.unwrap_or_default().max(ASKING)
    } else {
        Duration::ZERO
    };
    let count = retries(both);
    let back_off = longest(&["max_interval", "maxInterval"])
        .or_else(|| {
            let first = longest(&["base_interval", "baseInterval"])?;
            Some(first.saturating_mul(BACK_OFF_GROWTH))
        })
        .unwrap_or(DEFAULT_BACK_OFF);
    let connect = said(clusters, &["connect_timeout", "connectTimeout"]);
    let per_try = longest(&["per_try_timeout", "perTryTimeout"]).unwrap_or_default();
    let per_try = per_try.max(connect.unwrap_or(DEFAULT_CONNECT_TIMEOUT));
    let tries = per_try.saturating_add(back_off).saturating_mul(count);
    delay
        .saturating_add(asking)
        .saturating_add(tries)
        .min(LONGEST)
}

/// How often a request is tried again, at most.
fn retries(routes: &[&str]) -> u32 {
    let members = ["retry_on", "retryOn"];
    if !routes
        .iter()
        .any(|text| members.iter().any(|name| !values(text, name).is_empty()))
    {
        return 0;
    }
    let numbers = ["num_retries", "numRetries"].into_iter().flat_map(|name| {
        let found = routes.iter().flat_map(move |text| values(text, name));
        found.filter_map(|value| {
            let digits = value.trim_start_matches(['"', '\'']);
            let end = digits.find(|letter: char| !letter.is_ascii_digit());
            digits.get(..end.unwrap_or(digits.len()))?.parse().ok()
        })
    });
    numbers.max().unwrap_or(1)
}

/// The longest time that members of these names say, if any says one.
fn said(texts: &[&str], names: &[&str]) -> Option<Duration> {
    let found = texts
        .iter()
        .flat_map(|text| names.iter().flat_map(|name| values(text, name)));
    found.filter_map(seconds).max()
}

/// What follows each place where this stands as a whole word.
fn words<'text>(text: &'text str, word: &str) -> impl Iterator<Item = &'text str> {
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    memchr::memmem::find_iter(text.as_bytes(), word)
        .filter(move |at| !text.get(..*at).is_some_and(|it| it.ends_with(is_of_word)))
        .filter_map(move |at| text.get(at + word.len()..))
        .filter(move |rest| !rest.starts_with(is_of_word))
}

/// What follows each member of this name.
fn values<'text>(text: &'text str, name: &str) -> Vec<&'text str> {
    let between = |letter: char| letter.is_ascii_whitespace() || ['"', '\''].contains(&letter);
    words(text, name)
        .filter_map(|rest| rest.trim_start_matches(between).strip_prefix(':'))
        .map(str::trim_start)
        .collect()
}

/// A time such as `"1.5s"`.
fn seconds(value: &str) -> Option<Duration> {
    let (number, _) = value.trim_start_matches(['"', '\'']).split_once('s')?;
    Duration::try_from_secs_f64(number.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_time_counts_in_whatever_form_it_is_written() {
        let clusters = r#"{"connect_timeout": "2s"}"#;
        let milliseconds = |text: &str| longest_hold(&[text], &[], &[clusters]).as_millis();
        for (text, expected) in [
            (r#"{"delay": {"fixed_delay": "2s"}}"#, 2_000),
            (
                r#"{"fixed_delay":"0.5s","b":{"fixedDelay" : "1.5s"}}"#,
                1_500,
            ),
            ("delay:\n  fixed_delay: 3s\n  percentage: {}\n", 3_000),
            ("fixed_delay: '4s'", 4_000),
            (r#"{"fixed_delay": "99999s"}"#, 300_000),
            (r#"{"fixed_delay": "none"}"#, 0),
            (r#"{"fixed_delay": "-1s"}"#, 0),
            (r#"{"route": {"cluster": "fixed_delay"}}"#, 0),
            (r#"{"my_fixed_delay": "9s", "fixed_delay_of": "9s"}"#, 0),
            ("fixed_delay", 0),
            ("{}", 0),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }

    #[test]
    fn each_try_counts_with_the_wait_after_it() {
        let clusters = [r#"{"connect_timeout": "2s"}"#, "connect_timeout: 0.5s"];
        let hold = |text: &str, clusters: &[&str]| longest_hold(&[text], &[], clusters).as_millis();
        for (text, expected) in [
            (r#"{"retry_policy": {"retry_on": "5xx"}}"#, 2_250),
            (r#"{"num_retries": 4}"#, 0),
            ("retry_on: 5xx\nnum_retries: 3\n", 6_750),
            (r#"{"retryOn": "5xx", "numRetries": "2"}"#, 4_500),
            (
                r#"{"retry_on": "5xx", "retry_back_off": {"base_interval": "0.1s"}}"#,
                3_000,
            ),
            (
                r#"{"retry_on": "5xx", "retry_back_off": {"base_interval": "0.1s", "max_interval": "7s"}}"#,
                9_000,
            ),
            (
                r#"{"retry_on": "5xx", "per_try_timeout": "4s", "per_try_idle_timeout": "90s"}"#,
                4_250,
            ),
            (
                r#"{"retry_on": "5xx", "num_retries": 4000000000, "fixed_delay": "1s"}"#,
                300_000,
            ),
        ] {
            assert_eq!(hold(text, &clusters), expected, "{text}");
        }
        assert_eq!(hold(r#"{"retry_on": "5xx"}"#, &[]), 5_250);
    }

    #[test]
    fn a_filter_that_asks_may_take_its_time() {
        let routes = r#"{"route": {"timeout": "300s"}, "remote_jwks": {}}"#;
        let hold = |text: &str| longest_hold(&[routes], &[text], &[]).as_millis();
        for (text, expected) in [
            (r#"{"name": "envoy.filters.http.ext_authz"}"#, 1_000),
            (r#"{"name": "envoy.filters.http.local_ratelimit"}"#, 0),
            (r#"{"name": "evaluate"}"#, 0),
            (r#"{"ext_authz": {"timeout": "3s"}}"#, 3_000),
            (
                r#"{"ext_authz": {"timeout": "3s", "idle_timeout": "9s"}}"#,
                3_000,
            ),
            (r#"{"ext_proc": {"message_timeout": "1.5s"}}"#, 1_500),
            (r#"{"remote_jwks": {}, "fixed_delay": "1s"}"#, 2_000),
            (r#"{"timeout": "15s"}"#, 0),
        ] {
            assert_eq!(hold(text), expected, "{text}");
        }
    }
}
