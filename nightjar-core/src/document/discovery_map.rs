//! The discovery map: the whole mesh in one document.

mod host_port;

pub(super) use host_port::{HOSTNAME_PATTERN, ONE_HOST};
pub use host_port::{Host, HostPort};

use super::{SchemaVersion, integer::integer};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{borrow::Cow, collections::BTreeMap};

/// Free name-value pairs that flow from the map into templates.
pub type Properties = BTreeMap<String, String>;

/// The whole mesh: every namespace with its gateways and service-colors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DiscoveryMap {
    /// Which edition of this schema the document follows.
    pub schema_version: SchemaVersion,
    /// An opaque string that differs whenever the content differs.
    pub document_version: String,
    /// The parts that the mesh is divided into; each name appears once.
    pub namespaces: Vec<Namespace>,
}

impl DiscoveryMap {
    /// Whether there is any instance at all, of a gateway or of a service-color.
    pub fn has_endpoints(&self) -> bool {
        self.namespaces.iter().any(|namespace| {
            let service_colors = &namespace.service_colors;
            !namespace.gateways.instances.is_empty()
                || service_colors
                    .iter()
                    .any(|service_color| !service_color.instances.is_empty())
        })
    }
}

/// One division of the mesh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Namespace {
    /// The namespace's name, unique in the map.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub namespace: String,
    /// What the network calls this namespace; may equal `namespace`.
    pub network_id: String,
    /// Free properties, inherited by everything in the namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: Properties,
    /// The proxies through which traffic enters the namespace.
    pub gateways: Gateways,
    /// The deployed services.
    pub service_colors: Vec<ServiceColor>,
}

/// The proxies through which traffic enters a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Gateways {
    /// Whether other namespaces should call through the gateways instead of directly.
    #[serde(default)]
    pub prefer_gateway: bool,
    /// What the gateways speak.
    #[serde(default)]
    pub protocol: Protocol,
    /// Where the gateways listen.
    pub instances: Vec<HostPort>,
}

/// One group of instances of a service in one deployment color.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ServiceColor {
    /// The service's name.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub service: String,
    /// The deployment color, such as `blue`, `green` or `canary`.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub color: String,
    /// Tells apart groups of one service-color that serve different routes on different ports.
    #[serde(deserialize_with = "integer")]
    #[schemars(range(min = i64::MIN, max = i64::MAX))]
    pub index: i64,
    /// What the instances speak.
    #[serde(default)]
    pub protocol: Protocol,
    /// Free properties; they override the namespace's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: Properties,
    /// Where the instances listen.
    pub instances: Vec<HostPort>,
    /// What the instances answer.
    pub routes: Vec<Route>,
    /// The local ports through which this service-color calls other namespaces.
    pub namespace_egress: Vec<NamespaceEgress>,
}

/// A set of requests that a service-color answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Route {
    /// Which paths.
    pub path_match: PathMatch,
    /// The share of the requests, relative to the weights of other routes for the same requests.
    #[serde(deserialize_with = "integer")]
    #[schemars(range(min = 1, max = 32767))]
    pub weight: u16,
    /// Which headers, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderMatch>,
    /// Which query parameters, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_parameters: Vec<QueryParameterMatch>,
    /// Whether namespaces not listed in `namespace-access` and the gateways may call it.
    pub default_access: bool,
    /// The namespaces for which access differs from `default-access`.
    pub namespace_access: Vec<NamespaceAccess>,
    /// Free properties; they override the service-color's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: Properties,
}

/// How a request's path is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PathMatch {
    /// The kind of comparison.
    pub match_type: PathMatchType,
    /// The path, its prefix, or a regular expression for the whole path.
    pub value: String,
    /// Whether upper and lower case differ.
    #[serde(default = "yes")]
    pub case_sensitive: bool,
}

/// The ways to compare a path.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PathMatchType {
    /// The whole path, exactly.
    Exact,
    /// The whole path by a regular expression.
    Regex,
    /// The start of the path.
    Prefix,
}

/// The ways to compare a header or a query parameter.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ValueMatchType {
    /// The whole value, exactly.
    Exact,
    /// The whole value by a regular expression.
    Regex,
    /// The start of the value.
    Prefix,
    /// The end of the value.
    Suffix,
    /// Any value at all.
    Present,
}

/// A condition on a request header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct HeaderMatch {
    /// The header's name, compared without case.
    #[schemars(length(min = 1))]
    pub header_name: String,
    /// The kind of comparison.
    pub match_type: ValueMatchType,
    /// What to compare with; not needed for `present`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether the condition holds when the comparison fails.
    #[serde(default)]
    pub invert: bool,
    /// Whether upper and lower case of the value differ.
    #[serde(default = "yes")]
    pub case_sensitive: bool,
}

/// A condition on a query parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct QueryParameterMatch {
    /// The parameter's name.
    #[schemars(length(min = 1))]
    pub parameter_name: String,
    /// The kind of comparison.
    pub match_type: ValueMatchType,
    /// What to compare with; not needed for `present`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether upper and lower case of the value differ.
    #[serde(default = "yes")]
    pub case_sensitive: bool,
}

/// Whether one namespace may call a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NamespaceAccess {
    /// The calling namespace.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub namespace: String,
    /// Whether it may.
    pub access: bool,
}

/// The local port through which a service-color calls another namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NamespaceEgress {
    /// The namespace that is called.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub namespace: String,
    /// Where the caller's own proxy listens for such calls.
    pub interface: HostPort,
}

/// What a service-color's or gateway's instances speak; read without regard to case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Protocol {
    /// `HTTP1.1`
    #[default]
    #[serde(rename = "HTTP1.1")]
    Http1,
    /// `HTTP2`, without TLS.
    #[serde(rename = "HTTP2")]
    Http2,
}

/// The names of namespaces, services and colors.
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9._-]{1,128}$";
/// The protocols in upper or lower case.
pub(crate) const PROTOCOL_PATTERN: &str = r"^[Hh][Tt][Tt][Pp](1\.1|2)$";
fn yes() -> bool {
    true
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        match text.to_ascii_uppercase().as_str() {
            "HTTP1.1" => Ok(Self::Http1),
            "HTTP2" => Ok(Self::Http2),
            _ => Err(D::Error::custom("protocol is neither HTTP1.1 nor HTTP2")),
        }
    }
}

impl JsonSchema for Protocol {
    fn schema_name() -> Cow<'static, str> {
        "Protocol".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "HTTP1.1 or HTTP2, in upper or lower case.",
            "type": "string",
            "pattern": PROTOCOL_PATTERN
        })
    }
}
