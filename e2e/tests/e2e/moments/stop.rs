//! A stop at the wrong moment, and signals that are none.

use super::{load, none_lost, only_envoy, wait_marked, with_first_successor};
use e2e::{
    WAIT_TIMEOUT, eventually,
    http::{Answer, Connection},
    maps::{shop, with_nowhere},
    mesh::{Backend, Plan, Proxy},
    status,
    templates::Templates,
};
use rustix::process::Signal;
use std::{
    io,
    net::UdpSocket,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How many requests are under way at a stop.
const REQUESTS: usize = 5;
/// How long each takes.
const DELAY: &str = "/delay/3000";

/// A drain time of 8 s, and what it takes to end everything.
const LONGEST_STOP: Duration = Duration::from_secs(14);

type Requests = Vec<JoinHandle<io::Result<Answer>>>;

/// Sends requests that take a while, and waits until the service has them.
fn under_way(proxy: &Proxy) -> Requests {
    let address = proxy.address();
    let send = move || {
        let mut connection = Connection::open(address)?;
        connection.request("GET", DELAY, &[])
    };
    let requests = (0..REQUESTS).map(|_| thread::spawn(send)).collect();
    eventually("the requests are under way", || {
        let stats = proxy.admin("/stats?filter=upstream_rq_active$").body;
        let stat = "cluster.c-shop-blue-1.upstream_rq_active: ";
        let active = stats.lines().find_map(|line| line.strip_prefix(stat));
        active
            .and_then(|count| count.parse::<usize>().ok())
            .filter(|count| *count == REQUESTS)
    });
    requests
}

fn all_answered(requests: Requests) {
    for request in requests {
        let answer = request.join().unwrap().expect("an answer");
        assert_eq!((answer.status, answer.by()), (200, "shop-blue"));
    }
}

fn gateway(blue: &Backend, templates: &Templates, drain: u32) -> Proxy {
    Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("ENVOY_DRAIN_TIME", drain)
        .prepare()
}

#[test]
fn requests_are_answered_when_the_stop_comes_before_the_new_envoy_serves() {
    let blue = Backend::start("shop", "blue");
    let templates = Templates::shipped();
    let mut proxy = gateway(&blue, &templates, 8);
    with_first_successor(&mut proxy, "touch $HERE/starts; sleep 3600");
    proxy.launch();
    proxy.wait_told(200, "ready\n");
    templates.mark_bootstrap("one");
    eventually("the new one starts", || {
        proxy.folder().join("starts").exists().then_some(())
    });
    let requests = under_way(&proxy);
    let asked = Instant::now();
    proxy.process().signal(Signal::TERM);
    all_answered(requests);
    assert_eq!(proxy.process().wait(WAIT_TIMEOUT).code(), Some(0));
    let took = asked.elapsed();
    assert!(took < LONGEST_STOP, "the stop took {took:?}");
    proxy.assert_gone();
}

#[test]
fn requests_of_the_old_envoy_are_answered_when_the_stop_comes_while_it_drains() {
    let blue = Backend::start("shop", "blue");
    let templates = Templates::shipped();
    let mut proxy = gateway(&blue, &templates, 8);
    proxy.launch();
    proxy.wait_told(200, "ready\n");
    let old = only_envoy(&proxy);
    let requests = under_way(&proxy);
    templates.mark_bootstrap("one");
    wait_marked(&proxy, "one");
    eventually("the new envoy serves", || {
        (proxy.count("nightjar_rollout_seconds_count") == Some(2)).then_some(())
    });
    assert!(proxy.envoys().iter().any(|(id, _)| *id == old));
    proxy.process().signal(Signal::TERM);
    all_answered(requests);
    assert_eq!(proxy.process().wait(WAIT_TIMEOUT).code(), Some(0));
    proxy.assert_gone();
}

#[test]
fn requests_are_answered_when_the_stop_comes_while_the_new_envoy_gets_ready() {
    let blue = Backend::start("shop", "blue");
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let templates = Templates::without_dns(&silent, 20);
    let mut proxy = gateway(&blue, &templates, 8);
    proxy
        .env
        .insert("ENVOY_UPDATE_TIMEOUT".to_owned(), "1".to_owned());
    proxy.launch();
    proxy.wait_told(200, "ready\n");
    // From now on an Envoy that starts waits for a name that nobody resolves.
    proxy.set_map(&with_nowhere(shop("blue", blue.port)));
    eventually("the name is waited for no more", || {
        (proxy.count("nightjar_rollout_seconds_count") == Some(2)).then_some(())
    });
    let requests = under_way(&proxy);
    templates.mark_bootstrap("one");
    eventually("the new envoy has the admin interface", || {
        let info = status::page(proxy.admin_port, "/server_info")?;
        info.body.contains("\"restart_epoch\": 1").then_some(())
    });
    let asked = Instant::now();
    proxy.process().signal(Signal::TERM);
    all_answered(requests);
    assert_eq!(proxy.process().wait(WAIT_TIMEOUT).code(), Some(0));
    let took = asked.elapsed();
    assert!(took < LONGEST_STOP, "the stop took {took:?}");
    proxy.assert_gone();
}

/// A listener that passes connections on, whatever is said in them.
const PASSES_ON: &str = r#"{"version_info": "{{version}}", "resources": [
{{#listeners}}
  {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
   "name": "{{name}}-{{mesh_port}}",
   "address": {"socket_address": {"address": "{{listen_address}}", "port_value": {{mesh_port}} }},
   "filter_chains": [{"filters": [{"name": "tcp", "typed_config": {
     "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
     "stat_prefix": "passed-on", "cluster": "c-shop-blue-1"}}]}]}
{{/listeners}}
]}"#;

#[test]
fn connections_through_a_tcp_listener_are_drained_at_a_stop() {
    let blue = Backend::start("shop", "blue");
    let shipped = Templates::shipped();
    let texts = ["envoy-config.yaml", "cds.json"].map(|purpose| shipped.text(purpose));
    let templates = Templates::new(&[
        ("envoy-config.yaml", &texts[0]),
        ("cds.json", &texts[1]),
        ("lds.json", PASSES_ON),
    ]);
    let mut proxy = gateway(&blue, &templates, 20);
    proxy.launch();
    proxy.wait_told(200, "ready\n");
    let mut connection = Connection::open(proxy.address()).unwrap();
    let first = connection.request("GET", "/who", &[]).unwrap();
    assert_eq!(first.by(), "shop-blue");
    proxy.process().signal(Signal::TERM);
    let answer = connection.request("GET", DELAY, &[]).unwrap();
    assert_eq!((answer.status, answer.by()), (200, "shop-blue"));
    drop(connection);
    assert_eq!(
        proxy.process().wait(Duration::from_secs(15)).code(),
        Some(0),
        "before the drain time is over"
    );
    proxy.assert_gone();
}

#[test]
fn a_signal_that_is_no_stop_is_ignored() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port)).start();
    let envoy = only_envoy(&proxy);
    let load = load(&proxy);
    proxy.process().signal(Signal::USR1);
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    none_lost(load);
    assert_eq!(only_envoy(&proxy), envoy);
    assert_eq!(proxy.process().stop().code(), Some(0));
    proxy.assert_gone();
}
