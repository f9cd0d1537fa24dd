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
faulty.json: /namespaces/0/gateways/instances/0 (a b): needs exactly one of ipv4, ipv6 and hostname
faulty.json: /namespaces/0/gateways/instances/0/port (a b): 0 is not between 1 and 65535
faulty.json: /namespaces/0/namespace (a b): \"a b\" is not a name: 1 to 128 letters, digits, dots, underscores and hyphens
faulty.json: /namespaces/1 (c): \"service-colors\" is missing
templates.json: templates
templates.json: /service-templates/0/template: line 2, column 2: section \"open\" is never closed
templates.json: /service-templates/1/template: line 1, column 1: tag is not closed with }}
templates.json: /gateway-templates/0/template: line 1, column 1: warning: the context has no \"name\" here, so it renders as nothing
truncated.json: unknown
truncated.json: (document): is not JSON: EOF while parsing a list at line 1 column 16
other.json: unknown
other.json: (document): looks like no document: it has neither namespaces, nor gateway-templates or service-templates, nor listeners and clusters
list.json: unknown
list.json: (document): is not a JSON object
empty.json: unknown
empty.json: (document): is empty
latin.json: unknown
latin.json: (document): is not UTF-8 text: byte 19 is invalid
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
    "faults": [],
    "warnings": []
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
    ],
    "warnings": [
      {
        "pointer": "/gateway-templates/0/template",
        "line": 1,
        "column": 1,
        "message": "the context has no \"name\" here, so it renders as nothing"
      }
    ]
  }
]
"#;
    assert_eq!(outcome, Outcome::new(1, json, ""));
}

/// Valid, and doubtful in every way there is.
const DOUBTFUL_MAP: &str = r#"{
  "schema-version": "v1", "document-version": "1", "x-by": "hand",
  "namespaces": [{
    "namespace": "n1", "network-id": "n1", "networkid": "n1", "properties": {"trusted-hops": "1"},
    "gateways": {"instances": []},
    "service-colors": [
      {
        "service": "shop", "color": "blue", "index": 3000, "properties": {"time-out": "5s"},
        "instances": [{"ipv4": "10.0.0.1", "port": 1}],
        "routes": [
          {
            "path-match": {"match-type": "prefix", "value": "shop/"}, "weight": 1, "header": [],
            "default-access": true, "namespace-access": [{"namespace": "n2", "access": false}, {"namespace": "N1", "access": true}]
          },
          {
            "path-match": {"match-type": "exact", "value": "/users/{id}"}, "weight": 1,
            "headers": [{"header-name": "x_user", "match-type": "present", "value": "1"}],
            "default-access": true, "namespace-access": [], "properties": {"timeout": "1s", "lb-policy": "random"}
          },
          {
            "path-match": {"match-type": "regex", "value": "users/.*"}, "weight": 1,
            "default-access": true, "namespace-access": []
          }
        ],
        "namespace-egress": [{"namespace": "bank", "interface": {"ipv4": "127.0.0.1", "port": 3001}}]
      }
    ]
  }]
}"#;

