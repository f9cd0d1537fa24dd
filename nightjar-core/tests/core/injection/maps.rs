//! One map with a string to fill in at every place where it can have one.

use super::hostile;
use nightjar_core::{
    context::{ValueFormat, properties::DOCUMENTED_PROPERTIES},
    document::discovery_map::{PathMatch, PathMatchType, ValueMatchType},
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

/// What is filled in, one after another, and then from the first again.
#[derive(Debug, Clone)]
pub(super) struct Strings {
    texts: Vec<String>,
    /// Whether documented properties get values in their form, as far as that can be hostile.
    has_good_values: bool,
    /// Whether texts of the same length without any meaning stand in for these.
    is_harmless: bool,
}

/// Not a divisor of the places on a level, so that each text comes to all kinds of places.
const TEXTS: usize = 41;

/// In characters, all of four bytes at the worst.
const LONGEST_NAME: usize = 200;

impl Strings {
    pub(super) fn hostile() -> impl Strategy<Value = Self> {
        (vec(hostile::texts(), TEXTS), any::<bool>()).prop_map(|(texts, has_good_values)| Self {
            texts,
            has_good_values,
            is_harmless: false,
        })
    }

    /// Texts of the same length, as the order of routes depends on that, without any meaning.
    pub(super) fn harmless(&self) -> Self {
        Self {
            is_harmless: true,
            ..self.clone()
        }
    }
}

/// Fills in one text after another, and notes those that files will have.
struct Filler<'a> {
    strings: &'a Strings,
    rest: std::iter::Cycle<std::slice::Iter<'a, String>>,
    arriving: Vec<String>,
}

/// The map, and the strings that must be found in the files of `shop/blue` and the gateway of
/// `n1`.
pub(super) fn map(strings: &Strings) -> (Value, Vec<String>) {
    let mut filler = Filler {
        strings,
        rest: strings.texts.iter().cycle(),
        arriving: Vec::new(),
    };
    let map = filler.map();
    (map, filler.arriving)
}

/// A map in which everything that has a name has this one.
pub(super) fn named(name: &str) -> Value {
    let route = json!({
        "path-match": {"match-type": "prefix", "value": "/"},
        "weight": 1, "default-access": true, "namespace-access": [{"namespace": name, "access": true}],
    });
    let host = if name.starts_with(['.', '-']) || name.ends_with(['.', '-']) {
        "n"
    } else {
        name
    };
    let service_color = |namespace: &str| {
        json!({
            "service": name, "color": name, "index": 1, "routes": [route],
            "instances": [{"hostname": host, "port": 80}],
            "namespace-egress": [{"namespace": namespace, "interface": {"ipv4": "127.0.0.1", "port": 3001}}],
        })
    };
    let other = format!("{name}x");
    let namespace = |name: &str, other: &str| {
        json!({
            "namespace": name, "network-id": name, "gateways": {"instances": []},
            "service-colors": [service_color(other)],
        })
    };
    document(&[namespace(name, &other), namespace(&other, name)], name)
}

fn document(namespaces: &[Value], version: &str) -> Value {
    json!({"schema-version": "v1", "document-version": version, "namespaces": namespaces})
}

