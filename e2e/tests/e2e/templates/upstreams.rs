//! How a service is reached: protocol, kind of address, and from another namespace.

use super::{gateway, heard, in_turn, seen, service};
use e2e::{
    http::{self, Answer},
    maps::{map, namespace, prefix, with},
    mesh::{Backend, Plan},
    ports,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, net::Ipv4Addr};

/// Who answered, and by which protocol it was asked.
fn spoken(answer: &Answer) -> String {
    let echo: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let version = echo["version"].as_str().unwrap_or_default();
    format!("{} over {version}", seen(answer))
}

#[test]
fn a_service_is_spoken_to_in_its_protocol() {
    let [old, new, same] =
        [("old", "HTTP1.1"), ("new", "HTTP2"), ("same", "HTTP1.1")].map(|(name, protocol)| {
            Backend::start_with(name, "blue", &[("SERVICE_PROTOCOL", protocol)])
        });
    let mounted = |name: &str, port| {
        let route = super::mounted(&format!("/{name}/"), json!({}));
        service(name, &[port], &[route])
    };
    let proxy = gateway(&[
        with(mounted("old", old.port), json!({"protocol": "HTTP1.1"})),
        with(mounted("new", new.port), json!({"protocol": "http2"})),
        // A service that takes both is spoken to as the map says.
        with(mounted("same", same.port), json!({"protocol": "HTTP2"})),
    ]);
    assert_eq!(
        ["/old/echo", "/new/echo", "/same/echo"].map(|path| spoken(&proxy.get(path))),
        [
            "200 by old-blue over HTTP1.1",
            "200 by new-blue over HTTP2",
            "200 by same-blue over HTTP2",
        ]
    );
}

#[test]
fn an_instance_may_be_an_address_of_either_kind_or_a_name() {
    let four = Backend::start("four", "blue");
    let six = Backend::start_with("six", "blue", &[("SERVICE_ADDRESS", "::1")]);
    let named = Backend::start("named", "blue");
    let instances = [
        json!({"ipv4": "127.0.0.1", "port": four.port}),
        json!({"ipv6": "::1", "port": six.port}),
        json!({"hostname": "localhost", "port": named.port}),
    ];
    let at = |name: &str, instances: &[Value]| {
        let route = super::mounted(&format!("/{name}/"), json!({}));
        with(
            service(name, &[], &[route]),
            json!({ "instances": instances }),
        )
    };
    let [ipv4, ipv6, hostname] = &instances;
    let nowhere = json!({"hostname": "nowhere.invalid", "port": four.port});
    let proxy = gateway(&[
        at("ipv4", std::slice::from_ref(ipv4)),
        at("ipv6", std::slice::from_ref(ipv6)),
        at("hostname", std::slice::from_ref(hostname)),
        at("mixed", &instances),
        // A name that nobody has keeps nobody else from being reached.
        at("nowhere", &[nowhere]),
    ]);
    assert_eq!(
        ["/ipv4/who", "/ipv6/who", "/hostname/who", "/nowhere/who"]
            .map(|path| seen(&proxy.get(path))),
        [
            "200 by four-blue",
            "200 by six-blue",
            "200 by named-blue",
            "503 by Envoy"
        ]
    );
    assert_eq!(
        BTreeSet::from_iter(in_turn(&proxy, "/mixed/who", 6)),
        ["four", "named", "six"]
            .map(|name| format!("200 by {name}-blue"))
            .into()
    );
}

/// A namespace with the one service-color `client/blue`, which calls `n2` at this local port.
fn client(port: u16, own: &Backend) -> Value {
    let interface = json!({"ipv4": "127.0.0.1", "port": port});
    let client = with(
        service("client", &[own.port], &[prefix("/who")]),
        json!({"namespace-egress": [{"namespace": "n2", "interface": interface}]}),
    );
    namespace("n1", &[client])
}

/// A namespace with a service that is public but for `/echo`, which `n1` may reach, and `/key/`,
/// which nobody may.
fn n2(bank: &Backend) -> Value {
    let private = |path: &str, access: Value| {
        let members = json!({"default-access": false, "namespace-access": access});
        with(prefix(path), members)
    };
    let routes = [
        prefix("/"),
        private("/echo", json!([{"namespace": "n1", "access": true}])),
        private("/key/", json!([])),
    ];
    namespace("n2", &[service("bank", &[bank.port], &routes)])
}

#[test]
fn another_namespace_is_reached_through_its_egress_listener() {
    let (own, bank) = (
        Backend::start("client", "blue"),
        Backend::start("bank", "blue"),
    );
    let egress = ports::free();
    let sidecar = Plan::sidecar(
        "n1",
        "client",
        "blue",
        &map(&[client(egress, &own), n2(&bank)]),
    )
    .start();
    assert_eq!(
        ["/who", "/echo"].map(|path| seen(&sidecar.get(path))),
        ["200 by client-blue", "404 by Envoy"]
    );
    let get = |path| seen(&http::get((Ipv4Addr::LOCALHOST, egress).into(), path, &[]).unwrap());
    assert_eq!(
        ["/who", "/echo", "/key/x", "/___health_check___"].map(get),
        [
            "200 by bank-blue",
            "200 by bank-blue",
            "404 by Envoy",
            "200 by Envoy"
        ]
    );
}

#[test]
fn a_namespace_that_prefers_its_gateway_is_reached_through_it_in_its_protocol() {
    let (own, bank) = (
        Backend::start("client", "blue"),
        Backend::start("bank", "blue"),
    );
    let gateway = Plan::gateway("n2", &map(&[n2(&bank)]))
        .env(
            "ENVOY_ARGS",
            "--concurrency 1 --file-flush-interval-msec 50",
        )
        .start();
    let get_through = |protocol: &str| {
        let egress = ports::free();
        let gateways = json!({
            "prefer-gateway": true, "protocol": protocol,
            "instances": [{"ipv4": "127.0.0.1", "port": gateway.port}],
        });
        let n2 = with(n2(&bank), json!({ "gateways": gateways }));
        let map = map(&[client(egress, &own), n2]);
        let _sidecar = Plan::sidecar("n1", "client", "blue", &map).start();
        let address = (Ipv4Addr::LOCALHOST, egress).into();
        let id = format!("by-{protocol}");
        let get = |path| heard(&http::get(address, path, &[("x-request-id", &id)]).unwrap());
        let got = ["/key/x", "/echo", "/nowhere"].map(get);
        let spoken = e2e::eventually("the gateway's access log", || {
            let log = gateway.log();
            let line = log
                .lines()
                .find(|line| line.ends_with(&format!("id={id}")))?;
            Some(line.split('"').nth(1)?.to_owned())
        });
        (got, spoken)
    };
    for (protocol, version) in [("HTTP1.1", "HTTP/1.1"), ("HTTP2", "HTTP/2")] {
        let (got, spoken) = get_through(protocol);
        // What is not public is not to be had through a gateway, whoever asks.
        let expected = [
            "404 by Envoy: ",
            "404 by Envoy: ",
            "404 by bank-blue: {\"error\":\"there is nothing at /nowhere\"}",
        ];
        assert_eq!(got, expected, "{protocol}");
        assert_eq!(spoken, format!("GET /key/x {version}"));
    }
}
