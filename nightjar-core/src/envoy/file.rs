//! One rendered file: its text, and where in it each resource stands.

use super::{LayoutError, outline::Outline, walk::Reference};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// What Envoy uses a file for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The file given to Envoy at its start.
    Bootstrap,
    /// Clusters (CDS).
    Clusters,
    /// Listeners (LDS).
    Listeners,
    /// The route configuration of this name (RDS).
    Routes(String),
    /// The endpoints of one cluster (EDS).
    Endpoints {
        /// The name that Envoy asks for: the cluster's `service_name`, else its name.
        resource: String,
        /// The name that the cluster has in statistics: its `alt_stat_name`, else its name.
        scope: String,
    },
    /// The secret of this name (SDS).
    Secrets(String),
}

impl Role {
    /// The name of the one resource that such a file has to hold; `None` if it may hold any.
    pub(super) fn wanted(&self) -> Option<&str> {
        match self {
            Self::Bootstrap | Self::Clusters | Self::Listeners => None,
            Self::Routes(name) | Self::Secrets(name) => Some(name),
            Self::Endpoints { resource, .. } => Some(resource),
        }
    }

    /// The type of the resources of such a file; `None` for the bootstrap.
    pub(super) fn kind(&self) -> Option<&'static str> {
        Some(match self {
            Self::Bootstrap => return None,
            Self::Clusters => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Listeners => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Routes(_) => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            Self::Endpoints { .. } => {
                "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
            }
            Self::Secrets(_) => {
                "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
            }
        })
    }

    /// Whether one file can have both roles: scopes do not matter to what is in it.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.wanted() == other.wanted()
    }
}

impl std::fmt::Display for Role {
    /// In words: `routes of NAME`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bootstrap => f.write_str("bootstrap"),
            Self::Clusters => f.write_str("clusters"),
            Self::Listeners => f.write_str("listeners"),
            Self::Routes(name) => write!(f, "routes of {name}"),
            Self::Endpoints { resource, .. } => write!(f, "endpoints of {resource}"),
            Self::Secrets(name) => write!(f, "secret {name}"),
        }
    }
}

/// One resource of a file: a cluster, a listener, a route configuration…
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub(super) name: Box<str>,
    /// Where it stands in the JSON of its file.
    pub(super) range: Range<usize>,
    pub(super) hash: u64,
    pub(super) endpoints: Option<usize>,
    /// Whether its endpoints come by EDS.
    pub(super) by_eds: bool,
}

impl Resource {
    /// Its name; empty if it has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hash of its text.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many endpoints it lists; `None` if it has no list of endpoints.
    pub fn endpoints(&self) -> Option<usize> {
        self.endpoints
    }

    /// Whether requests to it can be answered, as far as its own list of endpoints tells.
    pub(super) fn has_endpoints(&self) -> bool {
        self.endpoints.is_some_and(|count| count > 0)
    }

    /// Whether it lists its endpoints itself, and lists none.
    pub(super) fn lost_endpoints(&self) -> bool {
        !self.by_eds && !self.has_endpoints()
    }
}

/// A rendered file, with what Envoy uses it for.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    pub(super) name: Box<str>,
    pub(super) text: Box<str>,
    pub(super) hash: u64,
    pub(super) role: Option<Role>,
    pub(super) version: Option<Box<str>>,
    /// The resources as JSON, if they are not part of the text as they stand there: those of YAML
    /// and of a bootstrap.
    pub(super) json: Option<Box<str>>,
    /// Members besides `version_info` and `resources`, as JSON without its braces; mostly empty.
    pub(super) rest: Box<str>,
    pub(super) resources: Vec<Resource>,
    pub(super) references: Vec<Reference>,
}

impl File {
    /// Reads a text for its role.
    ///
    /// # Errors
    /// [`LayoutError::Unreadable`] and [`LayoutError::Unfit`].
    pub(super) fn read(name: &str, text: String, role: Option<Role>) -> Result<Self, LayoutError> {
        let outline = match &role {
            Some(role) => Outline::read(name, &text, role)?,
            None => Outline::default(),
        };
        Ok(Self {
            name: name.into(),
            hash: xxh3_64(text.as_bytes()),
            text: text.into_boxed_str(),
            role,
            version: outline.version,
            json: outline.json.map(String::into_boxed_str),
            rest: outline.rest,
            resources: outline.resources,
            references: outline.references,
        })
    }

    /// The path relative to the configuration folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, byte for byte as it was rendered.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What Envoy uses it for; `None` for a file that Envoy has no subscription to.
    pub fn role(&self) -> Option<&Role> {
        self.role.as_ref()
    }

    /// The `version_info` of a subscription file, if it has one.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The resources of a subscription file, or the static clusters of a bootstrap.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// A resource of this file as JSON; empty for a resource of another file.
    pub fn resource_text(&self, resource: &Resource) -> &str {
        let json = self.json.as_deref().unwrap_or(&self.text);
        json.get(resource.range.clone()).unwrap_or_default()
    }

    /// Hash of the text.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether name and text are those of another.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || (self.hash == other.hash && self.name == other.name && self.text == other.text)
    }
}
