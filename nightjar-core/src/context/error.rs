//! Errors for a proxy that the map does not have.

use std::{collections::BTreeSet, fmt};
use thiserror::Error;

/// Why there is no context.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContextError {
    /// The map does not have the proxy's namespace.
    #[error("namespace `{namespace}` is not in the discovery map, which has {known}")]
    UnknownNamespace {
        /// The namespace that was asked for.
        namespace: String,
        /// The namespaces that the map has.
        known: NameList,
    },
    /// The namespace does not have the proxy's service-color.
    #[error(
        "service-color `{service}/{color}` is not in namespace `{namespace}` of the discovery map, which has {known}"
    )]
    UnknownServiceColor {
        /// The namespace that was searched.
        namespace: String,
        /// The service that was asked for.
        service: String,
        /// The color that was asked for.
        color: String,
        /// The service-colors that the namespace has, as `service/color`.
        known: NameList,
    },
}

/// The names that there are, where one was asked for that there is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameList(pub(super) BTreeSet<String>);

impl NameList {
    /// The names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// How many names an error message lists.
const MAX_NAMES: usize = 20;

impl fmt::Display for NameList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (position, name) in self.0.iter().take(MAX_NAMES).enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}`{name}`")?;
        }
        match self.0.len().saturating_sub(MAX_NAMES) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
