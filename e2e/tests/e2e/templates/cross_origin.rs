//! Pages of other origins: who may call a route from a browser.

use super::{gateway, mounted, seen, service};
use e2e::{
    http::{Answer, Connection},
    maps::prefix,
    mesh::{Backend, Proxy},
};
use serde_json::json;

/// What a browser asks before it sends a `PUT` for a page of an origin.
fn preflight(proxy: &Proxy, path: &str, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization,x-team"),
    ];
    let mut connection = Connection::open(proxy.address()).unwrap();
    connection.request("OPTIONS", path, &headers).unwrap()
}

#[test]
fn pages_of_the_origins_that_a_route_names_may_call_it() {
    let shop = Backend::start("shop", "blue");
    let routes = [
        prefix("/"),
        mounted(
            "/app/",
            json!({"cors-origins": "https://App.test, http://localhost:3000"}),
        ),
        mounted("/any/", json!({"cors-origins": "*"})),
        mounted("/bad/", json!({"cors-origins": "https://app.test/"})),
        // A page has to be told of a refusal too.
        mounted(
            "/limited/",
            json!({"cors-origins": "*", "rate-limit": "1/h"}),
        ),
    ];
    let proxy = gateway(&[service("shop", &[shop.port], &routes)]);
    let allowed = |answer: &Answer| {
        let origin = answer.header("access-control-allow-origin");
        (seen(answer), origin.map(ToOwned::to_owned))
    };
    let by =
        |who: &str, origin: Option<&str>| (format!("200 by {who}"), origin.map(ToOwned::to_owned));
    let (app, other) = ("https://app.test", "https://other.test");
    for (path, origin, expected) in [
        ("/app/who", app, by("shop-blue", Some(app))),
        (
            "/app/who",
            "http://localhost:3000",
            by("shop-blue", Some("http://localhost:3000")),
        ),
        ("/app/who", other, by("shop-blue", None)),
        ("/any/who", other, by("shop-blue", Some(other))),
        ("/bad/who", app, by("shop-blue", None)),
        ("/who", app, by("shop-blue", None)),
    ] {
        let answer = proxy.get_with(path, &[("origin", origin)]);
        assert_eq!(allowed(&answer), expected, "{path} {origin}");
        // The service is asked only where nobody answers for it.
        let (_, origin_allowed) = &expected;
        let who = if origin_allowed.is_some() {
            "Envoy"
        } else {
            "shop-blue"
        };
        let answer = preflight(&proxy, path, origin);
        assert_eq!(
            allowed(&answer),
            (format!("200 by {who}"), origin_allowed.clone()),
            "{path} {origin}"
        );
        if origin_allowed.is_some() {
            let methods = answer.header("access-control-allow-methods").unwrap();
            assert!(methods.contains("PUT"), "{methods}");
            let headers = answer.header("access-control-allow-headers");
            assert_eq!(headers, Some("*, authorization"));
        }
    }
    let statuses: Vec<_> = [(); 2]
        .map(|()| proxy.get_with("/limited/who", &[("origin", app)]))
        .iter()
        .map(|answer| (answer.status, allowed(answer).1))
        .collect();
    assert_eq!(
        statuses,
        [200, 429].map(|status| (status, Some(app.to_owned())))
    );
    let log = proxy.log();
    assert!(log.contains("property `cors-origins` is left out"), "{log}");
}
