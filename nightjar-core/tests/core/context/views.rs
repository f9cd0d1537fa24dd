//! Whole contexts, and what happens at the edges.

use super::{
    context, gateway, lines, map, namespace, private, route, service_color, sidecar, with,
};
use insta::assert_json_snapshot;
use nightjar_core::context::proxy_input;
use serde_json::{Value, json};

fn egress(namespace: &str, port: u16) -> Value {
    json!({ "namespace": namespace, "interface": { "ipv4": "127.0.0.1", "port": port } })
}

#[test]
fn a_sidecar_serves_its_namespace_and_calls_others() {
    let map = map(&[
        namespace(
            "n1",
            &[
                service_color(
                    "shop",
                    "blue",
                    &[private(
                        "/shop/",
                        &json!({ "properties": { "timeout": "250ms" } }),
                    )],
                    &json!({
                        "properties": { "timeout": "2s", "team": "red" },
                        "namespace-egress": [egress("n2", 3001)],
                    }),
                ),
                service_color(
                    "shop",
                    "blue",
                    &[],
                    &json!({ "index": 3001, "namespace-egress": [egress("n3", 3002)] }),
                ),
                service_color(
                    "cart",
                    "green",
                    &[route("/cart/", &json!({}))],
                    &json!({
                        "protocol": "http2",
                        "instances": [{ "ipv6": "fd00::2", "port": 80 }, { "ipv6": "fd00::10", "port": 80 }],
                    }),
                ),
            ],
        ),
        namespace(
            "n2",
            &[service_color(
                "bank",
                "blue",
                &[
                    private(
                        "/pay/",
                        &json!({ "namespace-access": [{ "namespace": "n1", "access": true }] }),
                    ),
                    route(
                        "/audit/",
                        &json!({ "namespace-access": [{ "namespace": "n1", "access": false }] }),
                    ),
                    route("/", &json!({})),
                ],
                &json!({}),
            )],
        ),
        namespace(
            "n3",
            &[service_color(
                "hidden",
                "blue",
                &[private("/", &json!({}))],
                &json!({}),
            )],
        ),
    ]);
    assert_json_snapshot!(context(&map, &sidecar("shop", "blue")));
}

#[test]
fn a_gateway_denies_what_a_wider_route_would_serve() {
    let map = map(&[namespace(
        "n1",
        &[service_color(
            "shop",
            "blue",
            &[
                route("/shop/", &json!({})),
                private("/shop/admin/", &json!({})),
                route("/shop/admin/help/", &json!({})),
                private("/stock/", &json!({})),
            ],
            &json!({}),
        )],
    )]);
    assert_json_snapshot!(context(&map, &gateway()));
}

#[test]
fn a_namespace_may_prefer_to_be_called_through_its_gateway() {
    let preferring = with(
        namespace(
            "n2",
            &[service_color(
                "bank",
                "blue",
                &[route("/pay/", &json!({}))],
                &json!({}),
            )],
        ),
        &json!({
            "properties": { "connect-timeout": "1s" },
            "gateways": {
                "prefer-gateway": true,
                "protocol": "HTTP2",
                "instances": [{ "hostname": "gw.example", "port": 443 }],
            },
        }),
    );
    let caller = |egress: Value| {
        namespace(
            "n1",
            &[service_color(
                "shop",
                "blue",
                &[],
                &json!({ "namespace-egress": egress }),
            )],
        )
    };
    let both = map(&[caller(json!([egress("n2", 3001)])), preferring]);
    assert_json_snapshot!(context(&both, &sidecar("shop", "blue")));
}

