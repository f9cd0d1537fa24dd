//! Properties as the map gives them, checked: what counts, and what is told of the rest.

use super::{
    builder::ContextBuilder,
    properties::{NONE, Scope, Target, documented, misspelt_property, one_spelling},
    property_levels::removals,
    value_format::{ACCESS_LOG_NONE, header_refusal, longer},
    warning::{Subject, WarningOrigin},
};
use crate::document::{discovery_map, proxy_input::Properties, truncated};
use std::{collections::btree_map::Entry, fmt};

/// What is wrong with a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PropertyWarning {
    /// What is wrong, as the end of a sentence about the property.
    pub(crate) reason: String,
    pub(crate) remedy: Option<String>,
}

impl fmt::Display for PropertyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// The value of a property in Envoy's form, if it counts, and what is wrong with it, if anything is.
pub(crate) fn check_property(
    name: &str,
    value: &str,
    scope: Scope,
) -> (Option<String>, Option<PropertyWarning>) {
    let left_out = |reason: String, remedy: String| {
        (
            None,
            Some(PropertyWarning {
                reason,
                remedy: Some(remedy),
            }),
        )
    };
    let Some(property) = documented(name) else {
        let warning = misspelt_property(name).map(|meant| PropertyWarning {
            reason: "is not used by the shipped templates".to_owned(),
            remedy: Some(format!("did you mean `{meant}`?")),
        });
        return (Some(value.to_owned()), warning);
    };
    if let Some(header) = property.member(name)
        && let Some(refusal) = header_refusal(header)
    {
        let header = truncated(header);
        return left_out(
            format!("is left out: `{header}` {refusal}"),
            "name another header".to_owned(),
        );
    }
    let setting = name.to_uppercase().replace('-', "_");
    match (property.target, scope) {
        (Target::Cluster, Scope::Route) => left_out(
            "has no effect on a route, and is left out".to_owned(),
            format!("set it for the whole service-color, with NJ_PROP_{setting}"),
        ),
        (Target::Proxy, Scope::Route) => left_out(
            "has no effect on a route, and is left out".to_owned(),
            format!(
                "set it for the whole service-color, or for the proxy with NJ_PROXY_PROP_{setting}"
            ),
        ),
        (Target::ProxyEnvironment, Scope::Route | Scope::ServiceColorOrNamespace) => left_out(
            "is read only from a proxy's own environment, and is left out".to_owned(),
            format!("set NJ_PROXY_PROP_{setting} where the proxy runs"),
        ),
        _ => {
            if let Some(normalise) = property.normalise(value) {
                // Whoever can tag a task must not silence a log.
                if name == "access-log" && normalise == ACCESS_LOG_NONE && scope != Scope::Proxy {
                    return left_out(
                        "can be `none` only in a proxy's own environment, and is left out"
                            .to_owned(),
                        format!("set NJ_PROXY_PROP_{setting} where the proxy runs"),
                    );
                }
                return (Some(normalise), None);
            }
            let form = property.format.description();
            let reason = format!("is left out: `{}` is not {form}", truncated(value));
            (
                None,
                Some(PropertyWarning {
                    reason,
                    remedy: None,
                }),
            )
        }
    }
}

/// One level's properties: documented ones in Envoy's form, others as they are.
pub(super) fn check_properties(
    given: &discovery_map::Properties,
    scope: Scope,
    subject: &Subject,
    builder: &mut ContextBuilder<'_>,
) -> Properties {
    let mut kept = Properties::new();
    for (name, value) in given {
        let (value, warning) = check_property(name, value, scope);
        if let Some(warning) = warning {
            builder.note(
                subject,
                WarningOrigin::Entry,
                format!("property `{}` {warning}", truncated(name)),
            );
        }
        let Some(value) = value else {
            continue;
        };
        match kept.entry(one_spelling(name).into_owned()) {
            Entry::Vacant(place) => drop(place.insert(value)),
            Entry::Occupied(_) => {
                let message = format!(
                    "property `{}` is left out: another one sets the same header; remove one of them",
                    truncated(name)
                );
                builder.warn(subject, message);
            }
        }
    }
    for message in useless_on_one_level(&kept) {
        builder.warn(subject, message);
    }
    for (remove, header, setting) in removals(&kept) {
        if kept.contains_key(&setting) {
            let (header, setting) = (truncated(header), truncated(&setting));
            let message = format!(
                "property `{remove}` has no effect on header `{header}`, which `{setting}` sets; remove one of them"
            );
            builder.warn(subject, message);
        }
    }
    kept
}

/// What one level says twice over: the one property makes the other useless.
fn useless_on_one_level(kept: &Properties) -> Vec<String> {
    let mut messages = Vec::new();
    if kept.contains_key("retry-on") && kept.get("num-retries").is_some_and(|count| count == "0") {
        messages.push(
            "property `retry-on` has no effect beside `num-retries` 0; remove one of them"
                .to_owned(),
        );
    }
    if let (Some(each), Some(all)) = (kept.get("per-try-timeout"), kept.get("timeout"))
        && each != NONE
        && longer(each.clone(), all.clone()) == *each
    {
        messages.push(format!(
            "property `per-try-timeout` {each} has no effect beside a `timeout` of {all}, which is not longer; make it shorter"
        ));
    }
    messages
}

/// The same, where somebody else warns.
pub(super) fn valid_properties(given: &discovery_map::Properties, scope: Scope) -> Properties {
    let mut kept = Properties::new();
    for (name, value) in given {
        if let (Some(value), _) = check_property(name, value, scope) {
            kept.entry(one_spelling(name).into_owned()).or_insert(value);
        }
    }
    kept
}
