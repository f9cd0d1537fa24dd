//! Envoy's statistics on a port of their own, and as datagrams.

use super::{gateway, mesh, service, wait_says};
use e2e::{
    collector::Collector,
    eventually,
    http::{self, Answer, Connection},
    mesh::{Backend, Plan, Proxy},
    oldest_envoy, ports,
    templates::Templates,
};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

const SETTING: &str = "NJ_PROXY_PROP_STATS_PORT";
const PATH: &str = "/stats/prometheus";

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn ask(port: u16, method: &str, path: &str) -> Answer {
    let mut connection = Connection::open(address(port)).unwrap();
    let headers = [("connection", "close")];
    connection.request(method, path, &headers).unwrap()
}

/// A statistic by its name with labels.
fn statistic(port: u16, name: &str) -> Option<f64> {
    let answer = http::get(address(port), PATH, &[]).ok()?;
    let mut lines = answer.body.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix("{} "))?;
    value.parse().ok()
}

/// A gateway with a service behind it, and the port of its statistics.
fn with_stats(own: impl Fn(Plan) -> Plan) -> (Backend, Proxy, u16) {
    let (shop, stats) = (Backend::start("shop", "blue"), ports::free());
    let map = mesh(&[service("shop", shop.port)], &json!({}));
    let proxy = own(gateway(&map).env(SETTING, stats)).start();
    (shop, proxy, stats)
}

#[test]
fn the_port_serves_the_statistics_and_nothing_else() {
    let (shop, proxy, stats) = with_stats(|plan| plan);
    let answer = ask(stats, "GET", PATH);
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("\nenvoy_server_live{} 1\n"),
        "{}",
        answer.body
    );
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/stats"),
        ("GET", "/stats/prometheus/"),
        ("GET", "//stats/prometheus"),
        ("GET", "/stats/./prometheus"),
        ("GET", "/stats%2Fprometheus"),
        ("GET", "/stats/prometheus;a"),
        ("GET", "/stats/prometheus?text_readouts"),
        ("GET", "/stats/prometheus/../../config_dump"),
        ("GET", "/config_dump"),
        ("GET", "/___health_check___"),
        ("GET", "/shop/who"),
        ("HEAD", PATH),
        ("POST", PATH),
        ("PUT", PATH),
        ("POST", "/quitquitquit"),
        ("POST", "/healthcheck/fail"),
    ] {
        assert_eq!(ask(stats, method, path).status, 404, "{method} {path}");
    }
    // It is no listener of the mesh, and its cluster no service of it.
    assert_eq!(proxy.get("/shop/who").by(), "shop-blue");
    assert_eq!(proxy.get(PATH).status, 404);
    assert_eq!(proxy.count("nightjar_endpoints"), Some(1));
    assert_eq!(proxy.ready(), Some((200, "ready\n".to_owned())));

    // The mesh changes below it, and it stays.
    let more = mesh(
        &[service("shop", shop.port), service("cart", shop.port)],
        &json!({}),
    );
    proxy.set_map(&more);
    proxy.wait_for_answer("/cart/who", "shop-blue");
    assert_eq!(ask(stats, "GET", PATH).status, 200);
}

#[test]
fn the_oldest_envoy_serves_them_too() {
    let (_shop, proxy, stats) = with_stats(|plan| plan.env("ENVOY_EXEC", oldest_envoy().display()));
    assert_eq!(ask(stats, "GET", PATH).status, 200);
    assert_eq!(ask(stats, "GET", "/config_dump").status, 404);
    assert_eq!(proxy.get("/shop/who").by(), "shop-blue");
}

/// Envoy's main thread answers, and has more to do.
#[test]
fn only_a_few_are_served_at_once() {
    let (_shop, proxy, stats) = with_stats(|plan| plan);
    let told = proxy.admin("/clusters").body;
    for limit in [
        "max_connections::2",
        "max_pending_requests::4",
        "max_requests::2",
    ] {
        let line = format!("nightjar-stats::default_priority::{limit}\n");
        assert!(told.contains(&line), "no {line} in {told}");
    }
    let mut held: Vec<Connection> = Vec::new();
    let refused = eventually("a connection too many", || {
        let mut connection = Connection::open(address(stats)).unwrap();
        match connection.request("GET", PATH, &[]) {
            Ok(answer) => {
                assert_eq!(answer.status, 200);
                held.push(connection);
                None
            }
            Err(_) => Some(held.len()),
        }
    });
    assert_eq!(refused, 32);
    held.clear();
    eventually("there is room again", || {
        http::get(address(stats), PATH, &[]).ok()
    });
    assert_eq!(proxy.get("/shop/who").by(), "shop-blue");
}

