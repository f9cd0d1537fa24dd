//! View of a gateway: the public routes of its own namespace.

use super::{
    builder::ContextBuilder,
    cluster_names::{ClusterNames, NamingScheme},
    routes,
    upstreams::Upstream,
};
use crate::document::discovery_map::{DiscoveryMap, Namespace};

pub(super) fn view(map: &DiscoveryMap, own: &Namespace, builder: &mut ContextBuilder<'_>) {
    let names = ClusterNames::new(NamingScheme::Gateway, map, own);
    let upstreams = Upstream::all_of(own, &names, builder);
    let routes = routes::direct_routes(&upstreams, |route| route.default_access, builder);
    builder.add_listener(
        "gateway".to_owned(),
        &own.namespace,
        builder.proxy.listen_port,
        routes,
    );
}
