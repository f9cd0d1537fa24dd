//! Templates tried out with a sample of a proxy: what hooks would break in the files of the shipped templates,
//! and what files of a store's own repeat.

use super::{
    files::{FileWarning, repeated_members},
    sample::{NAME, sample},
    select::TemplateSet,
    shipped::HOOKS,
};
use crate::document::templates::Templates;
use crate::mustache::error::{TemplateError, TemplateErrors};
use crate::proxy::defaults::BOOTSTRAP;
use std::collections::{BTreeMap, BTreeSet};

/// Whom templates are for: namespace, and service and color of a sidecar.
type Scope<'a> = (&'a str, Option<(&'a str, &'a str)>);

/// The errors of hooks in the files that a sample of a proxy inherits, each with the JSON pointer of the
/// hook's template. Which values a map has is not known, so what depends on them is not found.
pub(super) fn errors(templates: &Templates) -> Vec<(String, TemplateError)> {
    let mut found = Vec::new();
    for scope in scopes(templates, |purpose| HOOKS.contains(&purpose)) {
        let set = select(templates, scope).and_then(TemplateSet::over_shipped);
        // What is wrong with a template by itself is told elsewhere.
        let (Some(input), Ok(set)) = (sample(scope.1.is_some()), set) else {
            continue;
        };
        let Ok(own) = set.render(&input) else {
            continue;
        };
        for file in inherited_files(&own) {
            let made = set.inherited(file, &input);
            for error in made.err().into_iter().flat_map(|errors| errors.0) {
                let pointer = pointer(&set, &error.message);
                if !found.contains(&(pointer.clone(), error.clone())) {
                    found.push((pointer, error));
                }
            }
        }
    }
    found
}

/// The members that files of the store's own repeat for a sample of a proxy, each with the JSON pointer of
/// the file's template.
pub(super) fn warnings(templates: &Templates) -> Vec<(String, FileWarning)> {
    let mut found = Vec::new();
    for scope in scopes(templates, |_| true) {
        let (Some(input), Ok(set)) = (sample(scope.1.is_some()), select(templates, scope)) else {
            continue;
        };
        let Ok(files) = set.render(&input) else {
            continue;
        };
        for warning in repeated_members(&files) {
            let purpose = set.purpose_of(&warning.error.template, &input);
            let pointer = set.pointers.get(purpose).map_or("", String::as_str);
            let pointer = format!("{pointer}/template");
            if !found.contains(&(pointer.clone(), warning.clone())) {
                found.push((pointer, warning));
            }
        }
    }
    found
}

fn select(
    templates: &Templates,
    (namespace, service): Scope<'_>,
) -> Result<TemplateSet, TemplateErrors> {
    match service {
        None => TemplateSet::select_gateway(templates, namespace),
        Some((service, color)) => TemplateSet::select_service(templates, namespace, service, color),
    }
}

/// The shipped files that a set inherits: those that it does not make, and that something names which
/// Envoy reads. A set with a bootstrap under another name inherits only what its files name.
fn inherited_files(own: &BTreeMap<String, String>) -> Vec<&'static str> {
    const BY_BOOTSTRAP: [&str; 2] = ["cds.json", "lds.json"];
    const BY_LISTENERS: &str = "rds-8080.json";
    let is_named = |file: &str| own.values().any(|text| text.contains(&format!("/{file}")));
    let has_bootstrap = own
        .values()
        .any(|text| text.contains("dynamic_resources") || text.contains("static_resources"));
    let mut files = Vec::new();
    if !own.contains_key(BOOTSTRAP) && !has_bootstrap {
        files.push(BOOTSTRAP);
    }
    for file in BY_BOOTSTRAP {
        if !own.contains_key(file) && (!has_bootstrap || is_named(file)) {
            files.push(file);
        }
    }
    let named = files.contains(&"lds.json") || is_named(BY_LISTENERS);
    if !own.contains_key(BY_LISTENERS) && named {
        files.push(BY_LISTENERS);
    }
    files
}

/// For whom there are templates of some purposes.
fn scopes(templates: &Templates, counts: impl Fn(&str) -> bool) -> BTreeSet<Scope<'_>> {
    let gateways = templates.gateway_templates.iter();
    let gateways = gateways
        .filter(|template| counts(&template.purpose))
        .map(|template| (template.namespace.as_deref().unwrap_or(NAME), None));
    let services = templates.service_templates.iter();
    let services = services
        .filter(|template| counts(&template.purpose))
        .map(|template| {
            let service = template.service.as_deref().unwrap_or(NAME);
            let color = template.color.as_deref().unwrap_or(NAME);
            let namespace = template.namespace.as_deref().unwrap_or(NAME);
            (namespace, Some((service, color)))
        });
    gateways.chain(services).collect()
}

/// The template of the hook that an error names, as the set has it.
fn pointer(set: &TemplateSet, message: &str) -> String {
    let mut hooks = HOOKS.iter().filter(|hook| message.contains(**hook));
    let pointer = hooks.find_map(|hook| set.pointers.get(*hook));
    format!("{}/template", pointer.map_or("", String::as_str))
}
