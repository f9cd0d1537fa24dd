//! Precedence of the templates of a mesh: which one proxies take for each purpose, whatever the proxies are.

use super::{
    origin::{Origin, TemplateScope},
    shipped::SHIPPED,
};
use crate::document::templates::Templates;
use std::{cmp::Reverse, collections::BTreeMap};

/// A template that proxies of its kind take for a purpose, those aside that one before it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precedence {
    /// The purpose.
    pub purpose: String,
    /// Where the template comes from, and why it is the one.
    pub origin: Origin,
}

/// The templates of gateways, those of one purpose together, the most specific first. With the shipped ones
/// beneath them, these come last where no template of the store is for every proxy.
pub fn gateway_precedence(templates: &Templates, over_shipped: bool) -> Vec<Precedence> {
    let scopes = templates.gateway_templates.iter().map(|template| {
        let scope = [template.namespace.as_deref(), None, None];
        (&*template.purpose, TemplateScope::of(scope))
    });
    precedence(scopes, over_shipped)
}

/// The templates of sidecars, in the order of [`gateway_precedence`].
pub fn service_precedence(templates: &Templates, over_shipped: bool) -> Vec<Precedence> {
    let scopes = templates.service_templates.iter().map(|template| {
        let scope = [
            template.namespace.as_deref(),
            template.service.as_deref(),
            template.color.as_deref(),
        ];
        (&*template.purpose, TemplateScope::of(scope))
    });
    precedence(scopes, over_shipped)
}

fn precedence<'a>(
    templates: impl Iterator<Item = (&'a str, TemplateScope)>,
    over_shipped: bool,
) -> Vec<Precedence> {
    let mut by_purpose: BTreeMap<&str, Vec<TemplateScope>> = BTreeMap::new();
    for (purpose, scope) in templates {
        by_purpose.entry(purpose).or_default().push(scope);
    }
    let shipped = SHIPPED.iter().filter(|_| over_shipped);
    for (purpose, _) in shipped {
        by_purpose.entry(purpose).or_default();
    }
    let mut found = Vec::new();
    for (purpose, scopes) in by_purpose {
        let origins = of_purpose(purpose, scopes, over_shipped);
        found.extend(origins.into_iter().map(|origin| Precedence {
            purpose: purpose.to_owned(),
            origin,
        }));
    }
    found
}

fn of_purpose(purpose: &str, mut scopes: Vec<TemplateScope>, over_shipped: bool) -> Vec<Origin> {
    scopes.sort_by_key(|scope| (Reverse(scope.specificity()), scope.clone()));
    let is_for_all = scopes.iter().any(|scope| scope.specificity() == 0);
    let is_shipped = SHIPPED.iter().any(|(name, _)| *name == purpose);
    let mut origins = Vec::new();
    let mut rest = scopes.as_slice();
    while let [scope, less_specific @ ..] = rest {
        let others = less_specific.iter().filter(|other| scope.meets(other));
        let origin = Origin::of_store(scope.clone(), others.cloned().collect());
        origins.push(if over_shipped {
            origin.over_shipped(purpose)
        } else {
            origin
        });
        rest = less_specific;
    }
    if over_shipped && is_shipped && !is_for_all {
        origins.push(Origin::Shipped);
    }
    origins
}
