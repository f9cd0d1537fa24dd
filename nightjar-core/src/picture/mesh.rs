//! What a drawing shows of a mesh: namespaces, services, colors, routes and shares, as texts. Everything is
//! sorted, so that the order of the map does not matter.

mod share;

pub use share::Share;

use crate::document::discovery_map::{
    self, DiscoveryMap, HeaderMatch, PathMatchType, Protocol, QueryParameterMatch, ServiceColor,
    ValueMatch,
};
use crate::report::quoted;
use share::set_shares;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// The namespaces of a mesh, by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mesh {
    /// An opaque string that differs whenever the content of the map differs.
    pub version: String,
    /// The namespaces in the order of their names.
    pub namespaces: Vec<Namespace>,
}

/// One namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Namespace {
    /// Its name, unique in the map.
    pub name: String,
    /// What the network calls it.
    pub network_id: String,
    /// Where its gateways listen.
    pub gateways: Vec<String>,
    /// What its gateways speak.
    pub gateway_protocol: Protocol,
    /// Whether other namespaces should call through the gateways.
    pub prefers_gateway: bool,
    /// Names and values.
    pub properties: Vec<(String, String)>,
    /// The services by their names.
    pub services: BTreeMap<String, Service>,
}

/// A service with all its colors.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// The groups of each color, by the color's name.
    pub colors: BTreeMap<String, Vec<Group>>,
    /// Whether a gateway has one of its routes.
    pub is_public: bool,
    /// The namespaces that it calls.
    pub calls: BTreeSet<String>,
}

/// The instances of one color at one index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// What tells it apart from other groups of the color.
    pub index: i64,
    /// What its instances speak.
    pub protocol: Protocol,
    /// Where its instances listen.
    pub endpoints: Vec<String>,
    /// Names and values.
    pub properties: Vec<(String, String)>,
    /// What it answers.
    pub routes: Vec<Route>,
    /// The namespaces that it calls, and its local interface for each.
    pub egress: Vec<(String, String)>,
}

/// Requests that a group answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Which paths: the kind of comparison and its text.
    pub path: String,
    /// Which headers and query parameters, all of them.
    pub conditions: Vec<String>,
    /// Who may call it.
    pub access: Access,
    /// Its weight among the routes for the same requests.
    pub weight: u16,
    /// Its share of these requests.
    pub share: Share,
    /// Names and values.
    pub properties: Vec<(String, String)>,
}

/// Who may call a route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// Whether gateways and the namespaces that are not among the exceptions may.
    pub is_public: bool,
    /// The namespaces for which it is the other way round.
    pub exceptions: Vec<String>,
}

impl Mesh {
    /// The mesh of a map.
    pub fn new(map: &DiscoveryMap) -> Self {
        let mut namespaces: Vec<Namespace> = map.namespaces.iter().map(Namespace::new).collect();
        namespaces.sort();
        Self {
            version: map.document_version.to_string(),
            namespaces,
        }
    }

    /// The number of services.
    pub fn services(&self) -> usize {
        let namespaces = self.namespaces.iter();
        namespaces.map(|namespace| namespace.services.len()).sum()
    }
}

impl Namespace {
    fn new(namespace: &discovery_map::Namespace) -> Self {
        let mut services = BTreeMap::<String, Service>::new();
        for entry in &namespace.service_colors {
            let service = services.entry(entry.service.to_string()).or_default();
            let group = Group::new(entry);
            service.is_public |= group.routes.iter().any(|route| route.access.is_public);
            let called = group.egress.iter().map(|(called, _)| called.clone());
            service.calls.extend(called);
            let groups = service.colors.entry(entry.color.to_string()).or_default();
            groups.push(group);
        }
        set_shares(&mut services);
        for groups in services.values_mut().flat_map(|it| it.colors.values_mut()) {
            groups.sort();
        }
        Self {
            name: namespace.namespace.to_string(),
            network_id: namespace.network_id.to_string(),
            gateways: sorted(&namespace.gateways.instances),
            gateway_protocol: namespace.gateways.protocol,
            prefers_gateway: namespace.gateways.prefer_gateway,
            properties: pairs(&namespace.properties),
            services,
        }
    }

