//! Mirrors: who can get copies of requests. A copy has the path of its request, whatever that is, and no
//! route of the target is asked. So the target may have no route that the proxy may not reach: no property
//! opens what is private.

use super::{candidates::Candidate, upstreams::Upstream, value_format::service_color};
use crate::document::{
    discovery_map::{PathValue, Route},
    proxy_input::Properties,
};

/// The upstreams of a view, as targets of copies.
pub(super) struct Mirrors<'c, 'n, 'a> {
    pub(super) upstreams: &'n [Upstream<'a>],
    pub(super) may_reach: &'c dyn Fn(&Route) -> bool,
}

/// Why nobody gets copies.
pub(super) enum NoMirror<'a> {
    /// The target is the only one that the route has, and gets each request anyway.
    Itself,
    /// The target has no route that a request can match.
    NoRoute,
    /// The proxy may not reach this route of the target, which copies could arrive at.
    Private(&'a Route),
}

/// What a route changes of the requests that it copies.
struct Changes {
    path: bool,
    headers: bool,
}

impl Changes {
    fn new(properties: &Properties) -> Self {
        let is_of_header = |name: &String| {
            ["host-rewrite", "request-header-remove"].contains(&name.as_str())
                || name.starts_with("request-header-set-")
        };
        Self {
            path: properties.contains_key("prefix-rewrite"),
            headers: properties.keys().any(is_of_header),
        }
    }
}

impl<'n, 'a> Mirrors<'_, 'n, 'a> {
    /// Who gets the copies of a route that names a service-color: of several ports of that, the one that
    /// shares the route, else the one with the lowest index that has a route.
    ///
    /// # Errors
    /// If the proxy may not reach some route of the service-color. One that shares the route gets the requests
    /// that it may get anyway, as long as they stay as they are.
    pub(super) fn find(
        &self,
        named: &str,
        route: &[Candidate<'n, 'a>],
        properties: &Properties,
    ) -> Result<&'n Upstream<'a>, NoMirror<'a>> {
        let named = service_color(named).ok_or(NoMirror::NoRoute)?;
        let is_named = |upstream: &&'n Upstream<'a>| {
            (upstream.identity.service, upstream.identity.color) == named
        };
        let reachable = route.iter().filter(|candidate| candidate.reachable);
        let members: Vec<&Upstream<'_>> = reachable.map(|candidate| candidate.upstream).collect();
        if members.iter().all(is_named) {
            return Err(NoMirror::Itself);
        }
        let members = members.into_iter().filter(is_named);
        let sharing = members.min_by_key(|upstream| upstream.identity.index);
        let changes = Changes::new(properties);
        let can_arrive_at = |route: &&Route| {
            sharing.is_none() || changes.path || (changes.headers && !route.headers.is_empty())
        };
        let all = || self.upstreams.iter().filter(is_named);
        let closed = all()
            .flat_map(Upstream::routes)
            .filter(|route| !(self.may_reach)(route))
            .filter(can_arrive_at)
            .min_by_key(|route| route.path_match.text());
        if let Some(closed) = closed {
            return Err(NoMirror::Private(closed));
        }
        sharing
            .or_else(|| all().find(|upstream| upstream.routes().any(can_match)))
            .ok_or(NoMirror::NoRoute)
    }
}

fn can_match(route: &Route) -> bool {
    !matches!(route.path_match.value, PathValue::Unmatchable { .. })
}