#[test]
fn instances_of_mixed_kinds_are_host_names() {
    let mixed = json!({ "instances": [
        { "hostname": "b.example", "port": 80 },
        { "ipv6": "fd00::1", "port": 80 },
        { "ipv4": "10.0.0.10", "port": 81 },
        { "ipv4": "10.0.0.10", "port": 80 },
        { "ipv4": "10.0.0.9", "port": 80 },
        { "ipv4": "10.0.0.9", "port": 80 },
        { "hostname": "a.example", "port": 80 },
    ] });
    let map = map(&[namespace(
        "n1",
        &[service_color(
            "shop",
            "blue",
            &[route("/", &json!({}))],
            &mixed,
        )],
    )]);
    assert_json_snapshot!(context(&map, &gateway()));
}

#[test]
fn a_color_scaled_to_zero_has_no_share() {
    let weight = |weight: u16| [route("/shop/", &json!({ "weight": weight }))];
    let none = json!({ "instances": [] });
    let map = map(&[namespace(
        "n1",
        &[
            service_color(
                "shop",
                "blue",
                &weight(1),
                &json!({ "properties": { "timeout": "1s", "a": "b" } }),
            ),
            service_color("shop", "canary", &weight(7), &none),
            service_color(
                "shop",
                "green",
                &weight(2),
                &json!({ "properties": { "timeout": "1s", "a": "c" } }),
            ),
            service_color("old", "blue", &[route("/old/", &json!({}))], &none),
        ],
    )]);
    assert_json_snapshot!(context(&map, &gateway()));
}

#[test]
fn one_identity_given_twice_is_one_cluster() {
    let map = map(&[namespace(
        "n1",
        &[
            service_color(
                "shop",
                "blue",
                &[route("/", &json!({ "weight": 2 }))],
                &json!({
                    "protocol": "HTTP2", "properties": { "same": "1", "differs": "2" },
                }),
            ),
            service_color(
                "shop",
                "blue",
                &[route("/", &json!({ "weight": 3 }))],
                &json!({
                    "properties": { "same": "1", "differs": "1" },
                    "instances": [{ "ipv4": "10.0.0.2", "port": 3000 }],
                }),
            ),
        ],
    )]);
    assert_json_snapshot!(context(&map, &gateway()));
}

#[test]
fn names_that_would_be_equal_get_a_suffix() {
    let public = [route("/", &json!({}))];
    let map = map(&[namespace(
        "n1",
        &[
            service_color("a", "b-c", &public, &json!({})),
            service_color("a-b", "c", &public, &json!({})),
            service_color("a", "d", &public, &json!({})),
        ],
    )]);
    let names = |proxy| -> Vec<String> {
        let clusters = proxy_input(&map, &proxy).unwrap().input.clusters;
        clusters.into_iter().map(|cluster| cluster.name).collect()
    };
    assert_json_snapshot!([names(gateway()), names(sidecar("a", "d"))]);
}

#[test]
fn a_property_out_of_form_is_left_out_with_a_warning() {
    let map = map(&[with(
        namespace(
            "n1",
            &[service_color(
                "shop",
                "blue",
                &[route(
                    "/",
                    &json!({ "properties": { "timeout": "5 parsecs", "mine": "5 parsecs" } }),
                )],
                &json!({ "properties": { "timeout": "2m", "lb-policy": "least-request" } }),
            )],
        ),
        &json!({ "properties": { "max-requests": "many", "timeout": "9s" } }),
    )]);
    let context = proxy_input(&map, &gateway()).unwrap();
    let route = &context.input.listeners[0].routes[0].properties;
    let cluster = &context.input.clusters[0].properties;
    let seen = json!({ "warnings": lines(&context.warnings), "route": route, "cluster": cluster });
    assert_json_snapshot!(seen);
}

