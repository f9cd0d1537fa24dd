//! Selection of the templates of a mesh that are for one proxy.

use super::{Partials, Template, origin::Origin, shipped::ShippedTemplate};
use crate::document::{proxy_input::ProxyInput, templates::Templates};
use crate::mustache::{
    PARTIAL_SUFFIX,
    error::{TemplateError, TemplateErrors},
    purpose::{check_purpose, is_per_listener},
};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// The templates of one proxy, read and ready: for each purpose the one that fits best.
///
/// Every purpose makes a file, or a file a listener if it contains a tag, save those that end in
/// `.mustache`: they are there for others to contain. Any template of the set can be contained in
/// any other, as `{{>purpose}}`.
pub struct TemplateSet {
    pub(super) partials: Partials,
    /// The purposes that are file names with tags, read as templates themselves.
    pub(super) names: BTreeMap<String, Template>,
    /// The text of each template, by purpose.
    pub(super) texts: BTreeMap<String, String>,
    /// The JSON pointer of each template in the document, by purpose.
    pub(super) pointers: BTreeMap<String, String>,
    /// For whom each template is, by purpose.
    pub(super) origins: BTreeMap<String, Origin>,
    /// The shipped templates, if they lie beneath these.
    pub(super) shipped: Vec<ShippedTemplate>,
}

/// A template of the document with how well it fits the proxy.
struct MatchingTemplate<'a> {
    pointer: String,
    purpose: &'a str,
    text: &'a str,
    /// The namespace, service and color that it is for.
    scope: [Option<&'a str>; 3],
    specificity: u32,
}

impl MatchingTemplate<'_> {
    fn origin(&self) -> Origin {
        let [namespace, service, color] = self.scope.map(|name| name.map(ToOwned::to_owned));
        Origin::Store {
            namespace,
            service,
            color,
        }
    }
}

impl TemplateSet {
    /// The templates of a service-color's sidecars.
    pub fn select_service(
        document: &Templates,
        namespace: &str,
        service: &str,
        color: &str,
    ) -> Result<Self, TemplateErrors> {
        let templates = document.service_templates.iter().enumerate();
        Self::read(templates.filter_map(|(index, template)| {
            Some(MatchingTemplate {
                pointer: format!("/service-templates/{index}"),
                purpose: &template.purpose,
                text: &template.template,
                scope: [
                    template.namespace.as_deref(),
                    template.service.as_deref(),
                    template.color.as_deref(),
                ],
                specificity: specificity(template.namespace.as_deref(), namespace, 5)?
                    + specificity(template.service.as_deref(), service, 3)?
                    + specificity(template.color.as_deref(), color, 1)?,
            })
        }))
    }

    /// The templates of a namespace's gateways.
    pub fn select_gateway(document: &Templates, namespace: &str) -> Result<Self, TemplateErrors> {
        let templates = document.gateway_templates.iter().enumerate();
        Self::read(templates.filter_map(|(index, template)| {
            Some(MatchingTemplate {
                pointer: format!("/gateway-templates/{index}"),
                purpose: &template.purpose,
                text: &template.template,
                scope: [template.namespace.as_deref(), None, None],
                specificity: specificity(template.namespace.as_deref(), namespace, 5)?,
            })
        }))
    }

    /// The templates of the proxy that a context is for.
    pub fn for_proxy(document: &Templates, input: &ProxyInput) -> Result<Self, TemplateErrors> {
        if input.is_gateway {
            Self::select_gateway(document, &input.namespace)
        } else {
            Self::select_service(document, &input.namespace, &input.service, &input.color)
        }
    }

    /// The shipped templates, without any other.
    ///
    /// # Errors
    /// Never in practice: a test reads every shipped template.
    pub fn shipped_alone() -> Result<Self, TemplateErrors> {
        Self::read(std::iter::empty())?.over_shipped()
    }

    /// The purposes of all templates of the set, in order, those of partials included.
    pub fn purposes(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    fn read<'a>(
        matching: impl Iterator<Item = MatchingTemplate<'a>>,
    ) -> Result<Self, TemplateErrors> {
        let mut errors = Vec::new();
        let mut set = Self {
            partials: Partials::default(),
            names: BTreeMap::new(),
            texts: BTreeMap::new(),
            pointers: BTreeMap::new(),
            origins: BTreeMap::new(),
            shipped: Vec::new(),
        };
        let chosen = best(matching, &mut errors);
        let known: BTreeSet<&str> = chosen.iter().map(|template| template.purpose).collect();
        let has_partial =
            |name: &str| known.contains(name) || known.contains(&*[name, PARTIAL_SUFFIX].concat());
        for template in chosen {
            let MatchingTemplate { purpose, text, .. } = template;
            set.origins.insert(purpose.to_owned(), template.origin());
            set.pointers
                .insert(purpose.to_owned(), template.pointer.clone());
            if let Err(message) = check_purpose(purpose) {
                errors.push(TemplateError::of(purpose, message));
            } else if is_per_listener(purpose) {
                match Template::parse(purpose, purpose) {
                    Ok(name) => drop(set.names.insert(purpose.to_owned(), name)),
                    Err(TemplateErrors(of_name)) => errors.extend(of_name),
                }
            }
            match Template::parse_with(purpose, text, has_partial) {
                Ok(template) => drop(set.partials.0.insert(purpose.to_owned(), template)),
                Err(TemplateErrors(of_text)) => errors.extend(of_text),
            }
            set.texts.insert(purpose.to_owned(), text.to_owned());
        }
        TemplateErrors::check(errors)?;
        Ok(set)
    }

    /// The templates that make files.
    pub(super) fn of_files(&self) -> impl Iterator<Item = &Template> {
        let templates = self.partials.0.values();
        templates.filter(|template| !template.name().ends_with(PARTIAL_SUFFIX))
    }
}

/// How well what a template names fits what the proxy is; nothing if it does not.
fn specificity(named: Option<&str>, actual: &str, weight: u32) -> Option<u32> {
    match named {
        None => Some(0),
        Some(named) => (named == actual).then_some(weight),
    }
}

/// For each purpose the text that fits best. No two sums of weights are equal, so two templates
/// that fit equally well name the same things.
fn best<'a>(
    matching: impl Iterator<Item = MatchingTemplate<'a>>,
    errors: &mut Vec<TemplateError>,
) -> Vec<MatchingTemplate<'a>> {
    let mut chosen: BTreeMap<&str, MatchingTemplate<'a>> = BTreeMap::new();
    let mut twice: Vec<(MatchingTemplate<'a>, String)> = Vec::new();
    for template in matching {
        match chosen.entry(template.purpose) {
            Entry::Vacant(place) => drop(place.insert(template)),
            Entry::Occupied(mut place) if place.get().specificity < template.specificity => {
                place.insert(template);
            }
            Entry::Occupied(place) if place.get().specificity == template.specificity => {
                twice.push((template, place.get().pointer.clone()));
            }
            Entry::Occupied(_) => {}
        }
    }
    for (second, first) in twice {
        if chosen
            .get(second.purpose)
            .is_some_and(|best| best.specificity == second.specificity)
        {
            let message = format!(
                "{first} and {} have the same purpose and are for the same proxies",
                second.pointer
            );
            errors.push(TemplateError::of(second.purpose, message));
        }
    }
    chosen.into_values().collect()
}
