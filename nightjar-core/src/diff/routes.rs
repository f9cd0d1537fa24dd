//! What changed of the routes of a namespace: who answers them, and who may reach them.

use super::{Change, Effect, properties};
use crate::{
    context::{Traced, every_route},
    document::{
        discovery_map::{DiscoveryMap, Namespace, Properties, Route},
        proxy_input,
    },
    routing,
};
use std::collections::{BTreeMap, BTreeSet};

/// A service and its color.
type Member = (String, String);

/// One route of a namespace, as all who may reach it see it.
#[derive(Default)]
struct State {
    /// In hundredths of a percent.
    shares: BTreeMap<Member, u64>,
    declared: BTreeMap<Member, Declared>,
}

/// What one service-color says of a route.
struct Declared {
    is_public: bool,
    /// Other namespaces that are named.
    access: BTreeMap<String, bool>,
    properties: Properties,
}

pub(super) fn compare(
    (old_map, before): (&DiscoveryMap, &Namespace),
    (new_map, after): (&DiscoveryMap, &Namespace),
    changes: &mut Vec<Change>,
) {
    let (old, new) = (states(old_map, before), states(new_map, after));
    let name = &*after.namespace;
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for route in all {
        match (old.get(route), new.get(route)) {
            (Some(old), Some(new)) => of_both(name, route, old, new, changes),
            (Some(old), None) => {
                let gone = Change::new(name, route, Some(told(old)), None);
                changes.push(gone.on(route).with(Effect::Lost));
            }
            (None, Some(new)) => {
                changes.push(Change::new(name, route, None, Some(told(new))).on(route));
            }
            (None, None) => {}
        }
    }
}

/// The routes of a namespace, by their descriptions.
fn states(map: &DiscoveryMap, namespace: &Namespace) -> BTreeMap<String, State> {
    let Traced { context, origins } = every_route(map, namespace);
    let mut states = BTreeMap::<String, State>::new();
    let Some(listener) = context.input.listeners.first() else {
        return states;
    };
    let clusters = &context.input.clusters;
    for (position, route) in listener.routes.iter().enumerate() {
        let origins = origins.of(0, position);
        let Some(first) = origins.first() else {
            continue;
        };
        let state = states.entry(routing::described(&first.route)).or_default();
        add_shares(route, clusters, &mut state.shares);
        for origin in origins {
            let member = (origin.service.clone(), origin.color.clone());
            state.declared.insert(member, Declared::new(&origin.route));
        }
    }
    states
}

fn add_shares(
    route: &proxy_input::Route,
    clusters: &[proxy_input::Cluster],
    shares: &mut BTreeMap<Member, u64>,
) {
    for member in &route.clusters {
        let found = clusters.binary_search_by(|known| known.name.cmp(&member.cluster_name));
        let cluster = found.ok().and_then(|at| clusters.get(at));
        if let Some(cluster) = cluster.filter(|it| it.has_endpoints) {
            let name = (cluster.service.clone(), cluster.color.clone());
            let total = route.total_cluster_weight.max(1);
            let share = (member.route_weight * 10_000 + total / 2) / total;
            *shares.entry(name).or_default() += share;
        }
    }
}

impl Declared {
    fn new(route: &Route) -> Self {
        let access = route.namespace_access.iter();
        Self {
            is_public: route.default_access,
            access: access
                .map(|entry| (entry.namespace.to_string(), entry.access))
                .collect(),
            properties: route.properties.clone(),
        }
    }

    fn lets_in(&self, namespace: &str) -> bool {
        self.access
            .get(namespace)
            .copied()
            .unwrap_or(self.is_public)
    }
}

fn told(state: &State) -> String {
    let shares = state
        .shares
        .iter()
        .map(|((service, color), share)| format!("{service}/{color} {}", percent(*share)));
    let shares: Vec<String> = shares.collect();
    if shares.is_empty() {
        "nobody is there to answer it".to_owned()
    } else {
        shares.join(", ")
    }
}

/// A share in hundredths of a percent, in words.
fn percent(share: u64) -> String {
    let (whole, rest) = (share / 100, share % 100);
    match rest {
        0 => format!("{whole} %"),
        rest => format!("{whole}.{} %", format!("{rest:02}").trim_end_matches('0')),
    }
}

fn of_both(name: &str, route: &str, old: &State, new: &State, changes: &mut Vec<Change>) {
    let members: BTreeSet<&Member> = old.shares.keys().chain(new.shares.keys()).collect();
    for member in members {
        let (service, color) = member;
        let share = |state: &State| state.shares.get(member).copied().unwrap_or_default();
        let (before, after) = (share(old), share(new));
        if before != after {
            let change = Change::new(name, color, Some(percent(before)), Some(percent(after)));
            let change = change.of(service, color).on(route);
            let is_lost = new.shares.is_empty();
            changes.push(if is_lost {
                change.with(Effect::Lost)
            } else {
                change
            });
        }
    }
    for (member, new) in &new.declared {
        if let Some(old) = old.declared.get(member) {
            let (service, color) = member;
            of_declared(name, old, new, changes, |change| {
                change.of(service, color).on(route)
            });
        }
    }
}

fn of_declared(
    name: &str,
    old: &Declared,
    new: &Declared,
    changes: &mut Vec<Change>,
    about: impl Fn(Change) -> Change,
) {
    let mut compare = |aspect: &str, before: bool, after: bool, [closed, open]: [&str; 2]| {
        if before != after {
            let word = |is_open| Some(if is_open { open } else { closed }.to_owned());
            let change = about(Change::new(name, aspect, word(before), word(after)));
            changes.push(if after {
                change.with(Effect::Opened)
            } else {
                change
            });
        }
    };
    compare(
        "access",
        old.is_public,
        new.is_public,
        ["private", "public"],
    );
    let named: BTreeSet<&String> = old.access.keys().chain(new.access.keys()).collect();
    for other in named {
        let aspect = format!("access from {other}");
        compare(
            &aspect,
            old.lets_in(other),
            new.lets_in(other),
            ["no", "yes"],
        );
    }
    properties(&old.properties, &new.properties, changes, &about, name);
}
