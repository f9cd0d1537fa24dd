//! Properties of a wider level that a route or a service-color switches off with `none`.

use super::{gateway_of, having, in_turn, seen, service};
use e2e::{
    maps::{namespace, prefix},
    mesh::Backend,
};
use serde_json::json;

#[test]
fn a_route_and_a_service_color_switch_off_what_is_said_for_all() {
    let shop = Backend::start("shop", "blue");
    let ports = [shop.port];
    let off = |name: &str, path: &str| having(prefix(path), json!({ name: "none" }));
    let routes = [
        prefix("/"),
        off("abort-status", "/status/"),
        having(
            prefix("/status/200"),
            json!({"abort-status": "none", "rate-limit": "none"}),
        ),
    ];
    let free = having(
        service("free", &ports, &[prefix("/free/")]),
        json!({
            "abort-status": "None", "rate-limit": "none", "hash-on": "none", "slow-start": "none",
            "health-check-path": "none", "redirect-to": "/status/200",
        }),
    );
    let stays = having(
        service("stays", &ports, &[off("redirect-to", "/delay/")]),
        json!({"redirect-to": "/status/200", "rate-limit": "none", "abort-status": "none"}),
    );
    let all = namespace("n1", &[service("shop", &ports, &routes), free, stays]);
    let proxy = gateway_of(&having(
        all,
        json!({
            "abort-status": "418", "rate-limit": "1/h", "hash-on": "source-ip", "slow-start": "30s",
            "lb-policy": "ROUND_ROBIN", "health-check-path": "/status/200",
        }),
    ));
    let (served, refused) = ("200 by shop-blue", "429 by Envoy");
    assert_eq!(seen(&proxy.get("/who")), "418 by Envoy");
    assert_eq!(
        in_turn(&proxy, "/status/201", 2),
        ["201 by shop-blue", refused]
    );
    assert_eq!(in_turn(&proxy, "/status/200", 3), [served; 3]);
    assert_eq!(in_turn(&proxy, "/free/x", 2), ["307 by Envoy"; 2]);
    assert_eq!(in_turn(&proxy, "/delay/1", 2), [served; 2]);
    let dump = proxy.admin("/config_dump").body;
    assert!(!dump.to_lowercase().contains("\"none\""), "{dump}");
    let checks = dump.matches("\"health_checks\"").count();
    assert_eq!(checks, 2, "the clusters of shop and stays");
}
