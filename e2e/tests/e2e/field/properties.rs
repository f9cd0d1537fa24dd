//! What members of a route say together, and what properties do to paths, connections and endpoints.

use super::{
    GATEWAY, Tool, all_of, by, exact, gateway, having, matching, says, service, warnings, weighing,
};
use e2e::{
    eventually,
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Backend, Proxy},
    ports,
};
use serde_json::{Value, json};

/// A color of `shop` with one weighted route, which say these properties.
fn color(name: &str, weight: u32, own: Value, of_route: Value) -> Value {
    let route = having(weighing(prefix("/shop/"), weight), of_route);
    having(service_color("shop", name, &[4000], &[route]), own)
}

/// What holds for the route that these share, and what is said about it.
fn agreed(of_namespace: Value, members: &[Value]) -> (Value, String) {
    let n1 = having(namespace("n1", members), of_namespace);
    let (context, told) = Tool::with(&map(&[n1])).context(&GATEWAY);
    let routes = context["listeners"][0]["routes"].as_array().unwrap();
    assert_eq!(routes.len(), 1, "{context:#}");
    (routes[0]["properties"].clone(), told)
}

fn timeout(value: &str) -> Value {
    json!({ "timeout": value })
}

#[test]
fn one_member_s_word_holds_while_the_others_are_silent() {
    let none = || json!({});
    let patient = json!({"timeout": "60s", "retry-on": "5xx", "num-retries": "4"});
    let cases = [
        (
            none(),
            vec![
                color("blue", 99, patient.clone(), none()),
                color("canary", 1, none(), none()),
            ],
            patient,
        ),
        // Each property by itself.
        (
            none(),
            vec![
                color("blue", 1, none(), json!({"num-retries": "0"})),
                color("canary", 99, timeout("9s"), none()),
            ],
            json!({"timeout": "9s", "num-retries": "0"}),
        ),
        // A route's word is its color's word.
        (
            none(),
            vec![
                color("blue", 1, timeout("5s"), timeout("9s")),
                color("canary", 1, none(), timeout("9s")),
            ],
            timeout("9s"),
        ),
        // The namespace's holds where no member says anything, and only there.
        (
            timeout("7s"),
            vec![
                color("blue", 99, none(), none()),
                color("canary", 1, none(), none()),
            ],
            timeout("7s"),
        ),
        (
            timeout("7s"),
            vec![
                color("blue", 99, none(), none()),
                color("canary", 1, timeout("5s"), none()),
            ],
            timeout("5s"),
        ),
        // Without a share there is no word.
        (
            none(),
            vec![
                color("blue", 1, timeout("9s"), none()),
                color("canary", 0, timeout("5s"), none()),
            ],
            timeout("9s"),
        ),
    ];
    for (of_namespace, members, expected) in cases {
        let told = format!("{of_namespace} {}", Value::from(members.clone()));
        let (found, warned) = agreed(of_namespace, &members);
        assert_eq!((found, warned.as_str()), (expected, ""), "{told}");
    }
}

#[test]
fn where_members_differ_the_greatest_weight_decides_and_is_told() {
    let none = || json!({});
    let other_port = |member: Value| with(member, json!({"index": 2}));
    let cases = [
        (
            vec![
                color("blue", 99, timeout("60s"), none()),
                color("canary", 1, timeout("5s"), none()),
            ],
            "60s",
        ),
        (
            vec![
                color("blue", 1, timeout("60s"), none()),
                color("canary", 2, timeout("5s"), none()),
            ],
            "5s",
        ),
        // Among equals the first in text order.
        (
            vec![
                color("green", 3, timeout("60s"), none()),
                color("blue", 3, timeout("5s"), none()),
            ],
            "5s",
        ),
        // The ports of one color together.
        (
            vec![
                color("red", 2, timeout("60s"), none()),
                other_port(color("red", 2, timeout("60s"), none())),
                color("blue", 3, timeout("5s"), none()),
            ],
            "60s",
        ),
    ];
    for (members, expected) in cases {
        let (found, told) = agreed(json!({}), &members);
        assert_eq!(found, timeout(expected), "{told}");
        assert!(says(&told, &["warning", "timeout", "/shop/"]), "{told}");
    }
}

