//! The service-colors that share a route: each one's share, and what they say of the route together.

use super::{
    Draft,
    groups::Group,
    properties::{self, Bearer, Words},
    routes::{Candidate, weighted},
};
use crate::document::{
    cut,
    discovery_map::{PathMatch, PathValue},
    proxy_input::{Properties, WeightedCluster},
};
use std::collections::BTreeMap;

/// The cluster of every route that nobody is left to answer; it has no endpoints.
pub const UNAVAILABLE_CLUSTER: &str = "nightjar-unavailable";

/// The members of a route.
pub(super) struct Members<'n, 'a> {
    /// Those who take a share, by name.
    pub(super) clusters: Vec<WeightedCluster>,
    /// All of them.
    pub(super) groups: Vec<&'n Group<'a>>,
    /// What holds for the route.
    pub(super) properties: Properties,
}

/// What a route's reachable candidates make of one cluster.
struct Member<'n, 'a> {
    group: &'n Group<'a>,
    weight: u16,
    /// What its route and its service-color say.
    own: Properties,
}

impl<'n, 'a> Members<'n, 'a> {
    /// The members of a route, from its candidates.
    pub(super) fn new(
        candidates: &[Candidate<'n, 'a>],
        path_match: &PathMatch,
        draft: &mut Draft<'_>,
    ) -> Self {
        let mut members = BTreeMap::<&str, Member<'n, 'a>>::new();
        for candidate in candidates.iter().filter(|candidate| candidate.reachable) {
            let member = Member::new(candidate, draft);
            let name = candidate.group.cluster_name.as_str();
            match members.remove(name) {
                None => members.insert(name, member),
                Some(other) => members.insert(name, member.united_with(other, path_match, draft)),
            };
        }
        let groups: Vec<&Group<'_>> = members.values().map(|member| member.group).collect();
        let outer = groups
            .first()
            .map(|group| (*group.outer).clone())
            .unwrap_or_default();
        let can_answer =
            |member: &Member<'_, '_>| member.weight > 0 && member.group.has_instances();
        let is_any_able = members.values().any(can_answer);
        members.retain(|_, member| {
            if is_any_able {
                can_answer(member)
            } else {
                member.weight > 0
            }
        });
        let agreed = agreed(&members, path_match, draft);
        let mut properties = properties::merged(&outer, &agreed);
        check_rewrite(path_match, &mut properties, &groups, draft);
        check_hashing(path_match, &agreed, &properties, &groups, draft);
        let clusters = members.into_iter().map(|(name, member)| {
            let properties = properties::merged(&properties, &member.own);
            weighted(name.to_owned(), member.weight.into(), properties)
        });
        let mut clusters: Vec<WeightedCluster> = clusters.collect();
        scale(&mut clusters);
        if clusters.is_empty() {
            clusters.push(weighted(
                UNAVAILABLE_CLUSTER.to_owned(),
                1,
                Properties::new(),
            ));
        }
        Self {
            clusters,
            groups,
            properties,
        }
    }
}

/// Scales weights down where their sum would pass what Envoy takes.
fn scale(clusters: &mut [WeightedCluster]) {
    let total: u64 = clusters.iter().map(|cluster| cluster.route_weight).sum();
    let divisor = total.div_ceil(u64::from(u32::MAX) / 2);
    if total > u64::from(u32::MAX) {
        for cluster in clusters {
            cluster.route_weight = (cluster.route_weight / divisor).max(1);
        }
    }
}

impl<'n, 'a> Member<'n, 'a> {
    fn new(candidate: &Candidate<'n, 'a>, draft: &mut Draft<'_>) -> Self {
        let (group, route) = (candidate.group, candidate.route);
        let own = if route.properties.is_empty() {
            group.own.clone()
        } else {
            let mut subject = group.subject();
            subject.route = Some(cut(route.path_match.text()).into_owned());
            let own = properties::checked(&route.properties, Bearer::Route, &subject, draft);
            properties::merged(&group.own, &own)
        };
        Self {
            group,
            weight: route.weight.get(),
            own,
        }
    }

    /// The same route twice in one group counts once: with the greater weight, and what goes with it.
    fn united_with(self, other: Self, path_match: &PathMatch, draft: &mut Draft<'_>) -> Self {
        if self.weight == other.weight && self.own == other.own {
            return self;
        }
        let rank = |member: &Self| (member.weight, std::cmp::Reverse(member.own.clone()));
        let winner = if rank(&self) >= rank(&other) {
            self
        } else {
            other
        };
        let message = format!(
            "route `{}` is there twice, with different weights or properties; it counts once, with \
             weight {}",
            cut(path_match.text()),
            winner.weight
        );
        draft.warn(&winner.group.subject(), message);
        winner
    }
}

