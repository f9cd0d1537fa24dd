//! Retries. `/flaky/<n>/<key>` is 503 the first n times, and says how often it was asked.

use super::{gateway, having, heard, in_turn, mounted, service};
use e2e::{maps::prefix, mesh::Backend, ports};
use serde_json::json;

#[test]
fn failures_are_tried_again_as_often_as_the_route_says() {
    let shop = Backend::start("shop", "blue");
    let ports = [shop.port];
    let twice = json!({"retry-on": "5xx", "num-retries": "2"});
    let proxy = gateway(&[
        service(
            "shop",
            &ports,
            &[
                prefix("/"),
                mounted("/default/", json!({"retry-on": "5xx"})),
                mounted("/once/", json!({"retry-on": "5xx", "num-retries": "1"})),
                mounted("/five/", json!({"retry-on": "5xx", "num-retries": "5"})),
                mounted("/only/", json!({"retry-on": "connect-failure,reset"})),
                mounted(
                    "/status/",
                    json!({"retry-statuses": "502, 503", "retry-back-off": "1ms..2ms"}),
                ),
                mounted("/other/", json!({"retry-statuses": "502"})),
                mounted(
                    "/bad/",
                    json!({"retry-statuses": "5xx", "retry-back-off": "2s..1s"}),
                ),
            ],
        ),
        having(
            service("no-more", &ports, &[mounted("/no-more/", twice)]),
            json!({"max-retries": "0"}),
        ),
    ]);
    let expected = [
        // An answer is an answer, even a bad one, unless the route says otherwise.
        ("/flaky/1/a", "503 by shop-blue: {\"attempt\":1}"),
        ("/default/flaky/2/b", "200 by shop-blue: {\"attempt\":3}"),
        ("/default/flaky/3/c", "503 by shop-blue: {\"attempt\":3}"),
        ("/once/flaky/1/d", "200 by shop-blue: {\"attempt\":2}"),
        ("/once/flaky/2/e", "503 by shop-blue: {\"attempt\":2}"),
        ("/five/flaky/5/f", "200 by shop-blue: {\"attempt\":6}"),
        ("/only/flaky/1/g", "503 by shop-blue: {\"attempt\":1}"),
        ("/status/flaky/2/i", "200 by shop-blue: {\"attempt\":3}"),
        ("/other/flaky/1/j", "503 by shop-blue: {\"attempt\":1}"),
        ("/bad/flaky/1/k", "503 by shop-blue: {\"attempt\":1}"),
        // No retry at all may be under way.
        ("/no-more/flaky/1/h", "503 by shop-blue: {\"attempt\":1}"),
    ]
    .map(|(path, answer)| (path, answer.to_owned()));
    let got = expected
        .each_ref()
        .map(|(path, _)| (*path, heard(&proxy.get(path))));
    assert_eq!(got, expected);
    let routes = proxy
        .admin("/config_dump?resource=dynamic_route_configs")
        .body;
    let routes = routes.split_whitespace().collect::<String>();
    let back_off = "\"retry_back_off\":{\"base_interval\":\"0.001s\",\"max_interval\":\"0.002s\"}";
    assert_eq!(routes.matches(back_off).count(), 1, "{routes}");
    let log = proxy.log();
    for name in ["retry-statuses", "retry-back-off"] {
        assert!(
            log.contains(&format!("property `{name}` is left out")),
            "{name}: {log}"
        );
    }
}

#[test]
fn an_instance_that_is_gone_costs_no_request() {
    let shop = Backend::start("shop", "blue");
    let gone = ports::free();
    let proxy = gateway(&[service("shop", &[shop.port, gone], &[prefix("/who")])]);
    assert_eq!(in_turn(&proxy, "/who", 10), ["200 by shop-blue"; 10]);
}
