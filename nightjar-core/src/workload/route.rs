//! Route declarations and their forms.
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

use crate::context::redirect_below;
use crate::document::{
    discovery_map::{
        HeaderMatch, NamespaceAccess, PathMatch, PathMatchType, PathValue, Properties,
        QueryParameterMatch, Route, Weight,
    },
    misspelt, schema, unknown_members,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// What to do about a path that no request can have.
const PATH_HINT: &str = "write the path as it appears in requests; use the JSON form for query-parameters, and match-type \
                    regex for a pattern";

/// Why a text declares no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RouteError {
    pub(super) reason: String,
    pub(super) remedy: String,
}

/// A route as it is declared: what may be left out is given by other settings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RouteText {
    path_match: PathMatch,
    #[serde(default)]
    weight: Option<Weight>,
    #[serde(default)]
    headers: Vec<HeaderMatch>,
    #[serde(default)]
    query_parameters: Vec<QueryParameterMatch>,
    #[serde(default = "yes")]
    default_access: bool,
    #[serde(default)]
    namespace_access: Vec<NamespaceAccess>,
    #[serde(default)]
    properties: Properties,
    /// Whether the text is a path without a trailing slash, which makes two routes.
    #[serde(skip)]
    covers_subpaths: bool,
}

fn yes() -> bool {
    true
}

impl RouteText {
    /// Reads a route from any of its forms.
    pub(super) fn parse(text: &str) -> Result<Self, RouteError> {
        let route = if text.starts_with('{') {
            from_json(text)?
        } else {
            from_path(text)?
        };
        match &route.path_match.value {
            PathValue::Unmatchable { reason, .. } => Err(RouteError {
                reason: reason.clone(),
                remedy: PATH_HINT.to_owned(),
            }),
            PathValue::Exact(_) | PathValue::Prefix(_) | PathValue::Regex(_) => Ok(route),
        }
    }

    /// Whether it is closed to anybody.
    pub(super) fn is_private(&self) -> bool {
        !self.default_access || self.namespace_access.iter().any(|entry| !entry.access)
    }

    /// Its own properties, which come before those of other settings.
    pub(super) fn properties_mut(&mut self) -> &mut Properties {
        &mut self.properties
    }

    /// The weight that it declares itself.
    pub(super) fn weight(&self) -> Option<Weight> {
        self.weight
    }

    /// What a person who wrote its path may have meant otherwise.
    pub(super) fn warning(&self) -> Option<String> {
        self.path_match.warning()
    }

    /// The routes: one, or two for a path without a trailing slash.
    pub(super) fn into_routes(self, weight: Weight, others: &Properties) -> Vec<Route> {
        let mut properties = others.clone();
        properties.extend(self.properties);
        let below = self
            .covers_subpaths
            .then(|| below(&self.path_match, &properties))
            .flatten();
        let route = |(path_match, properties): (PathMatch, Properties)| Route {
            path_match,
            weight,
            headers: self.headers.clone(),
            query_parameters: self.query_parameters.clone(),
            default_access: self.default_access,
            namespace_access: self.namespace_access.clone(),
            properties,
        };
        let exact = (self.path_match.clone(), properties);
        std::iter::once(exact).chain(below).map(route).collect()
    }
}

/// Everything below a path. What replaces the path, with a slash at its end, replaces the path with
/// one.
fn below(path_match: &PathMatch, properties: &Properties) -> Option<(PathMatch, Properties)> {
    let prefix = format!("{}/", path_match.text());
    let mut properties = properties.clone();
    if let Some(rewrite) = properties.get_mut("prefix-rewrite")
        && rewrite.starts_with('/')
        && !rewrite.ends_with('/')
    {
        *rewrite = format!("{rewrite}/").parse().ok()?;
    }
    if let Some(target) = properties.get_mut("redirect-to") {
        *target = redirect_below(target).parse().ok()?;
    }
    let path_match = PathMatch::new(PathMatchType::Prefix, &prefix).ok()?;
    Some((path_match, properties))
}

/// Whether everything below a path can be a route too.
fn is_extensible(path_match: &PathMatch) -> bool {
    PathMatch::new(PathMatchType::Prefix, &format!("{}/", path_match.text())).is_ok()
}

