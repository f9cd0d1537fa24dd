//! What changed between two discovery maps, in the words of the mesh. Pure.
//!
//! Shares are those of the contexts that proxies make of the maps, so that a color without endpoints
//! has none.

mod routes;
mod service_colors;

use crate::document::discovery_map::{DiscoveryMap, HostPort, Namespace, Properties, Protocol};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// What a person should look at first.
    pub effect: Effect,
    /// The namespace.
    pub namespace: String,
    /// The service, if it is about one.
    pub service: Option<String>,
    /// Its color, if it is about one.
    pub color: Option<String>,
    /// The route, if it is about one.
    pub route: Option<String>,
    /// What changed, as a noun.
    pub aspect: String,
    /// What it was; `None` if it was not there.
    pub before: Option<String>,
    /// What it is; `None` if it is gone.
    pub after: Option<String>,
}

/// What a change may do to those who call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// At least half of something is gone.
    Lost,
    /// What was closed to somebody is open.
    Opened,
    /// Anything else.
    Changed,
}

impl Change {
    fn new(namespace: &str, aspect: &str, before: Option<String>, after: Option<String>) -> Self {
        Self {
            effect: Effect::Changed,
            namespace: namespace.to_owned(),
            service: None,
            color: None,
            route: None,
            aspect: aspect.to_owned(),
            before,
            after,
        }
    }

    fn of(self, service: &str, color: &str) -> Self {
        Self {
            service: Some(service.to_owned()),
            color: Some(color.to_owned()),
            ..self
        }
    }

    fn on(self, route: &str) -> Self {
        Self {
            route: Some(route.to_owned()),
            ..self
        }
    }

    fn with(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.namespace)?;
        if let Some(service) = &self.service {
            write!(f, "/{service}")?;
        }
        write!(f, ": {}", self.aspect)?;
        if let Some(color) = self.color.as_deref().filter(|color| *color != self.aspect) {
            write!(f, " of {color}")?;
        }
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, " {before} -> {after}")?,
            (None, Some(after)) => write!(f, " is new: {after}")?,
            (Some(before), None) => write!(f, " is gone: {before}")?,
            (None, None) => {}
        }
        match self.route.as_deref().filter(|route| *route != self.aspect) {
            Some(route) => write!(f, " on {route}"),
            None => Ok(()),
        }
    }
}

/// All that changed, what was lost first.
pub fn changes(old: &DiscoveryMap, new: &DiscoveryMap) -> Vec<Change> {
    let by_name = |map: &'_ DiscoveryMap| -> BTreeSet<String> {
        let names = map.namespaces.iter();
        names.map(|known| known.namespace.to_string()).collect()
    };
    let mut changes = Vec::new();
    for name in by_name(old).union(&by_name(new)) {
        let find = |map: &'_ DiscoveryMap| -> Option<usize> {
            let mut namespaces = map.namespaces.iter();
            namespaces.position(|known| known.namespace == **name)
        };
        let before = find(old).and_then(|at| old.namespaces.get(at));
        let after = find(new).and_then(|at| new.namespaces.get(at));
        match (before, after) {
            (Some(before), Some(after)) => {
                of_namespace(before, after, &mut changes);
                service_colors::compare(before, after, &mut changes);
                routes::compare((old, before), (new, after), &mut changes);
            }
            (Some(before), None) => {
                let gone = Change::new(name, "namespace", Some(contents(before)), None);
                changes.push(gone.with(Effect::Lost));
            }
            (None, Some(after)) => {
                changes.push(Change::new(name, "namespace", None, Some(contents(after))));
            }
            (None, None) => {}
        }
    }
    changes.sort();
    changes
}

fn contents(namespace: &Namespace) -> String {
    let colors: BTreeSet<_> = namespace
        .service_colors
        .iter()
        .map(|entry| (&entry.service, &entry.color))
        .collect();
    let instances = namespace.service_colors.iter();
    let endpoints = instances.map(|entry| entry.instances.len()).sum();
    format!(
        "{} with {}",
        counted(colors.len(), "service-color"),
        counted(endpoints, "endpoint")
    )
}

/// A number of things in words.
fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// A protocol as documents write it.
fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http1 => "HTTP1.1",
        Protocol::Http2 => "HTTP2",
    }
}

/// What holds for a namespace as a whole.
fn of_namespace(before: &Namespace, after: &Namespace, changes: &mut Vec<Change>) {
    let name = &*after.namespace;
    let mut compare = |aspect: &str, before: String, after: String| {
        if before != after {
            changes.push(Change::new(name, aspect, Some(before), Some(after)));
        }
    };
    compare(
        "network id",
        before.network_id.to_string(),
        after.network_id.to_string(),
    );
    let (old, new) = (&before.gateways, &after.gateways);
    compare(
        "preference for its gateways",
        old.prefer_gateway.to_string(),
        new.prefer_gateway.to_string(),
    );
    compare(
        "protocol of its gateways",
        protocol(old.protocol).to_owned(),
        protocol(new.protocol).to_owned(),
    );
    let aspect = "endpoints of its gateways";
    let instances =
        |all: &'_ [HostPort]| -> BTreeSet<String> { all.iter().map(ToString::to_string).collect() };
    changes.extend(endpoints(
        &instances(&old.instances),
        &instances(&new.instances),
        |before, after| Change::new(name, aspect, Some(before), Some(after)),
    ));
    properties(
        &before.properties,
        &after.properties,
        changes,
        |change| change,
        name,
    );
}

/// What changed of a set of endpoints.
fn endpoints(
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
    change: impl FnOnce(String, String) -> Change,
) -> Option<Change> {
    if before == after {
        return None;
    }
    let kept = before.intersection(after).count();
    let is_renewed = !before.is_empty() && !after.is_empty();
    let others = if is_renewed && (kept == 0 || before.len() == after.len()) {
        format!(", {} of them new", after.len() - kept)
    } else {
        String::new()
    };
    let is_lost = after.len() * 2 <= before.len();
    let change = change(before.len().to_string(), format!("{}{others}", after.len()));
    Some(if is_lost {
        change.with(Effect::Lost)
    } else {
        change
    })
}

/// What changed of properties; `place` says whose they are.
fn properties(
    before: &Properties,
    after: &Properties,
    changes: &mut Vec<Change>,
    place: impl Fn(Change) -> Change,
    namespace: &str,
) {
    let texts = |all: &Properties| -> BTreeMap<String, String> {
        let pairs = all.iter();
        pairs
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    };
    let (before, after) = (texts(before), texts(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        if old != new {
            let aspect = format!("property {name}");
            changes.push(place(Change::new(
                namespace,
                &aspect,
                old.cloned(),
                new.cloned(),
            )));
        }
    }
}
