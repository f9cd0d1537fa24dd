//! A request to a namespace, as one proxy sees it.

use super::{
    Answer, Caller, Decision, FoundRoute, Outcome, Request, RoutingError, decide, described,
    found::{absence, declared, denial, members},
    preflight::is_answered_preflight,
    redirect::location,
};
use crate::{
    context::{Origin, ProxyConfig, ProxyRole, Traced, every_route, traced},
    document::{
        discovery_map::{DiscoveryMap, Namespace, PathMatch, PathMatchType},
        nearest,
        proxy_input::{Cluster, ProxyInput, Route, WeightedCluster},
    },
};

/// Who answers a request of a caller.
///
/// # Errors
/// If the map has no such caller, or no such namespace to call.
pub fn answer(
    map: &DiscoveryMap,
    caller: &Caller,
    request: &Request,
) -> Result<Answer, RoutingError> {
    let viewer = ProxyConfig::without_settings(&caller.namespace, caller.role.clone());
    let traced = traced(map, &viewer).map_err(RoutingError::Caller)?;
    let target = caller.to.as_deref().unwrap_or(&caller.namespace);
    let namespaces = || map.namespaces.iter().map(|known| &*known.namespace);
    let named = map.namespaces.iter();
    let mut named = named.filter(|known| known.namespace == *target);
    let namespace = named.next().ok_or_else(|| RoutingError::Called {
        name: target.to_owned(),
        nearest: nearest(target, namespaces()).map(ToOwned::to_owned),
    })?;
    let asked = Asked {
        map,
        traced: &traced,
        namespace,
        request,
    };
    let listeners = &traced.context.input.listeners;
    let position = listeners
        .iter()
        .position(|listener| listener.namespace == target);
    Ok(match position {
        Some(position) => asked.of_listener(position),
        None => asked.without_listener(caller),
    })
}

/// A request to a namespace, as one proxy sees it.
struct Asked<'a> {
    map: &'a DiscoveryMap,
    traced: &'a Traced,
    namespace: &'a Namespace,
    request: &'a Request,
}

