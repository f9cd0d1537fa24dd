//! Shares of a service-color that is moving from one port to another.
//!
//! Each index on which a service-color serves a route repeats the route's weight. While its workloads
//! serve the route on different indexes, the service-color would count once for each, and its first
//! workload on a new port would get as much as all the others. So the weight is divided over the
//! indexes by their instances. All weights of the route are multiplied as far as that needs, so that
//! the service-colors that share it keep what they have of each other.

use super::ServiceMember;
use crate::{
    context::RouteKey,
    document::discovery_map::{Name, ServiceColor, Weight},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// The workloads of a namespace's services, by service and color.
pub(super) type Services = BTreeMap<(Name, Name), Vec<ServiceMember>>;

/// A route of a namespace: which entry's, and which of its routes.
type RoutePosition = (usize, usize);

/// A whole, for fractions that are exact to 2^-32.
const ONE: u128 = 1 << 32;

/// Divides the weights of service-colors that are moving.
pub(super) fn divide(service_colors: &mut [ServiceColor], services: &Services) {
    if !services.values().any(|members| is_moving(members)) {
        return;
    }
    let mut routes = BTreeMap::<RouteKey<'_>, BTreeMap<(&Name, &Name), Share>>::new();
    for (at, entry) in service_colors.iter().enumerate() {
        for (number, route) in entry.routes.iter().enumerate() {
            let Some(key) = RouteKey::new(route) else {
                continue;
            };
            let colors = routes.entry(key).or_default();
            let share = colors.entry((&entry.service, &entry.color)).or_default();
            let declared = share.declared.entry(entry.index).or_default();
            declared.push(((at, number), route.weight.get().into()));
            let able = (!entry.instances.is_empty()).then_some(entry.index);
            share.able.extend(able);
        }
    }
    let mut divided = Vec::new();
    for mut colors in routes.into_values() {
        for ((service, color), share) in &mut colors {
            let identity = (Name::clone(service), Name::clone(color));
            share.measure(services.get(&identity).map_or(&[], Vec::as_slice));
        }
        let shares: Vec<Share> = colors.into_values().collect();
        let factor = factor(&shares);
        divided.extend(shares.iter().flat_map(|share| share.times(factor)));
    }
    for ((entry, number), weight) in divided {
        let routes = service_colors.get_mut(entry).map(|entry| &mut entry.routes);
        if let Some(route) = routes.and_then(|routes| routes.get_mut(number)) {
            route.weight = weight;
        }
    }
}

/// Whether workloads of one service-color do not serve the same indexes.
fn is_moving(members: &[ServiceMember]) -> bool {
    let mut indexes = members.iter().map(|member| member.groups.keys());
    let first = indexes.next();
    first.is_some_and(|first| indexes.any(|other| !other.eq(first.clone())))
}

/// What one service-color has of one route.
#[derive(Default)]
struct Share {
    /// By index, the routes with their weights: several only where one is declared twice.
    declared: BTreeMap<i64, Vec<(RoutePosition, u128)>>,
    /// The indexes with instances. The others take no share while one of these is there.
    able: BTreeSet<i64>,
    /// By index, the weight that it is to have, times `whole`.
    parts: BTreeMap<i64, u128>,
    whole: u128,
}

impl Share {
    /// The weight that counts on an index: of several, the greatest.
    fn on(&self, index: i64) -> u128 {
        let declared = self.declared.get(&index).into_iter().flatten();
        declared
            .map(|(_, weight)| *weight)
            .max()
            .unwrap_or_default()
    }

    /// Finds out what each index is to have.
    fn measure(&mut self, members: &[ServiceMember]) {
        let rank = members.iter().map(ServiceMember::rank).max();
        let mut weight = 0;
        // How many instances serve the route on the same indexes.
        let mut by_indexes = BTreeMap::<Vec<i64>, u128>::new();
        for member in members {
            let groups = || {
                let groups = member.groups.iter();
                groups.filter(|(index, _)| self.declared.contains_key(index))
            };
            let together: u128 = groups().map(|(index, _)| self.on(*index)).sum();
            if Some(member.rank()) == rank {
                weight = weight.max(together);
            }
            let instances = groups().map(|(_, group)| group.instances.len()).max();
            let instances = instances.unwrap_or_default() as u128;
            if together > 0 && instances > 0 {
                let indexes = groups().map(|(index, _)| *index).collect();
                *by_indexes.entry(indexes).or_default() += instances;
            }
        }
        if by_indexes.len() < 2 {
            self.whole = 1;
            let indexes = self.declared.keys();
            self.parts = indexes.map(|index| (*index, self.on(*index))).collect();
            return;
        }
        let all: u128 = by_indexes.values().sum();
        let mut parts: BTreeMap<i64, u128> =
            self.declared.keys().map(|index| (*index, 0)).collect();
        for (indexes, instances) in by_indexes {
            for (index, fraction) in self.fractions(&indexes) {
                *parts.entry(index).or_default() += instances * fraction * weight;
            }
        }
        let common = parts
            .values()
            .fold(all * ONE, |common, part| divisor(common, *part));
        for part in parts.values_mut() {
            *part /= common;
        }
        self.whole = all * ONE / common;
        self.parts = parts;
    }

    /// How workloads that serve the route on several indexes divide what they have of it: as declared.
    fn fractions(&self, indexes: &[i64]) -> Vec<(i64, u128)> {
        let together: u128 = indexes.iter().map(|index| self.on(*index)).sum();
        let (mut passed, mut given) = (0, 0);
        let mut next = |index: i64| {
            passed += self.on(index);
            let fraction = ONE * passed / together.max(1) - given;
            given += fraction;
            (index, fraction)
        };
        indexes.iter().map(|index| next(*index)).collect()
    }

    /// Its weights, multiplied. What cannot be divided goes where the largest rests are.
    fn times(&self, factor: u128) -> Vec<(RoutePosition, Weight)> {
        let times = |part: &u128| (part * factor / self.whole, part * factor % self.whole);
        let mut rests: Vec<_> = self
            .parts
            .iter()
            .map(|(index, part)| (Reverse(times(part).1), *index))
            .collect();
        rests.sort_unstable();
        let left = rests.iter().map(|(rest, _)| rest.0).sum::<u128>() / self.whole;
        let of_rests = |index: i64| {
            let place = rests.iter().position(|(_, other)| *other == index);
            u128::from(place.is_some_and(|place| (place as u128) < left))
        };
        let on = |index: &i64, part: &u128| times(part).0 + of_rests(*index);
        let places = self.parts.iter().flat_map(|(index, part)| {
            let (new, old) = (on(index, part), self.on(*index).max(1));
            let declared = self.declared.get(index).into_iter().flatten();
            declared.map(move |(place, weight)| (*place, capped(new * weight / old)))
        });
        places.collect()
    }
}

/// What all weights of a route are multiplied by: so much that nothing is lost by dividing, if no
/// weight comes to be too large by that.
fn factor(shares: &[Share]) -> u128 {
    let exact = shares.iter().fold(1, |exact: u128, share| {
        (exact / divisor(exact, share.whole)).saturating_mul(share.whole)
    });
    let most = |share: &Share| {
        let able = share.able.iter().filter_map(|index| share.parts.get(index));
        let largest = able.copied().max().unwrap_or_default();
        u128::from(Weight::MOST.get()) * share.whole / largest.max(1)
    };
    shares.iter().map(most).fold(exact, u128::min).max(1)
}

fn capped(weight: u128) -> Weight {
    let number = i64::try_from(weight).unwrap_or(i64::MAX);
    Weight::try_from(number).unwrap_or(Weight::MOST)
}

/// The greatest common divisor.
fn divisor(mut left: u128, mut right: u128) -> u128 {
    while right > 0 {
        (left, right) = (right, left % right);
    }
    left.max(1)
}
