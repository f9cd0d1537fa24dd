//! What changed of service-colors: endpoints, protocol, properties, ports.

use super::{Change, Effect, counted, endpoints, properties, protocol};
use crate::document::discovery_map::{Namespace, Properties, ServiceColor};
use std::collections::{BTreeMap, BTreeSet};

/// All entries of one service-color.
#[derive(Default)]
struct Whole {
    endpoints: BTreeSet<String>,
    indexes: BTreeSet<i64>,
    protocols: BTreeSet<String>,
    egress: BTreeMap<String, String>,
    properties: Properties,
}

impl Whole {
    fn add(&mut self, entry: &ServiceColor) {
        let instances = entry.instances.iter().map(ToString::to_string);
        self.endpoints.extend(instances);
        self.indexes.insert(entry.index);
        self.protocols.insert(protocol(entry.protocol).to_owned());
        let egress = entry.namespace_egress.iter();
        let egress = egress.map(|it| (it.namespace.to_string(), it.interface.to_string()));
        self.egress.extend(egress);
        for (name, value) in &entry.properties {
            let known = self.properties.entry(name.clone());
            known.or_insert_with(|| value.clone());
        }
    }

    fn all_of(namespace: &Namespace) -> BTreeMap<(String, String), Self> {
        let mut all = BTreeMap::<_, Self>::new();
        for entry in &namespace.service_colors {
            let name = (entry.service.to_string(), entry.color.to_string());
            all.entry(name).or_default().add(entry);
        }
        all
    }

    fn contents(&self) -> String {
        counted(self.endpoints.len(), "endpoint")
    }
}

pub(super) fn compare(before: &Namespace, after: &Namespace, changes: &mut Vec<Change>) {
    let name = &*after.namespace;
    let (old, new) = (Whole::all_of(before), Whole::all_of(after));
    let all: BTreeSet<&(String, String)> = old.keys().chain(new.keys()).collect();
    for key in all {
        let (service, color) = key;
        let about = |change: Change| change.of(service, color);
        match (old.get(key), new.get(key)) {
            (Some(old), Some(new)) => of_both(name, old, new, changes, about),
            (Some(old), None) => {
                let gone = Change::new(name, color, Some(old.contents()), None);
                changes.push(about(gone).with(Effect::Lost));
            }
            (None, Some(new)) => {
                changes.push(about(Change::new(name, color, None, Some(new.contents()))));
            }
            (None, None) => {}
        }
    }
}

fn of_both(
    name: &str,
    old: &Whole,
    new: &Whole,
    changes: &mut Vec<Change>,
    about: impl Fn(Change) -> Change,
) {
    changes.extend(endpoints(
        &old.endpoints,
        &new.endpoints,
        |before, after| about(Change::new(name, "endpoints", Some(before), Some(after))),
    ));
    let mut compare = |aspect: &str, before: Vec<String>, after: Vec<String>| {
        if before != after {
            let change = Change::new(
                name,
                aspect,
                Some(before.join(", ")),
                Some(after.join(", ")),
            );
            changes.push(about(change));
        }
    };
    let texts = |all: &BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>();
    let numbers = |all: &BTreeSet<i64>| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    compare("protocol", texts(&old.protocols), texts(&new.protocols));
    compare("index", numbers(&old.indexes), numbers(&new.indexes));
    let called: BTreeSet<&String> = old.egress.keys().chain(new.egress.keys()).collect();
    for called in called {
        let (before, after) = (old.egress.get(called), new.egress.get(called));
        if before != after {
            let aspect = format!("egress to {called}");
            changes.push(about(Change::new(
                name,
                &aspect,
                before.cloned(),
                after.cloned(),
            )));
        }
    }
    properties(&old.properties, &new.properties, changes, about, name);
}
