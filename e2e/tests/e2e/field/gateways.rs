//! Another namespace through the gateway that it prefers.

use super::{CALLER, Tool, all_of, by, get, having, loopback, me, private, service, warnings};
use e2e::{
    eventually,
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Backend, Plan, Proxy},
    ports,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, net::SocketAddr};

/// The egress port of what is only rendered.
const EGRESS: u16 = 3001;

/// `n1` with these service-colors and properties, which prefers a gateway at this port.
fn n1(gateway: u16, service_colors: &[Value], properties: Value) -> Value {
    let gateways = json!({
        "prefer-gateway": true, "protocol": "HTTP1.1",
        "instances": [{"ipv4": "127.0.0.1", "port": gateway}],
    });
    let n1 = with(
        namespace("n1", service_colors),
        json!({ "gateways": gateways }),
    );
    having(n1, properties)
}

/// The gateway of `n1`, and the sidecar in `n2` that calls through it.
struct Hop {
    _gateway: Proxy,
    caller: Proxy,
    egress: SocketAddr,
    /// In `n3`, of which no route speaks.
    _other: Proxy,
    other_egress: SocketAddr,
}

impl Hop {
    fn to(service_colors: &[Value], properties: &Value) -> Self {
        let (egress, other_egress) = (ports::free(), ports::free());
        let whole = |gateway: u16| {
            map(&[
                n1(gateway, service_colors, properties.clone()),
                namespace("n2", &[me(egress)]),
                namespace("n3", &[me(other_egress)]),
            ])
        };
        let mut gateway = Plan::gateway("n1", &map(&[])).prepare();
        let map = whole(gateway.port);
        gateway.set_map(&map);
        gateway.launch();
        gateway.wait_ready();
        Self {
            _gateway: gateway,
            caller: Plan::sidecar("n2", "me", "blue", &map).start(),
            egress: loopback(egress),
            _other: Plan::sidecar("n3", "me", "blue", &map).start(),
            other_egress: loopback(other_egress),
        }
    }

    fn answered(&self, path: &str) -> String {
        by(&get(self.egress, path, &[]))
    }
}

/// A route that keeps `n2` out.
fn not_for_n2(path: &str) -> Value {
    let access = json!([{"namespace": "n2", "access": false}]);
    with(prefix(path), json!({ "namespace-access": access }))
}

#[test]
fn a_route_is_reachable_only_if_all_its_public_members_are() {
    let backends = ["blue", "green"]
        .map(|color| Backend::start_with("shop", color, &[("PATH_PREFIX", "/shop")]));
    let [blue, green] = &backends;
    let hop = Hop::to(
        &[
            service_color("shop", "blue", &[blue.port], &[not_for_n2("/shop/")]),
            service_color("shop", "green", &[green.port], &[prefix("/shop/")]),
            // A private member is not behind the gateway, so it closes nothing.
            service_color("cart", "blue", &[blue.port], &[private(prefix("/cart/"))]),
            service_color("cart", "green", &[green.port], &[prefix("/cart/")]),
        ],
        &json!({}),
    );
    for _ in 0..20 {
        assert_eq!(hop.answered("/shop/who"), "404");
        assert_eq!(hop.answered("/cart/x"), "shop-green");
    }
    let everybody: BTreeSet<String> = (0..40)
        .map(|_| by(&get(hop.other_egress, "/shop/who", &[])))
        .collect();
    assert_eq!(
        everybody,
        ["shop-blue", "shop-green"].map(str::to_owned).into()
    );
    hop.caller.wait_refreshes(5);
    assert_eq!(
        warnings(&hop.caller, &["/shop/", "n1"]),
        1,
        "{}",
        hop.caller.log()
    );
}

#[test]
fn without_its_gateway_each_member_decides_for_itself() {
    let backends = ["blue", "green"].map(|color| Backend::start("shop", color));
    let [blue, green] = &backends;
    let egress = ports::free();
    let n1 = namespace(
        "n1",
        &[
            service_color("shop", "blue", &[blue.port], &[not_for_n2("/")]),
            service_color("shop", "green", &[green.port], &[prefix("/")]),
        ],
    );
    let map = map(&[n1, namespace("n2", &[me(egress)])]);
    let _caller = Plan::sidecar("n2", "me", "blue", &map).start();
    for _ in 0..20 {
        assert_eq!(by(&get(loopback(egress), "/who", &[])), "shop-green");
    }
}

#[test]
fn no_rewrite_is_made_on_the_hop() {
    let shop = Backend::start_with("shop", "blue", &[("PATH_PREFIX", "/api")]);
    let api = Backend::start_with("api", "blue", &[("PATH_PREFIX", "/api")]);
    let services = [
        service("shop", &[shop.port], &[prefix("/shop/")]),
        service("api", &[api.port], &[not_for_n2("/api/")]),
    ];
    let properties = json!({"prefix-rewrite": "/api/", "host-rewrite": "inside.test"});
    let hop = Hop::to(&services, &properties);
    // The gateway rewrites, once.
    let answer = get(hop.egress, "/shop/echo", &[]);
    let echo: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    assert_eq!(
        (
            by(&answer).as_str(),
            &echo["path"],
            &echo["headers"]["host"]
        ),
        ("shop-blue", &json!("/api/echo"), &json!("inside.test"))
    );
    for path in ["/api/who", "/elsewhere/who"] {
        assert_eq!(hop.answered(path), "404", "{path}");
    }
}

