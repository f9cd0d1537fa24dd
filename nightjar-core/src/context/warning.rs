//! Warnings about what was left out of a context or is doubtful in it.

use super::cluster_names::ClusterIdentity;
use std::fmt;

/// What was left out of a context or is doubtful in it, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContextWarning {
    /// The namespace, service-color or route that it is about.
    pub subject: Subject,
    /// What it comes from.
    pub origin: WarningOrigin,
    /// A sentence, without its first capital.
    pub message: String,
}

impl fmt::Display for ContextWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}

/// What a warning comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WarningOrigin {
    /// One entry of the map, such as a property.
    Entry,
    /// Several entries of the map together.
    Mesh,
}

/// The namespace, service-color or route that a warning is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// A namespace of the map.
    pub namespace: String,
    /// A service and its color, with the index if it is about one alone.
    pub service_color: Option<(String, String, Option<i64>)>,
    /// The path of a route.
    pub route: Option<String>,
}

impl Subject {
    pub(super) fn namespace(name: &str) -> Self {
        Self {
            namespace: name.to_owned(),
            service_color: None,
            route: None,
        }
    }
}

impl From<ClusterIdentity<'_>> for Subject {
    fn from(identity: ClusterIdentity<'_>) -> Self {
        let (service, color) = (identity.service.to_owned(), identity.color.to_owned());
        Self {
            service_color: Some((service, color, Some(identity.index))),
            ..Self::namespace(identity.namespace)
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "namespace `{}`", self.namespace)?;
        if let Some((service, color, index)) = &self.service_color {
            write!(f, ", service-color `{service}/{color}`")?;
            if let Some(index) = index {
                write!(f, ", index {index}")?;
            }
        }
        match &self.route {
            Some(path) => write!(f, ", route `{path}`"),
            None => Ok(()),
        }
    }
}