fn from_path(text: &str) -> Result<RouteText, RouteError> {
    let (default_access, path) = match text.split_at_checked(1) {
        Some(("!" | "-", path)) => (false, path),
        Some(("+", path)) => (true, path),
        _ => (true, text),
    };
    let has_space = path.contains(char::is_whitespace);
    // What it is in normal form counts: `/a/.` is `/a/`.
    let path_match =
        PathMatch::new(PathMatchType::Exact, path).and_then(|exact| match exact.text() {
            below if below.ends_with('/') => PathMatch::new(PathMatchType::Prefix, below),
            _ => Ok(exact),
        });
    match path_match {
        Ok(path_match) if !has_space && is_extensible(&path_match) => Ok(RouteText {
            covers_subpaths: path_match.match_type() == PathMatchType::Exact,
            path_match,
            weight: None,
            headers: Vec::new(),
            query_parameters: Vec::new(),
            default_access,
            namespace_access: Vec::new(),
            properties: Properties::new(),
        }),
        Ok(_) if !has_space => Err(RouteError {
            reason: "is too long for a route".to_owned(),
            remedy: "declare a shorter path".to_owned(),
        }),
        Ok(_) => Err(RouteError {
            reason: "contains white space, which a request's path cannot contain".to_owned(),
            remedy: "write it as it appears in requests: a space is %20".to_owned(),
        }),
        Err(reason) if path.starts_with('/') => Err(RouteError {
            reason,
            remedy: PATH_HINT.to_owned(),
        }),
        Err(reason) => Err(RouteError {
            reason: format!("is not a route: {reason}"),
            remedy:
                "write /path or +/path for a public route, !/path or -/path for a private one, \
                     or a route of the discovery map in JSON"
                    .to_owned(),
        }),
    }
}

/// The members of a route that say who may ask.
const ACCESS: [&str; 2] = ["default-access", "namespace-access"];

/// Whether a text that declares no route may have been meant for a private one.
pub(super) fn may_be_meant_private(text: &str) -> bool {
    if !text.starts_with('{') {
        return text.starts_with(['!', '-']);
    }
    let is_twice = |name: &&str| text.matches(&format!("\"{name}\"")).count() > 1;
    if ACCESS.iter().any(is_twice) {
        return true;
    }
    let Ok(members) = serde_json::from_str::<Map<String, Value>>(text) else {
        return text.to_lowercase().contains("acces");
    };
    members.iter().any(|(name, value)| match name.as_str() {
        "default-access" => *value != Value::Bool(true),
        "namespace-access" => value.as_array().is_none_or(|entries| {
            let opens = |entry: &Value| entry.get("access") == Some(&Value::Bool(true));
            !entries.iter().all(opens)
        }),
        name => misspelt(name, ACCESS).is_some() || name.to_lowercase().contains("acces"),
    })
}

/// Reads the JSON form by the types of the discovery map. No later version wrote it: a member that is
/// not known is an error, and would leave the route wider than it was meant.
fn from_json(text: &str) -> Result<RouteText, RouteError> {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| schema::<RouteText>().to_value());
    let error = |reason| {
        RouteError {
        reason,
        remedy: r#"write it as in the discovery map, such as {"path-match": {"match-type": "prefix", "value": "/shop/"}}"#.to_owned(),
    }
    };
    let value: Value = serde_json::from_str(text)
        .map_err(|cause| error(format!("is not a JSON object: {cause}")))?;
    let unknown = unknown_members(&SCHEMA, &value);
    if !unknown.is_empty() {
        let unknown: Vec<String> = unknown.into_iter().map(|finding| finding.message).collect();
        return Err(error(unknown.join("; ")));
    }
    // From the text, as a value does not tell of a member that appears twice.
    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    RouteText::deserialize(deserializer).map_err(|cause| {
        let cause = crate::document::one_line(&cause.to_string());
        match track.path().to_string().as_str() {
            "." => error(format!("is not a route: {cause}")),
            path => error(format!("is not a route: {path}: {cause}")),
        }
    })
}
