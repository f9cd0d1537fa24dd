//! `nightjar init`, `nightjar context` and `nightjar render`.

use crate::folder::{Folder, Outcome};

const STARTER: [&str; 10] = [
    "README.md",
    "discovery-map.json",
    "templates/gateway/_default/cds.json.mustache",
    "templates/gateway/_default/envoy-config.yaml.mustache",
    "templates/gateway/_default/lds.json.mustache",
    "templates/gateway/_default/rds-{{mesh_port}}.json.mustache",
    "templates/service/_default/_default/_default/cds.json.mustache",
    "templates/service/_default/_default/_default/envoy-config.yaml.mustache",
    "templates/service/_default/_default/_default/lds.json.mustache",
    "templates/service/_default/_default/_default/rds-{{mesh_port}}.json.mustache",
];

/// A map with a route that nobody outside may call, and a service-color without instances.
const MAP: &str = r#"{
  "schema-version": "v1", "document-version": "1",
  "namespaces": [{
    "namespace": "n", "network-id": "net", "gateways": {"instances": []},
    "service-colors": [{
      "service": "shop", "color": "blue", "index": 1, "properties": {"timeout": "soon"},
      "instances": [{"ipv4": "10.0.0.1", "port": 3000}], "namespace-egress": [],
      "routes": [{
        "path-match": {"match-type": "prefix", "value": "/shop/"}, "weight": 1,
        "default-access": false, "namespace-access": []
      }]
    }]
  }]
}"#;

#[test]
fn a_starter_is_complete_and_stands_in_nobodys_way() {
    let folder = Folder::new();
    let list: String = STARTER
        .iter()
        .flat_map(|name| ["mesh/", name, "\n"])
        .collect();
    let made = folder.run(&["init", "mesh"]);
    let hint = "nightjar: mesh/README.md says how to go on\n";
    assert_eq!(made, Outcome::new(0, &list, hint));
    assert_eq!(folder.files(), STARTER.map(|name| format!("mesh/{name}")));

    let folder = Folder::new();
    folder.write("README.md", "mine");
    folder.write("templates/gateway", "a file");
    let message = "nightjar: nothing was written, because of what is there already:\n  \
                   ./README.md\n  ./templates/gateway\n";
    assert_eq!(folder.run(&["init", "."]), Outcome::new(1, "", message));
    assert_eq!(folder.files(), ["README.md", "templates/gateway"]);
    assert_eq!(folder.read("README.md"), "mine");
}

#[test]
fn the_context_of_a_service_color() {
    let folder = Folder::new();
    folder.write("map.json", MAP);
    let outcome = folder.run(&[
        "context",
        "--discovery-map=map.json",
        "--mode=SERVICE",
        "--namespace=n",
        "--service=shop",
        "--color=blue",
        "--listen-port=3000",
        "--admin-port=9901",
        "--config-dir=/etc//envoy/",
    ]);
    assert_eq!(outcome.code, Some(0));
    assert_eq!(
        outcome.stderr,
        "nightjar: warning: namespace `n`, service-color `shop/blue`, index 1: property `timeout` \
         is left out: `soon` is not a duration of at least 1ms, such as `250ms`, `1.5s`, `2m` or \
         `1h`, or `0s`\n"
    );
    insta::assert_snapshot!(outcome.stdout);
}

