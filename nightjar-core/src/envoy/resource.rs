//! Resources of a rendered file, and where in its JSON each of them is.

use std::ops::Range;

/// One resource of a file: a cluster, a listener, a route configuration…
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub(super) name: Box<str>,
    /// Where it is in the JSON of its file.
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

    /// Whether requests to it can be answered, as far as its own list of endpoints shows.
    pub(super) fn has_endpoints(&self) -> bool {
        self.endpoints.is_some_and(|count| count > 0)
    }

    /// Whether it lists its endpoints itself, and lists none.
    pub(super) fn lost_endpoints(&self) -> bool {
        !self.by_eds && !self.has_endpoints()
    }
}
