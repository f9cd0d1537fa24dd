//! Texts that are hardly documents, and what documents may hold beside their members.

use super::{full, said, said_of, with};
use nightjar_core::document::{
    self, discovery_map::DiscoveryMap, read_proxy_input, recognise, templates::Templates,
};
use serde_json::json;

fn map(text: impl AsRef<[u8]>) -> Vec<String> {
    said::<DiscoveryMap>(text)
}

#[test]
fn texts_that_are_no_documents() {
    let text = full().to_string();
    let end = text.len() - 1;
    assert_eq!(
        map(&text[..end]),
        [format!(
            "(document): is not JSON: EOF while parsing an object at line 1 column {end}"
        )]
    );
    assert_eq!(map(""), ["(document): is empty"]);
    assert_eq!(map(" \n\t"), ["(document): is empty"]);
    assert_eq!(map("[1]"), ["(document): is not a JSON object"]);
    assert_eq!(map("null"), ["(document): is not a JSON object"]);
    assert_eq!(
        map("{} {}"),
        ["(document): is not JSON: trailing characters at line 1 column 4"]
    );
    assert_eq!(
        map(b"{\"document-version\": \"caf\xe9\"}"),
        ["(document): is not UTF-8 text: byte 25 is invalid"]
    );
    assert_eq!(
        map("{\"document-version\": 1e999, \"schema-version\": \"v1\", \"namespaces\": []}"),
        ["/document-version: 1.7976931348623157e+308 is not of type \"string\""]
    );
}

#[test]
fn text_that_is_not_utf8_is_refused_wherever_it_is() {
    let text = with(full(), "/comment", json!("?")).to_string();
    let (before, after) = text.split_once('?').unwrap();
    let bytes = [before.as_bytes(), b"\xff", after.as_bytes()].concat();
    let at = before.len();
    assert_eq!(
        map(&bytes),
        [format!(
            "(document): is not UTF-8 text: byte {at} is invalid"
        )]
    );
}

#[test]
fn deep_nesting_is_refused_and_takes_nothing_down() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let text = full().to_string();
    for levels in [200, 10_000, 1_000_000] {
        let namespaces = text.replace(
            "\"service-colors\":[]",
            &format!("\"service-colors\":{}", nested(levels)),
        );
        let said = map(namespaces);
        assert_eq!(said.len(), 1);
        assert_eq!(
            said[0],
            "/namespaces/1/service-colors/0: a list is not of type \"object\""
        );
        assert_eq!(map(nested(levels)).len(), 1);
    }
    // Nobody reads what stands in a member that nobody knows.
    let unknown = format!("{{\"deep\":{},{}", nested(10_000), &text[1..]);
    assert_eq!(map(&unknown), [""; 0]);
    assert_eq!(recognise(unknown.as_bytes()), Some("discovery-map"));
}

#[test]
fn a_member_that_is_there_twice() {
    let text =
        r#"{"schema-version": "v1", "document-version": "1", "namespaces": [], "namespaces": []}"#;
    assert_eq!(
        map(text),
        ["(document): duplicate field `namespaces` at line 1 column 80"]
    );
}

#[test]
fn unknown_members_are_accepted() {
    let mut map = full();
    for place in ["", "/namespaces/0", super::SERVICE_COLOR, super::ROUTE] {
        map = with(
            map,
            &format!("{place}/x-comment"),
            json!({"port": "any", "list": [null, 1.5]}),
        );
    }
    assert_eq!(said_of(&map), [""; 0]);
}

#[test]
fn documents_are_recognised_by_their_members() {
    let known = |text: &str| recognise(text.as_bytes());
    assert_eq!(known(r#"{"namespaces": 1}"#), Some("discovery-map"));
    assert_eq!(known(r#"{"gateway-templates": []}"#), Some("templates"));
    assert_eq!(known(r#"{"service-templates": []}"#), Some("templates"));
    assert_eq!(
        known(r#"{"listeners": [], "clusters": []}"#),
        Some("proxy-input")
    );
    for text in ["{}", "[]", "", "{", r#"{"listeners": []}"#] {
        assert_eq!(known(text), None, "{text}");
    }
}

#[test]
fn a_context_is_held_to_its_schema() {
    let refused = read_proxy_input(b"{\"namespace\": 1, \"listeners\": [{}]}").unwrap_err();
    let text = refused.to_string();
    insta::assert_snapshot!(text);
}

#[test]
fn a_message_spells_out_fifty_faults() {
    let namespaces: Vec<_> = (0..60).map(|_| json!(1)).collect();
    let text = with(full(), "/namespaces", json!(namespaces)).to_string();
    let refused = document::read::<DiscoveryMap>(text.as_bytes()).unwrap_err();
    let message = refused.to_string();
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(refused.faults.len(), 60);
    assert_eq!(lines.len(), 52);
    assert_eq!(lines[0], "the discovery-map document is not valid");
    assert_eq!(lines[1], "  /namespaces/0: 1 is not of type \"object\"");
    assert_eq!(lines[51], "  and 10 more");
}

#[test]
fn each_document_is_called_by_its_name() {
    let refused = document::read::<Templates>(b"").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the templates document is not valid\n  (document): is empty"
    );
}
