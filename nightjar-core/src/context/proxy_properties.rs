//! Properties of a proxy as a whole, and what they decide.

use super::{
    builder::ContextBuilder,
    properties::Scope,
    property_check::{check_property, valid_properties},
    proxy_config::{ProxyConfig, ProxyRole},
    upstreams::{merge_entry_properties, namespace_properties},
    warning::Subject,
};
use crate::document::{
    discovery_map::{Namespace, ServiceColor},
    proxy_input::Properties,
};

/// What holds for a proxy as a whole: what its namespace says, over it its service-color, and over both
/// its own environment.
pub(super) fn proxy_properties(own: &Namespace, builder: &mut ContextBuilder<'_>) -> Properties {
    let proxy = builder.proxy;
    let mut all = namespace_properties(own, builder);
    if let ProxyRole::Service { service, color } = &proxy.role {
        let is_own = |entry: &&ServiceColor| entry.service == **service && entry.color == **color;
        let entries: Vec<&ServiceColor> = own.service_colors.iter().filter(is_own).collect();
        let subject = Subject {
            service_color: Some((service.clone(), color.clone(), None)),
            ..Subject::namespace(&own.namespace)
        };
        let given = merge_entry_properties(&entries, &subject, builder);
        all.extend(valid_properties(&given, Scope::ServiceColorOrNamespace));
    }
    let own = proxy.properties.iter().filter_map(|(name, value)| {
        let (value, _) = check_property(name, value, Scope::Proxy);
        Some((name.clone(), value?))
    });
    all.extend(own);
    all
}

/// Whether a proxy drops headers whose names hold an underscore.
pub(super) fn drops_underscores(proxy: &ProxyConfig, properties: &Properties) -> bool {
    match properties.get("underscore-headers") {
        None => proxy.role == ProxyRole::Gateway,
        Some(action) => action != "ALLOW",
    }
}
