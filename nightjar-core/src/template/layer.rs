//! Shipped layer: the templates that come with Nightjar, beneath those of a store.
//!
//! A shipped template makes a file only if a file that Envoy reads names that file and no template of
//! the store makes it. So a store with a set of its own makes what it made before, whatever its files
//! are called, and a store with one small template changes one thing.

use super::{
    Template,
    files::{FileWarning, render_file},
    origin::Origin,
    sample::sample,
    select::TemplateSet,
    shipped::{HOOKS, SHIPPED, ShippedTemplate},
};
use crate::document::proxy_input::ProxyInput;
use crate::mustache::{PARTIAL_SUFFIX, error::TemplateErrors, purpose::is_per_listener};
use std::collections::BTreeMap;

/// A file that a shipped template made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited {
    /// The text.
    pub text: String,
    /// A member that a hook repeats because of the map.
    pub warning: Option<FileWarning>,
}

impl TemplateSet {
    /// Puts the set over the shipped templates, whose hooks it fills.
    ///
    /// # Errors
    /// Never in practice: a test reads every shipped template.
    pub fn over_shipped(mut self) -> Result<Self, TemplateErrors> {
        let has_partial = |name: &str| self.partials.get(name).is_some();
        let shipped: Result<_, TemplateErrors> = SHIPPED
            .iter()
            .map(|(name, text)| {
                Ok(ShippedTemplate {
                    template: Template::parse_with(name, text, has_partial)?,
                    name: is_per_listener(name)
                        .then(|| Template::parse(name, name))
                        .transpose()?,
                })
            })
            .collect();
        self.shipped = shipped?;
        self.origins = self
            .origins
            .into_iter()
            .map(|(purpose, origin)| {
                let origin = origin.over_shipped(&purpose);
                (purpose, origin)
            })
            .collect();
        Ok(self)
    }

    /// Makes a file by the shipped templates, if they lie beneath this set and have it.
    ///
    /// # Errors
    /// [`TemplateErrors`] if a hook cannot be rendered, or repeats a member of the file whatever the map is.
    /// What it repeats only because of the map is a warning: who writes into the map must not be able to
    /// stop a proxy.
    pub fn inherited(
        &self,
        path: &str,
        input: &ProxyInput,
    ) -> Result<Option<Inherited>, TemplateErrors> {
        for ShippedTemplate { template, name } in &self.shipped {
            let listener = match name {
                None if template.name() == path => None,
                None => continue,
                Some(name) => {
                    let mut listeners = input.listeners.iter();
                    let makes = |listener: &_| self.file_name(name, input, listener);
                    match listeners.find(|listener| makes(listener).is_ok_and(|name| name == path))
                    {
                        Some(listener) => Some(listener),
                        None => continue,
                    }
                }
            };
            let made = render_file(&self.partials, input, template, path, listener, 0)?;
            let warning = made.repeated_member(template.name(), &self.texts);
            if let Some(FileWarning { error, .. }) = &warning
                && self.repeats_always(template, input.is_service)
            {
                return Err(error.clone().into());
            }
            let text = made.text;
            return Ok(Some(Inherited { text, warning }));
        }
        Ok(None)
    }

    /// Whether a hook repeats a member of the template even in the least that there is to render.
    fn repeats_always(&self, template: &Template, is_service: bool) -> bool {
        let Some(sample) = sample(is_service) else {
            return false;
        };
        let listener = sample.listeners.first();
        let listener = listener.filter(|_| is_per_listener(template.name()));
        let path = template.name();
        render_file(&self.partials, &sample, template, path, listener, 0)
            .is_ok_and(|made| made.repeated_member(path, &self.texts).is_some())
    }

    /// Where each of a proxy's files comes from, and each partial of the set.
    pub fn origins<'a>(
        &self,
        input: &ProxyInput,
        files: impl Iterator<Item = &'a str>,
    ) -> BTreeMap<String, Origin> {
        let mut own = BTreeMap::new();
        for (purpose, origin) in &self.origins {
            match self.names.get(purpose) {
                None => drop(own.insert(purpose.clone(), origin)),
                Some(name) => {
                    let listeners = input.listeners.iter();
                    let names =
                        listeners.flat_map(|listener| self.file_name(name, input, listener));
                    own.extend(names.map(|name| (name, origin)));
                }
            }
        }
        let files = files.map(|file| {
            let origin = own
                .get(file)
                .map_or(Origin::Shipped, |origin| (*origin).clone());
            (file.to_owned(), origin)
        });
        let partials = own
            .iter()
            .filter(|(name, _)| name.ends_with(PARTIAL_SUFFIX));
        let partials = partials.map(|(name, origin)| (name.clone(), (*origin).clone()));
        files.chain(partials).collect()
    }
}

/// What is wrong with the name of a template that was meant as a hook.
pub(super) fn hook_without_suffix(purpose: &str) -> Option<String> {
    let hook = HOOKS
        .iter()
        .find(|hook| hook.strip_suffix(PARTIAL_SUFFIX) == Some(purpose))?;
    Some(format!(
        "this makes a file named {purpose:?}; a hook of the shipped templates has the purpose {hook:?}"
    ))
}
