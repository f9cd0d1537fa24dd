//! What holds for one proxy: its own ports and addresses, its own properties.

use super::{gateway, lines, map, namespace, route, service_color, sidecar, warnings, with};
use nightjar_core::{
    context::{ProxyConfig, proxy_input, review},
    document::discovery_map::DiscoveryMap,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn shop(extra: &Value) -> DiscoveryMap {
    map(&[namespace(
        "n1",
        &[service_color(
            "shop",
            "blue",
            &[route("/", &json!({}))],
            extra,
        )],
    )])
}

/// Listens on 10.0.0.7:3000, with the admin port 9901 on 127.0.0.1, the status at 10.0.0.8:9100 and
/// Envoy's statistics at port 9102.
fn at_home(proxy: ProxyConfig) -> ProxyConfig {
    ProxyConfig {
        listen_address: [10, 0, 0, 7].into(),
        status: Some(([10, 0, 0, 8], 9100).into()),
        properties: BTreeMap::from([("stats-port".to_owned(), "9102".to_owned())]),
        ..proxy
    }
}

#[test]
fn an_endpoint_that_is_the_proxy_itself_is_left_out() {
    let (listen, admin, status) = ("the listen port", "the admin port", "the status port");
    let v4 = |ip: &str, port: u16| (json!({ "ipv4": ip, "port": port }), format!("{ip}:{port}"));
    let v6 = |ip: &str, port: u16| {
        (
            json!({ "ipv6": ip, "port": port }),
            format!("[{ip}]:{port}"),
        )
    };
    let name = |name: &str, port: u16| {
        (
            json!({ "hostname": name, "port": port }),
            format!("{name}:{port}"),
        )
    };
    for ((instance, shown), user) in [
        (v4("127.0.0.1", 3000), Some(listen)),
        (v4("127.1.2.3", 9901), Some(admin)),
        (v4("0.0.0.0", 9100), Some(status)),
        (v4("10.0.0.7", 3000), Some(listen)),
        (v4("10.0.0.7", 9901), Some(admin)),
        (v4("10.0.0.8", 3000), Some(listen)),
        (v4("10.0.0.7", 9102), Some("the statistics port")),
        (v4("127.0.0.1", 9102), Some("the statistics port")),
        (v6("::1", 3000), Some(listen)),
        (v6("::", 9901), Some(admin)),
        (v6("::ffff:10.0.0.7", 3000), Some(listen)),
        (name("localhost", 3000), Some(listen)),
        (name("LocalHost.", 9100), Some(status)),
        (name("a.localhost", 9901), Some(admin)),
        (v4("127.0.0.1", 8080), None),
        (v4("10.0.0.9", 3000), None),
        (v6("fd00::1", 3000), None),
        (name("localhost.example", 3000), None),
    ] {
        let map = shop(&json!({ "instances": [instance, { "ipv4": "10.1.1.1", "port": 1 }] }));
        for proxy in [at_home(gateway()), at_home(sidecar("shop", "blue"))] {
            let clusters = proxy_input(&map, &proxy).unwrap().input.clusters;
            let left = clusters[0].endpoints.len();
            let expected: Vec<String> = user
                .map(|user| {
                    format!(
                        "namespace `n1`, service-color `shop/blue`, index 3000: the instance at {shown} is \
                         left out: it is {user} of this proxy"
                    )
                })
                .into_iter()
                .collect();
            assert_eq!(left, 2 - expected.len(), "{shown}");
            assert_eq!(warnings(&map, &proxy), expected);
        }
    }
}

/// What the proxy uses, an egress port included, is its own in every cluster.
#[test]
fn an_egress_port_is_the_proxys_own() {
    let egress = |port: u16| json!([{ "namespace": "n2", "interface": { "ipv4": "127.0.0.1", "port": port } }]);
    let local = json!({ "instances": [{ "ipv4": "127.0.0.1", "port": 3001 }] });
    let public = [route("/", &json!({}))];
    let mesh = |port| {
        map(&[
            namespace(
                "n1",
                &[service_color(
                    "shop",
                    "blue",
                    &public,
                    &with(local.clone(), &json!({ "namespace-egress": egress(port) })),
                )],
            ),
            namespace("n2", &[service_color("bank", "blue", &public, &local)]),
        ])
    };
    let left_out = |namespace: &str, service: &str| {
        format!(
            "namespace `{namespace}`, service-color `{service}/blue`, index 3000: the instance at \
             127.0.0.1:3001 is left out: it is the port for namespace `n2` of this proxy"
        )
    };
    let proxy = at_home(sidecar("shop", "blue"));
    assert_eq!(
        warnings(&mesh(3001), &proxy),
        [left_out("n1", "shop"), left_out("n2", "bank")]
    );
    assert_eq!(warnings(&mesh(3002), &proxy), [""; 0]);
    for (port, user) in [
        (3000, "the listen port"),
        (9901, "the admin port"),
        (9100, "the status port"),
        (9102, "the statistics port"),
    ] {
        let expected = format!(
            "namespace `n1`, service-color `shop/blue`: egress to namespace `n2` on port {port} is left \
             out: the port is already {user}"
        );
        assert_eq!(warnings(&mesh(port), &proxy), [expected]);
        let listeners = proxy_input(&mesh(port), &proxy).unwrap().input.listeners;
        assert_eq!(listeners.len(), 1);
    }
}

#[test]
fn what_a_proxy_listens_on() {
    let listens = |address: &str| {
        let proxy = ProxyConfig {
            listen_address: address.parse().unwrap(),
            ..gateway()
        };
        let input = proxy_input(&shop(&json!({})), &proxy).unwrap().input;
        (input.listen_address, input.listens_on_both_families)
    };
    assert_eq!(listens("::"), ("::".to_owned(), true));
    assert_eq!(listens("0.0.0.0"), ("0.0.0.0".to_owned(), false));
    assert_eq!(listens("::1"), ("::1".to_owned(), false));
}

#[test]
fn the_environment_speaks_before_the_service_color_and_that_before_the_namespace() {
    let said = |timeout: &str, others: &Value| with(json!({ "request-timeout": timeout }), others);
    let map = map(&[with(
        namespace(
            "n1",
            &[service_color(
                "shop",
                "blue",
                &[route("/", &json!({}))],
                &json!({ "properties": said("2s", &json!({ "b": "service" })) }),
            )],
        ),
        &json!({ "properties": said("1s", &json!({ "a": "namespace", "trusted-hops": "5" })) }),
    )]);
    let root = |proxy: &ProxyConfig| {
        let input = proxy_input(&map, proxy).unwrap().input;
        assert_eq!(input.properties, input.proxy.properties);
        json!(input.properties)
    };
    let with_own = |proxy: ProxyConfig, own: &[(&str, &str)]| ProxyConfig {
        properties: own
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..proxy
    };
    assert_eq!(
        root(&gateway()),
        json!({ "a": "namespace", "request-timeout": "1s" })
    );
    let sidecar = sidecar("shop", "blue");
    assert_eq!(
        root(&sidecar),
        json!({ "a": "namespace", "b": "service", "request-timeout": "2s" })
    );
    let own = [
        ("request-timeout", "3m"),
        ("trusted-hops", "01"),
        ("b", "own"),
        ("underscore-headers", "Drop"),
    ];
    assert_eq!(
        root(&with_own(sidecar.clone(), &own)),
        json!({
            "a": "namespace", "b": "own", "request-timeout": "180s", "trusted-hops": "1",
            "underscore-headers": "DROP_HEADER",
        })
    );
    // Whoever can tag a task must not change whom a proxy believes.
    let expected = "namespace `n1`: property `trusted-hops` is read only from a proxy's own environment, and \
                    is left out; set NJ_PROXY_PROP_TRUSTED_HOPS where the proxy runs";
    for proxy in [gateway(), sidecar] {
        assert_eq!(warnings(&map, &proxy), [expected]);
    }
}

#[test]
fn a_property_of_a_proxy_sets_nothing_on_a_route() {
    let public = route(
        "/",
        &json!({ "properties": {
        "request-timeout": "1s", "trusted-hops": "1", "lb-policy": "random"
    } }),
    );
    let map = map(&[namespace(
        "n1",
        &[service_color("shop", "blue", &[public], &json!({}))],
    )]);
    let place = "namespace `n1`, service-color `shop/blue`, index 3000, route `/`: property";
    assert_eq!(
        warnings(&map, &gateway()),
        [
            format!(
                "{place} `lb-policy` has no effect on a route, and is left out; set it for the whole service-color, with NJ_PROP_LB_POLICY"
            ),
            format!(
                "{place} `request-timeout` has no effect on a route, and is left out; set it for the whole service-color, or for the proxy with NJ_PROXY_PROP_REQUEST_TIMEOUT"
            ),
            format!(
                "{place} `trusted-hops` is read only from a proxy's own environment, and is left out; set NJ_PROXY_PROP_TRUSTED_HOPS where the proxy runs"
            ),
        ]
    );
}

#[test]
fn a_property_that_is_near_a_documented_one_is_warned_of_and_kept() {
    let map = shop(&json!({ "properties": { "time-out": "5s", "team": "red" } }));
    let place = "namespace `n1`, service-color `shop/blue`, index 3000: property";
    assert_eq!(
        warnings(&map, &gateway()),
        [format!(
            "{place} `time-out` is not used by the shipped templates; did you mean `timeout`?"
        )]
    );
    let properties = proxy_input(&map, &gateway())
        .unwrap()
        .input
        .clusters
        .remove(0)
        .properties;
    assert_eq!(
        json!(properties),
        json!({ "team": "red", "time-out": "5s" })
    );
}

#[test]
fn a_header_with_an_underscore_does_not_get_through_a_gateway() {
    let asks = json!({ "headers": [{ "header-name": "x_user", "match-type": "present" }] });
    let public = [route("/", &asks)];
    let map = map(&[namespace(
        "n1",
        &[service_color("shop", "blue", &public, &json!({}))],
    )]);
    let expected = "namespace `n1`, service-color `shop/blue`, index 3000: route `/` matches on header \
                    `x_user`, which this proxy drops because its name contains an underscore; rename the header, or set \
                    NJ_PROXY_PROP_UNDERSCORE_HEADERS=allow";
    let set = |proxy: &ProxyConfig, action: &str| ProxyConfig {
        properties: BTreeMap::from([("underscore-headers".to_owned(), action.to_owned())]),
        ..proxy.clone()
    };
    let (gateway, sidecar) = (gateway(), sidecar("shop", "blue"));
    for (proxy, is_told) in [
        (gateway.clone(), true),
        (set(&gateway, "reject"), true),
        (set(&gateway, "allow"), false),
        (sidecar.clone(), false),
        (set(&sidecar, "drop"), true),
    ] {
        let expected: &[&str] = if is_told { &[expected] } else { &[] };
        assert_eq!(warnings(&map, &proxy), expected, "{proxy:?}");
    }
    // A review sees what a gateway sees.
    assert_eq!(lines(&review(&map)), [expected]);
}

/// What depends on a proxy's own settings is no matter of the map.
#[test]
fn a_review_knows_no_ports_of_a_proxy() {
    let map = shop(&json!({ "instances": [{ "ipv4": "127.0.0.1", "port": 3000 }] }));
    assert_eq!(review(&map), []);
}
