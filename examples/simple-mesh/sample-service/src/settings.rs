//! What the environment says the service is.

use hyper::{Uri, header::HeaderValue};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

/// The service as its environment describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `SERVICE_ADDRESS` (default `0.0.0.0`; an IPv6 address works too) and `SERVICE_PORT`
    /// (required; 0 takes a free one, and the line at start says which).
    pub(crate) listen: SocketAddr,
    /// `SERVICE_NAME`, default `sample`.
    pub(crate) name: String,
    /// `SERVICE_COLOR`, default `default`.
    pub(crate) color: String,
    /// `<name>-<color>`, as the response header `x-sample-service` carries it.
    pub(crate) member: HeaderValue,
    /// `SERVICE_PROTOCOL`: with `HTTP2` the service takes HTTP/2 without TLS and nothing else; with
    /// `HTTP1.1`, the default, it takes HTTP/1.1, and HTTP/2 from whoever starts with it.
    pub(crate) http2_only: bool,
    /// `PATH_PREFIX`: a path such as `/nest` below which the service answers as it does at `/`.
    pub(crate) prefix: String,
    /// `KEYS`, comma-separated, each with its `<KEY>_VALUE`.
    pub(crate) keys: BTreeMap<String, String>,
    /// `FORWARD_KEYS`, comma-separated, each with its `<KEY>_URL`.
    pub(crate) forwards: BTreeMap<String, Uri>,
}

impl Settings {
    /// Reads every setting, or lists every fault.
    pub(crate) fn read(environment: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let mut reader = Reader {
            environment,
            faults: Vec::new(),
        };
        let settings = reader.settings();
        if reader.faults.is_empty() {
            Ok(settings)
        } else {
            Err(reader.faults)
        }
    }
}

/// Looks settings up and remembers what is wrong with them.
struct Reader<'a> {
    environment: &'a BTreeMap<String, String>,
    faults: Vec<String>,
}

impl<'a> Reader<'a> {
    fn settings(&mut self) -> Settings {
        let name = self.get("SERVICE_NAME").unwrap_or("sample").to_owned();
        let color = self.get("SERVICE_COLOR").unwrap_or("default").to_owned();
        Settings {
            listen: SocketAddr::new(self.address(), self.port()),
            member: self.member(&name, &color),
            name,
            color,
            http2_only: self.http2_only(),
            prefix: self.prefix(),
            keys: self.values(),
            forwards: self.urls(),
        }
    }

    /// A blank variable counts as absent.
    fn get(&self, name: &str) -> Option<&'a str> {
        self.environment
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    fn fault(&mut self, text: String) {
        self.faults.push(text);
    }

    fn port(&mut self) -> u16 {
        let Some(text) = self.get("SERVICE_PORT") else {
            self.fault("SERVICE_PORT is not set; it names the port to listen on".to_owned());
            return 0;
        };
        text.parse().unwrap_or_else(|_| {
            self.fault(format!(
                "SERVICE_PORT is {text:?}, not a port from 0 to 65535"
            ));
            0
        })
    }

    fn address(&mut self) -> IpAddr {
        let Some(text) = self.get("SERVICE_ADDRESS") else {
            return Ipv4Addr::UNSPECIFIED.into();
        };
        text.parse().unwrap_or_else(|_| {
            self.fault(format!(
                "SERVICE_ADDRESS is {text:?}, not an IPv4 or IPv6 address"
            ));
            Ipv4Addr::UNSPECIFIED.into()
        })
    }

    fn member(&mut self, name: &str, color: &str) -> HeaderValue {
        HeaderValue::from_str(&format!("{name}-{color}")).unwrap_or_else(|_| {
            self.fault("SERVICE_NAME or SERVICE_COLOR does not fit in a header".to_owned());
            HeaderValue::from_static("")
        })
    }

    fn http2_only(&mut self) -> bool {
        match self.get("SERVICE_PROTOCOL") {
            None => false,
            Some(text) if text.eq_ignore_ascii_case("HTTP1.1") => false,
            Some(text) if text.eq_ignore_ascii_case("HTTP2") => true,
            Some(text) => {
                self.fault(format!(
                    "SERVICE_PROTOCOL is {text:?}, neither HTTP1.1 nor HTTP2"
                ));
                false
            }
        }
    }