#[test]
fn the_context_of_a_gateway_without_an_admin_port() {
    let folder = Folder::new();
    folder.write("map.json", MAP.replace("soon", "1s"));
    let outcome = folder.run(&[
        "context",
        "--discovery-map=map.json",
        "--mode=gateway",
        "--namespace=n",
        "--listen-port=8080",
        "--listen-address=::1",
    ]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(outcome.stdout);
}

#[test]
fn what_the_map_does_not_have() {
    let folder = Folder::new();
    folder.write("map.json", MAP);
    let run = |arguments: &[&str]| {
        let fixed = ["context", "--discovery-map=map.json", "--listen-port=3000"];
        folder.run(&[&fixed, arguments].concat())
    };
    let message = "nightjar: namespace `m` is not in the discovery map, which has `n`\n";
    assert_eq!(run(&["--namespace=m"]), Outcome::new(1, "", message));
    let message = "nightjar: service-color `default/default` is not in namespace `n` of the \
                   discovery map, which has `shop/blue`\n";
    assert_eq!(run(&["--namespace=n"]), Outcome::new(1, "", message));
}

#[test]
fn maps_that_cannot_be_used() {
    let folder = Folder::new();
    folder.write(
        "wrong.json",
        r#"{"namespaces": {}, "document-version": "1", "schema-version": "v1"}"#,
    );
    let run = |map: &str| {
        let map = format!("--discovery-map={map}");
        folder.run(&["context", "--namespace=n", "--listen-port=1", &map])
    };
    let message = "nightjar: cannot read missing.json: No such file or directory (os error 2)\n";
    assert_eq!(run("missing.json"), Outcome::new(1, "", message));
    let message = "nightjar: wrong.json: the discovery-map document is not valid\n  \
                   /namespaces: an object is not of type \"array\"\n";
    assert_eq!(run("wrong.json"), Outcome::new(1, "", message));
}

/// Renders the map for the gateway of its namespace.
fn render(folder: &Folder, arguments: &[&str]) -> Outcome {
    folder.write("map.json", MAP.replace("soon", "1s"));
    let fixed = [
        "render",
        "--discovery-map=map.json",
        "--mode=gateway",
        "--namespace=n",
        "--listen-port=8080",
    ];
    folder.run(&[&fixed, arguments].concat())
}

#[test]
fn files_of_the_shipped_templates() {
    let folder = Folder::new();
    folder.write("out/mine.txt", "mine");
    let list = "out/cds.json\nout/envoy-config.yaml\nout/lds.json\nout/rds-8080.json\n";
    assert_eq!(render(&folder, &["--out=out"]), Outcome::new(0, list, ""));
    let files = [
        "map.json",
        "out/cds.json",
        "out/envoy-config.yaml",
        "out/lds.json",
        "out/mine.txt",
        "out/rds-8080.json",
    ];
    assert_eq!(folder.files(), files);

    // The starter's templates are the shipped ones.
    let same = Folder::with_starter();
    render(&same, &["--out=out", "--templates=templates"]);
    for name in &files[1..4] {
        assert_eq!(same.read(name), folder.read(name));
    }
}

#[test]
fn files_of_a_template_folder_and_of_a_document() {
    let folder = Folder::new();
    folder.write(
        "t/gateway/_default/a.yaml.mustache",
        "a: \"{{namespace}}\"\n{{>part}}",
    );
    folder.write(
        "t/gateway/_default/part.mustache.mustache",
        "part {{version}}\n",
    );
    folder.write("t/gateway/n/sub/{{name}}.txt.mustache", "{{mesh_port}}");
    folder.write("t/lost.mustache", "");
    let note = "nightjar: warning: lost.mustache is ignored: a template belongs in \
                gateway/<namespace>/ or service/<namespace>/<service>/<color>/, with _default for \
                any\n";
    let origins = "a.yaml: from the store, for every proxy\ncds.json: shipped with Nightjar\n\
                   envoy-config.yaml: shipped with Nightjar\nlds.json: shipped with Nightjar\n\
                   part.mustache: from the store, for every proxy\n\
                   rds-8080.json: shipped with Nightjar\n\
                   sub/gateway.txt: from the store, for namespace \"n\"\n";
    let shipped = ["cds.json", "envoy-config.yaml", "lds.json", "rds-8080.json"];
    let shipped: String = shipped.map(|name| format!("x/y/{name}\n")).concat();
    assert_eq!(
        render(&folder, &["--out=x/y", "--templates=t"]),
        Outcome::new(
            0,
            &format!("x/y/a.yaml\n{shipped}x/y/sub/gateway.txt\n"),
            &format!("{note}{origins}")
        )
    );
    let text = "a: \"n\"\npart bec0a0f2e7eac50d070642077f7c03bd\n";
    assert_eq!(folder.read("x/y/a.yaml"), text);
    assert_eq!(folder.read("x/y/sub/gateway.txt"), "8080");

    folder.write(
        "t.json",
        r#"{"schema-version": "v1", "document-version": "1", "service-templates": [],
            "gateway-templates": [{"purpose": "b.txt", "template": "{{network_name}}"}]}"#,
    );
    // Without the layer there is nothing that Envoy could be started with, which is told.
    let outcome = render(
        &folder,
        &["--out=z", "--templates=t.json", "--shipped-templates=false"],
    );
    let message = "b.txt: from the store, for every proxy\n\
                   nightjar: no template makes the bootstrap \"envoy-config.yaml\"; the templates make \
                   \"b.txt\"\n\
                   hint: name one of them in ENVOY_CONFIGURATION_TEMPLATE, or add a template with that \
                   purpose\n";
    assert_eq!(outcome, Outcome::new(1, "z/b.txt\n", message));
    assert_eq!(folder.read("z/b.txt"), "net");
}

#[test]
fn faulty_templates_write_nothing() {
    let folder = Folder::new();
    folder.write("t/gateway/_default/a.json.mustache", "{{#x}}");
    folder.write("t/gateway/_default/b.json.mustache", "ok\n{{/y}}");
    let message = "nightjar: invalid templates:\n\
                   a.json:1:1: section \"x\" is never closed\n\
                   b.json:2:1: section \"y\" is closed but not open\n";
    let outcome = render(&folder, &["--out=out", "--templates=t"]);
    assert_eq!(outcome, Outcome::new(1, "", message));
    assert!(!folder.path("out").exists());

    folder.write("u/gateway/a b/x.json.mustache", "");
    let message = "nightjar: u/gateway/a b/x.json.mustache: \"a b\" is not a name: 1 to 128 letters, \
                   digits, dots, underscores and hyphens\n";
    let outcome = render(&folder, &["--out=out", "--templates=u"]);
    assert_eq!(outcome, Outcome::new(1, "", message));
}

#[test]
fn a_folder_that_cannot_be_written() {
    let folder = Folder::new();
    folder.write("out", "a file");
    let message = "nightjar: cannot make out: File exists (os error 17)\n";
    assert_eq!(
        render(&folder, &["--out=out"]),
        Outcome::new(1, "", message)
    );
}
