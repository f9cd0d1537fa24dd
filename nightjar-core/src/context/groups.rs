//! A namespace's service-colors, one group per service, color and index.

use super::{
    Draft,
    names::{Identity, Names},
    properties,
};
use crate::document::discovery_map::{
    HostPort, Namespace, Properties, Protocol, Route, ServiceColor,
};
use std::collections::{BTreeMap, BTreeSet};

/// All that the map says of one service, color and index.
pub(super) struct Group<'a> {
    pub(super) identity: Identity<'a>,
    /// The name of the group's cluster.
    pub(super) cluster_name: String,
    pub(super) protocol: Protocol,
    /// The namespace's and the service-color's, checked.
    pub(super) properties: Properties,
    /// The map's entries: one, unless it says the same identity twice.
    entries: Vec<&'a ServiceColor>,
}

impl<'a> Group<'a> {
    /// The groups of a namespace, sorted by service, color and index.
    pub(super) fn all_of(
        namespace: &'a Namespace,
        names: &Names<'a>,
        draft: &mut Draft,
    ) -> Vec<Self> {
        let outer = namespace_properties(namespace, draft);
        let mut entries: Vec<(Identity<'a>, &'a ServiceColor)> = Identity::all_of(namespace)
            .zip(&namespace.service_colors)
            .collect();
        entries.sort_by_key(|(identity, _)| *identity);
        entries
            .chunk_by(|(left, _), (right, _)| left == right)
            .filter_map(|chunk| {
                let (identity, _) = chunk.first()?;
                let entries = chunk.iter().map(|(_, entry)| *entry).collect();
                Some(Self::new(*identity, entries, &outer, names, draft))
            })
            .collect()
    }

    fn new(
        identity: Identity<'a>,
        entries: Vec<&'a ServiceColor>,
        outer: &Properties,
        names: &Names<'a>,
        draft: &mut Draft,
    ) -> Self {
        let protocols: BTreeSet<Protocol> = entries.iter().map(|entry| entry.protocol).collect();
        if protocols.len() > 1 {
            draft.warn(format!(
                "{identity} appears with both protocols: HTTP1.1 is used"
            ));
        }
        let given = united(&identity, &entries, draft);
        let own = properties::checked(&given, identity, draft);
        Self {
            identity,
            cluster_name: names.of(identity),
            protocol: protocols.first().copied().unwrap_or_default(),
            properties: properties::merged(outer, &own),
            entries,
        }
    }

    pub(super) fn instances(&self) -> impl Iterator<Item = &'a HostPort> {
        self.entries.iter().flat_map(|entry| &entry.instances)
    }

    pub(super) fn routes(&self) -> impl Iterator<Item = &'a Route> {
        self.entries.iter().flat_map(|entry| &entry.routes)
    }

    pub(super) fn has_instances(&self) -> bool {
        self.instances().next().is_some()
    }
}

/// The namespace's own properties, checked.
pub(super) fn namespace_properties(namespace: &Namespace, draft: &mut Draft) -> Properties {
    let place = format!("namespace `{}`", namespace.namespace);
    properties::checked(&namespace.properties, place, draft)
}

/// The properties of all entries of one identity; where they differ, the value that is first in
/// text order, so that the map's order does not matter.
fn united(identity: &Identity<'_>, entries: &[&ServiceColor], draft: &mut Draft) -> Properties {
    let mut all = BTreeMap::<&String, BTreeSet<&String>>::new();
    for (name, value) in entries.iter().flat_map(|entry| &entry.properties) {
        all.entry(name).or_default().insert(value);
    }
    let mut united = Properties::new();
    for (name, values) in all {
        let Some(value) = values.first() else {
            continue;
        };
        if values.len() > 1 {
            draft.warn(format!(
                "{identity} appears with different values of property `{name}`: `{value}` is used"
            ));
        }
        united.insert(name.clone(), (*value).clone());
    }
    united
}