/// What those who take a share say together.
fn agreed(
    members: &BTreeMap<&str, Member<'_, '_>>,
    path_match: &PathMatch,
    draft: &mut Draft<'_>,
) -> Properties {
    if members.values().all(|member| member.own.is_empty()) {
        return Properties::new();
    }
    let name = |member: &Member<'_, '_>| {
        let identity = member.group.identity;
        format!("{}/{}", identity.service, identity.color)
    };
    let mut weights = BTreeMap::<String, u64>::new();
    for member in members.values() {
        *weights.entry(name(member)).or_default() += u64::from(member.weight);
    }
    let words: Vec<Words<'_>> = members
        .values()
        .map(|member| Words {
            name: name(member),
            weight: weights.get(&name(member)).copied().unwrap_or_default(),
            properties: &member.own,
        })
        .collect();
    let Some(first) = members.values().next() else {
        return Properties::new();
    };
    let subject = super::Subject::namespace(first.group.identity.namespace);
    properties::agreed(&words, |property, value, winner| {
        const LISTED: usize = 5;
        let said = words.iter().filter_map(|member| {
            let value = member.properties.get(property)?;
            Some(format!("`{}` by `{}`", cut(value), member.name))
        });
        let said: Vec<String> = said.take(LISTED).collect();
        let (property, value) = (cut(property), cut(value));
        draft.warn(
            &subject,
            format!(
                "route `{}` has different values of property `{property}`: {}; `{value}` by `{}`, \
                 which has the greatest weight, holds for all",
                cut(path_match.text()),
                said.join(", "),
                winner.name
            ),
        );
    })
}

/// Leaves out a rewrite that replaces more than a prefix, and warns of one that joins badly.
fn check_rewrite(
    path_match: &PathMatch,
    properties: &mut Properties,
    groups: &[&Group<'_>],
    draft: &mut Draft<'_>,
) {
    const NAME: &str = "prefix-rewrite";
    let (Some(value), Some(group)) = (properties.get(NAME), groups.first()) else {
        return;
    };
    let path = &*cut(path_match.text());
    match &path_match.value {
        PathValue::Regex(_) => {
            let message = format!(
                "property `{NAME}` is left out on route `{path}`: a regular expression has no prefix \
                 to replace"
            );
            properties.remove(NAME);
            draft.warn(&group.subject(), message);
        }
        PathValue::Prefix(prefix)
            if !prefix.as_str().is_empty()
                && path_match.text().ends_with('/') != value.ends_with('/') =>
        {
            let message = format!(
                "property `{NAME}` replaces `{path}` by `{value}` as text, and only one of them ends \
                 with `/`; give both a `/` at the end, or neither"
            );
            draft.warn(&group.subject(), message);
        }
        PathValue::Prefix(_) | PathValue::Exact(_) | PathValue::Dead { .. } => {}
    }
}

/// Warns where nothing is hashed, or a hash is not used.
fn check_hashing(
    path_match: &PathMatch,
    agreed: &Properties,
    properties: &Properties,
    groups: &[&Group<'_>],
    draft: &mut Draft<'_>,
) {
    let policy_of = |group: &Group<'_>| {
        let said = group
            .own
            .get("lb-policy")
            .or_else(|| group.outer.get("lb-policy"));
        said.filter(|policy| ["RING_HASH", "MAGLEV"].contains(&policy.as_str()))
            .cloned()
    };
    let hashed = groups
        .iter()
        .find_map(|group| Some((group, policy_of(group)?)));
    let path = cut(path_match.text());
    match (hashed, groups.first()) {
        (Some((group, policy)), _) if !properties.contains_key("hash-on") => draft.warn(
            &group.subject(),
            format!(
                "property `lb-policy` {policy} spreads the requests of route `{path}` at random; say \
                 what is hashed, with property `hash-on`"
            ),
        ),
        (None, Some(group)) if agreed.contains_key("hash-on") => draft.warn(
            &group.subject(),
            format!(
                "property `hash-on` has no effect on route `{path}`; it needs an `lb-policy` of \
                 RING_HASH or MAGLEV"
            ),
        ),
        _ => {}
    }
}
