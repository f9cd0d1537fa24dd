//! Roles of rendered files: what Envoy uses each of them for.

/// What Envoy uses a file for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileRole {
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
        stat_name: String,
    },
    /// The secret of this name (SDS).
    Secrets(String),
}

impl FileRole {
    /// The name of the one resource that such a file has to hold; `None` if it may hold any.
    pub(super) fn resource_name(&self) -> Option<&str> {
        match self {
            Self::Bootstrap | Self::Clusters | Self::Listeners => None,
            Self::Routes(name) | Self::Secrets(name) => Some(name),
            Self::Endpoints { resource, .. } => Some(resource),
        }
    }

    /// The type of the resources of such a file; `None` for the bootstrap.
    pub(super) fn type_url(&self) -> Option<&'static str> {
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

    /// Whether one file can have both roles; its contents do not depend on the name in statistics.
    pub(super) fn is_compatible_with(&self, other: &Self) -> bool {
        self.type_url() == other.type_url() && self.resource_name() == other.resource_name()
    }
}

impl std::fmt::Display for FileRole {
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