#[test]
fn a_canary_that_says_nothing_changes_nothing() {
    let [blue, canary] = ["blue", "canary"].map(|color| Backend::start("shop", color));
    let rewritten = having(prefix("/api/shop/"), json!({"prefix-rewrite": "/"}));
    let proxy = gateway(&[
        service_color("shop", "blue", &[blue.port], &[weighing(rewritten, 1)]),
        service_color("shop", "canary", &[canary.port], &[prefix("/api/shop/")]),
    ]);
    let mut answered = Vec::new();
    for _ in 0..40 {
        let answer = proxy.get("/api/shop/who");
        assert_eq!(answer.header("x-sample-path"), Some("/who"));
        answered.push(by(&answer));
    }
    for name in ["shop-blue", "shop-canary"] {
        assert!(answered.iter().any(|by| by == name), "{answered:?}");
    }
}

#[test]
fn a_regular_expression_is_not_rewritten_and_that_is_told() {
    let shop = Backend::start("shop", "blue");
    let expression = "/item/[0-9]+/.*";
    let routes = [
        matching("regex", expression),
        prefix("/old/"),
        exact("/one"),
        prefix("/a"),
    ];
    let shop = having(
        service("shop", &[shop.port], &routes),
        json!({"prefix-rewrite": "/new/"}),
    );
    let proxy = gateway(&[shop]);
    let expected = [
        ("/item/17/photo", "/item/17/photo"),
        ("/old/x", "/new/x"),
        ("/one", "/new/"),
        // Envoy replaces what the prefix is, and no more.
        ("/a/x", "/new//x"),
    ];
    let got = expected.map(|(path, _)| {
        let answer = proxy.get(path);
        answer
            .header("x-sample-path")
            .unwrap_or_default()
            .to_owned()
    });
    assert_eq!(got, expected.map(|(_, path)| path.to_owned()));
    proxy.wait_refreshes(5);
    let told = warnings(&proxy, &["prefix-rewrite", expression]);
    assert_eq!(told, 1, "{}", proxy.log());
    // One ends with a slash, the other does not.
    let told = ["`/a`", "\"/a\""].map(|path| warnings(&proxy, &["prefix-rewrite", path]));
    assert_eq!(told.iter().sum::<usize>(), 1, "{}", proxy.log());
    assert_eq!(warnings(&proxy, &["prefix-rewrite", "/old/"]), 0);
}

