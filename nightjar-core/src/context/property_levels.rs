//! Properties of several levels together: what a nearer level replaces, removes or switches off, and what
//! the service-colors of one route share.

use super::properties::{NONE, Target, documented};
use crate::document::proxy_input::Properties;
use std::{cmp::Reverse, collections::BTreeMap};

/// What holds in the end: without what is switched off.
pub(super) fn in_effect(mut properties: Properties) -> Properties {
    properties.retain(|name, value| !is_off(name, value));
    properties
}

/// Whether a level switches a property off.
pub(super) fn is_off(name: &str, value: &str) -> bool {
    value == NONE && documented(name).is_some_and(|property| property.can_be_none)
}

/// What the properties that set headers start with, each with the one that removes such headers.
pub(super) const HEADER_CHANGES: [(&str, &str); 2] = [
    ("request-header-set-", "request-header-remove"),
    ("response-header-set-", "response-header-remove"),
];

/// The headers that one level removes, each with the removing property and the name of the one that sets it.
pub(super) fn removals(
    level: &Properties,
) -> impl Iterator<Item = (&'static str, &str, String)> + '_ {
    HEADER_CHANGES.into_iter().flat_map(|(set, remove)| {
        let names = level.get(remove).map(|names| names.split(','));
        let names = names.into_iter().flatten();
        names.map(move |header| (remove, header, format!("{set}{header}")))
    })
}

/// The outer level's properties with the inner level's on top. A header that the inner level removes the
/// outer one does not set: Envoy would set it after it was removed.
pub(super) fn merged(outer: &Properties, inner: &Properties) -> Properties {
    let mut all = outer.clone();
    for (_, _, setting) in removals(inner) {
        all.remove(&setting);
    }
    all.extend(
        inner
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    all
}

/// What a service-color that shares a route says of it.
pub(super) struct MemberProperties<'a> {
    /// The service-color, for messages.
    pub(super) name: String,
    /// Its weight on this route, all of its ports together.
    pub(super) weight: u64,
    /// What it says, namespace aside.
    pub(super) properties: &'a Properties,
}

/// The properties that the members of a route share: one that sets none agrees with those that do; where values
/// differ, those of the greatest weight count, and among equals the first in text order. `differ` is
/// called for each property whose values differ.
pub(super) fn shared(
    members: &[MemberProperties<'_>],
    mut differ: impl FnMut(&str, &str, &MemberProperties<'_>),
) -> Properties {
    let mut said = BTreeMap::<&String, Vec<(&String, &MemberProperties<'_>)>>::new();
    for member in members {
        for (name, value) in member.properties {
            said.entry(name).or_default().push((value, member));
        }
    }
    let mut shared = Properties::new();
    for (name, mut words) in said {
        words.sort_by_key(|(value, member)| (Reverse(member.weight), &member.name, *value));
        let Some((value, winner)) = words.first() else {
            continue;
        };
        // RouteMembers and clusters go by their own words.
        let is_shared = documented(name).is_none_or(|property| property.target == Target::Route);
        if is_shared && words.iter().any(|(other, _)| other != value) {
            differ(name, value, winner);
        }
        shared.insert(name.clone(), (*value).clone());
    }
    shared
}
