//! A mesh as text for programs that draw graphs.

use super::{Mesh, Namespace};
use std::fmt::Write as _;

/// A node of the graph.
struct Node {
    /// The same for the same part of a mesh, and made of letters, digits and `_`.
    id: String,
    lines: Vec<String>,
}

impl Mesh {
    /// In the language of Graphviz.
    pub fn dot(&self) -> String {
        let mut text = "digraph mesh {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        for (number, namespace) in self.namespaces.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  subgraph cluster_{number} {{");
            let _ = writeln!(text, "    label={:?};", namespace.name);
            for node in namespace.nodes(number) {
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
        for (number, namespace) in self.namespaces.iter().enumerate() {
            let _ = writeln!(text, "  subgraph n{number}[\"{}\"]", namespace.name);
            for node in namespace.nodes(number) {
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
        for (number, namespace) in self.namespaces.iter().enumerate() {
            let services = || namespace.services.values().enumerate();
            if !namespace.gateways.is_empty() {
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
        let namespace = self.namespaces.get(number);
        let by_gateway = namespace
            .is_some_and(|namespace| namespace.prefers_gateway && !namespace.gateways.is_empty());
        let services = namespace
            .into_iter()
            .flat_map(|namespace| namespace.services.values().enumerate());
        let public = services.filter(move |(_, service)| service.is_public && !by_gateway);
        let public = public.map(move |(place, _)| id(number, place));
        by_gateway
            .then(|| gateway(number))
            .into_iter()
            .chain(public)
    }
}

impl Namespace {
    fn nodes(&self, number: usize) -> Vec<Node> {
        let gateways = (!self.gateways.is_empty()).then(|| Node {
            id: gateway(number),
            lines: vec!["gateway".to_owned(), endpoints(self.gateways.len())],
        });
        let services = self.services.iter().enumerate();
        let services = services.map(|(place, (name, service))| {
            let name = if service.is_public {
                name.clone()
            } else {
                format!("{name} (private)")
            };
            let colors = service.colors.iter();
            let colors = colors.map(|(color, groups)| {
                let count = groups.iter().map(|group| group.endpoints.len()).sum();
                format!("{color}: {}", endpoints(count))
            });
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
