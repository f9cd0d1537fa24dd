//! Addresses and ports at which instances listen.

use super::{HostName, Port};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use std::{
    borrow::Cow,
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// Where an instance listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawHostPort", into = "RawHostPort")]
pub struct HostPort {
    /// The address or name.
    pub host: Host,
    /// The TCP port.
    pub port: Port,
}

/// An address or a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A DNS name.
    Name(HostName),
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ipv4(address) => write!(f, "{address}:{}", self.port),
            Host::Ipv6(address) => write!(f, "[{address}]:{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// The JSON form of a [`HostPort`].
#[derive(Clone, Serialize, Deserialize)]
struct RawHostPort {
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    ipv4: Option<Ipv4Addr>,
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    ipv6: Option<Ipv6Addr>,
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    hostname: Option<HostName>,
    port: Port,
}

/// The fault of a host without an address or name, or with several.
pub(in crate::document) const ONE_HOST: &str = "needs exactly one of ipv4, ipv6 and hostname";

/// A member that may be missing, but not `null`.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl TryFrom<RawHostPort> for HostPort {
    type Error = String;

    fn try_from(raw: RawHostPort) -> Result<Self, String> {
        let host = match (raw.ipv4, raw.ipv6, raw.hostname) {
            (Some(address), None, None) => Host::Ipv4(address),
            (None, Some(address), None) => Host::Ipv6(address),
            (None, None, Some(name)) => Host::Name(name),
            _ => return Err(ONE_HOST.to_owned()),
        };
        Ok(Self {
            host,
            port: raw.port,
        })
    }
}

impl From<HostPort> for RawHostPort {
    fn from(value: HostPort) -> Self {
        let mut raw = Self {
            ipv4: None,
            ipv6: None,
            hostname: None,
            port: value.port,
        };
        match value.host {
            Host::Ipv4(address) => raw.ipv4 = Some(address),
            Host::Ipv6(address) => raw.ipv6 = Some(address),
            Host::Name(name) => raw.hostname = Some(name),
        }
        raw
    }
}

impl JsonSchema for HostPort {
    fn schema_name() -> Cow<'static, str> {
        "HostPort".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where an instance listens: a port, and exactly one of ipv4, ipv6 and hostname.",
            "type": "object",
            "properties": {
                "ipv4": {"type": "string", "format": "ipv4"},
                "ipv6": {"type": "string", "format": "ipv6"},
                "hostname": generator.subschema_for::<HostName>(),
                "port": generator.subschema_for::<Port>()
            },
            "required": ["port"],
            "oneOf": [{"required": ["ipv4"]}, {"required": ["ipv6"]}, {"required": ["hostname"]}]
        })
    }
}