#[test]
fn who_scrapes_does_not_hold_back_a_stop() {
    // Far longer than a test waits.
    let (_shop, mut proxy, stats) = with_stats(|plan| plan.env("ENVOY_DRAIN_TIME", 600));
    let mut scraper = Connection::open(address(stats)).unwrap();
    assert_eq!(scraper.request("GET", PATH, &[]).unwrap().status, 200);
    assert_eq!(proxy.process().stop().code(), Some(0), "{}", proxy.log());
}

#[test]
fn the_port_changes_hands_in_a_hot_restart() {
    let templates = Templates::shipped();
    let (_shop, proxy, stats) = with_stats(|plan| plan.envs(templates.env()));
    let epoch = |port| statistic(port, "envoy_server_hot_restart_epoch");
    assert_eq!(epoch(stats), Some(0.0));
    templates.mark_bootstrap("another");
    eventually("the new Envoy serves the statistics", || {
        (epoch(stats) == Some(1.0)).then_some(())
    });
    assert_eq!(proxy.get("/shop/who").by(), "shop-blue");
    assert_eq!(proxy.count("nightjar_listeners_closed"), Some(0));
}

#[test]
fn a_port_that_another_process_has_is_told_and_costs_nothing_else() {
    let (shop, stats) = (Backend::start("shop", "blue"), ports::free());
    let held = TcpListener::bind(address(stats)).unwrap();
    let map = mesh(&[service("shop", shop.port)], &json!({}));
    let proxy = gateway(&map).env(SETTING, stats).launch();
    let listener = format!("listener \"nightjar-stats-{stats}\" is closed: cannot bind");
    wait_says(&proxy, 200, &listener);
    assert_eq!(proxy.get("/shop/who").by(), "shop-blue");
    drop(held);
    eventually("the port is bound", || {
        (proxy.count("nightjar_listeners_closed") == Some(0)).then_some(())
    });
    assert_eq!(ask(stats, "GET", PATH).status, 200);
}

#[test]
fn a_dry_run_tells_of_a_port_that_another_process_has() {
    let (shop, stats) = (Backend::start("shop", "blue"), ports::free());
    let map = mesh(&[service("shop", shop.port)], &json!({}));
    let proxy = gateway(&map).env(SETTING, stats).prepare();
    let _held = TcpListener::bind(address(stats)).unwrap();
    let (code, _, told) = proxy.run(&["--dry-run"]);
    let told = proxy.plain(&told);
    assert_eq!(code, Some(0), "{told}");
    let line = format!("another process listens at 127.0.0.1:{stats} ({SETTING})");
    assert!(told.contains(&line), "{told}");
}

/// With the statistics' port as an egress port, and as an endpoint's.
#[test]
fn the_port_is_the_proxys_own() {
    let (shop, stats) = (Backend::start("shop", "blue"), ports::free());
    let interface = json!({"ipv4": "127.0.0.1", "port": stats});
    let mut shop_entry = service("shop", shop.port);
    shop_entry["namespace-egress"] = json!([{"namespace": "n2", "interface": interface}]);
    shop_entry["instances"]
        .as_array_mut()
        .unwrap()
        .push(interface);
    let mut map: Value = mesh(&[shop_entry], &json!({}));
    let bank = e2e::maps::namespace("n2", &[service("bank", shop.port)]);
    map["namespaces"].as_array_mut().unwrap().push(bank);
    let sidecar = super::plan(Plan::sidecar("n1", "shop", "blue", &map));
    let proxy = sidecar.env(SETTING, stats).start();
    assert_eq!(ask(stats, "GET", PATH).status, 200);
    assert_eq!(ask(stats, "GET", "/bank/who").status, 404);
    let log = proxy.log();
    for told in [
        format!(
            "egress to namespace `n2` on port {stats} is left out: the port is already the statistics port"
        ),
        format!(
            "the instance at 127.0.0.1:{stats} is left out: it is the statistics port of this proxy"
        ),
    ] {
        assert!(log.contains(&told), "{told} in {log}");
    }
}

#[test]
fn statistics_go_out_as_datagrams_under_the_proxys_name() {
    let (statsd, shop) = (Collector::udp(), Backend::start("shop", "blue"));
    let map = mesh(&[service("shop", shop.port)], &json!({}));
    let proxy = gateway(&map)
        .env(
            "NJ_PROXY_PROP_STATSD_TO",
            format!("localhost:{}", statsd.port),
        )
        .start();
    assert_eq!(proxy.get("/shop/who").status, 200);
    let line = "envoy.n1.gateway.cluster.c-shop-blue-1.upstream_rq_total:1|c";
    statsd.wait_for(&[line.as_bytes()]);
}
