//! Differences from one configuration to the next, for a line in the log.

use super::{
    configuration::Configuration,
    file::File,
    proto_json::{member, take},
    resource::Resource,
    role::FileRole,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What changed among the resources of one kind: their names, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Those that are new.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Those that are there as before, and not the same. A cluster counts if more than its
    /// endpoints changed.
    pub changed: Vec<String>,
}

/// What changed from one configuration to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether the bootstrap changed.
    pub bootstrap: bool,
    /// Clusters, without those of the bootstrap.
    pub clusters: Difference,
    /// Listeners, without those of the bootstrap.
    pub listeners: Difference,
    /// Route configurations, by their names.
    pub routes: Difference,
    /// Secrets, by their names.
    pub secrets: Difference,
    /// How many endpoints are new in the clusters that are there as before.
    pub endpoints_added: usize,
    /// How many endpoints are gone from the clusters that are there as before.
    pub endpoints_removed: usize,
    /// Files without a role.
    pub files: Difference,
}

/// Compares a configuration with the one before; without one, everything is new.
pub fn changes(old: Option<&Configuration>, new: &Configuration) -> Changes {
    let mut changes = Changes {
        bootstrap: old.is_none_or(|old| !old.bootstrap().is_same(new.bootstrap())),
        ..Changes::default()
    };
    let is_cluster = |role: &FileRole| *role == FileRole::Clusters;
    let is_listener = |role: &FileRole| *role == FileRole::Listeners;
    let is_routes = |role: &FileRole| matches!(role, FileRole::Routes(_));
    let is_secret = |role: &FileRole| matches!(role, FileRole::Secrets(_));
    changes.listeners = Difference::of(old, new, is_listener);
    changes.routes = Difference::of(old, new, is_routes);
    changes.secrets = Difference::of(old, new, is_secret);
    changes.clusters = Difference::of(old, new, is_cluster);
    changes.compare_endpoints(old, new);
    let files = |configuration: &Configuration| {
        let files = configuration.iter().filter(|file| file.role().is_none());
        files
            .map(|file| (file.name().to_owned(), file.hash()))
            .collect::<BTreeMap<_, _>>()
    };
    changes.files = Difference::between(&old.map(files).unwrap_or_default(), &files(new));
    changes
}

type Held<'a> = BTreeMap<&'a str, (&'a File, &'a Resource)>;

fn held(configuration: Option<&Configuration>, wanted: impl Fn(&FileRole) -> bool) -> Held<'_> {
    let files = configuration.into_iter().flat_map(Configuration::iter);
    let files = files.filter(|file| file.role().is_some_and(&wanted));
    let resources = files.flat_map(|file| {
        let resources = file.resources().iter();
        resources.map(move |resource| (resource.name(), (file.as_ref(), resource)))
    });
    resources.collect()
}

