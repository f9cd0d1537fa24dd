//! Contexts: from the discovery map to what one proxy needs to know. Pure functions, no I/O.
//!
//! ```text
//! proxy_config      the proxy that a context is made for
//! proxy_properties  what holds for the proxy as a whole
//! service           the view of a sidecar
//! gateway           the view of a gateway
//! hop               the properties of the way to another namespace's gateways
//! upstreams         a namespace's service-colors, duplicates merged
//! cluster_names     cluster names, made from identities alone
//! conditions        header and query conditions, normalised
//! filters           conditions as templates see them
//! route_key         what a route matches: equal routes, and their order, most specific first
//! candidates        the routes of the map, with the upstreams that answer them
//! routes            routes for a proxy: merged, ordered, denied where it has no access
//! route_settings    what the properties of a route say, taken apart
//! route_members     the service-colors that share a route, and their shares and properties
//! route_warnings, redirect_warnings, traffic_warnings
//!                   properties of a route that do not go together
//! order_warnings    what routes do together that nobody wants
//! mirrors           who can get copies of requests
//! request_sets      can two routes match one request?
//! access            who may reach a route, and which routes must be denied in place
//! clusters          endpoints
//! cluster_checks    health checks and slow start, as far as Envoy takes them together
//! properties        the documented properties
//! property_levels   what several levels say together
//! property_check    properties as the map gives them, checked
//! value_format      the formats of their values
//! telemetry_format  the formats of those that say where telemetry goes
//! builder           listeners, clusters and warnings so far
//! assemble          the context from all of these
//! origins           the entries of the map that each route comes from
//! traced            contexts with their origins, for those who explain them
//! ```
//!
//! The map is taken as valid: namespaces have different names. The same map in any order gives the
//! same context.

mod access;
mod assemble;
mod builder;
mod candidates;
mod cluster_checks;
mod cluster_names;
mod clusters;
mod conditions;
mod error;
mod filters;
mod first_last;
mod gateway;
mod hop;
mod mirrors;
mod order_warnings;
mod origins;
pub mod properties;
pub(crate) mod property_check;
mod property_levels;
mod proxy_config;
mod proxy_properties;
mod redirect_warnings;
mod request_sets;
mod route_key;
mod route_members;
mod route_settings;
mod route_warnings;
mod routes;
mod service;
mod telemetry_format;
mod traced;
mod traffic_warnings;
mod upstreams;
mod value_format;
mod warning;

pub use clusters::{DENIED_CLUSTER, OWN_NAMES, UNAVAILABLE_CLUSTER};
pub use error::{ContextError, NameList};
pub use origins::{Origin, Origins};
pub use proxy_config::{ProxyConfig, ProxyRole};
pub(crate) use route_key::RouteKey;
pub use traced::{Traced, every_route, traced};
pub use value_format::ValueFormat;
pub(crate) use value_format::redirect_below;
pub use warning::{ContextWarning, Subject, WarningOrigin};

use crate::document::{
    discovery_map::{DiscoveryMap, Namespace},
    proxy_input::{Properties, ProxyInput},
};
use assemble::assemble;
use builder::ContextBuilder;
use proxy_properties::{drops_underscores, proxy_properties};
use std::collections::{BTreeSet, HashSet};

/// What one proxy needs to know, and what was wrong on the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// What templates are rendered with.
    pub input: ProxyInput,
    /// What was left out or is doubtful, and why, sorted.
    pub warnings: Vec<ContextWarning>,
}

/// Makes the context of one proxy.
pub fn proxy_input(map: &DiscoveryMap, proxy: &ProxyConfig) -> Result<Context, ContextError> {
    let (own, builder, properties) = build(map, proxy, Origins::untraced())?;
    Ok(assemble(builder, properties, own))
}

/// Gathers what a proxy is served, with its namespace and its properties.
fn build<'m, 'p>(
    map: &'m DiscoveryMap,
    proxy: &'p ProxyConfig,
    origins: Origins,
) -> Result<(&'m Namespace, ContextBuilder<'p>, Properties), ContextError> {
    let own = map
        .namespaces
        .iter()
        .find(|namespace| namespace.namespace == *proxy.namespace)
        .ok_or_else(|| ContextError::UnknownNamespace {
            namespace: proxy.namespace.clone(),
            known: NameList(
                map.namespaces
                    .iter()
                    .map(|known| known.namespace.to_string())
                    .collect(),
            ),
        })?;
    let mut builder = ContextBuilder::new(proxy);
    builder.origins = origins;
    let properties = proxy_properties(own, &mut builder);
    builder.drops_underscores = drops_underscores(proxy, &properties);
    match &proxy.role {
        ProxyRole::Service { service, color } => {
            service::view(map, own, service, color, &mut builder)?;
        }
        ProxyRole::Gateway => gateway::view(map, own, &mut builder),
    }
    Ok((own, builder, properties))
}

/// The warnings of all the contexts that a map makes, but for those that depend on a proxy's own
/// settings.
pub fn review(map: &DiscoveryMap) -> Vec<ContextWarning> {
    let (mut warnings, mut seen) = (BTreeSet::new(), HashSet::new());
    for own in &map.namespaces {
        let proxy = ProxyConfig::without_settings(&own.namespace, ProxyRole::Gateway);
        let mut builder = ContextBuilder::new(&proxy);
        let properties = proxy_properties(own, &mut builder);
        builder.drops_underscores = drops_underscores(&proxy, &properties);
        gateway::view(map, own, &mut builder);
        builder.drops_underscores = false;
        service::collect_warnings(map, own, &mut seen, &mut builder);
        warnings.append(&mut builder.warnings);
    }
    warnings.into_iter().collect()
}
