//! Random maps of a few names, so that much in them meets.

use nightjar_core::document::{
    SchemaVersion,
    discovery_map::{
        DiscoveryMap, FieldName, Gateways, HeaderMatch, Host, HostPort, Name, Namespace,
        NamespaceAccess, NamespaceEgress, PathMatch, PathMatchType, Port, Properties, Protocol,
        QueryParameterMatch, Route, ServiceColor, Text, ValueMatch, Weight,
    },
};
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
};
use std::net::Ipv4Addr;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn paths() -> impl Strategy<Value = PathMatch> {
    let plain = select(vec![
        "/", "/a", "/a/", "/A/", "/a/b", "/a/b/", "/a/B/c", "/ab", "/b/",
    ]);
    let regex = select(vec![
        "/a/.*", "/[ab]/?", "/a(/b)?", ".*", "/a/b", "/A/.+", ".*/c", "(?i)/A.*",
    ]);
    let exact = (Just(PathMatchType::Exact), plain.clone());
    let prefix = (Just(PathMatchType::Prefix), plain);
    let regex = (Just(PathMatchType::Regex), regex);
    (
        prop_oneof![exact, prefix.clone(), prefix, regex],
        prop::bool::weighted(0.8),
    )
        .prop_map(|((match_type, value), case_sensitive)| PathMatch {
            case_sensitive,
            ..PathMatch::new(match_type, value).unwrap()
        })
}

/// A name, what its value is compared with, and whether case matters.
fn condition(names: &[&'static str]) -> impl Strategy<Value = (FieldName, ValueMatch, bool)> {
    let text = |text: &str| text.parse::<Text>().unwrap();
    let exact =
        select(vec!["", "a", "A", "ab", "b"]).prop_map(move |value| ValueMatch::Exact(text(value)));
    let filled = select(vec!["a", "A", "ab", "b"]).prop_map(text);
    let regex = select(vec!["[ab]", "a.*", ".*"])
        .prop_map(|value| ValueMatch::Regex(value.parse().unwrap()));
    let comparison = prop_oneof![
        2 => exact,
        1 => filled.clone().prop_map(ValueMatch::Prefix),
        1 => filled.prop_map(ValueMatch::Suffix),
        1 => regex,
        1 => Just(ValueMatch::Present),
    ];
    let names = select(names.to_vec()).prop_map(|name| name.parse().unwrap());
    (names, comparison, prop::bool::weighted(0.7))
}

fn properties() -> impl Strategy<Value = Properties> {
    let names = select(vec!["timeout", "lb-policy", "mine"]).prop_map(|name| name.parse().unwrap());
    let values =
        select(vec!["1s", "2m", "random", "bad value"]).prop_map(|text| text.parse().unwrap());
    btree_map(names, values, 0..2)
}

fn routes() -> impl Strategy<Value = Route> {
    let headers = condition(&["x", "X", "y"]).prop_flat_map(|condition| {
        prop::bool::weighted(0.2).prop_map(move |invert| {
            let (header_name, value, case_sensitive) = condition.clone();
            HeaderMatch {
                header_name,
                value,
                invert,
                case_sensitive,
            }
        })
    });
    let queries =
        condition(&["q"]).prop_map(
            |(parameter_name, value, case_sensitive)| QueryParameterMatch {
                parameter_name,
                value,
                case_sensitive,
            },
        );
    let access = (select(vec!["n1", "n2", "n3"]), any::<bool>()).prop_map(|(namespace, access)| {
        NamespaceAccess {
            namespace: name(namespace),
            access,
        }
    });
    (
        paths(),
        (0..4_i64).prop_map(|weight| Weight::try_from(weight).unwrap()),
        vec(headers, 0..3),
        vec(queries, 0..2),
        any::<bool>(),
        vec(access, 0..3),
        properties(),
    )
        .prop_map(
            |(
                path_match,
                weight,
                headers,
                query_parameters,
                default_access,
                namespace_access,
                properties,
            )| {
                Route {
                    path_match,
                    weight,
                    headers,
                    query_parameters,
                    default_access,
                    namespace_access,
                    properties,
                }
            },
        )
}

fn instances() -> impl Strategy<Value = HostPort> {
    let hosts = prop_oneof![
        3 => (1..4_u8).prop_map(|last| Host::Ipv4(Ipv4Addr::new(10, 0, 0, last))),
        1 => Just(Host::Name("a.example".parse().unwrap())),
    ];
    (hosts, 80..82_u16).prop_map(|(host, port)| HostPort {
        host,
        port: Port::new(port).unwrap(),
    })
}

fn service_colors(names: &[&'static str]) -> impl Strategy<Value = ServiceColor> {
    let names = select(names.to_vec());
    let egress =
        (select(vec!["n1", "n2", "n3", "n4"]), 3000..3004_u16).prop_map(|(namespace, port)| {
            let host = Host::Ipv4(Ipv4Addr::LOCALHOST);
            NamespaceEgress {
                namespace: name(namespace),
                interface: HostPort {
                    host,
                    port: Port::new(port).unwrap(),
                },
            }
        });
    (
        (names.clone(), names, 1..3_i64),
        select(vec![Protocol::Http1, Protocol::Http2]),
        properties(),
        vec(instances(), 0..3),
        vec(routes(), 0..5),
        vec(egress, 0..3),
    )
        .prop_map(
            |(
                (service, color, index),
                protocol,
                properties,
                instances,
                routes,
                namespace_egress,
            )| {
                let (service, color) = (name(service), name(color));
                ServiceColor {
                    service,
                    color,
                    index,
                    protocol,
                    properties,
                    instances,
                    routes,
                    namespace_egress,
                }
            },
        )
}

/// A map with the namespaces `n1`, `n2` and `n3`, where `n1` has a service-color `me/me` and `n2`
/// one that calls `n1` on port 3001.
pub(super) fn maps(names: &'static [&'static str]) -> impl Strategy<Value = DiscoveryMap> {
    let namespace = || {
        let gateways = (any::<bool>(), vec(instances(), 0..2));
        (properties(), gateways, vec(service_colors(names), 0..5))
    };
    [namespace(), namespace(), namespace()].prop_map(|parts| {
        let namespaces = parts.into_iter().zip(["n1", "n2", "n3"]).map(
            |((properties, (prefer_gateway, instances), mut service_colors), called)| {
                let host = Host::Ipv4(Ipv4Addr::LOCALHOST);
                let egress = NamespaceEgress {
                    namespace: name("n1"),
                    interface: HostPort {
                        host,
                        port: Port::new(3001).unwrap(),
                    },
                };
                service_colors.push(ServiceColor {
                    service: name("me"),
                    color: name("me"),
                    index: 1,
                    protocol: Protocol::Http1,
                    properties: Properties::new(),
                    instances: Vec::new(),
                    routes: Vec::new(),
                    namespace_egress: vec![egress],
                });
                Namespace {
                    namespace: name(called),
                    network_id: called.parse().unwrap(),
                    properties,
                    gateways: Gateways {
                        prefer_gateway,
                        protocol: Protocol::Http1,
                        instances,
                    },
                    service_colors,
                }
            },
        );
        DiscoveryMap {
            schema_version: SchemaVersion::V1,
            document_version: Text::default(),
            namespaces: namespaces.collect(),
        }
    })
}
