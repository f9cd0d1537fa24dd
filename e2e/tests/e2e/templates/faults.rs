//! Faults on purpose, and limits of requests in a time.

use super::{gateway, having, heard, in_turn, mounted, seen, service};
use e2e::{
    eventually,
    maps::prefix,
    mesh::{Backend, Proxy},
};
use serde_json::json;

/// A number of the listener's own statistics.
fn count(proxy: &Proxy, name: &str) -> u64 {
    let name = format!("http.gateway.fault.{name}: ");
    let stats = proxy.admin("/stats").body;
    let mut values = stats.lines().filter_map(|line| line.strip_prefix(&name));
    values.next().map_or(0, |value| value.parse().unwrap())
}

#[test]
fn a_share_of_requests_is_aborted_or_delayed() {
    let shop = Backend::start("shop", "blue");
    let routes = [
        prefix("/"),
        mounted("/abort/", json!({"abort-status": "418"})),
        mounted(
            "/half/",
            json!({"abort-status": "503", "abort-percent": "50"}),
        ),
        mounted(
            "/never/",
            json!({"abort-status": "503", "abort-percent": "0", "delay": "1h", "delay-percent": "0"}),
        ),
        mounted("/slow/", json!({"delay": "50ms"})),
        mounted(
            "/bad/",
            json!({"abort-status": "999", "abort-percent": "101", "delay": "soon", "delay-percent": "-1"}),
        ),
        mounted("/alone/", json!({"abort-percent": "50"})),
        having(
            prefix("/moved/"),
            json!({"redirect-to": "/", "abort-status": "500"}),
        ),
    ];
    let proxy = gateway(&[service("shop", &[shop.port], &routes)]);
    assert_eq!(
        heard(&proxy.get("/abort/who")),
        "418 by Envoy: fault filter abort"
    );
    assert_eq!(seen(&proxy.get("/moved/x")), "500 by Envoy");
    assert_eq!(count(&proxy, "aborts_injected"), 2);
    let half = in_turn(&proxy, "/half/who", 60);
    for who in ["503 by Envoy", "200 by shop-blue"] {
        // Chance leaves one of them out once in 2^59 runs.
        assert!(half.iter().any(|answer| answer == who), "{half:?}");
    }
    let aborted = count(&proxy, "aborts_injected");
    for path in ["/never/who", "/bad/who", "/alone/who", "/who"] {
        assert_eq!(
            in_turn(&proxy, path, 20),
            ["200 by shop-blue"; 20],
            "{path}"
        );
    }
    assert_eq!(count(&proxy, "delays_injected"), 0);
    assert_eq!(seen(&proxy.get("/slow/who")), "200 by shop-blue");
    assert_eq!(count(&proxy, "delays_injected"), 1);
    // No caller makes a fault.
    let asked = [
        ("x-envoy-fault-abort-request", "500"),
        ("x-envoy-fault-abort-request-percentage", "100"),
        ("x-envoy-fault-delay-request", "3600000"),
        ("x-envoy-fault-delay-request-percentage", "100"),
        ("x-envoy-fault-throughput-response", "1"),
    ];
    for path in ["/who", "/never/who"] {
        assert_eq!(seen(&proxy.get_with(path, &asked)), "200 by shop-blue");
    }
    assert_eq!(count(&proxy, "aborts_injected"), aborted);
    let log = proxy.log();
    for name in ["abort-status", "abort-percent", "delay", "delay-percent"] {
        assert!(
            log.contains(&format!("property `{name}` is left out")),
            "{name}: {log}"
        );
    }
    assert!(
        log.contains("property `abort-percent` has no effect on route `/alone/`"),
        "{log}"
    );
}

#[test]
fn requests_past_a_route_s_limit_are_answered_429() {
    let shop = Backend::start("shop", "blue");
    let routes = [
        prefix("/"),
        mounted("/two/", json!({"rate-limit": "2/h"})),
        mounted("/three/", json!({"rate-limit": "3/m"})),
        mounted("/one/", json!({"rate-limit": "1/s"})),
        mounted("/bad/", json!({"rate-limit": "2/d"})),
        having(
            prefix("/moved/"),
            json!({"redirect-to": "/", "rate-limit": "1/h"}),
        ),
    ];
    let proxy = gateway(&[service("shop", &[shop.port], &routes)]);
    let (served, refused) = ("200 by shop-blue", "429 by Envoy");
    assert_eq!(
        in_turn(&proxy, "/two/who", 4),
        [served, served, refused, refused]
    );
    let answer = proxy.get("/two/who");
    assert_eq!(heard(&answer), "429 by Envoy: local_rate_limited");
    // Each route counts by itself, and the others do not count.
    assert_eq!(
        in_turn(&proxy, "/three/who", 4),
        [served, served, served, refused]
    );
    let moved = in_turn(&proxy, "/moved/who", 2);
    assert_eq!(moved, ["307 by Envoy", refused]);
    for path in ["/bad/who", "/who", "/___health_check___"] {
        let answers = in_turn(&proxy, path, 10);
        assert!(
            answers.iter().all(|answer| answer.starts_with("200")),
            "{path}: {answers:?}"
        );
    }
    // What was taken is there again.
    eventually("a request past the limit", || {
        (seen(&proxy.get("/one/who")) == refused).then_some(())
    });
    proxy.wait_for_status("/one/who", 200);
    let log = proxy.log();
    assert!(
        log.contains("property `rate-limit` is left out: `2/d` is not"),
        "{log}"
    );
}
