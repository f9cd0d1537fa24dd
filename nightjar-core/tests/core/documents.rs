//! What makes a document valid, and what is said when it is not.

mod filters;
mod hosts;
mod judging;
mod laws;
mod map;
mod paths;
mod rules;
mod templates;
mod text;

use nightjar_core::document::{self, Document, Finding, discovery_map::DiscoveryMap};
use serde_json::{Value, json};

/// A map that has every member there is.
fn full() -> Value {
    json!({
        "schema-version": "v1", "document-version": "7",
        "namespaces": [
            {
                "namespace": "n1", "network-id": "net 1", "properties": {"timeout": "1s"},
                "gateways": {
                    "prefer-gateway": true, "protocol": "HTTP2",
                    "instances": [{"ipv6": "::1", "port": 8080}]
                },
                "service-colors": [{
                    "service": "shop", "color": "blue", "index": -3000, "protocol": "HTTP1.1",
                    "properties": {"lb-policy": "random"},
                    "instances": [
                        {"ipv4": "10.0.0.1", "port": 1},
                        {"hostname": "shop.example.com", "port": 65535}
                    ],
                    "routes": [{
                        "path-match": {"match-type": "regex", "value": "/shop/.*", "case-sensitive": false},
                        "weight": 32767,
                        "headers": [{
                            "header-name": "x-a", "match-type": "exact", "value": "1",
                            "invert": true, "case-sensitive": false
                        }],
                        "query-parameters": [{
                            "parameter-name": "q", "match-type": "suffix", "value": "z",
                            "case-sensitive": false
                        }],
                        "default-access": false,
                        "namespace-access": [{"namespace": "n2", "access": true}],
                        "properties": {"a/b~c": "d"}
                    }],
                    "namespace-egress": [
                        {"namespace": "n2", "interface": {"ipv4": "127.0.0.1", "port": 3001}}
                    ]
                }]
            },
            {
                "namespace": "n2", "network-id": "n2",
                "gateways": {"prefer-gateway": false, "protocol": "HTTP1.1", "instances": []},
                "service-colors": []
            }
        ]
    })
}

/// Where the parts of [`full`] are.
const NAMESPACE: &str = "/namespaces/0";
const SERVICE_COLOR: &str = "/namespaces/0/service-colors/0";
const ROUTE: &str = "/namespaces/0/service-colors/0/routes/0";

/// The document with one value replaced or added; what leads to it has to be there.
fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = value,
        parent => parent[last] = value,
    }
    document
}

/// The document without one member.
fn without(mut document: Value, pointer: &str) -> Value {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    assert!(parent.as_object_mut().unwrap().remove(last).is_some());
    document
}

/// Everything that is said about a text, whom it means aside.
fn said<D: Document>(text: impl AsRef<[u8]>) -> Vec<String> {
    let faults = match document::read::<D>(text.as_ref()) {
        Ok(_) => Vec::new(),
        Err(refused) => refused.faults,
    };
    let fault = |fault: Finding| {
        Finding {
            subject: None,
            ..fault
        }
        .to_string()
    };
    faults.into_iter().map(fault).collect()
}

/// Everything that is said about a map, whom it means aside.
fn said_of(map: &Value) -> Vec<String> {
    said::<DiscoveryMap>(map.to_string())
}

/// Sets one value and compares all that is said with what is said about that very place.
#[track_caller]
fn breaks(pointer: &str, value: Value, message: &str) {
    let map = with(full(), pointer, value);
    assert_eq!(said_of(&map), [format!("{pointer}: {message}")]);
}

#[track_caller]
fn keeps(pointer: &str, value: Value) {
    assert_eq!(said_of(&with(full(), pointer, value)), [""; 0]);
}
