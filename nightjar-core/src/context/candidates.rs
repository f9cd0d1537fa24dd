//! Candidates for a proxy's routes: the routes of the map, each with the upstream that answers it.

use super::{
    builder::ContextBuilder, origins::Origin, route_key::RouteKey, upstreams::Upstream,
    warning::WarningOrigin,
};
use crate::document::{
    discovery_map::{self, PathValue},
    truncated,
};

/// One route of the map, with the upstream that answers it.
pub(super) struct Candidate<'n, 'a> {
    pub(super) key: RouteKey<'a>,
    pub(super) upstream: &'n Upstream<'a>,
    pub(super) route: &'a discovery_map::Route,
    /// Whether the proxy may reach it.
    pub(super) reachable: bool,
}

/// The candidates of the upstreams' routes that count, the most specific first.
pub(super) fn candidates<'n, 'a>(
    upstreams: &'n [Upstream<'a>],
    may_reach: impl Fn(&discovery_map::Route) -> bool,
    counts: impl Fn(&discovery_map::Route) -> bool,
    builder: &mut ContextBuilder<'_>,
) -> Vec<Candidate<'n, 'a>> {
    let mut candidates = Vec::new();
    for upstream in upstreams {
        for route in upstream.routes().filter(|route| counts(route)) {
            let Some(key) = RouteKey::new(route) else {
                if let PathValue::Unmatchable { reason, .. } = &route.path_match.value {
                    let message = format!("a route is left out: {reason}");
                    builder.note(&upstream.subject(), WarningOrigin::Entry, message);
                }
                continue;
            };
            let reachable = may_reach(route);
            if let Some(name) = key.headers.name_with_underscore()
                && reachable
                && builder.drops_underscores
            {
                let message = format!(
                    "route `{}` matches on header `{name}`, which this proxy drops because its name contains an underscore; \
                     rename the header, or set NJ_PROXY_PROP_UNDERSCORE_HEADERS=allow",
                    truncated(route.path_match.text())
                );
                builder.warn(&upstream.subject(), message);
            }
            candidates.push(Candidate {
                key,
                upstream,
                route,
                reachable,
            });
        }
    }
    candidates.sort_by(|left, right| left.key.cmp(&right.key));
    candidates
}

/// Sorted candidates, those of equal routes together.
pub(super) fn group_equal<'c, 'n, 'a>(
    sorted: &'c [Candidate<'n, 'a>],
) -> Vec<&'c [Candidate<'n, 'a>]> {
    sorted
        .chunk_by(|left, right| left.key == right.key)
        .collect()
}

/// What equal routes come from.
pub(super) fn origins_of(candidates: &[Candidate<'_, '_>]) -> Vec<Origin> {
    let origin = |candidate: &Candidate<'_, '_>| {
        let identity = candidate.upstream.identity;
        Origin {
            namespace: identity.namespace.to_owned(),
            service: identity.service.to_owned(),
            color: identity.color.to_owned(),
            index: identity.index,
            endpoints: candidate.upstream.instances.len(),
            reachable: candidate.reachable,
            route: candidate.route.clone(),
        }
    };
    candidates.iter().map(origin).collect()
}
