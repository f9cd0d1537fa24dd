//! The oldest Envoy that Nightjar runs, with every property of a route.

use super::{having, in_turn, mounted, seen, service};
use e2e::{
    maps::{map, namespace, prefix},
    mesh::{Backend, Plan},
    oldest_envoy,
};
use serde_json::json;

#[test]
fn the_oldest_envoy_does_what_properties_of_routes_say() {
    let shop = Backend::start("shop", "blue");
    let routes = [
        mounted(
            "/all/",
            json!({
                "request-header-set-x-team": "100% red", "request-header-remove": "x-secret",
                "response-header-set-x-mesh": "%ENVIRONMENT(PATH)%", "response-header-remove": "content-type",
                "cors-origins": "https://app.test", "rate-limit": "2/h", "mirror-to": "copy/blue",
                "mirror-percent": "0.5", "delay": "1ms", "delay-percent": "0.5", "retry-statuses": "502,503",
                "retry-back-off": "1ms..2ms",
            }),
        ),
        mounted(
            "/abort/",
            json!({"abort-status": "418", "abort-percent": "100"}),
        ),
        having(
            prefix("/moved/"),
            json!({"redirect-to": "301 https://a.test/new/"}),
        ),
    ];
    let copy = service("copy", &[shop.port], &[prefix("/copy/")]);
    let shop = service("shop", &[shop.port], &routes);
    let proxy = Plan::gateway("n1", &map(&[namespace("n1", &[shop, copy])]))
        .env("ENVOY_EXEC", oldest_envoy().display())
        .start();
    let answer = proxy.get_with("/all/flaky/2/a", &[("origin", "https://app.test")]);
    assert_eq!(seen(&answer), "200 by shop-blue");
    assert_eq!(answer.header("x-mesh"), Some("%ENVIRONMENT(PATH)%"));
    let allowed = answer.header("access-control-allow-origin");
    assert_eq!(allowed, Some("https://app.test"));
    assert_eq!(
        in_turn(&proxy, "/all/who", 2),
        ["200 by shop-blue", "429 by Envoy"]
    );
    assert_eq!(seen(&proxy.get("/abort/who")), "418 by Envoy");
    let moved = proxy.get("/moved/x");
    let location = moved.header("location");
    assert_eq!(
        (moved.status, location),
        (301, Some("https://a.test/new/x"))
    );
}
