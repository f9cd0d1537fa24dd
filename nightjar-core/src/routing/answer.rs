//! What is said of a request.

use crate::{
    context::{ContextError, ProxyRole},
    document::{discovery_map::PathMatchType, nearest},
};
use serde::Serialize;

/// Who sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The namespace of the caller's proxy.
    pub namespace: String,
    /// A service-color, which sends it to its sidecar, or anybody who calls the gateway.
    pub role: ProxyRole,
    /// The namespace that is called, if it is another one.
    pub to: Option<String>,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A service-color answers it.
    Served,
    /// A private route takes it, and the caller may not reach that.
    Denied,
    /// No route takes it.
    NotFound,
    /// A route takes it, and nobody is there to answer.
    Unavailable,
    /// The proxy redirects it.
    Redirected,
    /// The proxy answers it itself.
    Answered,
}

/// A service-color that answers, with its share of all such requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// The namespace.
    pub namespace: String,
    /// The service.
    pub service: String,
    /// Its color.
    pub color: String,
    /// From 0 to 1.
    pub share: f64,
}

/// The route that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FoundRoute {
    /// The proxy's listener that has it.
    pub listener: String,
    /// Its place among the routes of that listener, from 1; `None` if the listener leaves it out.
    pub position: Option<usize>,
    /// How the path is compared.
    pub match_type: PathMatchType,
    /// The path, its prefix or the expression, as the map has it.
    pub path: String,
    /// What it takes, in words: path and conditions.
    pub text: String,
    /// The entries of the map that it comes from.
    pub declared: Vec<Declared>,
}

/// An entry of the map that a route comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Declared {
    /// The namespace.
    pub namespace: String,
    /// The service.
    pub service: String,
    /// Its color.
    pub color: String,
    /// The index of the group in its service-color.
    pub index: i64,
    /// The JSON pointer of the route in the map.
    pub pointer: String,
    /// Its weight there.
    pub weight: u16,
    /// How many endpoints the group has.
    pub endpoints: usize,
    /// Whether the caller may reach it.
    pub reachable: bool,
}

/// What becomes of a request, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// What becomes of it.
    #[serde(rename = "answer")]
    pub outcome: Outcome,
    /// Who answers it, the greatest share first.
    pub members: Vec<Member>,
    /// The route that decided, if one did.
    pub route: Option<FoundRoute>,
    /// The path that routes were compared with.
    pub path: Option<String>,
    /// Where a route redirects it to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Why, in a sentence.
    pub because: String,
}

/// Why nothing can be said of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoutingError {
    /// The caller is not in the map.
    #[error("{0}{hint}", hint = hint(nearest_of(.0)))]
    Caller(ContextError),
    /// The namespace that is called is not in the map.
    #[error("namespace `{name}` is not in the discovery map{hint}", hint = hint(nearest.clone()))]
    Called {
        /// The namespace.
        name: String,
        /// The known one that is most like it.
        nearest: Option<String>,
    },
}

fn hint(nearest: Option<String>) -> String {
    nearest.map_or_else(String::new, |name| {
        format!("\n  hint: did you mean `{name}`?")
    })
}

fn nearest_of(error: &ContextError) -> Option<String> {
    let (name, known) = match error {
        ContextError::UnknownNamespace { namespace, known } => (namespace.clone(), known),
        ContextError::UnknownServiceColor {
            service,
            color,
            known,
            ..
        } => (format!("{service}/{color}"), known),
    };
    nearest(&name, known.names()).map(ToOwned::to_owned)
}
