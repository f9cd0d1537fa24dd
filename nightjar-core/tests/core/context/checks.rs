//! Health checks and slow start: what Envoy takes only together with something else.

use super::{gateway, map, namespace, route, service_color, sidecar, warnings};
use nightjar_core::{
    context::proxy_input,
    document::{discovery_map::DiscoveryMap, proxy_input::Cluster},
};
use serde_json::{Value, json};

fn shop(protocol: &str, properties: &Value) -> DiscoveryMap {
    let members = json!({
        "protocol": protocol, "properties": properties,
        "instances": [{ "ipv4": "10.0.0.1", "port": 80 }],
    });
    map(&[namespace(
        "n1",
        &[service_color(
            "shop",
            "blue",
            &[route("/", &json!({}))],
            &members,
        )],
    )])
}

/// What a template sees of a cluster's checks.
fn flags(cluster: &Cluster) -> [bool; 4] {
    let flags = [
        cluster.is_checked_by_http,
        cluster.is_checked_by_grpc,
        cluster.is_checked_by_tcp,
        cluster.has_slow_start,
    ];
    let checks = flags[..3].iter().filter(|is| **is).count();
    assert_eq!(usize::from(cluster.has_health_check), checks);
    flags
}

const PLACE: &str = "namespace `n1`, service-color `shop/blue`, index 3000: property";

#[test]
fn a_health_check_speaks_what_the_cluster_can() {
    let (none, http) = ([false; 4], [true, false, false, false]);
    let (grpc, tcp) = ([false, true, false, false], [false, false, true, false]);
    let no_http2 = "`health-check-protocol` is left out: `grpc` is set, and a gRPC health check needs the protocol HTTP2";
    let no_path = "`health-check-protocol` is left out: `http` is set, and an HTTP health check needs `health-check-path`";
    for (protocol, properties, expected, warning) in [
        ("HTTP1.1", json!({}), none, None),
        ("HTTP1.1", json!({ "health-check-path": "/up" }), http, None),
        (
            "HTTP1.1",
            json!({ "health-check-path": "/up", "health-check-protocol": "HTTP" }),
            http,
            None,
        ),
        (
            "HTTP1.1",
            json!({ "health-check-protocol": "http" }),
            none,
            Some(no_path),
        ),
        (
            "HTTP1.1",
            json!({ "health-check-protocol": "tcp" }),
            tcp,
            None,
        ),
        (
            "HTTP2",
            json!({ "health-check-protocol": "grpc" }),
            grpc,
            None,
        ),
        // Envoy refuses it, with the whole configuration.
        (
            "HTTP1.1",
            json!({ "health-check-protocol": "grpc" }),
            none,
            Some(no_http2),
        ),
        (
            "HTTP1.1",
            json!({ "health-check-path": "/up", "health-check-protocol": "grpc" }),
            http,
            Some(no_http2),
        ),
        (
            "HTTP2",
            json!({ "health-check-path": "/up", "health-check-protocol": "grpc" }),
            grpc,
            Some(
                "`health-check-path` has no effect beside `health-check-protocol` grpc, whose checks have no path; remove one of them",
            ),
        ),
        (
            "HTTP1.1",
            json!({ "health-check-path": "/up", "health-check-protocol": "tcp" }),
            tcp,
            Some(
                "`health-check-path` has no effect beside `health-check-protocol` tcp, whose checks have no path; remove one of them",
            ),
        ),
    ] {
        let map = shop(protocol, &properties);
        for proxy in [gateway(), sidecar("shop", "blue")] {
            let input = proxy_input(&map, &proxy).unwrap().input;
            assert_eq!(
                flags(&input.clusters[0]),
                expected,
                "{protocol} {properties}"
            );
            let expected: Vec<String> = warning
                .iter()
                .map(|text| format!("{PLACE} {text}"))
                .collect();
            assert_eq!(warnings(&map, &proxy), expected, "{protocol} {properties}");
        }
    }
}

/// What the gateway is warned of, of properties on two levels.
fn told(own: &Value, outer: &Value) -> Vec<String> {
    let shop = service_color(
        "shop",
        "blue",
        &[route("/", &json!({}))],
        &json!({ "properties": own }),
    );
    let mut namespace = namespace("n1", &[shop]);
    namespace["properties"] = outer.clone();
    warnings(&map(&[namespace]), &gateway())
}

