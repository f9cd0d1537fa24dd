use super::*;
use std::{net::IpAddr, os::unix::ffi::OsStringExt, time::Duration};

const NAME: Setting = Setting::required("NAME", "what it is called");
const WITH_DEFAULT: Setting = Setting::with_default("WITH_DEFAULT", "30", "how long to wait");
const MAYBE: Setting = Setting::optional("MAYBE", "off", "where to listen");

/// What reading one value gives: the value, or the report.
fn read<T>(
    value: &str,
    read: impl FnOnce(&mut Reader<'static>, &Setting) -> T,
) -> Result<T, String> {
    // Leaked, so that the readers' methods can be passed by name.
    let env = Box::leak(Box::new(Env::from_pairs([("NAME", value)])));
    let mut reader = Reader::new(env);
    let result = read(&mut reader, &NAME);
    reader
        .finish()
        .map(|()| result)
        .map_err(|error| error.to_string())
}

fn error<T: Default + PartialEq + std::fmt::Debug>(
    value: &str,
    reader: impl FnOnce(&mut Reader<'static>, &Setting) -> T,
) -> String {
    read(value, reader).unwrap_err()
}

#[test]
fn every_error_is_reported_at_once_in_order() {
    let env = Env::from_pairs([("WITH_DEFAULT", "soon"), ("MAYBE", "70000"), ("NAME", "")]);
    let mut reader = Reader::new(&env);
    reader.seconds(&WITH_DEFAULT);
    reader.text(&NAME);
    reader.optional(&MAYBE, Reader::port);
    reader.boolean(&Setting::required("ABSENT", "whether it is there"));
    let report = reader.finish().unwrap_err().to_string();
    assert_eq!(
        report,
        "WITH_DEFAULT=\"soon\": is not a number of seconds from 0 to 31536000, such as 30 or 0.5\n\
         NAME=\"\": is required, but blank\n  hint: what it is called\n\
         MAYBE=\"70000\": is not a port from 1 to 65535\n\
         ABSENT: is required\n  hint: whether it is there"
    );
}

#[test]
fn unset_and_blank_settings_take_their_defaults() {
    for pairs in [vec![], vec![("WITH_DEFAULT", ""), ("MAYBE", "")]] {
        let env = Env::from_pairs(pairs);
        let mut reader = Reader::new(&env);
        assert_eq!(reader.seconds(&WITH_DEFAULT), Duration::from_secs(30));
        assert_eq!(reader.optional(&MAYBE, Reader::port), None);
        assert!(!reader.is_set(&WITH_DEFAULT));
        reader.finish().unwrap();
    }
}

#[test]
fn required_asks_for_a_value_despite_a_default() {
    let env = Env::from_pairs::<&str, &str>([]);
    let mut reader = Reader::new(&env);
    reader.required(&WITH_DEFAULT);
    let report = reader.finish().unwrap_err().to_string();
    assert_eq!(
        report,
        "WITH_DEFAULT: is required\n  hint: how long to wait"
    );
}

#[test]
fn booleans_take_their_words_in_any_case() {
    for word in ["yes", "TRUE", "1", "On", "enable", "Active", "activate"] {
        assert_eq!(read(word, Reader::boolean), Ok(true), "{word}");
    }
    for word in ["no", "False", "0", "off", "DISABLE", "deactivate"] {
        assert_eq!(read(word, Reader::boolean), Ok(false), "{word}");
    }
    for word in ["maybe", "2", " yes", "y"] {
        assert_eq!(
            error(word, Reader::boolean),
            format!(
                "NAME=\"{word}\": is neither true (yes, true, 1, on, enable, active, activate) \
                 nor false (no, false, 0, off, disable, deactivate)"
            )
        );
    }
}

#[test]
fn seconds_are_plain_decimals_above_zero() {
    assert_eq!(
        read("0.25", Reader::seconds),
        Ok(Duration::from_millis(250))
    );
    assert_eq!(
        read("31536000", Reader::seconds),
        Ok(Duration::from_hours(8760))
    );
    assert_eq!(read("0", Reader::seconds_or_zero), Ok(Duration::ZERO));
    assert_eq!(
        error("0.0", Reader::seconds),
        "NAME=\"0.0\": must be more than 0 seconds"
    );
    for text in [
        "-1", "1e3", "inf", "NaN", "5s", "31536001", ".", "1.2.3", "９",
    ] {
        assert_eq!(
            error(text, Reader::seconds),
            format!(
                "NAME=\"{text}\": is not a number of seconds from 0 to 31536000, such as 30 or 0.5"
            )
        );
    }
}

#[test]
fn ports_and_integers_have_bounds() {
    assert_eq!(read("65535", Reader::port), Ok(65535));
    for text in ["0", "65536", "-1", "http"] {
        let expected = format!("NAME=\"{text}\": is not a port from 1 to 65535");
        assert_eq!(error(text, Reader::port), expected);
    }
    assert_eq!(
        read("3", |reader, setting| reader.integer(setting, 1..=3)),
        Ok(3)
    );
    assert_eq!(
        error("4", |reader, setting| reader.integer(setting, 1..=3)),
        "NAME=\"4\": is not a whole number from 1 to 3"
    );
}

#[test]
fn addresses_and_choices() {
    assert_eq!(
        read("::1", Reader::ip_address),
        Ok(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]))
    );
    assert_eq!(
        read("localhost", Reader::ip_address).unwrap_err(),
        "NAME=\"localhost\": is neither an IPv4 nor an IPv6 address"
    );
    let choose = |reader: &mut Reader<'static>, setting: &Setting| {
        reader.one_of(setting, &[("service", 1), ("gateway", 2)])
    };
    assert_eq!(read("GateWay", choose), Ok(2));
    assert_eq!(
        error("x", choose),
        "NAME=\"x\": is not one of service, gateway"
    );
}

#[test]
fn values_are_quoted_escaped_and_cut() {
    let value = format!("\"quoted\"\n\u{1b}[31m{}", "x".repeat(300));
    let expected = format!(
        "NAME=\"\\\"quoted\\\"\\n\\u{{1b}}[31m{}…\": is not a port from 1 to 65535",
        "x".repeat(200 - 23)
    );
    assert_eq!(error(&value, Reader::port), expected);
}

#[test]
fn values_that_are_not_utf8_are_errors_except_for_paths() {
    let bad = || OsString::from_vec(b"/caf\xe9".to_vec());
    let env = Env::from_pairs([("NAME", bad())]);
    let mut reader = Reader::new(&env);
    assert_eq!(reader.path(&NAME), PathBuf::from(bad()));
    reader.text(&NAME);
    let report = reader.finish().unwrap_err().to_string();
    assert_eq!(report, "NAME=\"/caf\u{fffd}\": is not UTF-8");
}

#[test]
fn settings_describe_themselves() {
    assert_eq!(
        describe(&[NAME, WITH_DEFAULT, MAYBE]),
        "  NAME (required)\n      what it is called\n  \
         WITH_DEFAULT (default: 30)\n      how long to wait\n  \
         MAYBE (not set: off)\n      where to listen\n"
    );
    assert_eq!(
        [NAME, MAYBE].map(|setting| setting.default_text()),
        ["required", "off"]
    );
}