impl Difference {
    fn of(
        old: Option<&Configuration>,
        new: &Configuration,
        wanted: impl Fn(&FileRole) -> bool + Copy,
    ) -> Self {
        let hashes = |held: Held<'_>| {
            let hashes = held.into_iter();
            hashes
                .map(|(name, (_, resource))| (name.to_owned(), resource.hash()))
                .collect::<BTreeMap<_, _>>()
        };
        Self::between(&hashes(held(old, wanted)), &hashes(held(Some(new), wanted)))
    }

    fn between(old: &BTreeMap<String, u64>, new: &BTreeMap<String, u64>) -> Self {
        let mut difference = Self::default();
        for (name, hash) in new {
            match old.get(name) {
                None => difference.added.push(name.clone()),
                Some(before) if before != hash => difference.changed.push(name.clone()),
                Some(_) => {}
            }
        }
        let removed = old.keys().filter(|name| !new.contains_key(*name));
        difference.removed = removed.cloned().collect();
        difference
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl Changes {
    /// Counts endpoints, and takes those clusters out of the changed ones in which nothing else
    /// changed.
    fn compare_endpoints(&mut self, old: Option<&Configuration>, new: &Configuration) {
        let in_clusters = std::mem::take(&mut self.clusters.changed);
        let is_cluster = |role: &FileRole| *role == FileRole::Clusters;
        self.clusters.changed = self.count_endpoints(&in_clusters, old, new, is_cluster);
        let is_endpoints = |role: &FileRole| matches!(role, FileRole::Endpoints { .. });
        let by_eds = Difference::of(old, new, is_endpoints).changed;
        self.count_endpoints(&by_eds, old, new, is_endpoints);
    }

    /// Gives the names of those resources in which more than endpoints changed.
    fn count_endpoints(
        &mut self,
        names: &[String],
        old: Option<&Configuration>,
        new: &Configuration,
        wanted: impl Fn(&FileRole) -> bool + Copy,
    ) -> Vec<String> {
        let (before, now) = (held(old, wanted), held(Some(new), wanted));
        let mut changed = Vec::new();
        for name in names {
            let (Some(old), Some(new)) = (before.get(name.as_str()), now.get(name.as_str())) else {
                continue;
            };
            let (mut old, mut new) = (Parsed::of(*old), Parsed::of(*new));
            let (was, is) = (old.take_endpoints(), new.take_endpoints());
            self.endpoints_added += is.difference(&was).count();
            self.endpoints_removed += was.difference(&is).count();
            if old.0 != new.0 {
                changed.push(name.clone());
            }
        }
        changed
    }
}

/// A cluster or a load assignment, for as long as it is compared.
struct Parsed(Value);

impl Parsed {
    fn of((file, resource): (&File, &Resource)) -> Self {
        Self(serde_json::from_str(file.resource_text(resource)).unwrap_or_default())
    }

    /// Takes the list of endpoints out; gives the addresses.
    fn take_endpoints(&mut self) -> BTreeSet<String> {
        let Some(members) = self.0.as_object_mut() else {
            return BTreeSet::new();
        };
        let assignment = take(members, "load_assignment");
        let assignment = assignment.as_ref().unwrap_or(&self.0);
        let localities = assignment.get("endpoints").and_then(Value::as_array);
        let endpoints = localities
            .into_iter()
            .flatten()
            .filter_map(|locality| member(locality, "lb_endpoints")?.as_array())
            .flatten();
        let address =
            |endpoint: &Value| Some(endpoint.get("endpoint")?.get("address")?.to_string());
        endpoints.filter_map(address).collect()
    }
}

impl fmt::Display for Changes {
    /// On one line: `clusters: 1 added (b), 1 removed (a); endpoints: 2 added`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.bootstrap {
            parts.push("bootstrap changed".to_owned());
        }
        for (kind, difference) in [
            ("clusters", &self.clusters),
            ("listeners", &self.listeners),
            ("routes", &self.routes),
            ("secrets", &self.secrets),
            ("other files", &self.files),
        ] {
            if !difference.is_empty() {
                parts.push(format!("{kind}: {difference}"));
            }
        }
        let counts = [
            (self.endpoints_added, "added"),
            (self.endpoints_removed, "removed"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if !counts.is_empty() {
            parts.push(format!("endpoints: {}", counts.join(", ")));
        }
        if parts.is_empty() {
            parts.push("only the text of files".to_owned());
        }
        f.write_str(&parts.join("; "))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX_NAMES: usize = 5;
        let parts = [
            (&self.added, "added"),
            (&self.removed, "removed"),
            (&self.changed, "changed"),
        ];
        let parts = parts.iter().filter(|(names, _)| !names.is_empty());
        let parts = parts.map(|(names, what)| {
            let mut names_shown: Vec<_> =
                names.iter().take(MAX_NAMES).map(String::as_str).collect();
            if names.len() > MAX_NAMES {
                names_shown.push("…");
            }
            format!("{} {what} ({})", names.len(), names_shown.join(", "))
        });
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}
