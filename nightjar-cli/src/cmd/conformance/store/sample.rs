//! Documents that this program commits.

use nightjar_core::extension::{DocumentName, RawDocument};
use serde_json::{Value, json};

/// The member that says where a document comes from. Proxies and people may have such members.
pub(super) const MARK: &str = "x-nightjar-conformance";

/// Whether a document comes from here.
pub(super) fn is_own(bytes: &[u8]) -> bool {
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    value.is_some_and(|value| value.get(MARK).is_some())
}

/// A document that holds a text, in two places.
pub(super) fn sample(document: &DocumentName, text: &str) -> Value {
    let given: String = text.chars().take(40).collect();
    let mut sample = json!({"schema-version": "v1", "document-version": given, MARK: true});
    if *document == DocumentName::DISCOVERY_MAP {
        let namespace = json!({
            "namespace": "conformance",
            "network-id": "conformance",
            "gateways": {"instances": []},
            "service-colors": [],
            "properties": {"x-a": text, "x-b": text},
        });
        set(&mut sample, "namespaces", json!([namespace]));
    } else {
        let purpose = "conformance.txt";
        let gateway = json!({"namespace": null, "purpose": purpose, "template": text});
        let mut service = gateway.clone();
        set(&mut service, "service", Value::Null);
        set(&mut service, "color", Value::Null);
        set(&mut sample, "gateway-templates", json!([gateway]));
        set(&mut sample, "service-templates", json!([service]));
    }
    sample
}

/// Sets a member of an object.
pub(super) fn set(object: &mut Value, member: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(member.to_owned(), value);
    }
}

/// A document that makes nothing.
pub(super) fn empty(document: &DocumentName) -> Value {
    let mut empty = json!({"schema-version": "v1", "document-version": "empty", MARK: true});
    let lists: &[&str] = if *document == DocumentName::DISCOVERY_MAP {
        &["namespaces"]
    } else {
        &["gateway-templates", "service-templates"]
    };
    for list in lists {
        set(&mut empty, list, json!([]));
    }
    empty
}

/// Whether two documents say the same, their versions aside.
pub(super) fn are_same(one: &[u8], other: &[u8]) -> bool {
    let hash = |bytes| RawDocument::read(bytes).ok().map(|it| it.content_hash());
    hash(one).is_some_and(|one| hash(other) == Some(one))
}