impl Asked<'_> {
    fn proxy(&self) -> &ProxyInput {
        &self.traced.context.input
    }

    fn of_listener(&self, position: usize) -> Answer {
        let Some(listener) = self.proxy().listeners.get(position) else {
            return plain(Outcome::NotFound, "the proxy has no such listener");
        };
        let (decision, path) = decide(self.proxy(), listener, self.request);
        let mut answer = match decision {
            Decision::Route(route) => self.by_route(position, route),
            Decision::NoRoute => self.left_out(&listener.name),
            Decision::HealthCheck => plain(
                Outcome::Answered,
                "the listener answers health checks itself, with 200",
            ),
            Decision::Redirected => plain(
                Outcome::Redirected,
                "the proxy redirects a path of slashes alone to `/`, with 308",
            ),
            Decision::Refused(reason) => plain(
                Outcome::Answered,
                &format!("the proxy answers 400: {reason}"),
            ),
        };
        answer.path = path;
        answer
    }

    fn by_route(&self, listener: usize, position: usize) -> Answer {
        let listeners = &self.proxy().listeners;
        let Some((listener_of, route)) = listeners
            .get(listener)
            .and_then(|listener| Some((listener, listener.routes.get(position)?)))
        else {
            return plain(Outcome::NotFound, "the listener has no such route");
        };
        let origins = self.traced.origins.of(listener, position);
        let found = self.found(&listener_of.name, Some(position + 1), route, origins);
        if route.is_denied {
            return Answer {
                route: Some(found),
                ..plain(Outcome::Denied, &denial(origins))
            };
        }
        if let Some(redirect) = &route.redirect {
            let because = format!(
                "{} redirects it, with {}",
                place(&found, listener_of.routes.len()),
                redirect.status
            );
            return Answer {
                route: Some(found),
                location: location(route, redirect, self.request),
                ..plain(Outcome::Redirected, &because)
            };
        }
        if is_answered_preflight(route, self.request) {
            let because = format!(
                "{} answers a browser's preflight request itself, with 200",
                place(&found, listener_of.routes.len())
            );
            return Answer {
                route: Some(found),
                ..plain(Outcome::Answered, &because)
            };
        }
        let clusters = self.clusters(route);
        if clusters.iter().any(|(_, _, cluster)| cluster.is_gateway) {
            return self.through_gateway(&found);
        }
        let (outcome, because) = if clusters.iter().any(|(_, _, cluster)| cluster.has_endpoints) {
            let place = place(&found, listener_of.routes.len());
            (
                Outcome::Served,
                format!("{place} is the first that takes it"),
            )
        } else {
            (Outcome::Unavailable, absence(origins))
        };
        let members = if outcome == Outcome::Served {
            members(&clusters, route.total_cluster_weight)
        } else {
            Vec::new()
        };
        Answer {
            members,
            route: Some(found),
            ..plain(outcome, &because)
        }
    }

    /// The clusters of a route, each with its weight.
    fn clusters<'r>(&'r self, route: &'r Route) -> Vec<(&'r WeightedCluster, u64, &'r Cluster)> {
        let all = &self.proxy().clusters;
        let of = |member: &'r WeightedCluster| {
            let found = all.binary_search_by(|known| known.name.cmp(&member.cluster_name));
            Some((member, member.route_weight, all.get(found.ok()?)?))
        };
        route.clusters.iter().filter_map(of).collect()
    }

    /// What the gateways of the called namespace do with it, which this proxy sends everything to.
    fn through_gateway(&self, found: &FoundRoute) -> Answer {
        let viewer = ProxyConfig::without_settings(&self.namespace.namespace, ProxyRole::Gateway);
        let Ok(traced) = traced(self.map, &viewer) else {
            return plain(Outcome::NotFound, "the namespace has no gateway");
        };
        let asked = Asked {
            traced: &traced,
            ..*self
        };
        let mut answer = asked.of_listener(0);
        answer.because = format!(
            "listener `{}` sends it to the gateways of namespace `{}`, which do not know who calls; \
             there, {}",
            found.listener, self.namespace.namespace, answer.because
        );
        answer
    }

    /// What is said of a request that no route of a listener takes: a private one may be behind it.
    fn left_out(&self, listener: &str) -> Answer {
        let every = every_route(self.map, self.namespace);
        let private = every.context.input.listeners.first().and_then(|all| {
            match decide(&every.context.input, all, self.request) {
                (Decision::Route(position), _) => Some((position, all.routes.get(position)?)),
                _ => None,
            }
        });
        match private {
            Some((position, route)) => {
                // Of a route that is left out, the caller may reach nobody.
                let mut origins = every.origins.of(0, position).to_vec();
                for origin in &mut origins {
                    origin.reachable = false;
                }
                Answer {
                    route: Some(self.found(listener, None, route, &origins)),
                    ..plain(Outcome::Denied, &denial(&origins))
                }
            }
            None => plain(
                Outcome::NotFound,
                &format!(
                    "no route of namespace `{}` takes it",
                    self.namespace.namespace
                ),
            ),
        }
    }

    /// What is said where the caller's proxy has no listener for the namespace.
    fn without_listener(&self, caller: &Caller) -> Answer {
        let target = &self.namespace.namespace;
        let ProxyRole::Service { service, color } = &caller.role else {
            let because = format!("a gateway serves its own namespace, not `{target}`");
            return plain(Outcome::NotFound, &because);
        };
        let own = self.map.namespaces.iter();
        let entries = own
            .filter(|known| known.namespace == *caller.namespace)
            .flat_map(|known| &known.service_colors)
            .filter(|entry| entry.service == **service && entry.color == **color);
        let mut egress = entries.flat_map(|entry| &entry.namespace_egress);
        if egress.any(|egress| egress.namespace == **target) {
            let mut answer = self.left_out(&format!("egress-{target}"));
            answer.because = format!(
                "no route of namespace `{target}` lets namespace `{}` in, so that its proxy has no \
                 port for it",
                caller.namespace
            );
            return answer;
        }
        let because = format!(
            "`{service}/{color}` of namespace `{}` has no egress port for namespace `{target}`",
            caller.namespace
        );
        plain(Outcome::NotFound, &because)
    }

    fn found(
        &self,
        listener: &str,
        position: Option<usize>,
        route: &Route,
        origins: &[Origin],
    ) -> FoundRoute {
        let declared_match = origins.first().map(|origin| &origin.route.path_match);
        FoundRoute {
            listener: listener.to_owned(),
            position,
            match_type: declared_match.map_or(PathMatchType::Prefix, PathMatch::match_type),
            path: declared_match
                .map_or_else(|| route.route_path.clone(), |it| it.text().to_owned()),
            text: origins.first().map_or_else(
                || format!("prefix {}", route.route_path),
                |origin| described(&origin.route),
            ),
            declared: origins
                .iter()
                .map(|origin| declared(self.map, origin))
                .collect(),
        }
    }
}

/// Where a route stands, in words.
fn place(found: &FoundRoute, all: usize) -> String {
    let position = found.position.unwrap_or_default();
    format!("route {position} of {all} in listener `{}`", found.listener)
}

/// An answer by nobody.
fn plain(outcome: Outcome, because: &str) -> Answer {
    Answer {
        outcome,
        members: Vec::new(),
        route: None,
        path: None,
        location: None,
        because: because.to_owned(),
    }
}
