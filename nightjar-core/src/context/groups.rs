//! A namespace's service-colors, one group per service, color and index.

use super::{
    Draft, Subject,
    names::{Identity, Names},
    properties::{self, Bearer},
};
use crate::document::{
    cut,
    discovery_map::{self, HostPort, Namespace, Protocol, Route, ServiceColor},
    proxy_input::Properties,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// All that the map says of one service, color and index.
pub(super) struct Group<'a> {
    pub(super) identity: Identity<'a>,
    /// The name of the group's cluster.
    pub(super) cluster_name: String,
    pub(super) protocol: Protocol,
    /// The namespace's properties, checked.
    pub(super) outer: Rc<Properties>,
    /// The service-color's properties, checked.
    pub(super) own: Properties,
    /// Where its instances listen, those aside that are the proxy itself.
    pub(super) instances: Vec<&'a HostPort>,
    /// The map's entries: one, unless it says the same identity twice.
    entries: Vec<&'a ServiceColor>,
}

impl<'a> Group<'a> {
    /// The groups of a namespace, sorted by service, color and index.
    pub(super) fn all_of(
        namespace: &'a Namespace,
        names: &Names<'a>,
        draft: &mut Draft<'_>,
    ) -> Vec<Self> {
        let outer = Rc::new(namespace_properties(namespace, draft));
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
        outer: &Rc<Properties>,
        names: &Names<'a>,
        draft: &mut Draft<'_>,
    ) -> Self {
        let protocols: BTreeSet<Protocol> = entries.iter().map(|entry| entry.protocol).collect();
        let subject = Subject::from(identity);
        if protocols.len() > 1 {
            draft.warn(
                &subject,
                "it appears with both protocols: HTTP1.1 is used".to_owned(),
            );
        }
        let given = united(&entries, &subject, draft);
        let instances = entries.iter().flat_map(|entry| &entry.instances);
        Self {
            instances: draft.foreign(instances, &subject),
            identity,
            cluster_name: names.of(identity),
            protocol: protocols.first().copied().unwrap_or_default(),
            outer: Rc::clone(outer),
            own: properties::checked(&given, Bearer::Whole, &subject, draft),
            entries,
        }
    }

    pub(super) fn subject(&self) -> Subject {
        self.identity.into()
    }

    pub(super) fn routes(&self) -> impl Iterator<Item = &'a Route> {
        self.entries.iter().flat_map(|entry| &entry.routes)
    }

    pub(super) fn has_instances(&self) -> bool {
        !self.instances.is_empty()
    }
}

/// The namespace's own properties, checked.
pub(super) fn namespace_properties(namespace: &Namespace, draft: &mut Draft<'_>) -> Properties {
    let subject = Subject::namespace(&namespace.namespace);
    properties::checked(&namespace.properties, Bearer::Whole, &subject, draft)
}

/// The properties of several entries; where they differ, the value that is first in text order, so that
/// the map's order does not matter.
pub(super) fn united(
    entries: &[&ServiceColor],
    subject: &Subject,
    draft: &mut Draft<'_>,
) -> discovery_map::Properties {
    let mut all = BTreeMap::<_, BTreeSet<_>>::new();
    for (name, value) in entries.iter().flat_map(|entry| &entry.properties) {
        all.entry(name).or_default().insert(value);
    }
    let mut united = discovery_map::Properties::new();
    for (name, values) in all {
        let Some(value) = values.first() else {
            continue;
        };
        if values.len() > 1 {
            let message = format!(
                "it appears with different values of property `{}`: `{}` is used",
                cut(name),
                cut(value)
            );
            draft.warn(subject, message);
        }
        united.insert(name.clone(), (*value).clone());
    }
    united
}
