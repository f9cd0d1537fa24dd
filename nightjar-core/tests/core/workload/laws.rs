//! What holds for any workloads.

use nightjar_core::{
    document::{
        self, Document,
        discovery_map::{DiscoveryMap, Host, HostPort, Port},
    },
    workload::{DeclaredRoute, Defaults, Mesh, Settings, Source, Warnings, Workload},
};
use proptest::{collection::vec, prelude::*, sample::select};
use std::convert::Infallible;

/// A workload as it is found: who it is, its revision, its settings, and its instances.
#[derive(Debug, Clone)]
struct Found {
    who: String,
    revision: u64,
    tags: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    instances: Vec<HostPort>,
}

const NAMES: [&str; 27] = [
    "NJ_PROXY_MODE",
    "NJ_NAMESPACE",
    "NJ_SERVICE",
    "NJ_COLOR",
    "NJ_PROTOCOL",
    "NJ_ROUTE_1",
    "NJ_ROUTE_2",
    "NJ_ROUTE_01",
    "NJ_ROUTE_PORT",
    "NJ_ROUTE_PORT_1",
    "NJ_ROUTE_WEIGHT_1",
    "NJ_ROUTE_WEIGHT_2",
    "NJ_ROUTE_PROP_1_TIMEOUT",
    "NJ_ROUTE_PROP_2_",
    "NJ_ROUTE_PROP_2_\u{7}",
    "NJ_NAMESPACE_PORT_1",
    "NJ_NAMESPACE_PORT_2",
    "NJ_PREFER_GATEWAY",
    "NJ_PROP_TIMEOUT",
    "NJ_PROP_X_Y",
    "NJ_PROP_",
    "NJ_PROP_a\tb",
    "NJ_PROP_TIME_OUT",
    "NJ_LISTEN_PORT",
    "NJ_LISTENPORT",
    "NJ_ROUTE_WIEGHT_1",
    "NJ_",
];

const VALUES: [&str; 32] = [
    "service",
    "GATEWAY",
    "n1",
    "n2",
    "shop",
    "blue",
    "HTTP2",
    "/",
    "/a",
    "/a/",
    "!/a/b",
    "-/a/c/",
    "/a\u{0}b",
    "/a//../é%2f",
    "/..",
    "!/a?b",
    "/users/{id}",
    "0",
    "+/é",
    "n2:3001",
    "n3:3001",
    "app:80",
    "3000",
    "40000",
    "5s",
    "true",
    r#"{"path-match":{"match-type":"regex","value":"/a/[0-9]+"}}"#,
    r#"{"path-match":{"match-type":"regex","value":"("}}"#,
    r#"{"path-match":{"match-type":"prefix","value":"/j\u0001"}}"#,
    r#"{"path-match":{"match-type":"exact","value":"/j"},"weight":40000}"#,
    r#"{"path-match":{"match-type":"prefix","value":"/j"},"default_access":false}"#,
    r#"{"path-match":{"match-type":"exact","value":"/j"},"properties":{"timeout":"x","a\n":"b"}}"#,
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(VALUES.as_slice()).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[!+-]?/\\PC{0,20}",
        1 => r#"\{"path-match":\PC{0,30}\}"#,
    ]
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        12 => select(NAMES.as_slice()).prop_map(str::to_owned),
        1 => "NJ_(ROUTE|PROP|NAMESPACE_PORT)_\\PC{0,8}",
    ];
    vec((name, value()), 0..12)
}

fn instance() -> impl Strategy<Value = HostPort> {
    let host = prop_oneof![
        any::<[u8; 4]>().prop_map(|ip| Host::Ipv4(ip.into())),
        any::<u128>().prop_map(|ip| Host::Ipv6(ip.into())),
        "[a-z]{1,9}".prop_map(|name| Host::Name(name.parse().unwrap())),
    ];
    (host, 1..4_u16).prop_map(|(host, port)| HostPort {
        host,
        port: Port::new(port).unwrap(),
    })
}

fn found() -> impl Strategy<Value = Found> {
    let identity = prop_oneof![
        3 => Just(vec![("NJ_PROXY_MODE", "service"), ("NJ_NAMESPACE", "n1"), ("NJ_SERVICE", "s"), ("NJ_COLOR", "c")]),
        1 => Just(vec![("NJ_PROXY_MODE", "gateway"), ("NJ_NAMESPACE", "n1")]),
        1 => Just(vec![]),
    ];
    let identity = identity.prop_map(|pairs: Vec<(&str, &str)>| {
        let pairs = pairs.into_iter();
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<Vec<_>>()
    });
    let parts = (
        "[a-c]",
        0..3_u64,
        pairs(),
        identity,
        pairs(),
        vec(instance(), 0..4),
    );
    parts.prop_map(|(who, revision, tags, identity, more, instances)| Found {
        who,
        revision,
        tags: [identity, tags].concat(),
        environment: more,
        instances,
    })
}

fn mesh<'a>(all: impl IntoIterator<Item = &'a Found>) -> (DiscoveryMap, Warnings) {
    let mut mesh = Mesh::new();
    let mut warnings = Warnings::new();
    for found in all {
        let mut settings = Settings::new();
        settings.add(&Source::new("tag"), found.tags.iter().map(|(n, v)| (n, v)));
        let app = Source::of_container("environment", "app");
        settings.add(&app, found.environment.iter().map(|(n, v)| (n, v)));
        let workload = Workload::read(&settings, &Defaults::default(), &found.who, &mut warnings);
        match workload {
            None => {}
            Some(Workload::Gateway(gateway)) => {
                mesh.gateway(
                    &found.who,
                    found.revision,
                    &gateway,
                    found.instances.clone(),
                );
            }
            Some(Workload::Service(service)) => {
                let index = |route: &DeclaredRoute, _: &mut Warnings| {
                    let port = route.port.as_ref();
                    Ok(port.map_or(0, |port| port.value.port().get().into()))
                };
                let located = service.locate(index, &mut warnings);
                let Ok(groups) =
                    located.listen(|index| Ok::<_, Infallible>((*index, found.instances.clone())));
                mesh.service(&found.who, found.revision, &service, groups);
            }
        }
    }
    let (map, more) = mesh.finish();
    warnings.append(more);
    (map, warnings)
}

proptest! {
    #[test]
    fn the_map_is_always_valid(all in vec(found(), 0..8)) {
        let (map, warnings) = mesh(&all);
        let bytes = serde_json::to_vec(&map).unwrap();
        let read = document::read::<DiscoveryMap>(&bytes);
        prop_assert!(read.is_ok(), "{}", read.unwrap_err());
        prop_assert_eq!(read.unwrap(), map);
        for warning in warnings.iter() {
            let text = warning.to_string();
            let lines: Vec<&str> = text.split('\n').collect();
            prop_assert!(lines.len() <= 2 && lines[1..].iter().all(|line| line.starts_with("  hint: ")));
            prop_assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "{text:?}");
        }
    }

    #[test]
    fn order_does_not_matter(
        (all, shuffled) in vec(found(), 0..8).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let (map, warnings) = mesh(&all);
        let (other, others) = mesh(&shuffled);
        prop_assert_eq!(serde_json::to_vec(&map).unwrap(), serde_json::to_vec(&other).unwrap());
        prop_assert_eq!(warnings, others);
        prop_assert_eq!(map.version(), other.version());
    }

    #[test]
    fn another_content_has_another_version(left in vec(found(), 0..4), right in vec(found(), 0..4)) {
        let ((left, _), (right, _)) = (mesh(&left), mesh(&right));
        prop_assert_eq!(left.namespaces == right.namespaces, left.version() == right.version());
    }
}