    fn prefix(&mut self) -> String {
        let text = self
            .get("PATH_PREFIX")
            .unwrap_or_default()
            .trim_end_matches('/');
        if !text.is_empty() && !text.starts_with('/') {
            self.fault(format!("PATH_PREFIX is {text:?} and does not start with /"));
        }
        text.to_owned()
    }

    fn values(&mut self) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        for (key, variable) in self.list("KEYS", "VALUE") {
            match self.environment.get(&variable) {
                Some(value) => drop(values.insert(key, value.clone())),
                None => self.fault(format!("KEYS has {key:?}, but {variable} is not set")),
            }
        }
        values
    }

    fn urls(&mut self) -> BTreeMap<String, Uri> {
        let mut urls = BTreeMap::new();
        for (key, variable) in self.list("FORWARD_KEYS", "URL") {
            match self.get(&variable).map(str::parse::<Uri>) {
                Some(Ok(url)) if url.scheme_str() == Some("http") && url.host().is_some() => {
                    urls.insert(key, url);
                }
                Some(_) => self.fault(format!("{variable} is not a URL that starts with http://")),
                None => self.fault(format!(
                    "FORWARD_KEYS has {key:?}, but {variable} is not set"
                )),
            }
        }
        urls
    }

    /// The keys in a comma-separated variable, each with the variable that belongs to it.
    fn list(&self, variable: &str, suffix: &str) -> Vec<(String, String)> {
        self.get(variable)
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .map(|key| (key.to_owned(), format!("{}_{suffix}", key.to_uppercase())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        Settings::read(
            &pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_port_is_enough() {
        let expected = Settings {
            listen: "0.0.0.0:3000".parse().unwrap(),
            name: "sample".to_owned(),
            color: "default".to_owned(),
            member: HeaderValue::from_static("sample-default"),
            http2_only: false,
            prefix: String::new(),
            keys: BTreeMap::new(),
            forwards: BTreeMap::new(),
        };
        assert_eq!(read(&[("SERVICE_PORT", "3000")]), Ok(expected));
    }

    #[test]
    fn everything_can_be_set() {
        let expected = Settings {
            listen: "[::1]:0".parse().unwrap(),
            name: "nest".to_owned(),
            color: "blue".to_owned(),
            member: HeaderValue::from_static("nest-blue"),
            http2_only: true,
            prefix: "/nest".to_owned(),
            keys: BTreeMap::from([
                ("eggs".to_owned(), "three".to_owned()),
                ("none".to_owned(), String::new()),
            ]),
            forwards: BTreeMap::from([(
                "price".to_owned(),
                Uri::from_static("http://localhost:1/key/price"),
            )]),
        };
        let settings = read(&[
            ("SERVICE_PORT", "0"),
            ("SERVICE_ADDRESS", "::1"),
            ("SERVICE_NAME", "nest"),
            ("SERVICE_COLOR", "blue"),
            ("SERVICE_PROTOCOL", "http2"),
            ("PATH_PREFIX", "/nest/"),
            ("KEYS", "eggs, none"),
            ("EGGS_VALUE", "three"),
            ("NONE_VALUE", ""),
            ("FORWARD_KEYS", "price"),
            ("PRICE_URL", "http://localhost:1/key/price"),
        ]);
        assert_eq!(settings, Ok(expected));
    }

    #[test]
    fn every_fault_is_listed() {
        let faults = read(&[
            ("SERVICE_ADDRESS", "here"),
            ("SERVICE_COLOR", "b\nlue"),
            ("SERVICE_PROTOCOL", "gopher"),
            ("PATH_PREFIX", "nest"),
            ("KEYS", "eggs"),
            ("FORWARD_KEYS", "price,tax"),
            ("TAX_URL", "https://localhost/"),
        ]);
        assert_eq!(
            faults.unwrap_err(),
            [
                "SERVICE_ADDRESS is \"here\", not an IPv4 or IPv6 address",
                "SERVICE_PORT is not set; it names the port to listen on",
                "SERVICE_NAME or SERVICE_COLOR does not fit in a header",
                "SERVICE_PROTOCOL is \"gopher\", neither HTTP1.1 nor HTTP2",
                "PATH_PREFIX is \"nest\" and does not start with /",
                "KEYS has \"eggs\", but EGGS_VALUE is not set",
                "FORWARD_KEYS has \"price\", but PRICE_URL is not set",
                "TAX_URL is not a URL that starts with http://",
            ]
        );
    }
}