#[test]
fn what_is_doubtful_is_a_warning_and_with_strict_a_fault() {
    let folder = Folder::new();
    let map = DOUBTFUL_MAP.replace(r#"{"namespace": "n2", "access": false}, "#, "");
    folder.write("map.json", &map);
    let shop = "/namespaces/0/service-colors/0";
    let who = "(shop/blue in n1): warning";
    let nobody = "is not a known member";
    let nowhere = "is not a namespace of this map";
    let lines = format!("\
map.json: discovery-map, valid
map.json: /namespaces/0/networkid (n1): warning: \"networkid\" {nobody}; did you mean \"network-id\"?
map.json: {shop}/routes/0/header {who}: \"header\" {nobody}; did you mean \"headers\"?
map.json: {shop}/routes/1/headers/0/value {who}: \"1\" has no effect with match-type present
map.json: /namespaces/0/properties/trusted-hops (n1): warning: property `trusted-hops` is read only from a proxy's own environment, and is left out; set NJ_PROXY_PROP_TRUSTED_HOPS where the proxy runs
map.json: {shop} {who}: route `/users/%7Bid%7D` matches on header `x_user`, which this proxy drops because its name contains an underscore; rename the header, or set NJ_PROXY_PROP_UNDERSCORE_HEADERS=allow
map.json: {shop}/namespace-egress/0/namespace {who}: \"bank\" {nowhere}
map.json: {shop}/properties/time-out {who}: property `time-out` is not used by the shipped templates; did you mean `timeout`?
map.json: {shop}/routes/0/namespace-access/0/namespace {who}: \"N1\" {nowhere}; did you mean \"n1\"?
map.json: {shop}/routes/0/path-match/value {who}: no request can have this path: \"shop/\" does not start with /
map.json: {shop}/routes/1/path-match/value {who}: \"/users/{{id}}\" contains {{…}}, which is matched literally, not as a wildcard
map.json: {shop}/routes/1/properties/lb-policy {who}: property `lb-policy` has no effect on a route, and is left out; set it for the whole service-color, with NJ_PROP_LB_POLICY
map.json: {shop}/routes/2/path-match/value {who}: \"users/.*\" matches no path, because every path begins with /
");
    assert_eq!(
        folder.run(&["validate", "map.json"]),
        Outcome::new(0, &lines, "")
    );
    assert_eq!(
        folder.run(&["validate", "--strict", "map.json"]),
        Outcome::new(1, &lines, "")
    );

    // A dead path that closes something is a fault.
    folder.write("map.json", DOUBTFUL_MAP);
    let outcome = folder.run(&["validate", "map.json"]);
    let fault = format!(
        "map.json: discovery-map\nmap.json: {shop}/routes/0/path-match/value (shop/blue in n1): \"shop/\" \
         does not start with /\n"
    );
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stdout.starts_with(&fault), "{}", outcome.stdout);
}

#[test]
fn a_map_without_doubts_is_good_with_strict_too() {
    let folder = Folder::with_starter();
    assert_eq!(
        folder.run(&["validate", "--strict", "discovery-map.json"]),
        Outcome::new(0, "discovery-map.json: discovery-map, valid\n", "")
    );
}

#[test]
fn programs_read_whom_a_finding_means_and_how_many_more_there_are() {
    let folder = Folder::new();
    let port = r#"{"port": 0, "ipv4": "10.0.0.1"},"#;
    folder.write(
        "map.json",
        format!(
            r#"{{
      "schema-version": "v1", "document-version": "1", "namespaces": [{{
        "namespace": "n1", "network-id": "n1", "service-color": [], "service-colors": [],
        "gateways": {{"instances": [{}{{"port": 1, "ipv4": "10.0.0.1"}}]}}
      }}]
    }}"#,
            port.repeat(1001)
        ),
    );
    let outcome = folder.run(&["validate", "--format=json", "map.json"]);
    let reports: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let report = &reports[0];
    assert_eq!(report["faults"].as_array().unwrap().len(), 1000);
    assert_eq!(
        report["faults"][0],
        serde_json::json!({
            "pointer": "/namespaces/0/gateways/instances/0/port", "subject": "n1",
            "message": "0 is not between 1 and 65535"
        })
    );
    assert_eq!(report["unlisted"], 1);
    assert_eq!(
        report["warnings"],
        serde_json::json!([{
            "pointer": "/namespaces/0/service-color", "subject": "n1",
            "message": "\"service-color\" is not a known member; did you mean \"service-colors\"?"
        }])
    );
    let text = folder.run(&["validate", "map.json"]).stdout;
    let last: Vec<&str> = text.lines().rev().take(2).collect();
    assert_eq!(last[1], "map.json: and 1 more");
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
                 map.json: /schema-version: \"v2\" is not one of \"v1\"\n";
    assert_eq!(
        folder.run(&["validate", "--document", "discovery-map", "map.json"]),
        Outcome::new(1, lines, "")
    );
}

/// A route with one member changed.
fn faulty_route(member: &str, value: &serde_json::Value) -> serde_json::Value {
    let mut route = serde_json::json!({
        "path-match": {"match-type": "prefix", "value": "/"}, "weight": 1,
        "default-access": true, "namespace-access": [],
    });
    route[member] = value.clone();
    route
}

#[test]
fn thirty_different_faults_are_all_named() {
    use serde_json::json;
    let folder = Folder::new();
    let path = |kind: &str, value: &str| json!({"match-type": kind, "value": value});
    let header = |name: &str, kind: &str, value: &str| json!([{"header-name": name, "match-type": kind, "value": value}]);
    let routes = [
        ("path-match", path("glob", "/a/*")),
        ("path-match", path("regex", "(")),
        ("path-match", path("regex", "[z-a]")),
        ("path-match", path("exact", "/\u{1}")),
        ("path-match", json!({"match-type": "exact"})),
        ("path-match", json!("/a")),
        ("weight", json!(-1)),
        ("weight", json!(32768)),
        ("weight", json!(1.5)),
        ("headers", header("", "exact", "1")),
        ("headers", header("x", "glob", "1")),
        ("headers", header("x", "regex", "*")),
        ("headers", json!([{"match-type": "present"}])),
        ("headers", json!({"x": "1"})),
        (
            "query-parameters",
            json!([{"parameter-name": "q", "match-type": "regex", "value": "("}]),
        ),
        (
            "query-parameters",
            json!([{"parameter-name": "q", "match-type": "exact"}]),
        ),
        ("default-access", json!("yes")),
        (
            "namespace-access",
            json!([{"namespace": "a/b", "access": true}]),
        ),
        ("namespace-access", json!([{"namespace": "a"}])),
        ("properties", json!({"timeout": 5})),
    ];
    let routes: Vec<_> = routes
        .iter()
        .map(|(member, value)| faulty_route(member, value))
        .collect();
    let map = json!({
        "schema-version": "v2", "document-version": "1",
        "namespaces": [{
            "namespace": "store", "network-id": 7,
            "gateways": {"instances": [{"ipv4": "10.0.0.256", "port": 80}], "protocol": "HTTP3"},
            "service-colors": [{
                "service": "a b", "color": "", "index": "1",
                "instances": [
                    {"ipv4": "10.0.0.1", "port": 0},
                    {"hostname": "-a-", "port": 80},
                    {"port": 80},
                ],
                "routes": routes, "namespace-egress": [],
            }],
        }],
    });
    folder.write("map.json", map.to_string());
    let outcome = folder.run(&["validate", "map.json"]);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(1), ""));
    let pointers: std::collections::BTreeSet<&str> = outcome
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("map.json: /")?.split_once([' ', ':']))
        .map(|(pointer, _)| pointer)
        .collect();
    assert_eq!(pointers.len(), 30, "{}", outcome.stdout);
    insta::assert_snapshot!(outcome.stdout);
}
