//! Limits, shares and statuses of a route's traffic.

use super::{
    Steps, comma_separated,
    duration::{duration_nanos, nanos_text},
    is_host,
};
use crate::document::{
    discovery_map::Name,
    parse_digits,
    proxy_input::{RateLimit, RetryBackOff},
};

/// A share of 100 percent.
const MILLION: u32 = 1_000_000;
/// How many of a million are one percent.
const PERCENT: u32 = 10_000;
/// The decimals that any percentage may have.
const MAX_DECIMALS: usize = 4;

/// How many requests are let through in a second, a minute or an hour.
pub(in crate::context) fn rate_limit(value: &str) -> Option<RateLimit> {
    let (count, unit) = value.split_once('/')?;
    let interval = match unit {
        "s" => "1s",
        "m" => "60s",
        "h" => "3600s",
        _ => return None,
    };
    let tokens = u64::from(parse_digits::<u32>(count).filter(|count| *count > 0)?);
    Some(RateLimit {
        max_tokens: tokens,
        tokens_per_fill: tokens,
        fill_interval: interval.to_owned(),
    })
}

/// A percentage, as how many of a million.
pub(in crate::context) fn per_million(value: &str) -> Option<u32> {
    let (whole, decimals) = match value.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (value, ""),
    };
    if decimals.len() > MAX_DECIMALS {
        return None;
    }
    let whole = parse_digits::<u32>(whole)?.checked_mul(PERCENT)?;
    let decimals = parse_digits::<u32>(&format!("{decimals:0<MAX_DECIMALS$}"))?;
    Some(whole.checked_add(decimals)?).filter(|share| *share <= MILLION)
}

