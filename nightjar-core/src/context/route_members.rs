//! The service-colors that share a route: each one's share, and what they say of the route together.

use super::{
    builder::ContextBuilder,
    candidates::Candidate,
    clusters::{UNAVAILABLE_CLUSTER, weighted},
    properties::Scope,
    property_check::check_properties,
    property_levels::{self, MemberProperties, in_effect, merged},
    route_warnings::RouteSubject,
    upstreams::Upstream,
    warning::Subject,
};
use crate::document::{
    discovery_map::PathMatch,
    proxy_input::{Properties, WeightedCluster},
    truncated,
};
use std::collections::BTreeMap;

/// The members of a route.
pub(super) struct RouteMembers<'n, 'a> {
    /// Those who take a share, by name.
    pub(super) clusters: Vec<WeightedCluster>,
    /// All of them.
    pub(super) upstreams: Vec<&'n Upstream<'a>>,
    /// What holds for the route.
    pub(super) properties: Properties,
}

/// What a route's reachable candidates make of one cluster.
struct RouteMember<'n, 'a> {
    upstream: &'n Upstream<'a>,
    weight: u16,
    /// What its route and its service-color say.
    own: Properties,
}

impl<'n, 'a> RouteMembers<'n, 'a> {
    /// The members of a route, from its candidates.
    pub(super) fn new(
        candidates: &[Candidate<'n, 'a>],
        path_match: &PathMatch,
        builder: &mut ContextBuilder<'_>,
    ) -> Self {
        let mut members = BTreeMap::<&str, RouteMember<'n, 'a>>::new();
        for candidate in candidates.iter().filter(|candidate| candidate.reachable) {
            let member = RouteMember::new(candidate, builder);
            let name = candidate.upstream.cluster_name.as_str();
            match members.remove(name) {
                None => members.insert(name, member),
                Some(other) => members.insert(name, member.merged_with(other, path_match, builder)),
            };
        }
        let upstreams: Vec<&Upstream<'_>> =
            members.values().map(|member| member.upstream).collect();
        let outer = upstreams
            .first()
            .map(|upstream| (*upstream.outer).clone())
            .unwrap_or_default();
        let can_answer =
            |member: &RouteMember<'_, '_>| member.weight > 0 && member.upstream.has_instances();
        let is_any_able = members.values().any(can_answer);
        let (members, idle): (BTreeMap<_, _>, BTreeMap<_, _>) =
            members.into_iter().partition(|(_, member)| {
                if is_any_able {
                    can_answer(member)
                } else {
                    member.weight > 0
                }
            });
        let words = words(&members);
        let shared = shared(&words, path_match, &upstreams, builder);
        let mut properties = in_effect(merged(&outer, &shared));
        let route = RouteSubject {
            path_match,
            upstreams: &upstreams,
        };
        route.check_rewrite(&mut properties, builder);
        route.check_redirect(&words, &properties, builder);
        route.check_idle_redirects(&self::words(&idle), &properties, builder);
        route.check_minorities(&words, &outer, &shared, builder);
        let shared = in_effect(shared);
        route.check_header_changes(&words, &shared, builder);
        route.check_tries(&shared, &properties, builder);
        route.check_hashing(&shared, &properties, builder);
        route.check_shares(&shared, &properties, builder);
        route.check_retries(&shared, &properties, builder);
        route.check_delay(&properties, builder);
        let clusters = members.into_iter().map(|(name, member)| {
            let properties = in_effect(merged(&properties, &member.own));
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
            upstreams,
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

impl<'n, 'a> RouteMember<'n, 'a> {
    fn new(candidate: &Candidate<'n, 'a>, builder: &mut ContextBuilder<'_>) -> Self {
        let (upstream, route) = (candidate.upstream, candidate.route);
        let own = if route.properties.is_empty() {
            upstream.own.clone()
        } else {
            let mut subject = upstream.subject();
            subject.route = Some(truncated(route.path_match.text()).into_owned());
            let own = check_properties(&route.properties, Scope::Route, &subject, builder);
            merged(&upstream.own, &own)
        };
        Self {
            upstream,
            weight: route.weight.get(),
            own,
        }
    }

    /// The same route twice in one upstream counts once: with the greater weight, and what goes with it.
    fn merged_with(
        self,
        other: Self,
        path_match: &PathMatch,
        builder: &mut ContextBuilder<'_>,
    ) -> Self {
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
            "route `{}` appears twice with different weights or properties; it counts once, with \
             the greatest weight",
            truncated(path_match.text()),
        );
        builder.warn(&winner.upstream.subject(), message);
        winner
    }
}

/// What members say, each with the weight of its service-color.
fn words<'m>(members: &'m BTreeMap<&str, RouteMember<'_, '_>>) -> Vec<MemberProperties<'m>> {
    if members.values().all(|member| member.own.is_empty()) {
        return Vec::new();
    }
    let name = |member: &RouteMember<'_, '_>| {
        let identity = member.upstream.identity;
        format!("{}/{}", identity.service, identity.color)
    };
    let mut weights = BTreeMap::<String, u64>::new();
    for member in members.values() {
        *weights.entry(name(member)).or_default() += u64::from(member.weight);
    }
    members
        .values()
        .map(|member| MemberProperties {
            name: name(member),
            weight: weights.get(&name(member)).copied().unwrap_or_default(),
            properties: &member.own,
        })
        .collect()
}

/// The properties that the members with a share have in common.
fn shared(
    words: &[MemberProperties<'_>],
    path_match: &PathMatch,
    upstreams: &[&Upstream<'_>],
    builder: &mut ContextBuilder<'_>,
) -> Properties {
    let Some(first) = upstreams.first() else {
        return Properties::new();
    };
    let subject = Subject::namespace(first.identity.namespace);
    property_levels::shared(words, |property, value, winner| {
        const MAX_NAMES: usize = 5;
        let said = words.iter().filter_map(|member| {
            let value = member.properties.get(property)?;
            Some(format!("`{}` from `{}`", truncated(value), member.name))
        });
        let said: Vec<String> = said.take(MAX_NAMES).collect();
        let (property, value) = (truncated(property), truncated(value));
        builder.warn(
            &subject,
            format!(
                "route `{}` has different values for property `{property}`: {}; `{value}` from `{}`, \
                 which has the greatest weight, is used for all",
                truncated(path_match.text()),
                said.join(", "),
                winner.name
            ),
        );
    })
}
