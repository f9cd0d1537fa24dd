//! Bootstraps that change while a hand-over is going on: they wait, and nothing else does.

use super::{load, none_lost, text, wait_marked, with_first_successor};
use e2e::{
    eventually,
    maps::shop,
    mesh::{Backend, Plan, Proxy},
    templates::Templates,
};

/// How many Envoys were started.
fn starts(proxy: &Proxy) -> Option<u64> {
    proxy.count("nightjar_envoy_starts_total")
}

/// Waits until one Envoy has taken over from another, which drains.
fn wait_handed_over(proxy: &Proxy, mark: &str, count: u64) {
    wait_marked(proxy, mark);
    eventually("the new envoy serves", || {
        (starts(proxy) == Some(count)).then_some(())
    });
    proxy.wait_told(200, "ready\n");
}

#[test]
fn a_second_bootstrap_waits_and_clusters_and_routes_do_not() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let templates = Templates::shipped();
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("ENVOY_DRAIN_TIME", 8)
        .start();
    let load = load(&proxy);
    templates.mark_bootstrap("one");
    wait_handed_over(&proxy, "one", 2);
    templates.mark_bootstrap("two");
    proxy.wait_refreshes(2);
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    // The same endpoint elsewhere, and the old ones are gone.
    proxy.set_map(&shop("blue", green.port));
    eventually("the routes are those of the newest map", || {
        text(&proxy, &format!("rds-{}.json", proxy.port))?
            .contains("c-shop-blue-1")
            .then_some(())
    });
    assert_eq!(
        (starts(&proxy), proxy.envoys().len()),
        (Some(2), 2),
        "the first envoy still drains"
    );
    assert_eq!(proxy.status("/ready").map(|page| page.status), Some(200));
    eventually("no cluster is left that nobody asks", || {
        (!text(&proxy, "cds.json")?.contains("c-shop-green-1")).then_some(())
    });
    drop(blue);
    wait_handed_over(&proxy, "two", 3);
    none_lost(load);
    assert_eq!(proxy.logged("ERROR"), [""; 0]);
}

#[test]
fn a_bootstrap_that_changes_back_while_it_waits_costs_nothing() {
    let blue = Backend::start("shop", "blue");
    let templates = Templates::shipped();
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("ENVOY_DRAIN_TIME", 3)
        .start();
    templates.mark_bootstrap("one");
    wait_handed_over(&proxy, "one", 2);
    let first = templates.text("envoy-config.yaml");
    templates.mark_bootstrap("two");
    proxy.wait_refreshes(2);
    templates.set("envoy-config.yaml", &first);
    eventually("the first envoy has ended", || {
        (proxy.envoys().len() == 1).then_some(())
    });
    proxy.wait_refreshes(3);
    proxy.wait_told(200, "ready\n");
    assert_eq!(starts(&proxy), Some(2));
    wait_marked(&proxy, "one");
}

#[test]
fn an_envoy_that_is_slow_to_take_over_holds_nothing_back() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let templates = Templates::shipped();
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("ENVOY_UPDATE_TIMEOUT", 1)
        .prepare();
    with_first_successor(
        &mut proxy,
        "touch $HERE/waiting; while ! [ -e $HERE/go ]; do sleep 0.02; done",
    );
    proxy.launch();
    proxy.wait_told(200, "ready\n");
    let load = load(&proxy);
    let serving = proxy.envoys();
    templates.mark_bootstrap("one");
    eventually("the new envoy has been started", || {
        proxy.folder().join("waiting").exists().then_some(())
    });
    for (color, port) in [("green", green.port), ("blue", blue.port)] {
        proxy.set_map(&shop(color, port));
        proxy.wait_for_answer("/who", &format!("shop-{color}"));
    }
    std::fs::write(proxy.folder().join("go"), "").unwrap();
    proxy.set_map(&shop("green", green.port));
    wait_marked(&proxy, "one");
    proxy.wait_for_answer("/who", "shop-green");
    eventually("the first envoy has ended", || {
        (!proxy.envoys().contains(&serving[0])).then_some(())
    });
    proxy.wait_told(200, "ready\n");
    none_lost(load);
}
