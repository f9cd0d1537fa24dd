//! What is read from a discovery map.

use super::{ROUTE, SERVICE_COLOR, full, said_of, with, without};
use nightjar_core::document::{
    self,
    discovery_map::{DiscoveryMap, Protocol},
};
use serde_json::{Value, json};

fn read(map: &Value) -> DiscoveryMap {
    document::read(map.to_string().as_bytes()).unwrap()
}

#[test]
fn a_full_map_is_written_as_it_was_read() {
    let map = full();
    assert_eq!(serde_json::to_value(read(&map)).unwrap(), map);
}

#[test]
fn what_may_be_left_out() {
    let mut map = full();
    for member in [
        "/namespaces/0/properties".to_owned(),
        "/namespaces/0/gateways/prefer-gateway".to_owned(),
        "/namespaces/0/gateways/protocol".to_owned(),
        format!("{SERVICE_COLOR}/protocol"),
        format!("{SERVICE_COLOR}/properties"),
        format!("{ROUTE}/headers/0/invert"),
        format!("{ROUTE}/headers/0/case-sensitive"),
        format!("{ROUTE}/query-parameters/0/case-sensitive"),
        format!("{ROUTE}/path-match/case-sensitive"),
        format!("{ROUTE}/properties"),
    ] {
        map = without(map, &member);
    }
    let namespace = &read(&map).namespaces[0];
    assert_eq!(
        (
            namespace.gateways.prefer_gateway,
            namespace.gateways.protocol
        ),
        (false, Protocol::Http1)
    );
    let service_color = &namespace.service_colors[0];
    assert_eq!(service_color.protocol, Protocol::Http1);
    let route = &service_color.routes[0];
    assert!(!route.headers[0].invert);
    assert!(route.headers[0].case_sensitive);
    assert!(route.query_parameters[0].case_sensitive);
    assert!(route.path_match.case_sensitive);
    let map = without(
        without(map, &format!("{ROUTE}/headers")),
        &format!("{ROUTE}/query-parameters"),
    );
    assert_eq!(said_of(&map), [""; 0]);
}

#[test]
fn protocols_are_compared_without_case() {
    let pointer = format!("{SERVICE_COLOR}/protocol");
    for (text, protocol) in [
        ("HTTP1.1", Protocol::Http1),
        ("http1.1", Protocol::Http1),
        ("HTTP2", Protocol::Http2),
        ("hTtP2", Protocol::Http2),
    ] {
        let map = read(&with(full(), &pointer, json!(text)));
        assert_eq!(map.namespaces[0].service_colors[0].protocol, protocol);
    }
    for text in ["HTTP", "HTTP/2", "http11", "HTTP1x1", "", "grpc"] {
        assert_eq!(
            said_of(&with(full(), &pointer, json!(text))),
            [format!("{pointer}: {text:?} is neither HTTP1.1 nor HTTP2")]
        );
    }
}

#[test]
fn integers_in_every_spelling_of_json() {
    let pointer = format!("{SERVICE_COLOR}/index");
    for (text, index) in [
        ("3e3", 3000),
        ("3000.0", 3000),
        ("-0.0", 0),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
    ] {
        let map = full().to_string().replace("-3000", text);
        let map: DiscoveryMap = document::read(map.as_bytes()).unwrap();
        assert_eq!(map.namespaces[0].service_colors[0].index, index, "{text}");
    }
    for (text, fault) in [
        ("0.5", "0.5 is not of type \"integer\""),
        ("\"1\"", "\"1\" is not of type \"integer\""),
        (
            "9223372036854775808",
            "9223372036854775808 is not between -9223372036854775808 and 9223372036854775807",
        ),
        (
            "1e19",
            "1e+19 is not between -9223372036854775808 and 9223372036854775807",
        ),
    ] {
        let map = full().to_string().replace("-3000", text);
        assert_eq!(
            super::said::<DiscoveryMap>(map),
            [format!("{pointer}: {fault}")]
        );
    }
}

#[test]
fn whether_a_map_has_endpoints() {
    let empty = |map: Value, pointer: &str| with(map, pointer, json!([]));
    let gateways = "/namespaces/0/gateways/instances";
    let instances = &format!("{SERVICE_COLOR}/instances");
    assert!(read(&full()).has_endpoints());
    assert!(read(&empty(full(), gateways)).has_endpoints());
    assert!(read(&empty(full(), instances)).has_endpoints());
    assert!(!read(&empty(empty(full(), instances), gateways)).has_endpoints());
    assert!(!read(&empty(full(), "/namespaces")).has_endpoints());
}