#[test]
fn the_gateway_is_asked_for_its_own_health() {
    let shop = Backend::start("shop", "blue");
    let services = [service("shop", &[shop.port], &[prefix("/echo")])];
    // A path that the service has and the gateway does not.
    let properties = json!({"health-check-path": "/who", "health-check-interval": "100ms"});
    let tool = Tool::with(&map(&[
        n1(8080, &services, properties.clone()),
        namespace("n2", &[me(EGRESS)]),
    ]));
    let clusters = tool.rendered(&CALLER, "cds.json");
    let checks = all_of(&clusters, "http_health_check");
    let paths: Vec<&Value> = checks.iter().map(|check| &check["path"]).collect();
    assert_eq!(paths, [&json!("/___health_check___")]);

    let hop = Hop::to(&services, &properties);
    let checked = |name: &str| {
        let line = format!("cluster.remote-n1-gateway.{name}: ");
        let stats = hop.caller.admin("/stats").body;
        let value = stats.lines().find_map(|text| text.strip_prefix(&line));
        value.map_or(0, |value| value.parse::<u64>().unwrap())
    };
    eventually("some checks", || {
        (checked("health_check.success") > 2).then_some(())
    });
    assert_eq!(checked("health_check.failure"), 0);
    assert_eq!(hop.answered("/echo"), "shop-blue");
}

/// The route to the gateway in the caller's egress listener.
fn rendered_hop(service_colors: &[Value], properties: Value) -> Value {
    let tool = Tool::with(&map(&[
        n1(8080, service_colors, properties),
        namespace("n2", &[me(EGRESS)]),
    ]));
    let rds = tool.rendered(&CALLER, &format!("rds-{EGRESS}.json"));
    let routes = all_of(&rds, "route").into_iter();
    let hops: Vec<&Value> = routes
        .filter(|route| route["cluster"] == "remote-n1-gateway")
        .collect();
    assert_eq!(hops.len(), 1, "{rds:#}");
    hops[0].clone()
}

#[test]
fn the_hop_lasts_as_long_as_the_longest_route_behind_it() {
    let route = |path: &str, properties: Value| having(prefix(path), properties);
    let timeout = |value: &str| json!({ "timeout": value });
    let cases = [
        (json!({}), vec![json!({})], "15s"),
        (json!({}), vec![timeout("0s")], "0s"),
        (json!({}), vec![timeout("20s"), timeout("60s")], "60s"),
        (json!({}), vec![timeout("0s"), timeout("60s")], "0s"),
        (json!({}), vec![timeout("90s"), json!({})], "90s"),
        // A route that says nothing takes what every route takes.
        (json!({}), vec![timeout("5s"), json!({})], "15s"),
        (json!({}), vec![timeout("5s")], "5s"),
        (timeout("1s"), vec![timeout("2m"), json!({})], "120s"),
        (timeout("0s"), vec![timeout("2s"), json!({})], "0s"),
    ];
    for (of_namespace, of_routes, expected) in cases {
        let told = format!("{of_namespace} {of_routes:?}");
        let routes: Vec<Value> = ["/a/", "/b/"]
            .into_iter()
            .zip(of_routes)
            .map(|(path, properties)| route(path, properties))
            .collect();
        let hop = rendered_hop(&[service("feed", &[4000], &routes)], of_namespace);
        // 2m may be written as it was.
        let found = hop["timeout"].as_str().unwrap_or_default();
        let found = if found == "2m" { "120s" } else { found };
        assert_eq!(found, expected, "{told}");
    }
}

#[test]
fn nothing_else_cuts_the_hop_shorter_than_the_routes_behind_it() {
    let properties = json!({
        "prefix-rewrite": "/in/", "host-rewrite": "in.test",
        "per-try-timeout": "1s", "idle-timeout": "1s",
    });
    let patient = json!({"timeout": "0s", "per-try-timeout": "50s", "idle-timeout": "0s"});
    let feed = service("feed", &[4000], &[having(prefix("/feed/"), patient)]);
    let hop = rendered_hop(&[feed], properties);
    for member in ["prefix_rewrite", "host_rewrite_literal"] {
        assert!(all_of(&hop, member).is_empty(), "{hop:#}");
    }
    assert_eq!(
        (&hop["timeout"], &hop["idle_timeout"]),
        (&json!("0s"), &json!("0s"))
    );
    let per_try = &hop["retry_policy"]["per_try_timeout"];
    let is_enough = per_try.is_null() || per_try == "50s" || per_try == "0s";
    assert!(is_enough, "{hop:#}");
}

#[test]
fn a_stream_lives_through_the_gateway_as_long_as_its_route_lets_it() {
    let [feed, hasty] = [("feed", "/feed"), ("hasty", "/hasty")]
        .map(|(name, path)| Backend::start_with(name, "blue", &[("PATH_PREFIX", path)]));
    let patient = having(prefix("/feed/"), json!({"timeout": "0s"}));
    let services = [
        service("feed", &[feed.port], &[patient]),
        service("hasty", &[hasty.port], &[prefix("/hasty/")]),
    ];
    let hop = Hop::to(&services, &json!({"timeout": "500ms"}));
    let got = ["/feed/delay/2000", "/hasty/delay/2000"].map(|path| hop.answered(path));
    assert_eq!(got, ["feed-blue", "504"]);
}
