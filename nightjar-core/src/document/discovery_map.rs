//! Discovery map: the whole mesh in one document.

mod host_port;

pub use super::{
    header_match::{HeaderMatch, QueryParameterMatch},
    number::{Port, Weight},
    path::Path,
    path_match::{PathMatch, PathMatchType, PathValue},
    text::{FieldName, HostName, Name, Pattern, PropertyName, Text},
    value_match::{ValueMatch, ValueMatchType},
};
pub(super) use host_port::ONE_HOST;
pub use host_port::{Host, HostPort};

use super::{SchemaVersion, number::integer, path_match, text::PROTOCOL};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{borrow::Cow, collections::BTreeMap, str::FromStr};

/// Free name-value pairs that flow from the map into templates.
pub type Properties = BTreeMap<PropertyName, Text>;

/// The whole mesh: every namespace with its gateways and service-colors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DiscoveryMap {
    /// Which edition of this schema the document follows.
    pub schema_version: SchemaVersion,
    /// An opaque string that differs whenever the content differs.
    pub document_version: Text,
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
    pub namespace: Name,
    /// What the network calls this namespace; may equal `namespace`.
    pub network_id: Text,
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
    pub service: Name,
    /// The deployment color, such as `blue`, `green` or `canary`.
    pub color: Name,
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
#[schemars(extend("if" = private_route(), "then" = path_match::matchable_path()))]
pub struct Route {
    /// Which paths.
    pub path_match: PathMatch,
    /// The share of the requests, relative to the weights of other routes for the same requests;
    /// 0 is no share.
    pub weight: Weight,
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

/// Whether one namespace may call a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NamespaceAccess {
    /// The calling namespace.
    pub namespace: Name,
    /// Whether it may.
    pub access: bool,
}

/// The local port through which a service-color calls another namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NamespaceEgress {
    /// The namespace that is called.
    pub namespace: Name,
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

impl Route {
    /// Whether it is closed to anybody.
    pub fn is_private(&self) -> bool {
        !self.default_access || self.namespace_access.iter().any(|entry| !entry.access)
    }

    /// Whether it is private and matches no request: what it should close is open then.
    pub(super) fn is_private_and_unmatchable(&self) -> bool {
        matches!(self.path_match.value, PathValue::Unmatchable { .. }) && self.is_private()
    }
}

/// What the schema says of a private route.
fn private_route() -> serde_json::Value {
    let no = serde_json::json!({"const": false});
    serde_json::json!({"anyOf": [
        {"properties": {"default-access": no}, "required": ["default-access"]},
        {
            "properties": {"namespace-access": {
                "type": "array",
                "contains": {"properties": {"access": no}, "required": ["access"]}
            }},
            "required": ["namespace-access"]
        }
    ]})
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        PROTOCOL.check(text)?;
        Ok(if text.ends_with('2') {
            Self::Http2
        } else {
            Self::Http1
        })
    }
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Protocol {
    fn schema_name() -> Cow<'static, str> {
        "Protocol".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = PROTOCOL.schema();
        schema.insert(
            "description".to_owned(),
            "HTTP1.1 or HTTP2, in upper or lower case.".into(),
        );
        schema
    }
}
