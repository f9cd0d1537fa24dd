//! Scan of one resource: its name and type, how many endpoints it lists, which files it names.
//!
//! Nothing is kept of a resource but these. What has another type than Envoy wants is passed over,
//! since Envoy says it better.

use super::{
    proto_json::{member, source_path},
    role::FileRole,
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
    pub(super) role: FileRole,
    /// Hash of the configuration source that gives the path; Envoy shares what has equal ones.
    pub(super) source: u64,
}

impl Reference {
    pub(super) fn new(source: &Value, role: FileRole) -> Option<Self> {
        Some(Self {
            path: source_path(source)?.into(),
            role,
            source: xxh3_64(source.to_string().as_bytes()),
        })
    }
}

/// What a scan finds in a resource.
#[derive(Debug, Default)]
pub(super) struct ResourceSummary {
    pub(super) type_url: String,
    pub(super) name: String,
    pub(super) endpoints: Option<usize>,
    pub(super) by_eds: bool,
    pub(super) references: Vec<Reference>,
}

impl ResourceSummary {
    /// Of one resource of a file with this role.
    pub(super) fn of<'de, D: Deserializer<'de>>(
        role: &FileRole,
        resource: D,
    ) -> Result<Self, D::Error> {
        let mut summary = Self::default();
        let position = match role {
            FileRole::Endpoints { .. } => Position::Assignment,
            _ => Position::Resource,
        };
        ValueVisitor::new(&mut summary, position).deserialize(resource)?;
        Ok(summary)
    }
}

/// Where in a resource a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
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

/// What a value turned out to be, as far as it matters to what it is in.
enum Visited {
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
struct ObjectMembers {
    name: Option<String>,
    alt_stat_name: Option<String>,
    eds: Option<Value>,
    sds: Option<Value>,
}

struct ValueVisitor<'f> {
    summary: &'f mut ResourceSummary,
    position: Position,
}

impl<'f> ValueVisitor<'f> {
    fn new(summary: &'f mut ResourceSummary, position: Position) -> Self {
        Self { summary, position }
    }
}

impl<'de> DeserializeSeed<'de> for ValueVisitor<'_> {
    type Value = Visited;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Visited, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueVisitor<'_> {
    type Value = Visited;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Visited, E> {
        Ok(Visited::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Visited, E> {
        Ok(Visited::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Visited, E> {
        Ok(Visited::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Visited, E> {
        Ok(Visited::Other)
    }

    fn visit_unit<E>(self) -> Result<Visited, E> {
        Ok(Visited::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Visited, E> {
        Ok(match self.position {
            Position::Text => Visited::Text(text.to_owned()),
            _ => Visited::Other,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Visited, A::Error> {
        let Self { summary, position } = self;
        let item = match position {
            Position::LbEndpoints => {
                let mut count = 0;
                while items.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                return Ok(Visited::Items(count));
            }
            Position::Localities => {
                summary.endpoints.get_or_insert(0);
                Position::Locality
            }
            _ => Position::Elsewhere,
        };
        while items
            .next_element_seed(ValueVisitor::new(summary, item))?
            .is_some()
        {}
        Ok(Visited::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Visited, A::Error> {
        let Self { summary, position } = self;
        let is_top = matches!(position, Position::Resource | Position::Assignment);
        let mut members_seen = ObjectMembers::default();
        while let Some(key) = members.next_key()? {
            let next = match (&key, position) {
                (Member::Rds, _) => {
                    summary.references.extend(routes(&members.next_value()?));
                    continue;
                }
                (Member::Eds, _) => {
                    members_seen.eds = Some(members.next_value()?);
                    continue;
                }
                (Member::Sds, _) => {
                    members_seen.sds = Some(members.next_value()?);
                    continue;
                }
                (Member::Name | Member::AltStatName, _)
                | (Member::Kind, Position::Resource | Position::Assignment)
                | (Member::ClusterName, Position::Assignment) => Position::Text,
                (Member::LoadAssignment, Position::Resource) => Position::LoadAssignment,
                (Member::LbEndpoints, Position::Locality) => Position::LbEndpoints,
                (Member::Endpoints, Position::LoadAssignment | Position::Assignment) => {
                    Position::Localities
                }
                _ => Position::Elsewhere,
            };
            let seen = members.next_value_seed(ValueVisitor::new(summary, next))?;
            match (key, seen) {
                (Member::Kind, Visited::Text(text)) if is_top => summary.type_url = text,
                (Member::ClusterName, Visited::Text(text)) => summary.name = text,
                (Member::Name, Visited::Text(text)) => members_seen.name = Some(text),
                (Member::AltStatName, Visited::Text(text)) => {
                    members_seen.alt_stat_name = Some(text);
                }
                (Member::LbEndpoints, Visited::Items(count)) if position == Position::Locality => {
                    *summary.endpoints.get_or_insert(0) += count;
                }
                _ => {}
            }
        }
        if position == Position::Resource {
            summary.by_eds = members_seen.eds.is_some();
            summary.name = members_seen.name.clone().unwrap_or_default();
        }
        summary.references.extend(members_seen.references());
        Ok(Visited::Other)
    }
}

impl ObjectMembers {
    fn references(self) -> impl Iterator<Item = Reference> {
        let secret = self.sds.as_ref().and_then(|source| {
            Reference::new(
                source,
                FileRole::Secrets(self.name.clone().unwrap_or_default()),
            )
        });
        let alt_stat_name = self.alt_stat_name.filter(|name| !name.is_empty());
        let endpoints = self
            .eds
            .as_ref()
            .and_then(|eds| endpoints(eds, self.name, alt_stat_name));
        secret.into_iter().chain(endpoints)
    }
}

/// The routes that an HTTP connection manager subscribes to, by its `rds`.
pub(super) fn routes(rds: &Value) -> Option<Reference> {
    let name = member(rds, "route_config_name")?.as_str()?;
    Reference::new(
        member(rds, "config_source")?,
        FileRole::Routes(name.to_owned()),
    )
}

/// The endpoints that a cluster subscribes to, by its `eds_cluster_config`.
fn endpoints(
    eds: &Value,
    name: Option<String>,
    alt_stat_name: Option<String>,
) -> Option<Reference> {
    let resource = match member(eds, "service_name") {
        Some(service) => service.as_str()?.to_owned(),
        None => name.clone()?,
    };
    let stat_name = alt_stat_name.or(name).unwrap_or_default();
    Reference::new(
        member(eds, "eds_config")?,
        FileRole::Endpoints {
            resource,
            stat_name,
        },
    )
}
