//! Traced contexts, which know where their routes come from.

use super::{
    Context,
    assemble::assemble,
    build,
    builder::ContextBuilder,
    cluster_names::{ClusterNames, NamingScheme},
    error::ContextError,
    origins::Origins,
    proxy_config::{ProxyConfig, ProxyRole},
    proxy_properties::proxy_properties,
    routes,
    upstreams::Upstream,
};
use crate::document::discovery_map::{DiscoveryMap, Namespace};

/// A context, and where its routes come from.
#[derive(Debug)]
pub struct Traced {
    /// The context.
    pub context: Context,
    /// The origins of its routes.
    pub origins: Origins,
}

/// Makes the context of one proxy, and keeps where its routes come from.
///
/// # Errors
/// As for [`super::proxy_input`].
pub fn traced(map: &DiscoveryMap, proxy: &ProxyConfig) -> Result<Traced, ContextError> {
    let (own, mut builder, properties) = build(map, proxy, Origins::traced())?;
    let origins = std::mem::take(&mut builder.origins);
    Ok(Traced {
        context: assemble(builder, properties, own),
        origins,
    })
}

/// The context of nobody in particular: one listener with every route of a namespace, as each of its
/// sidecars has it but for endpoints that are the sidecar itself.
pub fn every_route(map: &DiscoveryMap, own: &Namespace) -> Traced {
    let proxy = ProxyConfig::without_settings(&own.namespace, ProxyRole::Gateway);
    let mut builder = ContextBuilder::new(&proxy);
    let properties = proxy_properties(own, &mut builder);
    builder.drops_underscores = false;
    builder.origins = Origins::traced();
    let names = ClusterNames::new(NamingScheme::Local, map, own);
    let upstreams = Upstream::all_of(own, &names, &mut builder);
    let routes = routes::direct_routes(&upstreams, |_| true, &mut builder);
    builder.add_listener("local".to_owned(), &own.namespace, 0, routes);
    let origins = std::mem::take(&mut builder.origins);
    Traced {
        context: assemble(builder, properties, own),
        origins,
    }
}