impl Filler<'_> {
    fn map(&mut self) -> Value {
        // Equal in both colors, so it gets weights.
        let shared = self.route("prefix", "/7");
        let blue = [
            self.route("exact", "/1"),
            self.route("regex", "/2"),
            self.route("prefix", "/3"),
            shared.clone(),
        ];
        let own = [
            self.service_color("blue", &blue),
            self.service_color("green", &[shared]),
        ];
        let other = [
            self.route("prefix", "/4"),
            self.private_route("prefix", "/5"),
            self.private_route("exact", "/6"),
            public("/"),
        ];
        let other = [self.service_color("blue", &other)];
        let namespaces = [self.namespace("n1", &own), self.namespace("n2", &other)];
        // The name of the viewers' network.
        self.arrives(&namespaces[0]["network-id"]);
        document(&namespaces, &self.text())
    }

    fn text(&mut self) -> String {
        let text = self.rest.next().unwrap();
        if self.strings.is_harmless {
            "x".repeat(text.len())
        } else {
            text.clone()
        }
    }

    /// A path that has many spellings, whatever is filled in.
    fn path(&mut self, start: &str) -> String {
        let mut text = self.rest.next().unwrap().replace("..", "");
        text.retain(|letter| !"?#;\\.".contains(letter));
        let path = format!("{start}+{text}");
        if !self.strings.is_harmless {
            return path;
        }
        let normal = PathMatch::new(PathMatchType::Prefix, &path).unwrap();
        let (start, text) = normal.text().split_at(start.len() + 1);
        // An escape is three bytes for the order too.
        format!("{start}{}", "x".repeat(text.len()))
    }

    fn arrives(&mut self, text: &Value) {
        self.arriving.push(text.as_str().unwrap().to_owned());
    }

    fn namespace(&mut self, name: &str, service_colors: &[Value]) -> Value {
        json!({
            "namespace": name,
            "network-id": self.text(),
            "properties": self.properties(),
            "gateways": {"instances": []},
            "service-colors": service_colors,
        })
    }

    fn service_color(&mut self, color: &str, routes: &[Value]) -> Value {
        let properties = self.properties();
        if self.strings.has_good_values {
            self.arrives(&properties["health-check-path"]);
        }
        let egress = json!({"namespace": "n2", "interface": {"ipv4": "127.0.0.1", "port": 3001}});
        json!({
            "service": "shop", "color": color, "index": 1, "properties": properties,
            "instances": [{"hostname": "null", "port": 1}, {"ipv6": "::1", "port": 1}],
            "routes": routes, "namespace-egress": [egress],
        })
    }

    fn route(&mut self, match_type: &str, start: &str) -> Value {
        let path = match match_type {
            "regex" => format!("{start}{}", regex::escape(&self.text())),
            _ => self.path(start),
        };
        let route = self.route_of(&json!({"match-type": match_type, "value": path}), true);
        if self.strings.has_good_values && match_type != "regex" {
            self.arrives(&route["properties"]["prefix-rewrite"]);
        }
        for direction in ["request", "response"] {
            let header = &route["properties"][format!("{direction}-header-set-NAME")];
            // Envoy makes one percent sign of two.
            let header = header.as_str().unwrap().replace('%', "%%");
            self.arriving.push(header);
        }
        route
    }

    /// Behind a wider public one, so it must be denied.
    fn private_route(&mut self, match_type: &str, start: &str) -> Value {
        let path = json!({"match-type": match_type, "value": self.path(start)});
        self.route_of(&path, false)
    }

    fn route_of(&mut self, path: &Value, access: bool) -> Value {
        json!({
            "path-match": path, "weight": 1, "default-access": access, "namespace-access": [],
            // Denied headers are denied in lists too.
            "headers": self.filters("header-name", access),
            "query-parameters": self.filters("parameter-name", true),
            "properties": self.properties(),
        })
    }

    /// A filter of each kind. Their names keep their order whatever is filled in.
    fn filters(&mut self, key: &str, arrive: bool) -> Vec<Value> {
        let mut filters = Vec::new();
        for (number, kind) in ValueMatchType::ALL.into_iter().enumerate() {
            // No name may be as long as the longest texts.
            let name: String = self.text().chars().take(LONGEST_NAME).collect();
            let name = Value::from(format!("{number}{name}").to_ascii_lowercase());
            self.arrives(&name);
            let folds_case = kind == ValueMatchType::Suffix;
            let value = match kind {
                ValueMatchType::Regex => regex::escape(&self.text()),
                // In one case, as those values are that compare without case.
                ValueMatchType::Suffix => self.text().to_ascii_lowercase(),
                ValueMatchType::Exact | ValueMatchType::Prefix | ValueMatchType::Present => {
                    self.text()
                }
            };
            if kind != ValueMatchType::Present && arrive {
                self.arriving.push(value.clone());
            }
            filters.push(json!({
                key: name, "match-type": kind, "value": value, "case-sensitive": !folds_case,
            }));
        }
        filters
    }

    /// Every documented property, and one of a name that is filled in.
    fn properties(&mut self) -> Map<String, Value> {
        let mut properties = Map::new();
        // What stands in front of a value that is in no property's form.
        let spoiler = if self.strings.is_harmless { "(" } else { "\"" };
        let name = self.text();
        properties.insert(name, self.text().into());
        for property in DOCUMENTED_PROPERTIES {
            // Any text is the value of a header.
            let is_free = property.format == ValueFormat::HeaderValue;
            let value = if self.strings.has_good_values || is_free {
                self.good(property.format)
            } else {
                format!("{}{}", spoiler, self.text())
            };
            properties.insert(property.name.to_owned(), value.into());
        }
        properties
    }

    fn good(&mut self, format: ValueFormat) -> String {
        let fixed = match format {
            ValueFormat::Duration => "1s",
            ValueFormat::DurationOrNone => "0s",
            ValueFormat::Count => "3",
            ValueFormat::RetryOn => "5xx",
            ValueFormat::LbPolicy => "random",
            ValueFormat::Host => "null:1",
            ValueFormat::HashOn => "cookie:null:1s",
            ValueFormat::UnderscoreHeaders => "allow",
            ValueFormat::Hops | ValueFormat::WholePercent => "1",
            ValueFormat::HealthCheckProtocol => "http",
            ValueFormat::Port => "9102",
            ValueFormat::IpAndPort => "127.0.0.1:8125",
            ValueFormat::Collector => "otlp://otel.test:4317",
            ValueFormat::AccessLog => "json",
            ValueFormat::AccessLogFormat => "%PROTOCOL%",
            ValueFormat::Percent(_) => "0.5",
            ValueFormat::Status => "503",
            ValueFormat::Statuses => "502,503",
            ValueFormat::BackOff => "1s..2s",
            ValueFormat::RateLimit => "5/m",
            ValueFormat::ServiceColor => "shop/blue",
            // What is redirected has no route in which other values could arrive.
            ValueFormat::Redirect => "",
            ValueFormat::Origins => "https://null:1",
            ValueFormat::HeaderNames => "null,x-null",
            ValueFormat::HeaderValue => return format!("({})", self.text()),
            ValueFormat::Path | ValueFormat::PathPrefix => {
                let mut path = format!("/{}", self.text());
                path.retain(|letter| letter.is_ascii_graphic() && !"?#\\".contains(letter));
                return path;
            }
        };
        fixed.to_owned()
    }
}

fn public(path: &str) -> Value {
    json!({
        "path-match": {"match-type": "prefix", "value": path},
        "weight": 1, "default-access": true, "namespace-access": [],
    })
}
