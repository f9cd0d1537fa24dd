//! No string of the map changes the structure of a file that the shipped templates make.

mod hostile;
mod maps;

use maps::{Strings, map, named};
use nightjar_core::{
    context::{ProxyConfig, ProxyRole, proxy_input},
    document::{
        self,
        discovery_map::DiscoveryMap,
        proxy_input::{Properties, ProxyInput, Route},
    },
    template::{TemplateSet, shipped},
};
use proptest::prelude::*;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

/// What a gateway is told in its own environment: its files have all that there is for telemetry.
const TELEMETRY: [(&str, &str); 4] = [
    ("access-log", "json"),
    ("stats-port", "9102"),
    ("statsd-to", "127.0.0.1:8125"),
    ("trace-to", "otlp://otel.test:4317"),
];

/// The proxies whose files are made: between them they have every kind of route and cluster.
fn proxies(namespace: &str, service: &str, color: &str) -> [ProxyConfig; 2] {
    let service = ProxyRole::Service {
        service: service.to_owned(),
        color: color.to_owned(),
    };
    let telemetry = TELEMETRY.map(|(name, value)| (name.to_owned(), value.to_owned()));
    [
        (service, Properties::new()),
        (ProxyRole::Gateway, telemetry.into()),
    ]
    .map(|(role, properties)| ProxyConfig {
        role,
        namespace: namespace.to_owned(),
        listen_port: 3000,
        listen_address: Ipv4Addr::UNSPECIFIED.into(),
        admin_port: Some(9901),
        admin_address: Ipv4Addr::LOCALHOST.into(),
        status: None,
        config_dir: "/tmp/envoy".to_owned(),
        properties,
    })
}

fn input(map: &Value, proxy: &ProxyConfig) -> ProxyInput {
    let map: DiscoveryMap = document::read(map.to_string().as_bytes()).unwrap();
    proxy_input(&map, proxy).unwrap().input
}

/// How the context's routes compare paths.
fn paths(input: &ProxyInput) -> Vec<String> {
    let routes = input.listeners.iter().flat_map(|listener| &listener.routes);
    let path = |route: &Route| match (route.has_spellings, route.path_is_prefix) {
        (true, true) => format!("{}.*", route.path_pattern),
        (true, false) => route.path_pattern.clone(),
        (false, _) => route.route_path.clone(),
    };
    routes.map(path).collect()
}

/// A proxy's files as what Envoy reads from them.
fn files(map: &Value, proxy: &ProxyConfig) -> BTreeMap<String, Value> {
    let input = input(map, proxy);
    let templates = TemplateSet::for_proxy(&shipped(), &input).unwrap();
    let files = templates.render(&input).unwrap().into_iter();
    files
        .map(|(name, text)| {
            let value = match name.as_str() {
                "envoy-config.yaml" => serde_norway::from_str(&text).unwrap(),
                _ => serde_json::from_str(&text).unwrap(),
            };
            (name, value)
        })
        .collect()
}

/// The same with every string emptied, but no key.
fn structure(value: &Value) -> Value {
    match value {
        Value::String(_) => "".into(),
        Value::Array(items) => items.iter().map(structure).collect(),
        Value::Object(members) => {
            let members = members.iter();
            members
                .map(|(key, value)| (key.clone(), structure(value)))
                .collect()
        }
        other => other.clone(),
    }
}

/// Every string in the files but the keys.
fn strings<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(text) => drop(found.insert(text)),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values().for_each(|member| strings(member, found)),
        _ => {}
    }
}

proptest! {
    // Each case fills in every string of a map.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn strings_stay_strings(hostile in Strings::hostile()) {
        let (hostile_map, mut arriving) = map(&hostile);
        let (harmless_map, _) = map(&hostile.harmless());
        let mut arrived = BTreeSet::new();
        let proxies = proxies("n1", "shop", "blue");
        let made = proxies.each_ref().map(|proxy| files(&hostile_map, proxy));
        arriving.extend(proxies.iter().flat_map(|proxy| paths(&input(&hostile_map, proxy))));
        for (proxy, made) in proxies.iter().zip(&made) {
            let expected = files(&harmless_map, proxy);
            prop_assert_eq!(
                made.keys().collect::<Vec<_>>(),
                expected.keys().collect::<Vec<_>>()
            );
            for (name, file) in made {
                let (seen, expected) = (structure(file), structure(&expected[name]));
                prop_assert_eq!(seen, expected, "{} of {:?}", name, proxy.role);
                strings(file, &mut arrived);
            }
        }
        // Each string that belongs in a file is there, whole and unchanged.
        for text in arriving {
            prop_assert!(arrived.contains(text.as_str()), "{text:?} is in no file");
        }
    }
}

#[test]
fn a_log_format_stays_one_string() {
    let [_, gateway] = proxies("n1", "n1", "n1");
    for format in [
        r#"", "filter": {}, "x": ""#,
        r#"%REQ(X:"Y")% {{service}} {{{service}}} \n \u0041 \\"#,
        "\u{2028}</script>\u{e9} {{/listeners}} %% # '",
    ] {
        let own = ("access-log-format".to_owned(), format.to_owned());
        let proxy = ProxyConfig {
            properties: Properties::from([own]),
            ..gateway.clone()
        };
        let made = files(&named("n1"), &proxy);
        let mut found = BTreeSet::new();
        strings(&made["lds.json"], &mut found);
        assert!(found.contains(format!("{format}\n").as_str()), "{format}");
    }
}

#[test]
fn names_that_mean_something_in_yaml_stay_names() {
    let names = "null Null true no on y 1 0 1e3 0x10 0o7 1_000 1.5 \
        -1 .inf -.inf .nan - -- --- ... .. . .hidden _ 2001-01-01";
    for name in names.split(' ') {
        let plain = "n".repeat(name.len());
        for (proxy, plain_proxy) in proxies(name, name, name)
            .iter()
            .zip(proxies(&plain, &plain, &plain))
        {
            let made = files(&named(name), proxy);
            let expected = files(&named(&plain), &plain_proxy);
            let mut names = vec!["cds.json", "envoy-config.yaml", "lds.json", "rds-3000.json"];
            if proxy.role != ProxyRole::Gateway {
                names.push("rds-3001.json");
            }
            assert_eq!(made.keys().collect::<Vec<_>>(), names, "{name}");
            for (file, value) in &made {
                assert_eq!(
                    structure(value),
                    structure(&expected[file]),
                    "{file} for {name}"
                );
            }
            let node = &made["envoy-config.yaml"]["node"];
            assert_eq!(node["cluster"], name);
            let member = if proxy.role == ProxyRole::Gateway {
                "gateway".to_owned()
            } else {
                format!("{name}-{name}")
            };
            assert_eq!(node["id"], member);
        }
    }
}