    /// The number of its services' endpoints.
    pub fn endpoints(&self) -> usize {
        self.services.values().map(Service::endpoints).sum()
    }
}

impl Service {
    /// The number of its endpoints in all colors.
    pub fn endpoints(&self) -> usize {
        let groups = self.colors.values().flatten();
        groups.map(|group| group.endpoints.len()).sum()
    }

    /// The routes of all colors, each once, without weights and properties.
    pub fn requests(&self) -> BTreeSet<(&str, &[String], &Access)> {
        let groups = self.colors.values().flatten();
        let routes = groups.flat_map(|group| &group.routes);
        routes
            .map(|route| (&*route.path, &*route.conditions, &route.access))
            .collect()
    }
}

impl Group {
    fn new(entry: &ServiceColor) -> Self {
        let mut routes: Vec<Route> = entry.routes.iter().map(Route::new).collect();
        routes.sort();
        let egress = entry.namespace_egress.iter();
        let egress = egress.map(|it| (it.namespace.to_string(), it.interface.to_string()));
        let egress: BTreeSet<(String, String)> = egress.collect();
        Self {
            index: entry.index,
            protocol: entry.protocol,
            endpoints: sorted(&entry.instances),
            properties: pairs(&entry.properties),
            routes,
            egress: egress.into_iter().collect(),
        }
    }
}

impl Route {
    fn new(route: &discovery_map::Route) -> Self {
        let mut conditions: Vec<String> = route.headers.iter().map(header).collect();
        conditions.extend(route.query_parameters.iter().map(query_parameter));
        conditions.sort();
        conditions.dedup();
        let kind = match route.path_match.match_type() {
            PathMatchType::Exact => "exact",
            PathMatchType::Regex => "regex",
            PathMatchType::Prefix => "prefix",
        };
        let case = case(route.path_match.case_sensitive);
        Self {
            path: format!("{kind} {}{case}", route.path_match.text()),
            conditions,
            access: Access::new(route),
            weight: route.weight.get(),
            share: Share::default(),
            properties: pairs(&route.properties),
        }
    }
}

impl Access {
    /// A namespace that is both let in and kept out is kept out.
    fn new(route: &discovery_map::Route) -> Self {
        let mut access = BTreeMap::<&str, bool>::new();
        for entry in &route.namespace_access {
            *access.entry(&entry.namespace).or_insert(true) &= entry.access;
        }
        access.retain(|_, may| *may != route.default_access);
        Self {
            is_public: route.default_access,
            exceptions: access.into_keys().map(str::to_owned).collect(),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_public { "public" } else { "private" })?;
        if !self.exceptions.is_empty() {
            write!(f, " except for {}", self.exceptions.join(", "))?;
        }
        Ok(())
    }
}

fn header(condition: &HeaderMatch) -> String {
    let name = condition.header_name.to_ascii_lowercase();
    let not = if condition.invert { "not " } else { "" };
    let value = value(&condition.value);
    format!(
        "header {name} {not}{value}{}",
        case(condition.case_sensitive)
    )
}

fn query_parameter(condition: &QueryParameterMatch) -> String {
    let (name, value) = (&condition.parameter_name, value(&condition.value));
    let case = case(condition.case_sensitive);
    format!("query parameter {name} {value}{case}")
}

fn value(value: &ValueMatch) -> String {
    match value {
        ValueMatch::Exact(text) => format!("exact {}", quoted(text)),
        ValueMatch::Regex(pattern) => format!("regex {}", quoted(pattern)),
        ValueMatch::Prefix(text) => format!("prefix {}", quoted(text)),
        ValueMatch::Suffix(text) => format!("suffix {}", quoted(text)),
        ValueMatch::Present => "present".to_owned(),
    }
}

fn case(is_sensitive: bool) -> &'static str {
    if is_sensitive { "" } else { " (any case)" }
}

fn sorted(addresses: &[discovery_map::HostPort]) -> Vec<String> {
    let mut texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}

fn pairs(properties: &discovery_map::Properties) -> Vec<(String, String)> {
    let pairs = properties.iter();
    pairs
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}