/// A percentage without needless digits, if it is a number of such steps.
pub(super) fn percent(value: &str, steps: Steps) -> Option<String> {
    let step = match steps {
        Steps::Hundredths => PERCENT / 100,
        Steps::TenThousandths => 1,
    };
    let share = per_million(value).filter(|share| share % step == 0)?;
    let text = format!("{}.{:0MAX_DECIMALS$}", share / PERCENT, share % PERCENT);
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// A percentage as a share of one: `0.05` for `5`.
pub(in crate::context) fn fraction(percent: &str) -> Option<String> {
    let share = per_million(percent)?;
    let text = format!("{}.{:06}", share / MILLION, share % MILLION);
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// A status that an answer can end with.
pub(in crate::context) fn status(value: &str) -> Option<u16> {
    parse_digits(value).filter(|status| (200..=599).contains(status))
}

/// Statuses, each once.
pub(in crate::context) fn statuses(value: &str) -> Option<Vec<u16>> {
    comma_separated(value, status)
}

/// The time between tries.
pub(in crate::context) fn back_off(value: &str) -> Option<RetryBackOff> {
    let (base, max) = match value.split_once("..") {
        Some((base, max)) => (base, Some(max)),
        None => (value, None),
    };
    let base = duration_nanos(base, false)?;
    let max = match max {
        Some(max) => Some(duration_nanos(max, false).filter(|max| *max >= base)?),
        None => None,
    };
    Some(RetryBackOff {
        base: nanos_text(base),
        has_max: max.is_some(),
        max: max.map(nanos_text).unwrap_or_default(),
    })
}

/// A service and its color.
pub(in crate::context) fn service_color(value: &str) -> Option<(&str, &str)> {
    let (service, color) = value.split_once('/')?;
    let is_name = |text: &str| text.parse::<Name>().is_ok();
    (is_name(service) && is_name(color)).then_some((service, color))
}

/// The origins of pages as browsers send them, or `*`.
pub(in crate::context) fn origins(value: &str) -> Option<Vec<String>> {
    comma_separated(value, |origin| {
        if origin == "*" {
            return Some(origin.to_owned());
        }
        let origin = origin.to_ascii_lowercase();
        let (scheme, host) = origin.split_once("://")?;
        let is_held = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme.bytes().all(is_held);
        // Browsers leave out the port that a scheme has anyway.
        let default_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        let is_origin = is_scheme && is_host(host);
        is_origin.then(|| {
            origin
                .strip_suffix(default_port)
                .unwrap_or(&origin)
                .to_owned()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_number_and_a_unit() {
        let limit = rate_limit("5/m").unwrap();
        let parts = (
            limit.max_tokens,
            limit.tokens_per_fill,
            &*limit.fill_interval,
        );
        assert_eq!(parts, (5, 5, "60s"));
        assert!(rate_limit("4294967295/s").is_some() && rate_limit("1/h").is_some());
        for value in [
            "",
            "5",
            "/s",
            "0/s",
            "5/",
            "5/d",
            "5 /s",
            "1.5/s",
            "+5/s",
            "4294967296/s",
        ] {
            assert_eq!(rate_limit(value), None, "{value}");
        }
    }

    #[test]
    fn percentages_have_four_decimals_at_most() {
        for (value, text, share) in [
            ("0", "0", 0),
            ("1", "1", 10_000),
            ("0.5", "0.5", 5_000),
            ("012.50", "12.5", 125_000),
            ("0.0001", "0.0001", 1),
            ("100", "100", 1_000_000),
            ("100.0", "100", 1_000_000),
        ] {
            assert_eq!(
                percent(value, Steps::TenThousandths).as_deref(),
                Some(text),
                "{value}"
            );
            assert_eq!(per_million(value), Some(share), "{value}");
        }
        for value in [
            "",
            "5%",
            "-1",
            ".5",
            "5.",
            "0.00001",
            "100.0001",
            "101",
            "4294967295",
            "1e1",
        ] {
            assert_eq!(per_million(value), None, "{value}");
        }
        let hundredths = |value| percent(value, Steps::Hundredths);
        assert_eq!(hundredths("0.50").as_deref(), Some("0.5"));
        assert_eq!(hundredths("0.01").as_deref(), Some("0.01"));
        assert_eq!(hundredths("0.001"), None);
    }

    #[test]
    fn a_percentage_is_a_share_of_one() {
        for (value, expected) in [
            ("100", Some("1")),
            ("5", Some("0.05")),
            ("0.5", Some("0.005")),
            ("0.01", Some("0.0001")),
            ("12.5", Some("0.125")),
            ("0", Some("0")),
            ("101", None),
            ("", None),
        ] {
            assert_eq!(fraction(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn statuses_are_those_of_whole_answers() {
        assert_eq!(statuses("503, 502,503"), Some(vec![503, 502]));
        for value in ["", "199", "600", "5xx", "502,", "-502", "502 503"] {
            assert_eq!(statuses(value), None, "{value}");
        }
    }

    #[test]
    fn a_back_off_grows() {
        let parts = |value| back_off(value).map(|it| format!("{}..{}", it.base, it.max));
        assert_eq!(parts("100ms").as_deref(), Some("0.1s.."));
        assert_eq!(parts("1.5s..2m").as_deref(), Some("1.5s..120s"));
        assert_eq!(parts("1s..1s").as_deref(), Some("1s..1s"));
        for value in ["", "0s", "1s..", "..1s", "2s..1s", "1s..2s..3s", "1s-2s"] {
            assert_eq!(parts(value), None, "{value}");
        }
    }

    #[test]
    fn a_service_color_is_two_names() {
        assert_eq!(service_color("shop/blue"), Some(("shop", "blue")));
        for value in ["", "shop", "shop/", "/blue", "a/b/c", "a b/c", "shop:blue"] {
            assert_eq!(service_color(value), None, "{value}");
        }
    }

    #[test]
    fn origins_are_as_browsers_send_them() {
        let joined = |value| origins(value).map(|origins| origins.join(","));
        for (value, expected) in [
            ("*", "*"),
            ("https://Shop.Example", "https://shop.example"),
            (
                "http://a:80, https://b:443,http://c:443",
                "http://a,https://b,http://c:443",
            ),
            ("capacitor://localhost", "capacitor://localhost"),
            (
                "https://[::1]:8443,https://[::1]:8443",
                "https://[::1]:8443",
            ),
        ] {
            assert_eq!(joined(value).as_deref(), Some(expected), "{value}");
        }
        for value in [
            "",
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://*.shop.example",
            "https://a,",
            "://a",
            "1x://a",
            "https://a b",
            "null",
        ] {
            assert_eq!(joined(value), None, "{value}");
        }
    }
}
