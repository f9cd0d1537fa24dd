//! Shares of routes, as proxies divide their requests.

use super::{Group, Service};
use std::{collections::BTreeMap, fmt};

/// A part of all requests for one route, in hundredths of a percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

impl Share {
    /// In percent, from 0 to 100.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.0 / 100, self.0 % 100);
        match hundredths {
            0 => write!(f, "{whole} %"),
            _ => write!(f, "{whole}.{hundredths:02} %"),
        }
    }
}

/// Sets the share of each route, as proxies of the namespace divide its requests: by weight among the
/// groups with endpoints, or among all if none has any.
pub(super) fn set_shares(services: &mut BTreeMap<String, Service>) {
    /// The sums of the weights of one route.
    #[derive(Default)]
    struct Sums {
        with_endpoints: u64,
        all: u64,
    }
    let mut sums = BTreeMap::<(String, Vec<String>), Sums>::new();
    let groups = services
        .values()
        .flat_map(|it| it.colors.values().flatten());
    for group in groups {
        for (key, weight) in group.weights() {
            let sums = sums.entry(key).or_default();
            sums.all += weight;
            sums.with_endpoints += weight * u64::from(!group.endpoints.is_empty());
        }
    }
    let groups = services.values_mut();
    for group in groups.flat_map(|it| it.colors.values_mut().flatten()) {
        let weights = group.weights();
        let has_endpoints = !group.endpoints.is_empty();
        for route in &mut group.routes {
            let key = (route.path.clone(), route.conditions.clone());
            let weight = weights.get(&key).copied().unwrap_or_default();
            let (part, whole) = match sums.get(&key) {
                None => (0, 0),
                Some(sums) if sums.with_endpoints == 0 => (weight, sums.all),
                Some(sums) => (weight * u64::from(has_endpoints), sums.with_endpoints),
            };
            let share = (part * 10_000 + whole / 2).checked_div(whole);
            route.share = Share(share.and_then(|it| it.try_into().ok()).unwrap_or_default());
        }
    }
}

impl Group {
    /// The weight of each of its routes. A route that is given twice counts once, with the greater.
    fn weights(&self) -> BTreeMap<(String, Vec<String>), u64> {
        let mut weights = BTreeMap::<(String, Vec<String>), u64>::new();
        for route in &self.routes {
            let key = (route.path.clone(), route.conditions.clone());
            let weight = weights.entry(key).or_default();
            *weight = (*weight).max(route.weight.into());
        }
        weights
    }
}
