//! Who answers a request, and why.

use nightjar_core::{
    context::ProxyRole,
    document::{self, discovery_map::DiscoveryMap},
    routing::{Answer, Caller, Outcome, Request, answer},
};
use serde_json::{Value, json};
use test_kit::maps;

fn entry(service: &str, color: &str, endpoints: u8, routes: &[Value]) -> Value {
    let instances =
        (0..endpoints).map(|last| json!({"ipv4": format!("10.0.0.{last}"), "port": 80}));
    let members = json!({
        "instances": instances.collect::<Vec<_>>(),
        "namespace-egress": [{"namespace": "bank", "interface": {"ipv4": "127.0.0.1", "port": 4000}}],
    });
    maps::with(maps::service_color(service, color, &[], routes), members)
}

fn prefix(path: &str, weight: u16, is_public: bool) -> Value {
    let members = json!({"weight": weight, "default-access": is_public});
    maps::with(maps::prefix(path), members)
}

fn mesh() -> DiscoveryMap {
    let gateways = json!({
        "prefer-gateway": true, "instances": [{"ipv4": "10.1.0.1", "port": 8080}],
    });
    let store = maps::namespace(
        "store",
        &[
            entry(
                "stock",
                "blue",
                2,
                &[
                    prefix("/stock/", 3, true),
                    prefix("/stock/admin/", 1, false),
                ],
            ),
            entry("stock", "green", 1, &[prefix("/stock/", 1, true)]),
            entry("idle", "blue", 0, &[prefix("/idle/", 1, true)]),
            entry("secret", "blue", 1, &[prefix("/secret/", 1, false)]),
        ],
    );
    let pay = [prefix("/pay/", 1, true), prefix("/pay/back/", 1, false)];
    let bank = maps::namespace("bank", &[entry("pay", "blue", 1, &pay)]);
    let bank = maps::with(bank, json!({"gateways": gateways}));
    document::read(maps::map(&[store, bank]).to_string().as_bytes()).unwrap()
}

fn asked(from: ProxyRole, to: Option<&str>, target: &str) -> Answer {
    let caller = Caller {
        namespace: "store".to_owned(),
        role: from,
        to: to.map(ToOwned::to_owned),
    };
    let request = Request {
        method: "GET".to_owned(),
        authority: "localhost".to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
    };
    answer(&mesh(), &caller, &request).unwrap()
}

fn sidecar() -> ProxyRole {
    ProxyRole::Service {
        service: "stock".to_owned(),
        color: "blue".to_owned(),
    }
}

/// Who asks whom for what, what becomes of it, and why.
type Case<'a> = (ProxyRole, Option<&'a str>, &'a str, Outcome, &'a str);

fn check(cases: &[Case<'_>]) {
    for (from, to, target, outcome, because) in cases {
        let answer = asked(from.clone(), *to, target);
        assert_eq!(
            (answer.outcome, &*answer.because),
            (*outcome, *because),
            "{target}"
        );
    }
}

#[test]
fn each_answer_to_a_gateway_says_why() {
    check(&[
        (
            ProxyRole::Gateway,
            None,
            "/stock/x/..//admin%2F7",
            Outcome::Denied,
            "the private route prefix `/stock/admin/` of `stock/blue` in namespace `store` denies it to \
             this caller",
        ),
        (
            ProxyRole::Gateway,
            None,
            "/secret/",
            Outcome::Denied,
            "the private route prefix `/secret/` of `secret/blue` in namespace `store` denies it to \
             this caller",
        ),
        (
            ProxyRole::Gateway,
            None,
            "/idle/",
            Outcome::Unavailable,
            "nobody is there to answer: `idle/blue` has no endpoints",
        ),
        (
            ProxyRole::Gateway,
            None,
            "/other",
            Outcome::NotFound,
            "no route of namespace `store` takes it",
        ),
        (
            ProxyRole::Gateway,
            None,
            "//",
            Outcome::Redirected,
            "the proxy redirects a path of slashes alone to `/`, with 308",
        ),
        (
            ProxyRole::Gateway,
            None,
            "/a;/;/b",
            Outcome::Answered,
            "the proxy answers 400: path parameters (`;`) hide an empty or dot segment in its path",
        ),
        (
            ProxyRole::Gateway,
            None,
            "/___health_check___",
            Outcome::Answered,
            "the listener answers health checks itself, with 200",
        ),
        (
            ProxyRole::Gateway,
            Some("bank"),
            "/pay/1",
            Outcome::NotFound,
            "a gateway serves its own namespace, not `bank`",
        ),
    ]);
}

#[test]
fn each_answer_to_a_sidecar_says_why() {
    check(&[
        (
            sidecar(),
            None,
            "/stock/7",
            Outcome::Served,
            "route 3 of 4 in listener `local` is the first that takes it",
        ),
        (
            sidecar(),
            None,
            "/stock/admin/7",
            Outcome::Served,
            "route 1 of 4 in listener `local` is the first that takes it",
        ),
        (
            sidecar(),
            Some("bank"),
            "/pay/1",
            Outcome::Served,
            "listener `egress-bank` sends it to the gateways of namespace `bank`, which do not know who \
             calls; there, route 2 of 2 in listener `gateway` is the first that takes it",
        ),
        (
            sidecar(),
            Some("bank"),
            "/pay/back/1",
            Outcome::Denied,
            "listener `egress-bank` sends it to the gateways of namespace `bank`, which do not know who \
             calls; there, the private route prefix `/pay/back/` of `pay/blue` in namespace `bank` \
             denies it to this caller",
        ),
        (
            sidecar(),
            None,
            "stock",
            Outcome::Answered,
            "the proxy answers 400: its path does not start with /",
        ),
    ]);
}

#[test]
fn an_answer_names_members_and_where_they_stand() {
    let answer = asked(ProxyRole::Gateway, None, "/stock/7?x=1");
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer).unwrap());
}

