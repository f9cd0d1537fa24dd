//! The forms in which a route is declared.
//!
//! | form | meaning |
//! |---|---|
//! | `/path`, `+/path` | public: exactly that path, and everything below it |
//! | `/path/`, `+/path/` | public: everything that starts so |
//! | `!/path`, `-/path` | the same, but private to its namespace |
//! | `{…}` | a route as the discovery map has it; all but `path-match` may be left out |
//!
//! Tags in AWS hold letters, digits, spaces and `+ - = . _ : / @`, and nothing else: so `-/path` is
//! there for what cannot be written `!/path`, and the JSON form is for the environment.

use crate::document::{
    Document as _, Fault,
    discovery_map::{DiscoveryMap, PathMatch, PathMatchType, Properties, Route},
    shown,
};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

/// Why a text declares no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) reason: String,
    pub(super) remedy: String,
}

/// The routes that a text declares: one, or two for a path without a trailing slash. `properties`
/// hold as far as the text does not say otherwise; a weight of 0 stands for none.
pub(super) fn parse(text: &str, properties: &Properties) -> Result<Vec<Route>, Mistake> {
    if text.starts_with('{') {
        return from_json(text, properties).map(|route| vec![route]);
    }
    let (is_public, path) = match text.split_at_checked(1) {
        Some(("!" | "-", path)) => (false, path),
        Some(("+", path)) => (true, path),
        _ => (true, text),
    };
    check(path)?;
    let route = |match_type, value: String| Route {
        path_match: PathMatch {
            match_type,
            value,
            case_sensitive: true,
        },
        weight: 0,
        headers: Vec::new(),
        query_parameters: Vec::new(),
        default_access: is_public,
        namespace_access: Vec::new(),
        properties: properties.clone(),
    };
    if path.ends_with('/') {
        return Ok(vec![route(PathMatchType::Prefix, path.to_owned())]);
    }
    Ok(vec![
        route(PathMatchType::Exact, path.to_owned()),
        route(PathMatchType::Prefix, format!("{path}/")),
    ])
}

/// The members of a route that say who may ask.
const ACCESS: [&str; 2] = ["default-access", "namespace-access"];

/// Whether a route is closed to anybody.
pub(super) fn is_private(route: &Route) -> bool {
    !route.default_access || route.namespace_access.iter().any(|access| !access.access)
}

/// Whether a text that declares no route may have been meant for a private one.
pub(super) fn may_be_private(text: &str) -> bool {
    text.starts_with(['!', '-']) || (text.starts_with('{') && speaks_of_access(text))
}

fn speaks_of_access(text: &str) -> bool {
    text.to_lowercase().contains("access")
}

fn check(path: &str) -> Result<(), Mistake> {
    if !path.starts_with('/') {
        return Err(Mistake {
            reason: "is not a route".to_owned(),
            remedy:
                "write /path or +/path for a public route, !/path or -/path for a private one, \
                     or a route of the discovery map in JSON"
                    .to_owned(),
        });
    }
    if let Some(character) = path.chars().find(|c| c.is_control() || c.is_whitespace()) {
        return Err(Mistake {
            reason: format!("holds {character:?}, which no request's path does"),
            remedy: "write it as requests do: a space is %20".to_owned(),
        });
    }
    if let Some(character) = path.chars().find(|character| "?#".contains(*character)) {
        return Err(Mistake {
            reason: format!("holds {character:?}, where a path ends"),
            remedy: "ask for query-parameters in the JSON form".to_owned(),
        });
    }
    Ok(())
}

/// Reads the JSON form by the very rules that hold for a discovery map.
fn from_json(text: &str, properties: &Properties) -> Result<Route, Mistake> {
    let mistake = |reason| {
        Mistake {
        reason,
        remedy: r#"write it as in the discovery map, such as {"path-match": {"match-type": "prefix", "value": "/shop/"}}"#.to_owned(),
    }
    };
    let mut members: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| mistake(format!("is not a JSON object: {error}")))?;
    // Other members are not for this version, but one that is misspelt must not open a route.
    let misspelt = members
        .keys()
        .find(|name| speaks_of_access(name) && !ACCESS.contains(&name.as_str()));
    if let Some(name) = misspelt {
        return Err(mistake(format!(
            "has a member {}, and no route does; who may ask is said by {} and {}",
            shown(name),
            ACCESS[0],
            ACCESS[1]
        )));
    }
    let has_weight = members.contains_key("weight");
    let presets = [
        ("weight", json!(1)),
        ("default-access", json!(true)),
        ("namespace-access", json!([])),
    ];
    for (name, value) in presets {
        members.entry(name).or_insert(value);
    }
    let map = json!({
        "schema-version": "v1",
        "document-version": "",
        "namespaces": [{
            "namespace": "n",
            "network-id": "n",
            "gateways": {"instances": []},
            "service-colors": [{
                "service": "s", "color": "c", "index": 0,
                "instances": [], "routes": [members], "namespace-egress": []
            }]
        }]
    });
    let not_a_route = |why: &str| mistake(format!("is not a route: {why}"));
    let map =
        DiscoveryMap::deserialize(map).map_err(|error| not_a_route(short(&error.to_string())))?;
    let faults = map.faults();
    if !faults.is_empty() {
        return Err(not_a_route(&listed(&faults)));
    }
    let mut namespaces = map.namespaces.into_iter();
    let mut groups = namespaces.next().into_iter().flat_map(|n| n.service_colors);
    let mut routes = groups.next().into_iter().flat_map(|group| group.routes);
    let mut route = routes
        .next()
        .ok_or_else(|| mistake("is not a route".to_owned()))?;
    if !has_weight {
        route.weight = 0;
    }
    for (name, value) in properties {
        route
            .properties
            .entry(name.clone())
            .or_insert(value.clone());
    }
    Ok(route)
}

/// A message that may quote what is long.
fn short(message: &str) -> &str {
    let end = message.char_indices().nth(200);
    end.and_then(|(end, _)| message.get(..end))
        .unwrap_or(message)
}

/// How many faults of one route are told.
const TOLD: usize = 5;

fn listed(faults: &[Fault]) -> String {
    let shown = faults.iter().take(TOLD).map(|fault| {
        let pointer = fault.pointer.strip_prefix(ROUTE).unwrap_or(&fault.pointer);
        let place = if pointer.is_empty() { "" } else { ": " };
        format!("{pointer}{place}{}", fault.message)
    });
    let text = shown.collect::<Vec<_>>().join("; ");
    match faults.len().saturating_sub(TOLD) {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

/// Where the one route is in the map that it is read in.
const ROUTE: &str = "/namespaces/0/service-colors/0/routes/0";
