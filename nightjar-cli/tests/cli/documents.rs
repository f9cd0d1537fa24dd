//! `nightjar validate`.

use crate::folder::{Folder, Outcome};

const FAULTY_MAP: &str = r#"{
  "schema-version": "v1", "document-version": "1",
  "namespaces": [
    {"namespace": "a b", "network-id": "n", "gateways": {"instances": [{"port": 0}]},
     "service-colors": []},
    {"namespace": "c", "network-id": "n", "gateways": {"instances": []}}
  ]
}"#;

const TEMPLATES: &str = r#"{
  "schema-version": "v1", "document-version": "1",
  "gateway-templates": [{"namespace": null, "purpose": "a.json", "template": "{{name}}"}],
  "service-templates": [
    {"purpose": "a.json", "template": "x\n {{#open}}"},
    {"purpose": "b.json", "template": "{{x"}
  ]
}"#;

#[test]
fn every_fault_of_every_file() {
    let folder = Folder::with_starter();
    folder.write("faulty.json", FAULTY_MAP);
    folder.write("templates.json", TEMPLATES);
    folder.write("truncated.json", "{\"namespaces\": [");
    folder.write("other.json", "{\"name\": 1}");
    folder.write("list.json", "[]");
    folder.write("empty.json", "");
    folder.write("latin.json", b"{\"namespaces\": \"caf\xe9\"}");
    let files = [
        "validate",
        "discovery-map.json",
        "faulty.json",
        "templates.json",
        "truncated.json",
        "other.json",
        "list.json",
        "empty.json",
        "latin.json",
        "missing.json",
    ];
    let lines = "\
discovery-map.json: discovery-map, valid
faulty.json: discovery-map
faulty.json: /namespaces/0/gateways/instances/0: needs exactly one of ipv4, ipv6 and hostname
faulty.json: /namespaces/0/gateways/instances/0/port: 0 is not from 1 to 65535
faulty.json: /namespaces/0/namespace: \"a b\" is not a name: 1 to 128 letters, digits, dots, underscores and hyphens
faulty.json: /namespaces/1: \"service-colors\" is missing
templates.json: templates
templates.json: /service-templates/0/template: line 2, column 2: section \"open\" is never closed
templates.json: /service-templates/1/template: line 1, column 1: tag is not closed with }}
truncated.json: unknown
truncated.json: (document): is not JSON: EOF while parsing a list at line 1 column 16
other.json: unknown
other.json: (document): looks like no document: it has neither namespaces, nor gateway-templates or service-templates, nor listeners and clusters
list.json: unknown
list.json: (document): is not a JSON object
empty.json: unknown
empty.json: (document): is empty
latin.json: unknown
latin.json: (document): is not UTF-8 text: byte 19 is wrong
missing.json: unknown
missing.json: (document): cannot be read: No such file or directory (os error 2)
";
    assert_eq!(folder.run(&files), Outcome::new(1, lines, ""));
}

#[test]
fn programs_read_the_same_as_json() {
    let folder = Folder::with_starter();
    folder.write("templates.json", TEMPLATES);
    let outcome = folder.run(&[
        "validate",
        "--format",
        "json",
        "discovery-map.json",
        "templates.json",
    ]);
    let json = r#"[
  {
    "file": "discovery-map.json",
    "document": "discovery-map",
    "valid": true,
    "faults": []
  },
  {
    "file": "templates.json",
    "document": "templates",
    "valid": false,
    "faults": [
      {
        "pointer": "/service-templates/0/template",
        "line": 2,
        "column": 2,
        "message": "section \"open\" is never closed"
      },
      {
        "pointer": "/service-templates/1/template",
        "line": 1,
        "column": 1,
        "message": "tag is not closed with }}"
      }
    ]
  }
]
"#;
    assert_eq!(outcome, Outcome::new(1, json, ""));
}

#[test]
fn a_context_is_a_document_too() {
    let folder = Folder::with_starter();
    let context = folder.run(&[
        "context",
        "--discovery-map=discovery-map.json",
        "--mode=gateway",
        "--namespace=demo",
        "--listen-port=8080",
    ]);
    let valid = Outcome::new(0, "-: proxy-input, valid\n", "");
    assert_eq!(
        folder.run_with_input(&["validate", "-"], &context.stdout),
        valid
    );

    let wrong = context
        .stdout
        .replace("\"mesh_port\": 8080", "\"mesh_port\": \"8080\"");
    let lines = "-: proxy-input\n\
                 -: /listeners/0/mesh_port: \"8080\" is not of type \"integer\"\n";
    assert_eq!(
        folder.run_with_input(&["validate", "-"], &wrong),
        Outcome::new(1, lines, "")
    );
}

#[test]
fn a_person_may_say_which_document_it_should_be() {
    let folder = Folder::new();
    folder.write(
        "map.json",
        r#"{"schema-version": "v2", "document-version": "1"}"#,
    );
    let lines = "map.json: discovery-map\n\
                 map.json: (document): \"namespaces\" is missing\n\
                 map.json: /schema-version: \"v2\" is none of \"v1\"\n";
    assert_eq!(
        folder.run(&["validate", "--document", "discovery-map", "map.json"]),
        Outcome::new(1, lines, "")
    );
}
