//! What an answer names: members, entries of the map, and reasons.

use super::{Declared, Member, words::kind};
use crate::{
    context::Origin,
    document::{
        discovery_map::DiscoveryMap,
        proxy_input::{Cluster, WeightedCluster},
    },
};
use std::collections::BTreeMap;

/// The service-colors behind clusters, each with the sum of its shares.
pub(super) fn members(clusters: &[(&WeightedCluster, u64, &Cluster)], total: u64) -> Vec<Member> {
    let mut weights = BTreeMap::<(&str, &str, &str), u64>::new();
    for (_, weight, cluster) in clusters {
        let identity = (&*cluster.namespace, &*cluster.service, &*cluster.color);
        *weights.entry(identity).or_default() += weight;
    }
    // Weights are scaled to less than 2^32, which a float holds exactly.
    let share = |weight: u64| {
        let of = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        of(weight) / of(total.max(1))
    };
    let mut members: Vec<Member> = weights
        .into_iter()
        .map(|((namespace, service, color), weight)| Member {
            namespace: namespace.to_owned(),
            service: service.to_owned(),
            color: color.to_owned(),
            share: share(weight),
        })
        .collect();
    members.sort_by(|left, right| right.share.total_cmp(&left.share));
    members
}

pub(super) fn declared(map: &DiscoveryMap, origin: &Origin) -> Declared {
    Declared {
        namespace: origin.namespace.clone(),
        service: origin.service.clone(),
        color: origin.color.clone(),
        index: origin.index,
        pointer: pointer(map, origin).unwrap_or_default(),
        weight: origin.route.weight.get(),
        endpoints: origin.endpoints,
        reachable: origin.reachable,
    }
}

/// The JSON pointer of an origin in the map.
fn pointer(map: &DiscoveryMap, origin: &Origin) -> Option<String> {
    let namespaces = map.namespaces.iter().enumerate();
    let mut namespaces = namespaces.filter(|(_, known)| known.namespace == *origin.namespace);
    let (namespace, known) = namespaces.next()?;
    let entries = known.service_colors.iter().enumerate();
    let mut entries = entries.filter(|(_, entry)| {
        entry.service == *origin.service
            && entry.color == *origin.color
            && entry.index == origin.index
    });
    entries.find_map(|(entry, known)| {
        let route = known
            .routes
            .iter()
            .position(|route| *route == origin.route)?;
        Some(format!(
            "/namespaces/{namespace}/service-colors/{entry}/routes/{route}"
        ))
    })
}

/// Why nobody is there.
pub(super) fn absence(origins: &[Origin]) -> String {
    let reasons = origins
        .iter()
        .filter(|origin| origin.reachable)
        .map(|origin| {
            let reason = match (origin.route.weight.get(), origin.endpoints) {
                (0, 0) => "has weight 0 and no endpoints",
                (0, _) => "has weight 0",
                (_, 0) => "has no endpoints",
                _ => "takes no share",
            };
            format!("`{}/{}` {reason}", origin.service, origin.color)
        });
    let mut reasons: Vec<String> = reasons.collect();
    reasons.dedup();
    format!("nobody is there to answer: {}", reasons.join(", "))
}

/// Whose private route denies a request.
pub(super) fn denial(origins: &[Origin]) -> String {
    let mut owners: Vec<String> = origins
        .iter()
        .filter(|origin| !origin.reachable)
        .map(|origin| format!("`{}/{}`", origin.service, origin.color))
        .collect();
    owners.dedup();
    let path = origins.first().map(|origin| &origin.route.path_match);
    let path = path.map_or_else(String::new, |path| {
        format!("{} `{}`", kind(path.match_type()), path.text())
    });
    let namespace = origins.first().map_or("", |origin| &origin.namespace);
    format!(
        "the private route {path} of {} in namespace `{namespace}` denies it to this caller",
        owners.join(", ")
    )
}
