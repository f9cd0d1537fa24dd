//! A mesh as a graph: namespaces with their services and gateways, and who may call whom. Pure, and in
//! the same order whatever the order of the map.

use crate::document::discovery_map::{DiscoveryMap, Namespace};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// A mesh, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    namespaces: Vec<Part>,
}

/// One namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    name: String,
    /// How many gateway instances it has.
    gateways: usize,
    prefers_gateway: bool,
    services: BTreeMap<String, Service>,
}

/// A service with all its colors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Service {
    /// The endpoints of each color.
    colors: BTreeMap<String, usize>,
    is_public: bool,
    /// The namespaces that it calls.
    calls: BTreeSet<String>,
}

/// A node of the graph.
struct Node {
    /// The same for the same part of a mesh, and made of letters, digits and `_`.
    id: String,
    lines: Vec<String>,
}

impl Picture {
    /// The graph of a map.
    pub fn new(map: &DiscoveryMap) -> Self {
        let mut namespaces: Vec<Part> = map.namespaces.iter().map(Part::new).collect();
        namespaces.sort_by(|left, right| left.name.cmp(&right.name));
        Self { namespaces }
    }

    /// In the language of Graphviz.
    pub fn dot(&self) -> String {
        let mut text = "digraph mesh {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        for (number, part) in self.namespaces.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  subgraph cluster_{number} {{");
            let _ = writeln!(text, "    label={:?};", part.name);
            for node in part.nodes(number) {
                let label = node.lines.join("\n");
                let _ = writeln!(text, "    {} [label={label:?}];", node.id);
            }
            text.push_str("  }\n");
        }
        for (from, to) in self.edges() {
            let _ = writeln!(text, "  {from} -> {to};");
        }
        text.push_str("}\n");
        text
    }

    /// In the language of Mermaid, which many places that show Markdown draw.
    pub fn mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for (number, part) in self.namespaces.iter().enumerate() {
            let _ = writeln!(text, "  subgraph n{number}[\"{}\"]", part.name);
            for node in part.nodes(number) {
                let _ = writeln!(text, "    {}[\"{}\"]", node.id, node.lines.join("<br>"));
            }
            text.push_str("  end\n");
        }
        for (from, to) in self.edges() {
            let _ = writeln!(text, "  {from} --> {to}");
        }
        text
    }

    /// From whom to whom requests go: from gateways to public services, and from services to the
    /// namespaces that they call, by their gateways where these are preferred.
    fn edges(&self) -> Vec<(String, String)> {
        let mut edges = Vec::new();
        for (number, part) in self.namespaces.iter().enumerate() {
            let services = || part.services.values().enumerate();
            if part.gateways > 0 {
                let public = services().filter(|(_, service)| service.is_public);
                edges.extend(public.map(|(place, _)| (gateway(number), id(number, place))));
            }
            for (place, service) in services() {
                let called = service.calls.iter().filter_map(|called| {
                    self.namespaces
                        .iter()
                        .position(|other| other.name == *called)
                });
                for called in called.filter(|called| *called != number) {
                    let from = id(number, place);
                    edges.extend(self.entrances(called).map(|to| (from.clone(), to)));
                }
            }
        }
        edges
    }

    /// Where requests to a namespace arrive.
    fn entrances(&self, number: usize) -> impl Iterator<Item = String> {
        let part = self.namespaces.get(number);
        let by_gateway = part.is_some_and(|part| part.prefers_gateway && part.gateways > 0);
        let services = part
            .into_iter()
            .flat_map(|part| part.services.values().enumerate());
        let public = services.filter(move |(_, service)| service.is_public && !by_gateway);
        let public = public.map(move |(place, _)| id(number, place));
        by_gateway
            .then(|| gateway(number))
            .into_iter()
            .chain(public)
    }
}

impl Part {
    fn new(namespace: &Namespace) -> Self {
        let mut services = BTreeMap::<String, Service>::new();
        for entry in &namespace.service_colors {
            let service = services.entry(entry.service.to_string()).or_default();
            let color = service.colors.entry(entry.color.to_string()).or_default();
            *color += entry.instances.len();
            let called = entry.namespace_egress.iter();
            service
                .calls
                .extend(called.map(|egress| egress.namespace.to_string()));
            service.is_public |= entry.routes.iter().any(|route| route.default_access);
        }
        Self {
            name: namespace.namespace.to_string(),
            gateways: namespace.gateways.instances.len(),
            prefers_gateway: namespace.gateways.prefer_gateway,
            services,
        }
    }

    fn nodes(&self, number: usize) -> Vec<Node> {
        let gateways = (self.gateways > 0).then(|| Node {
            id: gateway(number),
            lines: vec!["gateway".to_owned(), endpoints(self.gateways)],
        });
        let services = self.services.iter().enumerate();
        let services = services.map(|(place, (name, service))| {
            let name = if service.is_public {
                name.clone()
            } else {
                format!("{name} (private)")
            };
            let colors = service.colors.iter();
            let colors = colors.map(|(color, count)| format!("{color}: {}", endpoints(*count)));
            Node {
                id: id(number, place),
                lines: std::iter::once(name).chain(colors).collect(),
            }
        });
        gateways.into_iter().chain(services).collect()
    }
}

fn endpoints(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} endpoint{plural}")
}

fn gateway(number: usize) -> String {
    format!("n{number}_gateway")
}

fn id(number: usize, place: usize) -> String {
    format!("n{number}_s{place}")
}
