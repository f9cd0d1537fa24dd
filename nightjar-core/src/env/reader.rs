//! Reader of typed values from an environment.

use super::{ConfigurationError, DefaultValue, Env, Setting, SettingError};
use crate::digits::{is_plain_decimal, parse_digits};
use std::{
    ffi::OsStr,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

/// The longest time that a setting may ask for: 365 days.
const MAX_SECONDS: u64 = 365 * 24 * 60 * 60;

const TRUE_VALUES: [&str; 7] = ["yes", "true", "1", "on", "enable", "active", "activate"];
const FALSE_VALUES: [&str; 6] = ["no", "false", "0", "off", "disable", "deactivate"];

/// Reads settings and gathers every error.
///
/// The reading methods always return a value, so that a configuration can be put together in one
/// go. Where a setting is invalid that value means nothing, and [`Reader::finish`] fails.
#[derive(Debug)]
pub struct Reader<'a> {
    env: &'a Env,
    pub(super) errors: Vec<SettingError>,
}

impl<'a> Reader<'a> {
    /// A reader without errors so far.
    pub fn new(env: &'a Env) -> Self {
        Self {
            env,
            errors: Vec::new(),
        }
    }

    /// The environment that is being read.
    pub fn env(&self) -> &'a Env {
        self.env
    }

    /// Ends the reading: fails with all the errors if there are any.
    pub fn finish(self) -> Result<(), ConfigurationError> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ConfigurationError::new(self.errors))
        }
    }

    /// Adds an error that the caller found, such as two settings that exclude each other.
    pub fn reject(&mut self, setting: &Setting, reason: impl Into<String>) {
        let value = self.env.get(setting.name).map(OsStr::to_string_lossy);
        self.errors
            .push(SettingError::new(setting, value.as_deref(), reason));
    }

    /// Adds an error of a variable that is not a [`Setting`], such as one of many with the same prefix.
    pub fn reject_variable(&mut self, variable: &str, value: &str, reason: impl Into<String>) {
        self.errors
            .push(SettingError::of_variable(variable, Some(value), reason));
    }

    /// Whether the variable itself is set, whatever its default.
    pub fn is_set(&self, setting: &Setting) -> bool {
        self.env.get(setting.name).is_some()
    }

    /// Reads a setting only if it is set: `reader.optional(&STATUS_PORT, Reader::port)`.
    pub fn optional<T>(
        &mut self,
        setting: &Setting,
        read: impl FnOnce(&mut Self, &Setting) -> T,
    ) -> Option<T> {
        if self.is_set(setting) {
            Some(read(self, setting))
        } else {
            None
        }
    }

    /// A text that has to be set, even if the setting has a default.
    pub fn required(&mut self, setting: &Setting) -> String {
        if !self.is_set(setting) {
            self.missing(setting);
            return String::new();
        }
        self.text(setting)
    }

    /// A text.
    pub fn text(&mut self, setting: &Setting) -> String {
        self.value(setting).unwrap_or_default()
    }

    /// A text that `check` accepts or converts; its error says what is wrong.
    pub fn checked<T: Default>(
        &mut self,
        setting: &Setting,
        check: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        self.parse(setting, check).unwrap_or_default()
    }

    /// A truth value in any of its usual words, in upper or lower case.
    pub fn boolean(&mut self, setting: &Setting) -> bool {
        self.checked(setting, |text| {
            parse_bool(text).ok_or_else(|| {
                format!(
                    "is neither true ({}) nor false ({})",
                    or(TRUE_VALUES),
                    or(FALSE_VALUES)
                )
            })
        })
    }

    /// A time in seconds, decimals allowed, more than zero.
    pub fn seconds(&mut self, setting: &Setting) -> Duration {
        self.checked(setting, |text| match seconds(text)? {
            Duration::ZERO => Err("must be more than 0 seconds".to_owned()),
            time => Ok(time),
        })
    }

    /// A time in seconds, decimals allowed, which may be zero.
    pub fn seconds_or_zero(&mut self, setting: &Setting) -> Duration {
        self.checked(setting, seconds)
    }

    /// A TCP port, 1 to 65535.
    pub fn port(&mut self, setting: &Setting) -> u16 {
        self.checked(setting, |text| {
            parse_digits(text)
                .filter(|port| *port > 0)
                .ok_or_else(|| "is not a port from 1 to 65535".to_owned())
        })
    }

    /// A whole number within a range.
    pub fn integer(&mut self, setting: &Setting, range: RangeInclusive<u64>) -> u64 {
        self.checked(setting, |text| {
            parse_digits(text)
                .filter(|number| range.contains(number))
                .ok_or_else(|| {
                    format!(
                        "is not a whole number from {} to {}",
                        range.start(),
                        range.end()
                    )
                })
        })
    }

    /// A path. It need not exist; a relative one starts from the current folder.
    /// Unlike other values it need not be UTF-8.
    pub fn path(&mut self, setting: &Setting) -> PathBuf {
        let value = match (self.env.get(setting.name), setting.default) {
            (Some(value), _) => Path::new(value),
            (None, DefaultValue::Value(value)) => Path::new(value),
            (None, _) => {
                self.missing(setting);
                return PathBuf::new();
            }
        };
        self.env.current_dir().join(value)
    }

    /// One of a few words, in upper or lower case, each with its meaning.
    pub fn one_of<T: Copy + Default>(&mut self, setting: &Setting, choices: &[(&str, T)]) -> T {
        self.checked(setting, |text| {
            let found = choices
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(text));
            found.map(|(_, choice)| *choice).ok_or_else(|| {
                format!(
                    "is not one of {}",
                    or(choices.iter().map(|(name, _)| *name))
                )
            })
        })
    }

    /// An IPv4 or IPv6 address.
    pub fn ip_address(&mut self, setting: &Setting) -> IpAddr {
        let parsed = self.parse(setting, |text| {
            text.parse()
                .map_err(|_| "is neither an IPv4 nor an IPv6 address".to_owned())
        });
        parsed.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    fn parse<T>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(setting)?;
        match parse(&value) {
            Ok(parsed) => Some(parsed),
            Err(reason) => {
                self.errors
                    .push(SettingError::new(setting, Some(&value), reason));
                None
            }
        }
    }

    pub(super) fn value(&mut self, setting: &Setting) -> Option<String> {
        match (self.env.get(setting.name), setting.default) {
            (Some(value), _) => {
                let text = value.to_str().map(str::to_owned);
                if text.is_none() {
                    self.reject(setting, "is not UTF-8");
                }
                text
            }
            (None, DefaultValue::Value(value)) => Some(value.to_owned()),
            (None, DefaultValue::Required | DefaultValue::Described(_)) => {
                self.missing(setting);
                None
            }
        }
    }

    fn missing(&mut self, setting: &Setting) {
        let value = self.env.is_blank(setting.name).then_some("");
        let reason = if value.is_some() {
            "is required, but blank"
        } else {
            "is required"
        };
        self.errors
            .push(SettingError::new(setting, value, reason).with_hint(setting.meaning));
    }
}

/// Reads a truth value such as `yes` or `off`, in upper or lower case.
pub fn parse_bool(text: &str) -> Option<bool> {
    let is = |word: &&str| word.eq_ignore_ascii_case(text);
    if TRUE_VALUES.iter().any(is) {
        Some(true)
    } else if FALSE_VALUES.iter().any(is) {
        Some(false)
    } else {
        None
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    Some(text)
        .filter(|text| is_plain_decimal(text))
        .and_then(|text| text.parse().ok())
        .and_then(|number| Duration::try_from_secs_f64(number).ok())
        .filter(|time| *time <= Duration::from_secs(MAX_SECONDS))
        .ok_or_else(|| {
            format!("is not a number of seconds from 0 to {MAX_SECONDS}, such as 30 or 0.5")
        })
}

fn or<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}
