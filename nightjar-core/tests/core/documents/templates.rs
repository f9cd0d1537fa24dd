//! The rules for a templates document.

use super::{said, with, without};
use nightjar_core::document::{self, templates::Templates};
use serde_json::{Value, json};

fn full() -> Value {
    json!({
        "schema-version": "v1", "document-version": "7",
        "gateway-templates": [
            {"namespace": null, "purpose": "cds.json", "template": "{}\n"},
            {"namespace": "n1", "purpose": "cds.json", "template": ""}
        ],
        "service-templates": [
            {"namespace": null, "service": null, "color": null, "purpose": "a/b.yaml", "template": "x"},
            {"namespace": "n1", "service": "s", "color": "c", "purpose": "rds-{{mesh_port}}.json", "template": "y"}
        ]
    })
}

fn said_of(templates: &Value) -> Vec<String> {
    said::<Templates>(templates.to_string())
}

#[test]
fn a_full_document_is_written_as_it_was_read() {
    let read: Templates = document::read(full().to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), full());
}

#[test]
fn a_missing_name_is_null() {
    let mut short = full();
    for pointer in [
        "/gateway-templates/0/namespace",
        "/service-templates/0/namespace",
        "/service-templates/0/service",
        "/service-templates/0/color",
    ] {
        short = without(short, pointer);
    }
    let read: Templates = document::read(short.to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), full());
}

#[test]
fn purposes_stay_in_the_folder() {
    for (purpose, reason) in [
        ("", "\"\" a file name cannot be empty"),
        ("/etc/x", "file name \"/etc/x\" is an absolute path"),
        (
            "../x",
            "file name \"../x\" leads out of the configuration folder",
        ),
        (
            "a/../../x",
            "file name \"a/../../x\" leads out of the configuration folder",
        ),
        (".hidden", "file name \".hidden\" is hidden"),
        ("a/.b/c", "file name \"a/.b/c\" is hidden"),
        ("a//b", "file name \"a//b\" has an empty part"),
        ("a\nb", "\"a\\nb\" contains the control character U+000A"),
        ("{{x", "\"{{x\" tag is not closed with }}"),
    ] {
        for pointer in [
            "/gateway-templates/0/purpose",
            "/service-templates/1/purpose",
        ] {
            assert_eq!(
                said_of(&with(full(), pointer, json!(purpose))),
                [format!("{pointer}: {reason}")]
            );
        }
    }
}

#[test]
fn one_template_for_one_purpose_of_the_same_proxies() {
    let twice = with(full(), "/gateway-templates/1/namespace", Value::Null);
    assert_eq!(
        said_of(&twice),
        [
            "/gateway-templates/1/purpose: \"cds.json\" is already the purpose of item 0, for the same proxies"
        ]
    );
}

#[test]
fn every_fault_is_listed() {
    let mut faulty = full();
    for (pointer, value) in [
        ("/gateway-templates/0/purpose", json!("../x")),
        ("/gateway-templates/1/namespace", json!("a b")),
        ("/gateway-templates/1/template", json!(1)),
        ("/service-templates/1/service", json!("")),
        ("/service-templates/1/color", json!(2)),
    ] {
        faulty = with(faulty, pointer, value);
    }
    let faulty = without(faulty, "/service-templates/0/purpose");
    let rule = "is not a name: 1 to 128 letters, digits, dots, underscores and hyphens";
    assert_eq!(
        said_of(&faulty),
        [
            "/gateway-templates/0/purpose: file name \"../x\" leads out of the configuration folder".to_owned(),
            format!("/gateway-templates/1/namespace: \"a b\" {rule}"),
            "/gateway-templates/1/template: 1 is not of type \"string\"".to_owned(),
            "/service-templates/0: \"purpose\" is missing".to_owned(),
            "/service-templates/1/color: 2 is not of type \"string\"".to_owned(),
            format!("/service-templates/1/service: \"\" {rule}"),
        ]
    );
}
