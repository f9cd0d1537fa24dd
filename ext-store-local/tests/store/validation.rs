//! What is looked at before a document is kept.

use crate::{Outcome, Store};
use std::fs;

const GOOD: &str = r#"{"schema-version": "v1", "document-version": "1", "namespaces": []}"#;

/// Two namespaces of one name, a port too high, and a member that nobody knows.
const BAD: &str = r#"{
  "schema-version": "v1", "document-version": "1", "namespaces": [
    {"namespace": "n1", "network-id": "n1", "service-colors": [], "gateways": {"instances": [{"ipv4": "10.0.0.1", "port": 70000}]}},
    {"namespace": "n1", "network-id": "n1", "service-colors": [], "gateways": {"instances": [], "prefer": true}}
  ]
}"#;

#[test]
fn a_document_that_breaks_a_rule_is_refused_and_the_last_one_stays() {
    let store = Store::in_files();
    assert_eq!(store.commit("discovery-map", GOOD), Outcome::ended(0, ""));
    let outcome = store.commit("discovery-map", BAD);
    let stderr = "\u{20}WARN /namespaces/1/gateways/prefer (n1): \"prefer\" is not a known \
                  member; did you mean \"prefer-gateway\"?\n\
                  ext-store-local: the discovery-map document is not valid\n  \
                  /namespaces/0/gateways/instances/0/port (n1): 70000 is not between 1 and 65535 at line 3 column 128\n  \
                  hint: correct it (`nightjar validate` lists every error), or commit it as it is with NJ_STORE_ACCEPT_INVALID=true\n";
    let expected = Outcome {
        stderr: stderr.to_owned(),
        ..Outcome::ended(1, "")
    };
    assert_eq!(outcome, expected);
    assert_eq!(fs::read_to_string(store.path("map.json")).unwrap(), GOOD);
}

#[test]
fn it_passes_where_people_want_it_so() {
    let store = Store::in_files().accepting_invalid();
    assert_eq!(store.commit("discovery-map", BAD), Outcome::ended(0, ""));
    assert_eq!(fs::read_to_string(store.path("map.json")).unwrap(), BAD);
}

#[test]
fn what_is_doubtful_is_kept_with_a_warning() {
    let store = Store::in_files();
    let map = GOOD.replace(
        "[]",
        r#"[{
        "namespace": "n1", "network-id": "n1", "gateways": {"instances": []}, "service-colors": [],
        "properties": {"time-out": "1s"}
    }]"#,
    );
    let stderr = "\u{20}WARN /namespaces/0/properties/time-out (n1): property `time-out` is not used by the shipped \
                  templates; did you mean `timeout`?\n";
    let expected = Outcome {
        stderr: stderr.to_owned(),
        ..Outcome::ended(0, "")
    };
    assert_eq!(store.commit("discovery-map", &map), expected);
    assert_eq!(fs::read_to_string(store.path("map.json")).unwrap(), map);
}

#[test]
fn templates_have_to_be_templates() {
    let store = Store::in_files();
    let templates = r#"{
      "schema-version": "v1", "document-version": "1",
      "gateway-templates": [{"purpose": "a.json", "template": "{{#open}}"}],
      "service-templates": [
        {"purpose": "b.json", "template": "{{unknown}}"}, {"purpose": "c.json", "template": "x\n{{y"}
      ]
    }"#;
    let stderr = "\u{20}WARN /service-templates/0/template: line 1, column 1: the context has no \"unknown\" \
                  here, so it renders as nothing\n\
                  ext-store-local: the templates document is not valid\n  \
                  /gateway-templates/0/template: line 1, column 1: section \"open\" is never closed\n  \
                  /service-templates/1/template: line 2, column 1: tag is not closed with }}\n  \
                  hint: correct it (`nightjar validate` lists every error), or commit it as it is with NJ_STORE_ACCEPT_INVALID=true\n";
    let expected = Outcome {
        stderr: stderr.to_owned(),
        ..Outcome::ended(1, "")
    };
    assert_eq!(store.commit("templates", templates), expected);
    assert!(!store.path("templates.json").exists());
}

#[test]
fn an_invalid_setting_ends_a_commit_but_not_a_fetch() {
    let mut store = Store::in_files();
    assert_eq!(store.commit("discovery-map", GOOD), Outcome::ended(0, ""));
    store
        .variables
        .push(("NJ_STORE_ACCEPT_INVALID", "maybe".into()));
    let outcome = store.commit("discovery-map", GOOD);
    assert_eq!(outcome.code, Some(64));
    let start = "ext-store-local: invalid configuration:\nNJ_STORE_ACCEPT_INVALID=\"maybe\": ";
    assert!(outcome.stderr.starts_with(start), "{}", outcome.stderr);
    let fetched = store.fetch("discovery-map", "");
    assert_eq!((fetched.code, fetched.stderr.as_str()), (Some(0), ""));
    assert!(fetched.file.is_some());
}
