//! Laws that hold for every map, checked against a matcher of their own.

mod maps;
mod model;

use super::{gateway, sidecar};
use maps::maps;
use model::{Key, Request};
use nightjar_core::{
    context::{DENIED_CLUSTER, ProxyConfig, UNAVAILABLE_CLUSTER, proxy_input},
    document::{
        discovery_map::{DiscoveryMap, Route},
        proxy_input,
    },
};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeSet;

/// A sidecar of `n2`, whose only egress is to `n1`.
fn neighbor() -> ProxyConfig {
    let mut proxy = sidecar("me", "me");
    "n2".clone_into(&mut proxy.namespace);
    proxy
}

fn shuffle(map: &mut DiscoveryMap, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    random.shuffle(&mut map.namespaces);
    for namespace in &mut map.namespaces {
        random.shuffle(&mut namespace.gateways.instances);
        random.shuffle(&mut namespace.service_colors);
        for service_color in &mut namespace.service_colors {
            random.shuffle(&mut service_color.instances);
            random.shuffle(&mut service_color.namespace_egress);
            random.shuffle(&mut service_color.routes);
            for route in &mut service_color.routes {
                random.shuffle(&mut route.headers);
                random.shuffle(&mut route.query_parameters);
                random.shuffle(&mut route.namespace_access);
            }
        }
    }
}

/// The routes of `n1` that the listener serves to the viewer.
fn routes_of_n1(
    map: &DiscoveryMap,
    proxy: &ProxyConfig,
    listener: &str,
) -> Vec<proxy_input::Route> {
    let listeners = proxy_input(map, proxy).unwrap().input.listeners;
    let found = listeners
        .into_iter()
        .find(|candidate| candidate.name == listener);
    found.map(|listener| listener.routes).unwrap_or_default()
}

/// What the model says of one request, next to what the view does with it.
fn check(
    map: &DiscoveryMap,
    request: &Request,
    full: &[proxy_input::Route],
    view: &[proxy_input::Route],
    prefix: &str,
    may_reach: impl Fn(&Route) -> bool,
) -> Result<(), TestCaseError> {
    let own = map
        .namespaces
        .iter()
        .find(|namespace| namespace.namespace == "n1")
        .unwrap();
    // Brute force: the map's routes that match, with the names of their clusters and their weights.
    let offers: Vec<(Key, String, u16)> = own
        .service_colors
        .iter()
        .flat_map(|entry| entry.routes.iter().map(move |route| (entry, route)))
        .filter(|(_, route)| may_reach(route))
        .map(|(entry, route)| {
            let name = format!("{prefix}-{}-{}-{}", entry.service, entry.color, entry.index);
            (Key::of_map(route), name, route.weight.get())
        })
        .filter(|(key, ..)| key.matches(request))
        .collect();
    let first = |routes: &[proxy_input::Route]| {
        routes
            .iter()
            .map(|route| (Key::of_context(route), route.clone()))
            .find(|(key, _)| key.matches(request))
    };
    let served = first(view).filter(|(_, route)| !route.is_denied);

    // Whoever serves the request is reachable, by this very route, matches, and has a share.
    if let Some((key, route)) = &served {
        let has_share = |name: &str| {
            let mut offers = offers.iter();
            offers.any(|(offer, cluster, weight)| offer == key && cluster == name && *weight > 0)
        };
        for cluster in &route.clusters {
            let name = &cluster.cluster_name;
            if name == UNAVAILABLE_CLUSTER {
                let shares = offers
                    .iter()
                    .filter(|(offer, _, weight)| offer == key && *weight > 0);
                prop_assert_eq!(shares.count(), 0, "{:?} has somebody to answer", request);
            } else {
                prop_assert!(has_share(name), "{request:?} reaches {name}");
            }
        }
    }
    // The view does with the request what the whole namespace would, or nothing.
    let expected = first(full)
        .map(|(key, _)| key)
        .filter(|key| offers.iter().any(|(offer, ..)| offer == key));
    prop_assert_eq!(served.map(|(key, _)| key), expected, "{:?}", request);
    Ok(())
}

proptest! {
    /// Templates write a condition by the one flag that is set.
    #[test]
    fn each_condition_is_of_one_kind(map in maps(&["a", "b"])) {
        let routes = routes_of_n1(&map, &gateway(), "gateway");
        let routes = routes.into_iter().chain(routes_of_n1(&map, &neighbor(), "egress-n1"));
        for route in routes {
            for filter in route.header_filters.iter().chain(&route.query_filters) {
                let kinds = [
                    filter.is_exact_match,
                    filter.is_regex_match,
                    filter.is_present_match,
                    filter.is_prefix_match,
                    filter.is_suffix_match,
                ];
                prop_assert_eq!(kinds.into_iter().filter(|kind| *kind).count(), 1, "{:?}", filter);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_order_of_the_map_does_not_matter(
        map in maps(&["a", "b", "a-b", "b-a"]),
        seed in any::<u64>(),
    ) {
        let mut shuffled = map.clone();
        shuffle(&mut shuffled, seed);
        for proxy in [gateway(), sidecar("me", "me"), neighbor()] {
            prop_assert_eq!(proxy_input(&shuffled, &proxy), proxy_input(&map, &proxy));
        }
    }

    #[test]
    fn what_may_not_be_reached_is_reached_by_no_other_route(
        mut map in maps(&["a", "b"]),
        requests in vec(model::requests(), 30),
    ) {
        for namespace in &mut map.namespaces {
            namespace.gateways.prefer_gateway = false;
            if namespace.namespace == "n2" {
                namespace.service_colors.retain(|entry| entry.service == "me");
            }
        }
        let full = routes_of_n1(&map, &sidecar("me", "me"), "local");
        let public = routes_of_n1(&map, &gateway(), "gateway");
        let neighbor = routes_of_n1(&map, &neighbor(), "egress-n1");
        for request in requests {
            check(&map, &request, &full, &full, "local", |_| true)?;
            check(&map, &request, &full, &public, "c", |route| route.default_access)?;
            check(&map, &request, &full, &neighbor, "remote-n1", |route| {
                let said = || route.namespace_access.iter().filter(|entry| entry.namespace == "n2");
                if said().count() == 0 { route.default_access } else { said().all(|entry| entry.access) }
            })?;
        }
    }

    #[test]
    fn a_context_refers_to_what_it_has(map in maps(&["a", "b", "a-b", "b-a"])) {
        for proxy in [gateway(), sidecar("me", "me"), neighbor()] {
            let input = proxy_input(&map, &proxy).unwrap().input;
            let names: Vec<&str> = input.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
            let distinct: BTreeSet<&str> = names.iter().copied().collect();
            prop_assert_eq!(&names, &distinct.iter().copied().collect::<Vec<_>>());
            for route in input.listeners.iter().flat_map(|listener| &listener.routes) {
                let total: u64 = route.clusters.iter().map(|cluster| cluster.route_weight).sum();
                prop_assert_eq!(route.total_cluster_weight, total);
                prop_assert_eq!(route.has_one_cluster, route.clusters.len() == 1);
                prop_assert_eq!(route.has_many_clusters, route.clusters.len() > 1);
                prop_assert!(!route.clusters.is_empty());
                for cluster in &route.clusters {
                    prop_assert!(distinct.contains(cluster.cluster_name.as_str()));
                    prop_assert_eq!(cluster.cluster_name == DENIED_CLUSTER, route.is_denied);
                }
            }
        }
    }
}
