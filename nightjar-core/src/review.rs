//! What is doubtful in a valid discovery map: what people may have meant otherwise, and what its proxies
//! would leave out.

use crate::{
    context::{self, Subject, WarningOrigin, properties::Scope, property_check::check_property},
    document::{
        Finding,
        discovery_map::{DiscoveryMap, Namespace, Properties, ServiceColor},
        nearest, truncated,
    },
};
use std::collections::{BTreeSet, HashMap};

/// Everything that is doubtful in a map, by pointer.
pub fn discovery_map(map: &DiscoveryMap) -> Vec<Finding> {
    let mut findings = parts(map);
    let positions = DocumentPositions::of(map);
    findings.extend(together(map).map(|warning| Finding {
        pointer: positions.pointer(&warning.subject),
        subject: Some(name(&warning.subject)),
        message: warning.message,
    }));
    findings.sort();
    findings.dedup();
    findings
}

/// What is doubtful in a map that workloads make together, each of which was warned of its own errors.
pub fn between_workloads(map: &DiscoveryMap) -> Vec<String> {
    let unknown = namespaces(map);
    let unknown = unknown.into_iter().map(|finding| match finding.subject {
        Some(subject) => format!("{subject}: {}", finding.message),
        None => finding.message,
    });
    let together = together(map).map(|warning| warning.to_string());
    let all: BTreeSet<String> = unknown.chain(together).collect();
    all.into_iter().collect()
}

/// What the parts of a mesh say together.
fn together(map: &DiscoveryMap) -> impl Iterator<Item = context::ContextWarning> {
    let warnings = context::review(map).into_iter();
    warnings.filter(|warning| warning.origin == WarningOrigin::Mesh)
}

/// What is doubtful in one place by itself.
fn parts(map: &DiscoveryMap) -> Vec<Finding> {
    let mut findings = namespaces(map);
    for (index, namespace) in map.namespaces.iter().enumerate() {
        let place = format!("/namespaces/{index}");
        let name = namespace.namespace.to_string();
        properties(
            &namespace.properties,
            Scope::ServiceColorOrNamespace,
            &place,
            &name,
            &mut findings,
        );
    }
    for (place, namespace, service_color) in service_colors(map) {
        let title = title(namespace, service_color);
        properties(
            &service_color.properties,
            Scope::ServiceColorOrNamespace,
            &place,
            &title,
            &mut findings,
        );
        for (index, route) in service_color.routes.iter().enumerate() {
            let place = format!("{place}/routes/{index}");
            properties(
                &route.properties,
                Scope::Route,
                &place,
                &title,
                &mut findings,
            );
            findings.extend(route.path_match.warning().map(|message| Finding {
                pointer: format!("{place}/path-match/value"),
                subject: Some(title.clone()),
                message,
            }));
        }
    }
    findings
}

fn properties(
    given: &Properties,
    scope: Scope,
    place: &str,
    subject: &str,
    findings: &mut Vec<Finding>,
) {
    for (name, value) in given {
        let (_, warning) = check_property(name, value, scope);
        findings.extend(warning.map(|warning| Finding {
            pointer: format!(
                "{place}/properties/{}",
                name.replace('~', "~0").replace('/', "~1")
            ),
            subject: Some(subject.to_owned()),
            message: format!("property `{}` {warning}", truncated(name)),
        }));
    }
}

/// How many names are given a hint, which costs a comparison with every known one.
const MAX_HINTS: usize = 100;

/// The namespaces that are spoken of and are not there.
fn namespaces(map: &DiscoveryMap) -> Vec<Finding> {
    let known: BTreeSet<&str> = map
        .namespaces
        .iter()
        .map(|known| &*known.namespace)
        .collect();
    let mut hints = HashMap::<String, Option<&str>>::new();
    let mut findings = Vec::new();
    for (place, namespace, service_color) in service_colors(map) {
        let mut check = |pointer: String, name: &str| {
            if known.contains(name) {
                return;
            }
            let is_new = !hints.contains_key(name);
            if is_new && hints.len() < MAX_HINTS {
                hints.insert(name.to_owned(), nearest(name, known.iter().copied()));
            }
            let nearest = hints.get(name).copied().flatten();
            let hint = nearest.map(|nearest| format!("; did you mean {nearest:?}?"));
            let hint = hint.unwrap_or_default();
            findings.push(Finding {
                pointer,
                subject: Some(title(namespace, service_color)),
                message: format!("{name:?} is not a namespace of this map{hint}"),
            });
        };
        for (index, route) in service_color.routes.iter().enumerate() {
            for (entry, access) in route.namespace_access.iter().enumerate() {
                let pointer = format!("{place}/routes/{index}/namespace-access/{entry}/namespace");
                check(pointer, &access.namespace);
            }
        }
        for (index, egress) in service_color.namespace_egress.iter().enumerate() {
            check(
                format!("{place}/namespace-egress/{index}/namespace"),
                &egress.namespace,
            );
        }
    }
    findings
}

fn service_colors(map: &DiscoveryMap) -> impl Iterator<Item = (String, &Namespace, &ServiceColor)> {
    let namespaces = map.namespaces.iter().enumerate();
    namespaces.flat_map(|(outer, namespace)| {
        let entries = namespace.service_colors.iter().enumerate();
        entries.map(move |(inner, entry)| {
            (
                format!("/namespaces/{outer}/service-colors/{inner}"),
                namespace,
                entry,
            )
        })
    })
}

fn title(namespace: &Namespace, service_color: &ServiceColor) -> String {
    let ServiceColor { service, color, .. } = service_color;
    format!("{service}/{color} in {}", namespace.namespace)
}

/// Whom a warning is about, as pointers name them.
fn name(subject: &Subject) -> String {
    match &subject.service_color {
        Some((service, color, _)) => format!("{service}/{color} in {}", subject.namespace),
        None => subject.namespace.clone(),
    }
}

/// Where in a map its namespaces and service-colors are.
struct DocumentPositions<'a> {
    namespaces: HashMap<&'a str, usize>,
    /// By namespace, service, color and, where it is asked for, index.
    service_colors: HashMap<(&'a str, &'a str, &'a str, Option<i64>), usize>,
}

impl<'a> DocumentPositions<'a> {
    fn of(map: &'a DiscoveryMap) -> Self {
        let mut positions = Self {
            namespaces: HashMap::new(),
            service_colors: HashMap::new(),
        };
        for (position, namespace) in map.namespaces.iter().enumerate() {
            let name = &*namespace.namespace;
            positions.namespaces.entry(name).or_insert(position);
            for (position, entry) in namespace.service_colors.iter().enumerate() {
                for index in [None, Some(entry.index)] {
                    let identity = (name, &*entry.service, &*entry.color, index);
                    positions.service_colors.entry(identity).or_insert(position);
                }
            }
        }
        positions
    }

    /// Where the subject of a warning is.
    fn pointer(&self, subject: &Subject) -> String {
        let Some(outer) = self.namespaces.get(&*subject.namespace) else {
            return String::new();
        };
        let position = subject
            .service_color
            .as_ref()
            .and_then(|(service, color, index)| {
                self.service_colors
                    .get(&(&*subject.namespace, service, color, *index))
            });
        let inner = position.map(|inner| format!("/service-colors/{inner}"));
        format!("/namespaces/{outer}{}", inner.unwrap_or_default())
    }
}