/// The idle time of connections to a service, as it is rendered.
fn idle_time(service: Value) -> Vec<String> {
    let tool = Tool::with(&map(&[namespace("n1", &[service])]));
    let clusters = tool.rendered(&GATEWAY, "cds.json");
    let options = all_of(&clusters, "common_http_protocol_options").into_iter();
    let times = options.flat_map(|options| all_of(options, "idle_timeout"));
    times
        .map(|time| time.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn idle_connections_to_services_end_before_the_services_end_them() {
    let of = || service("shop", &[4000], &[prefix("/")]);
    let one_minute = json!({"upstream-idle-timeout": "60s"});
    let http2 = json!({"protocol": "HTTP2"});
    assert_eq!(idle_time(of()), ["4s"]);
    assert_eq!(idle_time(having(of(), one_minute.clone())), ["60s"]);
    assert_eq!(
        idle_time(having(with(of(), http2.clone()), one_minute)),
        ["60s"]
    );
    assert!(!idle_time(with(of(), http2)).contains(&"4s".to_owned()));
}

/// A number among Envoy's statistics of the cluster of `shop/blue`.
fn stat(proxy: &Proxy, name: &str) -> u64 {
    stat_of(proxy, "shop", name)
}

fn stat_of(proxy: &Proxy, service: &str, name: &str) -> u64 {
    let name = format!("cluster.c-{service}-blue-1.{name}: ");
    let stats = proxy.admin("/stats").body;
    let value = stats.lines().find_map(|line| line.strip_prefix(&name));
    value.map_or(0, |value| value.parse().unwrap())
}

#[test]
fn an_idle_connection_is_closed_in_the_time_that_is_set() {
    let shop = Backend::start("shop", "blue");
    let proxy = gateway(&[having(
        service("shop", &[shop.port], &[prefix("/")]),
        json!({"upstream-idle-timeout": "100ms"}),
    )]);
    assert_eq!(by(&proxy.get("/who")), "shop-blue");
    eventually("Envoy closes the connection", || {
        (stat(&proxy, "upstream_cx_idle_timeout") > 0).then_some(())
    });
    assert_eq!(by(&proxy.get("/who")), "shop-blue");
}

#[test]
fn an_idle_connection_is_kept_for_the_time_that_is_set() {
    let backend = Backend::start("shop", "blue");
    let of = |name: &str| service(name, &[backend.port], &[prefix(&format!("/{name}"))]);
    let patient = having(of("patient"), json!({"upstream-idle-timeout": "1h"}));
    let proxy = gateway(&[patient, of("default")]);
    for path in ["/patient", "/default"] {
        assert_eq!(by(&proxy.get(path)), "shop-blue");
    }
    let closed = |service| stat_of(&proxy, service, "upstream_cx_idle_timeout");
    eventually("Envoy closes the later connection", || {
        (closed("default") == 1).then_some(())
    });
    assert_eq!(closed("patient"), 0);
}

/// A proxy for `shop/blue`, one of whose instances cannot be reached.
fn half_reachable(properties: Value) -> (Proxy, Backend) {
    let shop = Backend::start("shop", "blue");
    let nobody = ports::free();
    let shop_color = service("shop", &[shop.port, nobody], &[prefix("/")]);
    (gateway(&[having(shop_color, properties)]), shop)
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_put_aside() {
    for properties in [json!({}), json!({"outlier-connect-failures": "2"})] {
        let (proxy, _shop) = half_reachable(properties);
        eventually("Envoy puts it aside", || {
            // Each is retried at the other endpoint.
            assert_eq!(by(&proxy.get("/who")), "shop-blue");
            (stat(&proxy, "outlier_detection.ejections_active") == 1).then_some(())
        });
        let failed = stat(&proxy, "upstream_cx_connect_fail");
        for _ in 0..10 {
            assert_eq!(by(&proxy.get("/who")), "shop-blue");
        }
        assert_eq!(stat(&proxy, "upstream_cx_connect_fail"), failed);
    }
}

#[test]
fn no_endpoint_is_put_aside_where_that_is_off_nor_for_answers_of_the_app() {
    let (proxy, _shop) = half_reachable(json!({"outlier-connect-failures": "0"}));
    for _ in 0..40 {
        assert_eq!(by(&proxy.get("/who")), "shop-blue");
    }
    assert!(stat(&proxy, "upstream_cx_connect_fail") >= 15);
    assert_eq!(stat(&proxy, "outlier_detection.ejections_active"), 0);

    let backends = ["one", "other"].map(|name| Backend::start(name, "blue"));
    let ports = backends.each_ref().map(|backend| backend.port);
    let limits = json!({"outlier-connect-failures": "1"});
    let proxy = gateway(&[having(service("shop", &ports, &[prefix("/")]), limits)]);
    for _ in 0..40 {
        assert_eq!(proxy.get("/status/503").status, 503);
    }
    assert_eq!(stat(&proxy, "outlier_detection.ejections_active"), 0);
    assert_eq!(stat(&proxy, "membership_healthy"), 2);
}
