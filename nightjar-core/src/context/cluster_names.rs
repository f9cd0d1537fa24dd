//! Cluster names. A name depends on what the cluster is, and on nothing else that is in the view.

use crate::document::discovery_map::{DiscoveryMap, Namespace};
use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};
use xxhash_rust::xxh3::xxh3_64;

/// What a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClusterIdentity<'a> {
    pub(super) namespace: &'a str,
    pub(super) service: &'a str,
    pub(super) color: &'a str,
    pub(super) index: i64,
}

impl<'a> ClusterIdentity<'a> {
    /// The identities of a namespace's service-colors, in the map's order.
    pub(super) fn all_of(namespace: &'a Namespace) -> impl Iterator<Item = Self> {
        namespace.service_colors.iter().map(|entry| Self {
            namespace: &namespace.namespace,
            service: &entry.service,
            color: &entry.color,
            index: entry.index,
        })
    }

    fn hash(self) -> u64 {
        let Self {
            namespace,
            service,
            color,
            index,
        } = self;
        // No name holds a control character, so this text tells identities apart.
        xxh3_64(format!("{namespace}\0{service}\0{color}\0{index}").as_bytes())
    }
}

/// Where a cluster stands relative to the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamingScheme {
    /// A sidecar's own namespace.
    Local,
    /// A sidecar's view of other namespaces.
    Remote,
    /// A gateway's own namespace.
    Gateway,
}

/// The names of all service-color clusters of one kind in the map.
///
/// A name joins its parts with `-`, which the parts may hold themselves, so that two identities
/// can get one name. Both then get a suffix, whether or not the proxy sees the other: a name
/// must not change because a route elsewhere comes or goes.
pub(super) struct ClusterNames<'a> {
    scheme: NamingScheme,
    /// Every plain name's hash. A clash of hashes costs no more than a needless suffix.
    first: HashMap<u64, ClusterIdentity<'a>>,
    /// Per hash of a plain name that several identities have: all of them.
    clashing: HashMap<u64, HashSet<ClusterIdentity<'a>>>,
}

impl<'a> ClusterNames<'a> {
    pub(super) fn new(scheme: NamingScheme, map: &'a DiscoveryMap, own: &'a Namespace) -> Self {
        let mut names = Self {
            scheme,
            first: HashMap::new(),
            clashing: HashMap::new(),
        };
        let mut plain = String::new();
        let is_remote = scheme == NamingScheme::Remote;
        let namespaces = map
            .namespaces
            .iter()
            .filter(|namespace| (namespace.namespace != own.namespace) == is_remote);
        for identity in namespaces.flat_map(ClusterIdentity::all_of) {
            plain.clear();
            scheme.write(identity, &mut plain);
            let hash = xxh3_64(plain.as_bytes());
            let first = *names.first.entry(hash).or_insert(identity);
            if first != identity {
                names
                    .clashing
                    .entry(hash)
                    .or_default()
                    .extend([first, identity]);
            }
        }
        names
    }

    pub(super) fn of(&self, identity: ClusterIdentity<'a>) -> String {
        let mut plain = String::new();
        self.scheme.write(identity, &mut plain);
        let Some(rivals) = self.clashing.get(&xxh3_64(plain.as_bytes())) else {
            return plain;
        };
        let hash = identity.hash();
        let short = format!("{plain}-{:08x}", hash >> 32);
        let is_taken = self.first.contains_key(&xxh3_64(short.as_bytes()))
            || rivals
                .iter()
                .any(|rival| *rival != identity && rival.hash() >> 32 == hash >> 32);
        if is_taken {
            format!("{plain}-{hash:016x}")
        } else {
            short
        }
    }
}

impl NamingScheme {
    fn write(self, identity: ClusterIdentity<'_>, name: &mut String) {
        let ClusterIdentity {
            namespace,
            service,
            color,
            index,
        } = identity;
        let prefix = match self {
            Self::Local => &["local"][..],
            Self::Gateway => &["c"][..],
            Self::Remote => &["remote", namespace][..],
        };
        for part in prefix.iter().chain(&[service, color]) {
            name.push_str(part);
            name.push('-');
        }
        // Writing to a `String` cannot fail.
        let _ = write!(name, "{index}");
    }
}
