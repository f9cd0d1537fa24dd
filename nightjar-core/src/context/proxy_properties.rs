//! Properties of a proxy as a whole, and what they decide.

use super::{
    builder::ContextBuilder,
    properties::{Scope, Target, documented},
    property_check::{check_property, valid_properties},
    property_levels::in_effect,
    proxy_config::{ProxyConfig, ProxyRole},
    telemetry_format::{collector, ip_and_port},
    upstreams::{merge_entry_properties, namespace_properties},
    value_format::{ACCESS_LOG_NONE, fraction},
    warning::Subject,
};
use crate::document::{
    discovery_map::{Namespace, ServiceColor},
    proxy_input::{AccessLog, Properties, Proxy, Statsd, Trace},
    truncated,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What holds for a proxy as a whole: what its namespace says, over it its service-color, and over both
/// its own environment.
pub(super) fn proxy_properties(own: &Namespace, builder: &mut ContextBuilder<'_>) -> Properties {
    let proxy = builder.proxy;
    let mut all = namespace_properties(own, builder);
    let mut subject = Subject::namespace(&own.namespace);
    if let ProxyRole::Service { service, color } = &proxy.role {
        let is_own = |entry: &&ServiceColor| entry.service == **service && entry.color == **color;
        let entries: Vec<&ServiceColor> = own.service_colors.iter().filter(is_own).collect();
        subject.service_color = Some((service.clone(), color.clone(), None));
        let given = merge_entry_properties(&entries, &subject, builder);
        all.extend(valid_properties(&given, Scope::ServiceColorOrNamespace));
    }
    check_own_properties(proxy, &subject, builder);
    let own = proxy.properties.iter().filter_map(|(name, value)| {
        let (value, _) = check_property(name, value, Scope::Proxy);
        Some((name.clone(), value?))
    });
    all.extend(own);
    in_effect(all)
}

/// Warns of what a proxy's own environment sets without effect. What a map sets is for other proxies too.
fn check_own_properties(proxy: &ProxyConfig, subject: &Subject, builder: &mut ContextBuilder<'_>) {
    let said = |name: &str| {
        proxy
            .properties
            .get(name)
            .map(|value| value.to_ascii_lowercase())
    };
    let mut warnings = Vec::new();
    if said("trace-percent").is_some() && said("trace-to").is_none() {
        warnings.push((
            "trace-percent",
            "without `trace-to`; set NJ_PROXY_PROP_TRACE_TO too",
        ));
    }
    if said("access-log-format").is_some() {
        match said("access-log").as_deref() {
            Some("json") => warnings.push((
                "access-log",
                "beside `access-log-format`, which takes precedence over json; remove one of them",
            )),
            Some(ACCESS_LOG_NONE) => warnings.push((
                "access-log-format",
                "beside `access-log` none, which writes no log; remove one of them",
            )),
            _ => {}
        }
    }
    if said("stats-port").is_some() && proxy.admin_port.is_none() {
        warnings.push((
            "stats-port",
            "without an admin port, where the statistics come from",
        ));
    }
    let is_of_map = |name: &&String| {
        documented(name).is_some_and(|property| {
            matches!(
                property.target,
                Target::Route | Target::RouteMember | Target::Cluster
            )
        })
    };
    let misplaced = proxy.properties.keys().filter(is_of_map);
    let misplaced = misplaced.map(|name| {
        (
            name.as_str(),
            "for a proxy; set it in the discovery map, for a service-color or a namespace",
        )
    });
    for (name, reason) in warnings.into_iter().chain(misplaced) {
        let message = format!(
            "property `{}` of the proxy's own environment has no effect {reason}",
            truncated(name)
        );
        builder.warn(subject, message);
    }
}

/// Whether a proxy drops headers whose names hold an underscore.
pub(super) fn drops_underscores(proxy: &ProxyConfig, properties: &Properties) -> bool {
    match properties.get("underscore-headers") {
        None => proxy.role == ProxyRole::Gateway,
        Some(action) => action != "ALLOW",
    }
}

/// What the properties of a proxy decide, with what templates cannot take apart taken apart.
pub(super) fn proxy_part(proxy: &ProxyConfig, properties: &Properties) -> Proxy {
    // Without an admin interface there is nothing to serve statistics from.
    let stats_port = proxy.admin_port.and_then(|_| proxy.stats_port());
    let statsd = properties.get("statsd-to");
    let statsd = statsd.and_then(|value| ip_and_port(value));
    let trace = trace(properties);
    Proxy {
        properties: properties.clone(),
        has_stats_port: stats_port.is_some(),
        stats_port: stats_port.unwrap_or_default(),
        admin_host: reachable(proxy.admin_address).to_string(),
        has_statsd: statsd.is_some(),
        statsd: statsd.map_or_else(Statsd::default, |address| Statsd {
            host: address.ip().to_string(),
            port: address.port(),
        }),
        has_trace: trace.is_some(),
        trace: trace.unwrap_or_default(),
        access_log: access_log(properties),
    }
}

/// The address by which a machine reaches what binds an address of its own.
fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

fn trace(properties: &Properties) -> Option<Trace> {
    let percent = properties
        .get("trace-percent")
        .map_or("100", String::as_str);
    Some(Trace {
        percent: percent.to_owned(),
        fraction: fraction(percent)?,
        ..collector(properties.get("trace-to")?)?
    })
}

fn access_log(properties: &Properties) -> AccessLog {
    let kind = properties.get("access-log").map_or("text", String::as_str);
    let format = properties.get("access-log-format");
    let is_none = kind == ACCESS_LOG_NONE;
    let is_json = kind == "json" && format.is_none();
    AccessLog {
        is_text: !is_none && !is_json,
        is_json,
        is_none,
        has_format: format.is_some(),
        format: format.cloned().unwrap_or_default(),
    }
}