#[test]
fn who_is_not_in_the_map_is_told_of_whom_is() {
    let request = Request {
        method: "GET".to_owned(),
        authority: String::new(),
        target: "/".to_owned(),
        headers: Vec::new(),
    };
    let error = |namespace: &str, service: &str, to: Option<&str>| {
        let caller = Caller {
            namespace: namespace.to_owned(),
            role: ProxyRole::Service {
                service: service.to_owned(),
                color: "blue".to_owned(),
            },
            to: to.map(ToOwned::to_owned),
        };
        answer(&mesh(), &caller, &request).unwrap_err().to_string()
    };
    assert_eq!(
        error("stroe", "stock", None),
        "namespace `stroe` is not in the discovery map, which has `bank`, `store`\n  \
         hint: did you mean `store`?"
    );
    assert!(error("store", "stok", None).ends_with("\n  hint: did you mean `stock/blue`?"));
    assert_eq!(
        error("store", "stock", Some("bnak")),
        "namespace `bnak` is not in the discovery map\n  hint: did you mean `bank`?"
    );
}

#[test]
fn a_redirect_tells_where_it_leads() {
    let route = |path: &str, to: &str| {
        let mut route = prefix(path, 1, true);
        route["properties"] = json!({"redirect-to": to});
        route
    };
    let routes = [
        route("/tls/", "https:"),
        route("/old/", "308 /new/"),
        route("/a+b/", "https://b.test/"),
    ];
    let store = maps::namespace("store", &[entry("stock", "blue", 0, &routes)]);
    let map: DiscoveryMap = document::read(maps::map(&[store]).to_string().as_bytes()).unwrap();
    for (authority, target, location, because) in [
        (
            "a:80",
            "/tls/x/../y?z=1",
            "https://a/tls/y?z=1",
            "route 3 of 3 in listener `gateway` redirects it, with 307",
        ),
        (
            "a:81",
            "/tls/",
            "https://a:81/tls/",
            "route 3 of 3 in listener `gateway` redirects it, with 307",
        ),
        (
            "a:80",
            "/old/x",
            "http://a:80/new/x",
            "route 2 of 3 in listener `gateway` redirects it, with 308",
        ),
        (
            "a",
            "/a%2bb/x",
            "https://b.test/x",
            "route 1 of 3 in listener `gateway` redirects it, with 307",
        ),
    ] {
        let caller = Caller {
            namespace: "store".to_owned(),
            role: ProxyRole::Gateway,
            to: None,
        };
        let request = Request {
            method: "GET".to_owned(),
            authority: authority.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
        };
        let answer = answer(&map, &caller, &request).unwrap();
        assert_eq!(answer.outcome, Outcome::Redirected);
        assert_eq!(answer.location.as_deref(), Some(location), "{target}");
        assert_eq!(answer.because, because);
    }
}

#[test]
fn a_preflight_request_is_answered_by_the_proxy() {
    let mut route = prefix("/app/", 1, true);
    route["properties"] = json!({"cors-origins": "https://app.test"});
    let store = maps::namespace("store", &[entry("stock", "blue", 1, &[route])]);
    let map: DiscoveryMap = document::read(maps::map(&[store]).to_string().as_bytes()).unwrap();
    let asked = |method: &str, headers: &[(&str, &str)]| {
        let caller = Caller {
            namespace: "store".to_owned(),
            role: ProxyRole::Gateway,
            to: None,
        };
        let headers = headers.iter();
        let request = Request {
            method: method.to_owned(),
            authority: "a".to_owned(),
            target: "/app/".to_owned(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        answer(&map, &caller, &request).unwrap()
    };
    let (app, other) = (
        ("Origin", "https://app.test"),
        ("Origin", "https://other.test"),
    );
    let put = ("access-control-request-method", "PUT");
    let answered = asked("OPTIONS", &[app, put]);
    assert_eq!(answered.outcome, Outcome::Answered);
    assert_eq!(
        answered.because,
        "route 1 of 1 in listener `gateway` answers a browser's preflight request itself, with 200"
    );
    for (method, headers) in [
        ("OPTIONS", [other, put]),
        ("OPTIONS", [app, ("x", "y")]),
        ("OPTIONS", [put, put]),
        ("GET", [app, put]),
    ] {
        let answer = asked(method, &headers);
        assert_eq!(answer.outcome, Outcome::Served, "{method} {headers:?}");
    }
}
