//! Where instances and listeners are.

use super::{SERVICE_COLOR, breaks, full, keeps, said_of, with};
use serde_json::json;

#[test]
fn hosts_have_exactly_one_name() {
    let place = &format!("{SERVICE_COLOR}/instances/0");
    let one = "needs exactly one of ipv4, ipv6 and hostname";
    breaks(place, json!({"port": 1}), one);
    breaks(
        place,
        json!({"port": 1, "ipv4": "10.0.0.1", "ipv6": "::1"}),
        one,
    );
    breaks(
        place,
        json!({"port": 1, "hostname": "a", "ipv6": "::1"}),
        one,
    );
    breaks(place, json!({"port": 1, "ip": "10.0.0.1"}), one);
    let egress = &format!("{SERVICE_COLOR}/namespace-egress/0/interface");
    breaks(egress, json!({"port": 1}), one);
    keeps(egress, json!({"port": 1, "hostname": "localhost"}));
}

#[test]
fn addresses_are_addresses() {
    let place = &format!("{SERVICE_COLOR}/instances/0");
    for text in [
        "",
        "10.0.0",
        "10.0.0.256",
        "010.0.0.1",
        "::1",
        "10.0.0.1:80",
        "a",
    ] {
        let map = with(full(), place, json!({"port": 1, "ipv4": text}));
        let fault = format!("{place}/ipv4: {text:?} is not an IPv4 address");
        assert_eq!(said_of(&map), [fault]);
    }
    for text in ["", "10.0.0.1", "::g", "1:2:3", "[::1]", "fe80::1%eth0"] {
        let map = with(full(), place, json!({"port": 1, "ipv6": text}));
        let fault = format!("{place}/ipv6: {text:?} is not an IPv6 address");
        assert_eq!(said_of(&map), [fault]);
    }
    let long = "a".repeat(64);
    for text in [
        "", "a b", "-a", "a-", "a..b", ".", "a:80", "http://a", "é", "a\nb: c", &long,
    ] {
        let map = with(full(), place, json!({"port": 1, "hostname": text}));
        let fault = format!("{place}/hostname: {text:?} is not a DNS name");
        assert_eq!(said_of(&map), [fault]);
    }
    for text in ["a", "a.", "_srv._tcp.example.com", "1.2", "xn--e1afmkfd"] {
        keeps(place, json!({"port": 1, "hostname": text}));
    }
}

#[test]
fn ports_are_from_1_to_65535() {
    let place = &format!("{SERVICE_COLOR}/instances/0/port");
    for port in [0, 65536, -1, 4_294_967_297_i64] {
        breaks(
            place,
            json!(port),
            &format!("{port} is not between 1 and 65535"),
        );
    }
    breaks(place, json!("80"), "\"80\" is not of type \"integer\"");
    breaks(place, json!(80.5), "80.5 is not of type \"integer\"");
    let gateway = "/namespaces/0/gateways/instances/0/port";
    breaks(gateway, json!(0), "0 is not between 1 and 65535");
}
