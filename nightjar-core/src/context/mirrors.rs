//! Mirrors: who can get copies of requests. A copy reaches what the proxy may reach anyway, so that no
//! property opens what is private.

use super::{candidates::Candidate, upstreams::Upstream, value_format::service_color};
use std::{cell::OnceCell, collections::BTreeMap};

/// The service-colors that have a route which the proxy may reach.
pub(super) struct Mirrors<'c, 'n, 'a> {
    candidates: &'c [Candidate<'n, 'a>],
    /// Of each, the port with the lowest index. Few meshes ask.
    reachable: OnceCell<BTreeMap<(&'a str, &'a str), &'n Upstream<'a>>>,
}

impl<'c, 'n, 'a> Mirrors<'c, 'n, 'a> {
    /// Those among the candidates of a view.
    pub(super) fn new(candidates: &'c [Candidate<'n, 'a>]) -> Self {
        Self {
            candidates,
            reachable: OnceCell::new(),
        }
    }

    /// Who gets the copies of a route that names a service-color. Of several ports of that, the one that
    /// shares the route counts, else the one with the lowest index among those that have a route which
    /// the proxy may reach.
    pub(super) fn find(
        &self,
        named: &str,
        route: &[Candidate<'n, 'a>],
    ) -> Option<&'n Upstream<'a>> {
        let named = service_color(named)?;
        let reachable = self.reachable.get_or_init(|| lowest(self.candidates));
        let sharing = lowest(route);
        sharing
            .get(&named)
            .or_else(|| reachable.get(&named))
            .copied()
    }
}

/// The reachable upstreams, of each service-color the one with the lowest index.
fn lowest<'n, 'a>(
    candidates: &[Candidate<'n, 'a>],
) -> BTreeMap<(&'a str, &'a str), &'n Upstream<'a>> {
    let mut lowest = BTreeMap::<_, &Upstream<'_>>::new();
    for candidate in candidates.iter().filter(|candidate| candidate.reachable) {
        let (upstream, identity) = (candidate.upstream, candidate.upstream.identity);
        let place = lowest
            .entry((identity.service, identity.color))
            .or_insert(upstream);
        if identity.index < place.identity.index {
            *place = upstream;
        }
    }
    lowest
}
