//! What a gateway sees: the public routes of its own namespace.

use super::{
    Draft,
    groups::Group,
    names::{Names, Scheme},
    routes,
};
use crate::document::discovery_map::{DiscoveryMap, Namespace};

pub(super) fn view(map: &DiscoveryMap, own: &Namespace, draft: &mut Draft<'_>) {
    let names = Names::new(Scheme::Gateway, map, own);
    let groups = Group::all_of(own, &names, draft);
    let routes = routes::served(&groups, |route| route.default_access, draft);
    draft.add_listener(
        "gateway".to_owned(),
        &own.namespace,
        draft.viewer.listen_port,
        routes,
    );
}
