//! Which instance or color answers: sticky sessions, a canary, and a mirror.

use super::{Recipe, mounted, on, store};
use e2e::{maps::service_color, mesh::Backend};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn a_session_stays_with_one_instance() {
    let recipe = Recipe::named("sticky-sessions");
    let instances = ["one", "two"].map(|name| Backend::start(name, "blue"));
    let ports = instances.each_ref().map(|instance| instance.port);
    let cart = on(recipe.json("service-color.json"), &ports);
    let proxy = recipe.gateway(&store(&[cart]));
    let mut instances = BTreeSet::new();
    for _ in 0..12 {
        let first = proxy.get("/cart/who");
        let cookie = first.header("set-cookie").unwrap();
        assert!(cookie.starts_with("cart-session="), "{cookie}");
        assert!(
            cookie.to_ascii_lowercase().contains("max-age=3600"),
            "{cookie}"
        );
        let (pair, _) = cookie.split_once(';').unwrap();
        for _ in 0..10 {
            let again = proxy.get_with("/cart/who", &[("cookie", pair)]);
            assert_eq!(again.by(), first.by());
            assert_eq!(again.header("set-cookie"), None);
        }
        instances.insert(first.by().to_owned());
    }
    assert_eq!(instances.len(), 2);
}

#[test]
fn a_canary_answers_whoever_asks_for_it() {
    let recipe = Recipe::named("canary");
    let [blue, green] = ["blue", "green"].map(|color| Backend::start("stock", color));
    let canary = on(recipe.json("service-color.json"), &[green.port]);
    let proxy = recipe.gateway(&store(&[mounted("stock", &blue), canary]));
    for _ in 0..10 {
        let by = |headers: &[(&str, &str)]| {
            let answer = proxy.get_with("/stock/who", headers);
            answer.by().to_owned()
        };
        assert_eq!(by(&[("x-canary", "yes")]), "stock-green");
        assert_eq!(by(&[("x-canary", "no")]), "stock-blue");
        assert_eq!(by(&[]), "stock-blue");
    }
    proxy.set_map(&store(&[mounted("stock", &blue)]));
    e2e::eventually("requests for the canary go to blue", || {
        let answer = proxy.get_with("/stock/who", &[("x-canary", "yes")]);
        (answer.by() == "stock-blue").then_some(())
    });
}

#[test]
fn a_mirror_gets_copies_and_answers_nobody() {
    let recipe = Recipe::named("mirror");
    let [blue, green] = ["blue", "green"].map(|color| Backend::start("stock", color));
    let properties = json!({"prefix-rewrite": "/", "mirror-to": "stock/green"});
    let mut route = recipe.json("route.json");
    assert_eq!(route["properties"], json!({"mirror-to": "stock/green"}));
    route["properties"] = properties;
    let shop = service_color("stock", "blue", &[blue.port], &[route]);
    let shadow = on(recipe.json("service-color.json"), &[green.port]);
    let proxy = recipe.gateway(&store(&[shop, shadow]));
    for _ in 0..5 {
        assert_eq!(proxy.get("/stock/who").by(), "stock-blue");
    }
    e2e::eventually("the copies", || {
        let name = "cluster.c-stock-green-3000.upstream_rq_completed: 5\n";
        proxy.admin("/stats").body.contains(name).then_some(())
    });
}
