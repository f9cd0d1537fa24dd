//! Index of the names in a document, read however faulty the rest is: which part of the mesh a pointer
//! means, and what appears twice.

use super::finding::Findings;
use crate::report::quoted;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// The named parts of a document of any kind.
#[derive(Default)]
pub(super) struct DocumentIndex<'a> {
    namespaces: Vec<Namespace<'a>>,
    templates: [Vec<Template>; 2],
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Parts<'a> {
    #[serde(borrow)]
    namespaces: Vec<&'a RawValue>,
    gateway_templates: Vec<&'a RawValue>,
    service_templates: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Namespace<'a> {
    #[serde(borrow)]
    namespace: Option<&'a RawValue>,
    service_colors: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServiceColor<'a> {
    #[serde(borrow)]
    service: Option<&'a RawValue>,
    color: Option<&'a RawValue>,
}

/// Whom a template is for, and the file it makes.
#[derive(Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
struct Template {
    namespace: Option<String>,
    service: Option<String>,
    color: Option<String>,
    purpose: Option<String>,
}

const TEMPLATES: [&str; 2] = ["gateway-templates", "service-templates"];

impl<'a> DocumentIndex<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        let parts: Parts<'_> = parse_or_default(text);
        let templates = |items: &[&RawValue]| {
            items
                .iter()
                .map(|item| parse_or_default(item.get()))
                .collect()
        };
        Self {
            namespaces: parts
                .namespaces
                .iter()
                .map(|item| parse_or_default(item.get()))
                .collect(),
            templates: [
                templates(&parts.gateway_templates),
                templates(&parts.service_templates),
            ],
        }
    }

    /// The namespace or service-color that a JSON pointer means.
    pub(super) fn subject(&self, pointer: &str) -> Option<String> {
        let mut steps = pointer.split('/').skip(1);
        let mut index = |list: &str| {
            let index = (steps.next() == Some(list)).then(|| steps.next())??;
            index.parse::<usize>().ok()
        };
        let namespace = self.namespaces.get(index("namespaces")?)?;
        let name = name_of(namespace.namespace)?;
        let part = index("service-colors").and_then(|index| namespace.service_colors.get(index));
        let part: ServiceColor<'_> = part
            .map(|part| parse_or_default(part.get()))
            .unwrap_or_default();
        match (name_of(part.service), name_of(part.color)) {
            (Some(service), Some(color)) => Some(format!("{service}/{color} in {name}")),
            _ => Some(name),
        }
    }

    /// Adds what appears twice.
    pub(super) fn duplicates(&self, findings: &mut Findings) {
        let mut seen = HashMap::new();
        for (index, namespace) in self.namespaces.iter().enumerate() {
            let Some(name) = text_of(namespace.namespace) else {
                continue;
            };
            let message = format!("{} is already the name of", quoted(&name));
            if let Some(first) = seen.insert(name, index) {
                findings.add(
                    "namespace",
                    format!("/namespaces/{index}/namespace"),
                    format!("{message} /namespaces/{first}; a namespace must appear only once"),
                );
            }
        }
        for (list, items) in TEMPLATES.iter().zip(&self.templates) {
            let mut seen = HashMap::new();
            for (index, item) in items.iter().enumerate() {
                if let (Some(purpose), Some(first)) = (&item.purpose, seen.insert(item, index)) {
                    findings.add(
                        "purpose",
                        format!("/{list}/{index}/purpose"),
                        format!(
                            "{} is already the purpose of item {first}, for the same proxies",
                            quoted(purpose)
                        ),
                    );
                }
            }
        }
    }
}

fn parse_or_default<'a, T: Default + Deserialize<'a>>(text: &'a str) -> T {
    serde_json::from_str(text).unwrap_or_default()
}

fn text_of(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

/// A name for a message: what is no name may be long.
fn name_of(raw: Option<&RawValue>) -> Option<String> {
    const LIMIT: usize = 128;
    let name = text_of(raw).filter(|name| !name.is_empty())?;
    Some(match name.char_indices().nth(LIMIT) {
        None => name,
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
    })
}