#[test]
fn what_has_no_effect_on_the_cluster_that_says_it_is_told() {
    let none = json!({});
    let check =
        "has no effect without a health check; set `health-check-path` or `health-check-protocol`";
    let ejection = "has no effect while `outlier-connect-failures` is 0 and `outlier-consecutive-5xx` is 0: no endpoint is \
                    ejected";
    for (name, value, reason) in [
        ("health-check-interval", "1s", check),
        ("health-check-timeout", "1s", check),
        ("slow-start", "30s", check),
        ("outlier-interval", "1s", ejection),
        ("outlier-base-ejection-time", "1s", ejection),
        ("outlier-max-ejection-percent", "10", ejection),
    ] {
        let (mut own, mut needed) = (
            json!({ name: value }),
            json!({ "health-check-path": "/up" }),
        );
        if reason == ejection {
            own["outlier-connect-failures"] = json!("0");
            needed = json!({ "outlier-consecutive-5xx": "5" });
        }
        assert_eq!(told(&own, &none), [format!("{PLACE} `{name}` {reason}")]);
        // What the namespace says is meant for others too, and is there for this one.
        assert_eq!(told(&none, &own), [""; 0], "{name}");
        assert_eq!(told(&own, &needed), [""; 0], "{name}");
    }
    let (path, tcp) = (
        json!({ "health-check-path": "/up" }),
        json!({ "health-check-protocol": "tcp" }),
    );
    let useless = format!(
        "{PLACE} `health-check-path` has no effect beside `health-check-protocol` tcp, whose checks have no path; remove \
         one of them"
    );
    assert_eq!(told(&path, &tcp), std::slice::from_ref(&useless));
    let both = json!({ "health-check-path": "/up", "health-check-protocol": "tcp" });
    assert_eq!(told(&none, &both), [useless]);
    // The nearer level says another check.
    assert_eq!(told(&tcp, &path), [""; 0]);
}

#[test]
fn slow_start_needs_a_policy_that_knows_weights() {
    for (policy, is_slow, is_least) in [
        (None, true, false),
        (Some("ROUND_ROBIN"), true, false),
        (Some("LEAST_REQUEST"), true, true),
        (Some("RANDOM"), false, false),
        (Some("RING_HASH"), false, false),
        (Some("MAGLEV"), false, false),
    ] {
        let mut properties = json!({ "slow-start": "30s" });
        if let Some(policy) = policy {
            properties["lb-policy"] = json!(policy);
        }
        let map = shop("HTTP1.1", &properties);
        let context = proxy_input(&map, &gateway()).unwrap();
        let cluster = &context.input.clusters[0];
        let seen = (cluster.has_slow_start, cluster.uses_least_request);
        assert_eq!(seen, (is_slow, is_least), "{policy:?}");
        let warning = format!(
            "{PLACE} `slow-start` is left out: the `lb-policy` is {}, and it needs ROUND_ROBIN or LEAST_REQUEST",
            policy.unwrap_or_default()
        );
        let told = warnings(&map, &gateway()).contains(&warning);
        assert_eq!(told, !is_slow, "{policy:?}");
    }
}

#[test]
fn gateways_are_checked_at_the_path_of_their_listeners() {
    let egress = json!([{ "namespace": "n2", "interface": { "ipv4": "127.0.0.1", "port": 3001 } }]);
    let caller = service_color("me", "me", &[], &json!({ "namespace-egress": egress }));
    let public = [route("/", &json!({}))];
    let hop = |properties: &Value| {
        let mut other = namespace("n2", &[service_color("bank", "blue", &public, &json!({}))]);
        other["gateways"] = json!({
            "prefer-gateway": true, "instances": [{ "ipv4": "10.0.0.9", "port": 80 }]
        });
        other["properties"] = properties.clone();
        let map = map(&[namespace("n1", std::slice::from_ref(&caller)), other]);
        let input = proxy_input(&map, &sidecar("me", "me")).unwrap().input;
        let cluster = input
            .clusters
            .into_iter()
            .find(|cluster| cluster.is_gateway);
        let cluster = cluster.unwrap();
        let path = cluster.properties.get("health-check-path").cloned();
        (flags(&cluster), path)
    };
    let listeners = Some("/___health_check___".to_owned());
    let http = [true, false, false, false];
    for protocol in ["tcp", "grpc"] {
        let seen = hop(&json!({ "health-check-protocol": protocol }));
        assert_eq!(seen, (http, listeners.clone()), "{protocol}");
    }
    assert_eq!(
        hop(&json!({ "health-check-path": "/up" })),
        (http, listeners)
    );
    assert_eq!(hop(&json!({})), ([false; 4], None));
}