#[test]
fn an_egress_port_has_one_use() {
    let caller = json!({ "namespace-egress": [
        egress("n2", 3001), egress("n2", 3002), egress("n3", 3001), egress("n4", 3000),
        egress("n5", 9901), egress("n6", 3006), egress("n1", 3007), egress("n6", 3006),
    ] });
    let public = |name: &str| {
        namespace(
            name,
            &[service_color(
                "any",
                "blue",
                &[route("/", &json!({}))],
                &json!({}),
            )],
        )
    };
    let map = map(&[
        namespace("n1", &[service_color("shop", "blue", &[], &caller)]),
        public("n2"),
        public("n3"),
        public("n4"),
        public("n5"),
    ]);
    let context = proxy_input(&map, &sidecar("shop", "blue")).unwrap();
    let listeners = context.input.listeners.iter();
    let listeners: Vec<_> = listeners
        .map(|listener| (&listener.name, listener.mesh_port))
        .collect();
    assert_json_snapshot!(json!({ "warnings": lines(&context.warnings), "listeners": listeners }));
}

#[test]
fn an_unknown_viewer_is_told_what_there_is() {
    let shop = service_color("shop", "blue", &[], &json!({}));
    let few = map(&[namespace("n1", &[shop]), namespace("n2", &[])]);
    let mut elsewhere = gateway();
    elsewhere.namespace = "n3".to_owned();
    let mut empty = sidecar("shop", "blue");
    empty.namespace = "n2".to_owned();
    let many: Vec<Value> = (0..25)
        .map(|n| namespace(&format!("m{n:02}"), &[]))
        .collect();
    let messages = [
        proxy_input(&few, &elsewhere).unwrap_err().to_string(),
        proxy_input(&few, &sidecar("shop", "green"))
            .unwrap_err()
            .to_string(),
        proxy_input(&few, &empty).unwrap_err().to_string(),
        proxy_input(&map(&many), &gateway())
            .unwrap_err()
            .to_string(),
    ];
    assert_json_snapshot!(messages);
}

#[test]
fn an_egress_without_a_listener_takes_no_port() {
    let caller = json!({ "namespace-egress": [egress("a-hidden", 3001), egress("b", 3001)] });
    let with_route = |name: &str, access: &Value| {
        let routes = [route("/", access)];
        namespace(name, &[service_color("any", "blue", &routes, &json!({}))])
    };
    let map = map(&[
        namespace("n1", &[service_color("shop", "blue", &[], &caller)]),
        with_route("a-hidden", &json!({ "default-access": false })),
        with_route("b", &json!({})),
    ]);
    let context = proxy_input(&map, &sidecar("shop", "blue")).unwrap();
    let listeners = context.input.listeners.iter();
    let listeners: Vec<_> = listeners
        .map(|listener| (listener.name.as_str(), listener.mesh_port))
        .collect();
    assert_eq!(listeners, [("local", 3000), ("egress-b", 3001)]);
    assert_eq!(context.warnings, []);
}

#[test]
fn a_preferred_gateway_is_no_way_round_what_is_not_for_this_namespace() {
    let caller = json!({ "namespace-egress": [egress("n2", 3001)] });
    let closed = json!({ "namespace-access": [{ "namespace": "n1", "access": false }] });
    let routes = [
        route("/secret/open/", &json!({})),
        route("/secret/", &closed),
        route("/other/", &json!({})),
        route("/private/", &json!({ "default-access": false })),
    ];
    let mut other = namespace("n2", &[service_color("any", "blue", &routes, &json!({}))]);
    other["gateways"] = json!({
        "prefer-gateway": true, "instances": [{ "ipv4": "10.0.0.1", "port": 80 }],
    });
    let map = map(&[
        namespace("n1", &[service_color("shop", "blue", &[], &caller)]),
        other,
    ]);
    let context = proxy_input(&map, &sidecar("shop", "blue")).unwrap();
    let routes = context.input.listeners[1].routes.iter();
    let routes: Vec<_> = routes
        .map(|route| {
            (
                route.route_path.as_str(),
                route.clusters[0].cluster_name.as_str(),
            )
        })
        .collect();
    assert_eq!(
        routes,
        [
            ("/secret/open/", "remote-n2-gateway"),
            ("/secret/", "nightjar-denied"),
            ("/", "remote-n2-gateway"),
        ]
    );
}
