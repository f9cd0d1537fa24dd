//! One request, and whether a route of the context takes it, as Envoy decides on the files of the
//! shipped templates.

use super::path::Target;
use crate::document::{
    has_prefix, is_equal, matches_whole,
    proxy_input::{Filter, ProxyInput, Route},
};

/// A request as its caller sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The host it is sent to, with its port if the caller says one.
    pub authority: String,
    /// Path and query.
    pub target: String,
    /// The other headers, each line by itself.
    pub headers: Vec<(String, String)>,
}

/// A request as routes see it.
pub(super) struct Seen {
    pub(super) target: Target,
    /// The path that is compared, without path parameters.
    pub(super) path: String,
    /// By names in lower case.
    headers: Vec<(String, String)>,
}

/// Headers that one proxy sends to another, and callers cannot send.
const OF_ENVOY: &str = "x-envoy-";

impl Seen {
    /// What a proxy makes of a request before it looks for a route.
    ///
    /// # Errors
    /// Why it answers 400.
    pub(super) fn new(request: &Request, proxy: &ProxyInput) -> Result<Self, String> {
        let target = Target::new(&request.target)?;
        let mut headers: Vec<(String, String)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .filter(|(name, _)| !name.starts_with(OF_ENVOY))
            .collect();
        let default = if proxy.is_gateway {
            "DROP_HEADER"
        } else {
            "ALLOW"
        };
        let action = proxy.properties.get("underscore-headers");
        match action.map_or(default, String::as_str) {
            "DROP_HEADER" => headers.retain(|(name, _)| !name.contains('_')),
            "REJECT_REQUEST" => {
                if let Some((name, _)) = headers.iter().find(|(name, _)| name.contains('_')) {
                    return Err(format!(
                        "its header `{name}` holds an underscore, which this proxy rejects"
                    ));
                }
            }
            _ => {}
        }
        // What Envoy sets itself before it routes.
        for (name, value) in [("x-forwarded-proto", "http"), ("x-request-id", "")] {
            if !headers.iter().any(|(known, _)| known == name) {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        headers.extend([
            (":method".to_owned(), request.method.clone()),
            (":authority".to_owned(), request.authority.clone()),
            (":path".to_owned(), target.full()),
            (":scheme".to_owned(), "http".to_owned()),
        ]);
        Ok(Self {
            path: target.compared(),
            target,
            headers,
        })
    }

    /// Whether a route takes the request.
    pub(super) fn meets(&self, route: &Route) -> bool {
        let header = |filter: &Filter| {
            let name = filter.name.to_ascii_lowercase();
            let lines = self.headers.iter().filter(|(known, _)| *known == name);
            let lines: Vec<&str> = lines.map(|(_, value)| value.as_str()).collect();
            holds(filter, &lines)
        };
        // Of several parameters of one name, the first counts.
        let query = |filter: &Filter| {
            let first = self.target.parameters(&filter.name).take(1);
            holds(filter, &first.collect::<Vec<_>>())
        };
        self.meets_path(route)
            && route.header_filters.iter().all(header)
            && route.query_filters.iter().all(query)
    }

    fn meets_path(&self, route: &Route) -> bool {
        let (path, is_strict) = (self.path.as_str(), route.path_is_case_sensitive);
        if route.path_is_regex {
            return matches_whole(path, &route.route_path, is_strict);
        }
        if route.has_spellings {
            let end = if route.path_is_prefix { ".*" } else { "" };
            let pattern = format!("{}{end}", route.path_pattern);
            return matches_whole(path, &pattern, is_strict);
        }
        if route.path_is_prefix {
            has_prefix(path, &route.route_path, is_strict)
        } else {
            is_equal(path, &route.route_path, is_strict)
        }
    }
}

/// Whether a condition holds for the values of its header or parameter.
fn holds(filter: &Filter, values: &[&str]) -> bool {
    if values.is_empty() {
        // An inverted condition takes what is missing for an empty value.
        return filter.invert_match && (filter.is_present_match || !filter.is_met_by(""));
    }
    values.iter().any(|value| filter.is_met_by(value)) != filter.invert_match
}
