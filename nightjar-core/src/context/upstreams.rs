//! Upstreams: a namespace's service-colors, one for each service, color and index.

use super::{
    builder::ContextBuilder,
    cluster_names::{ClusterIdentity, ClusterNames},
    properties::Scope,
    property_check::check_properties,
    warning::Subject,
};
use crate::document::{
    discovery_map::{self, HostPort, Namespace, Protocol, Route, ServiceColor},
    proxy_input::Properties,
    truncated,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// All that the map says of one service, color and index.
pub(super) struct Upstream<'a> {
    pub(super) identity: ClusterIdentity<'a>,
    /// The name of the upstream's cluster.
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

impl<'a> Upstream<'a> {
    /// The upstreams of a namespace, sorted by service, color and index.
    pub(super) fn all_of(
        namespace: &'a Namespace,
        names: &ClusterNames<'a>,
        builder: &mut ContextBuilder<'_>,
    ) -> Vec<Self> {
        let outer = Rc::new(namespace_properties(namespace, builder));
        let mut entries: Vec<(ClusterIdentity<'a>, &'a ServiceColor)> =
            ClusterIdentity::all_of(namespace)
                .zip(&namespace.service_colors)
                .collect();
        entries.sort_by_key(|(identity, _)| *identity);
        entries
            .chunk_by(|(left, _), (right, _)| left == right)
            .filter_map(|chunk| {
                let (identity, _) = chunk.first()?;
                let entries = chunk.iter().map(|(_, entry)| *entry).collect();
                Some(Self::new(*identity, entries, &outer, names, builder))
            })
            .collect()
    }

    fn new(
        identity: ClusterIdentity<'a>,
        entries: Vec<&'a ServiceColor>,
        outer: &Rc<Properties>,
        names: &ClusterNames<'a>,
        builder: &mut ContextBuilder<'_>,
    ) -> Self {
        let protocols: BTreeSet<Protocol> = entries.iter().map(|entry| entry.protocol).collect();
        let subject = Subject::from(identity);
        if protocols.len() > 1 {
            builder.warn(
                &subject,
                "its entries have different protocols; HTTP1.1 is used".to_owned(),
            );
        }
        let given = merge_entry_properties(&entries, &subject, builder);
        let instances = entries.iter().flat_map(|entry| &entry.instances);
        Self {
            instances: builder.without_own_instances(instances, &subject),
            identity,
            cluster_name: names.of(identity),
            protocol: protocols.first().copied().unwrap_or_default(),
            outer: Rc::clone(outer),
            own: check_properties(&given, Scope::ServiceColorOrNamespace, &subject, builder),
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
pub(super) fn namespace_properties(
    namespace: &Namespace,
    builder: &mut ContextBuilder<'_>,
) -> Properties {
    let subject = Subject::namespace(&namespace.namespace);
    check_properties(
        &namespace.properties,
        Scope::ServiceColorOrNamespace,
        &subject,
        builder,
    )
}

/// The properties of several entries; where they differ, the value that is first in text order, so that
/// the map's order does not matter.
pub(super) fn merge_entry_properties(
    entries: &[&ServiceColor],
    subject: &Subject,
    builder: &mut ContextBuilder<'_>,
) -> discovery_map::Properties {
    let mut all = BTreeMap::<_, BTreeSet<_>>::new();
    for (name, value) in entries.iter().flat_map(|entry| &entry.properties) {
        all.entry(name).or_default().insert(value);
    }
    let mut merge_entry_properties = discovery_map::Properties::new();
    for (name, values) in all {
        let Some(value) = values.first() else {
            continue;
        };
        if values.len() > 1 {
            let message = format!(
                "its entries have different values for property `{}`: `{}` is used",
                truncated(name),
                truncated(value)
            );
            builder.warn(subject, message);
        }
        merge_entry_properties.insert(name.clone(), (*value).clone());
    }
    merge_entry_properties
}
