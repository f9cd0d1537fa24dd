//! Endpoints and egress ports that are the proxy's own.

use super::{GATEWAY, Tool, by, having, service, warnings};
use e2e::{
    http,
    maps::{map, namespace, prefix, with},
    mesh::{Backend, Plan},
    ports,
};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// A service with these instances, whose paths it sees as its own.
fn at(name: &str, instances: &[Value]) -> Value {
    let route = having(prefix(&format!("/{name}/")), json!({"prefix-rewrite": "/"}));
    with(
        service(name, &[], &[route]),
        json!({ "instances": instances }),
    )
}

#[test]
fn an_endpoint_never_is_the_proxy_itself() {
    let shop = Backend::start("shop", "blue");
    let mut proxy = Plan::gateway("n1", &map(&[])).prepare();
    let own = [proxy.admin_port, proxy.port, proxy.status_port];
    let hosts = [
        ("ipv4", "127.0.0.1"),
        ("ipv4", "127.0.0.9"),
        ("ipv4", "0.0.0.0"),
        ("ipv6", "::1"),
        ("ipv6", "::"),
        ("hostname", "localhost"),
    ];
    let mut services = vec![service("shop", &[shop.port], &[prefix("/")])];
    let mut names = Vec::new();
    for (role, port) in ["admin", "listen", "status"].into_iter().zip(own) {
        for (number, (kind, host)) in hosts.iter().enumerate() {
            let name = format!("own-{role}-{number}");
            services.push(at(&name, &[json!({(*kind): host, "port": port})]));
            names.push(name);
        }
    }
    // It loses what is the proxy's own, and keeps the rest.
    services.push(at(
        "partly",
        &[
            json!({"ipv4": "127.0.0.1", "port": own[0]}),
            json!({"ipv4": "127.0.0.1", "port": shop.port}),
        ],
    ));
    proxy.set_map(&map(&[namespace("n1", &services)]));
    proxy.launch();
    proxy.wait_ready();
    for name in &names {
        for path in ["server_info", "who", "ready"] {
            let path = format!("/{name}/{path}");
            assert_eq!(by(&proxy.get(&path)), "503", "{path}");
        }
    }
    for _ in 0..10 {
        assert_eq!(by(&proxy.get("/partly/who")), "shop-blue");
    }
    assert_eq!(by(&proxy.get("/who")), "shop-blue");
    // Told once for each, not at every refresh.
    proxy.wait_refreshes(5);
    names.push("partly".to_owned());
    for name in &names {
        let told = warnings(&proxy, &[&format!("{name}/blue"), "PORT"]);
        assert_eq!(told, 1, "{name}: {}", proxy.log());
    }
}

#[test]
fn an_address_of_the_proxy_counts_with_its_own_ports_alone() {
    let instances = [
        json!({"ipv4": "10.9.8.7", "port": 9901}),
        json!({"ipv4": "10.9.8.7", "port": 9902}),
        json!({"ipv4": "10.9.8.8", "port": 9901}),
        json!({"ipv4": "10.9.8.6", "port": 3000}),
        json!({"ipv4": "10.9.8.7", "port": 3001}),
    ];
    let tool = Tool::with(&map(&[namespace("n1", &[at("shop", &instances)])]));
    let own = [
        "--admin-address",
        "10.9.8.7",
        "--listen-address",
        "10.9.8.6",
    ];
    let (context, told) = tool.context(&[&GATEWAY[..], &own].concat());
    let endpoints = context["clusters"][0]["endpoints"].as_array().unwrap();
    let endpoints: Vec<String> = endpoints
        .iter()
        .map(|endpoint| format!("{}:{}", endpoint["host"], endpoint["port"]).replace('"', ""))
        .collect();
    assert_eq!(
        endpoints,
        ["10.9.8.7:3001", "10.9.8.7:9902", "10.9.8.8:9901"]
    );
    for own in ["10.9.8.7:9901", "10.9.8.6:3000"] {
        let lines = told.lines().filter(|line| line.contains(own)).count();
        assert_eq!(lines, 1, "{own} in {told}");
    }
}

#[test]
fn an_egress_port_that_is_the_proxy_s_own_is_left_out() {
    let shop = Backend::start("shop", "blue");
    let bank = Backend::start("bank", "blue");
    let mut proxy = Plan::sidecar("n1", "shop", "blue", &map(&[])).prepare();
    let egress = ports::free();
    let calls = [
        ("on-status", proxy.status_port),
        ("on-admin", proxy.admin_port),
        ("on-listen", proxy.port),
        ("on-its-own", egress),
    ];
    let with_routes = |routes: &[Value]| {
        let egress = calls.map(|(name, port)| {
            json!({"namespace": name, "interface": {"ipv4": "127.0.0.1", "port": port}})
        });
        let shop = with(
            service("shop", &[shop.port], routes),
            json!({ "namespace-egress": egress }),
        );
        let others = calls
            .map(|(name, _)| namespace(name, &[service("bank", &[bank.port], &[prefix("/")])]));
        map(&[&[namespace("n1", &[shop])], &others[..]].concat())
    };
    proxy.set_map(&with_routes(&[prefix("/who")]));
    proxy.launch();
    proxy.wait_ready();
    assert_eq!(by(&proxy.get("/who")), "shop-blue");
    let through = http::get((Ipv4Addr::LOCALHOST, egress).into(), "/who", &[]).unwrap();
    assert_eq!(by(&through), "bank-blue");
    proxy.wait_refreshes(5);
    for (name, port) in [
        ("on-status", "STATUS_PORT"),
        ("on-admin", "ADMIN_PORT"),
        ("on-listen", "PORT"),
    ] {
        assert_eq!(warnings(&proxy, &[name, port]), 1, "{}", proxy.log());
    }
    assert_eq!(warnings(&proxy, &["on-its-own"]), 0, "{}", proxy.log());
    // What comes later is taken.
    assert_eq!(by(&proxy.get("/echo")), "404");
    proxy.set_map(&with_routes(&[prefix("/who"), prefix("/echo")]));
    proxy.wait_for_answer("/echo", "shop-blue");
    assert_eq!(
        proxy.status("/ready").map(|answer| answer.status),
        Some(200)
    );
}
