//! Selection of the templates of a mesh that are for one proxy.

use super::{
    Partials, Template,
    origin::{Origin, TemplateScope, WEIGHTS},
    shipped::ShippedTemplate,
};
use crate::document::{proxy_input::ProxyInput, templates::Templates};
use crate::mustache::{
    PARTIAL_SUFFIX,
    error::{TemplateError, TemplateErrors},
    purpose::{check_purpose, is_per_listener},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

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
    /// Where each template comes from, by purpose.
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
    /// For whom the less specific ones of its purpose are.
    others: Vec<[Option<&'a str>; 3]>,
}

impl<'a> MatchingTemplate<'a> {
    /// A template with how well it fits; nothing if it names another proxy.
    fn of(
        pointer: String,
        (purpose, text): (&'a str, &'a str),
        scope: [Option<&'a str>; 3],
        proxy: [&str; 3],
    ) -> Option<Self> {
        let mut specificity = 0;
        for ((named, actual), weight) in scope.iter().zip(proxy).zip(WEIGHTS) {
            match named {
                None => {}
                Some(named) if *named == actual => specificity += weight,
                Some(_) => return None,
            }
        }
        Some(Self {
            pointer,
            purpose,
            text,
            scope,
            specificity,
            others: Vec::new(),
        })
    }

    fn origin(&self) -> Origin {
        let others = self.others.iter().copied().map(TemplateScope::of);
        Origin::of_store(TemplateScope::of(self.scope), others.collect())
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
            MatchingTemplate::of(
                format!("/service-templates/{index}"),
                (&template.purpose, &template.template),
                [
                    template.namespace.as_deref(),
                    template.service.as_deref(),
                    template.color.as_deref(),
                ],
                [namespace, service, color],
            )
        }))
    }

    /// The templates of a namespace's gateways.
    pub fn select_gateway(document: &Templates, namespace: &str) -> Result<Self, TemplateErrors> {
        let templates = document.gateway_templates.iter().enumerate();
        Self::read(templates.filter_map(|(index, template)| {
            MatchingTemplate::of(
                format!("/gateway-templates/{index}"),
                (&template.purpose, &template.template),
                [template.namespace.as_deref(), None, None],
                [namespace, "", ""],
            )
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

/// For each purpose the template that fits best. Two that fit equally well name the same things.
fn best<'a>(
    matching: impl Iterator<Item = MatchingTemplate<'a>>,
    errors: &mut Vec<TemplateError>,
) -> Vec<MatchingTemplate<'a>> {
    let mut by_purpose: BTreeMap<&str, Vec<MatchingTemplate<'a>>> = BTreeMap::new();
    for template in matching {
        by_purpose
            .entry(template.purpose)
            .or_default()
            .push(template);
    }
    let best_of = |mut candidates: Vec<MatchingTemplate<'a>>| {
        candidates.sort_by_key(|template| Reverse(template.specificity));
        let mut candidates = candidates.into_iter();
        let mut best = candidates.next()?;
        for other in candidates {
            if other.specificity == best.specificity {
                let message = format!(
                    "{} and {} have the same purpose and are for the same proxies",
                    best.pointer, other.pointer
                );
                errors.push(TemplateError::of(other.purpose, message));
            } else {
                best.others.push(other.scope);
            }
        }
        Some(best)
    };
    by_purpose.into_values().filter_map(best_of).collect()
}
