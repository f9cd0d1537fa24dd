//! One pass over a resource: its name and type, how many endpoints it lists, which files it names.
//!
//! Nothing is kept of a resource but these. What has another type than Envoy wants is passed over,
//! since Envoy says it better.

use super::{
    Role,
    message::{member, source_path},
};
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// A file that a resource names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) path: Box<str>,
    pub(super) role: Role,
    /// Hash of the configuration source that gives the path; Envoy shares what has equal ones.
    pub(super) source: u64,
}

impl Reference {
    pub(super) fn new(source: &Value, role: Role) -> Option<Self> {
        Some(Self {
            path: source_path(source)?.into(),
            role,
            source: xxh3_64(source.to_string().as_bytes()),
        })
    }
}

/// What a resource says of itself.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) endpoints: Option<usize>,
    pub(super) by_eds: bool,
    pub(super) references: Vec<Reference>,
}

impl Findings {
    /// Of one resource of a file with this role.
    pub(super) fn of<'de, D: Deserializer<'de>>(
        role: &Role,
        resource: D,
    ) -> Result<Self, D::Error> {
        let mut findings = Self::default();
        let spot = match role {
            Role::Endpoints { .. } => Spot::Assignment,
            _ => Spot::Resource,
        };
        Node::new(&mut findings, spot).deserialize(resource)?;
        Ok(findings)
    }
}

/// Where in a resource a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    /// The resource itself.
    Resource,
    /// A resource that is a load assignment.
    Assignment,
    /// `load_assignment` of a cluster.
    LoadAssignment,
    /// The list `endpoints` of a load assignment.
    Localities,
    /// One item of it.
    Locality,
    /// The list `lb_endpoints` of a locality. Nothing in it names files.
    LbEndpoints,
    /// The value of a member whose text is wanted.
    Text,
    /// Anywhere else.
    Elsewhere,
}

/// What a value turned out to be, as far as it matters to what it stands in.
enum Seen {
    Text(String),
    Items(usize),
    Other,
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Member {
    #[serde(rename = "@type")]
    Kind,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "cluster_name", alias = "clusterName")]
    ClusterName,
    #[serde(rename = "alt_stat_name", alias = "altStatName")]
    AltStatName,
    #[serde(rename = "load_assignment", alias = "loadAssignment")]
    LoadAssignment,
    #[serde(rename = "endpoints")]
    Endpoints,
    #[serde(rename = "lb_endpoints", alias = "lbEndpoints")]
    LbEndpoints,
    #[serde(rename = "rds")]
    Rds,
    #[serde(rename = "eds_cluster_config", alias = "edsClusterConfig")]
    Eds,
    #[serde(rename = "sds_config", alias = "sdsConfig")]
    Sds,
    #[serde(other)]
    Other,
}

/// What one object says that only makes sense together.
#[derive(Default)]
struct Together {
    name: Option<String>,
    alt_stat_name: Option<String>,
    eds: Option<Value>,
    sds: Option<Value>,
}

struct Node<'f> {
    findings: &'f mut Findings,
    spot: Spot,
}

impl<'f> Node<'f> {
    fn new(findings: &'f mut Findings, spot: Spot) -> Self {
        Self { findings, spot }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Seen;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Seen, E> {
        Ok(match self.spot {
            Spot::Text => Seen::Text(text.to_owned()),
            _ => Seen::Other,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen, A::Error> {
        let Self { findings, spot } = self;
        let item = match spot {
            Spot::LbEndpoints => {
                let mut count = 0;
                while items.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                return Ok(Seen::Items(count));
            }
            Spot::Localities => {
                findings.endpoints.get_or_insert(0);
                Spot::Locality
            }
            _ => Spot::Elsewhere,
        };
        while items
            .next_element_seed(Node::new(findings, item))?
            .is_some()
        {}
        Ok(Seen::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Seen, A::Error> {
        let Self { findings, spot } = self;
        let is_top = matches!(spot, Spot::Resource | Spot::Assignment);
        let mut together = Together::default();
        while let Some(key) = members.next_key()? {
            let next = match (&key, spot) {
                (Member::Rds, _) => {
                    findings.references.extend(routes(&members.next_value()?));
                    continue;
                }
                (Member::Eds, _) => {
                    together.eds = Some(members.next_value()?);
                    continue;
                }
                (Member::Sds, _) => {
                    together.sds = Some(members.next_value()?);
                    continue;
                }
                (Member::Name | Member::AltStatName, _)
                | (Member::Kind, Spot::Resource | Spot::Assignment)
                | (Member::ClusterName, Spot::Assignment) => Spot::Text,
                (Member::LoadAssignment, Spot::Resource) => Spot::LoadAssignment,
                (Member::LbEndpoints, Spot::Locality) => Spot::LbEndpoints,
                (Member::Endpoints, Spot::LoadAssignment | Spot::Assignment) => Spot::Localities,
                _ => Spot::Elsewhere,
            };
            let seen = members.next_value_seed(Node::new(findings, next))?;
            match (key, seen) {
                (Member::Kind, Seen::Text(text)) if is_top => findings.kind = text,
                (Member::ClusterName, Seen::Text(text)) => findings.name = text,
                (Member::Name, Seen::Text(text)) => together.name = Some(text),
                (Member::AltStatName, Seen::Text(text)) => together.alt_stat_name = Some(text),
                (Member::LbEndpoints, Seen::Items(count)) if spot == Spot::Locality => {
                    *findings.endpoints.get_or_insert(0) += count;
                }
                _ => {}
            }
        }
        if spot == Spot::Resource {
            findings.by_eds = together.eds.is_some();
            findings.name = together.name.clone().unwrap_or_default();
        }
        findings.references.extend(together.references());
        Ok(Seen::Other)
    }
}

impl Together {
    fn references(self) -> impl Iterator<Item = Reference> {
        let secret = self.sds.as_ref().and_then(|source| {
            Reference::new(source, Role::Secrets(self.name.clone().unwrap_or_default()))
        });
        let scope = self.alt_stat_name.filter(|name| !name.is_empty());
        let endpoints = self
            .eds
            .as_ref()
            .and_then(|eds| endpoints(eds, self.name, scope));
        secret.into_iter().chain(endpoints)
    }
}

/// The routes that an HTTP connection manager subscribes to, by its `rds`.
pub(super) fn routes(rds: &Value) -> Option<Reference> {
    let name = member(rds, "route_config_name")?.as_str()?;
    Reference::new(member(rds, "config_source")?, Role::Routes(name.to_owned()))
}

/// The endpoints that a cluster subscribes to, by its `eds_cluster_config`.
fn endpoints(eds: &Value, name: Option<String>, scope: Option<String>) -> Option<Reference> {
    let resource = match member(eds, "service_name") {
        Some(service) => service.as_str()?.to_owned(),
        None => name.clone()?,
    };
    let scope = scope.or(name).unwrap_or_default();
    Reference::new(
        member(eds, "eds_config")?,
        Role::Endpoints { resource, scope },
    )
}
