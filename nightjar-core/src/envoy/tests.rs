//! What whole configurations have to show.

use super::{test_files::*, *};
use serde_json::{Value, json};
use std::sync::Arc;

fn roles(configuration: &Configuration) -> Vec<(&str, Option<String>)> {
    let files = configuration.iter();
    files
        .map(|file| (file.name(), file.role().map(ToString::to_string)))
        .collect()
}

/// A cluster that speaks TLS, with its certificate from a file.
fn tls_cluster(name: &str, path: &str) -> Value {
    let context =
        "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    let mut cluster = cluster(name, &[1]);
    cluster["transport_socket"] = json!({
        "name": "tls",
        "typed_config": {
            "@type": context,
            "common_tls_context": {"tls_certificate_sds_secret_configs": [sds("cert", path)]},
        },
    });
    cluster
}

fn with_everything() -> Files {
    let mut eds = eds_cluster("b", "svc");
    eds["alt_stat_name"] = json!("stat");
    let mut files = files(&[
        tls_cluster("a", "/c/sds.json"),
        eds,
        tls_cluster("d", "/x/s.json"),
    ]);
    files.insert("eds-svc.json".to_owned(), file([endpoints("svc", &[1, 2])]));
    files.insert("sds.json".to_owned(), file([secret("cert")]));
    files.insert("cert.pem".to_owned(), "nothing".to_owned());
    files
}

#[test]
fn roles_are_found_however_deep_they_are_named() {
    let configuration = read(with_everything());
    let role = |words: &str| Some(words.to_owned());
    assert_eq!(
        roles(&configuration),
        [
            ("cds.json", role("clusters")),
            ("cert.pem", None),
            ("eds-svc.json", role("endpoints of svc")),
            ("envoy.yaml", role("bootstrap")),
            ("lds.json", role("listeners")),
            ("rds-8080.json", role("routes of routes-8080")),
            ("sds.json", role("secret cert")),
        ]
    );
    let endpoints = configuration.get("eds-svc.json").unwrap();
    let (resource, stat_name) = ("svc".to_owned(), "stat".to_owned());
    assert_eq!(
        endpoints.role(),
        Some(&FileRole::Endpoints {
            resource,
            stat_name
        })
    );
    assert_eq!(endpoints.resources()[0].endpoints(), Some(2));
    assert_eq!(endpoints.version(), Some("1"));
    let clusters = configuration.get("cds.json").unwrap();
    let counts = clusters.resources().iter().map(Resource::endpoints);
    assert_eq!(counts.collect::<Vec<_>>(), [Some(1), None, Some(1)]);
    let outside = Secret {
        name: "cert".to_owned(),
        path: "/x/s.json".to_owned(),
        named_by: "cds.json".to_owned(),
        is_of_cluster: true,
    };
    assert_eq!(configuration.outside_secrets(), [outside]);
    // Envoy's own 2, clusters, listeners, routes, endpoints, and 2 for each of the secrets.
    assert_eq!(configuration.inotify_instances(), 8);
}

#[test]
fn resources_are_places_in_the_text() {
    let mut files = files(&[cluster("é\"1", &[1]), cluster("b", &[])]);
    let json = read(files.clone());
    let yaml = serde_norway::to_string(&serde_json::from_str::<Value>(&files["cds.json"]).unwrap());
    let text = BOOTSTRAP.replace("cds.json", "cds.yml");
    files.insert("envoy.yaml".to_owned(), text);
    files.insert("cds.yml".to_owned(), yaml.unwrap());
    let yaml = read(files);
    for (configuration, name) in [(&json, "cds.json"), (&yaml, "cds.yml")] {
        let file = configuration.get(name).unwrap();
        let texts = file.resources().iter().map(|it| file.resource_text(it));
        let values: Vec<Value> = texts.map(|it| serde_json::from_str(it).unwrap()).collect();
        assert_eq!(values, [cluster("é\"1", &[1]), cluster("b", &[])]);
        assert_eq!(file.resources()[0].name(), "é\"1");
        assert_eq!(file.resources()[0].endpoints(), Some(1));
        assert_eq!(file.version(), Some("1"));
    }
}

#[test]
fn what_is_the_same_is_shared() {
    let before = read(with_everything());
    let mut files = with_everything();
    files.insert("eds-svc.json".to_owned(), file([endpoints("svc", &[3])]));
    let after = Configuration::read(files, "envoy.yaml", "/c", Some(&before)).unwrap();
    for file in after.iter() {
        let known = before.get(file.name()).unwrap();
        assert_eq!(Arc::ptr_eq(file, known), file.name() != "eds-svc.json");
    }
    assert!(!after.is_same(&before));
    assert_ne!(after.fingerprint(), before.fingerprint());
    let again = read(with_everything());
    assert!(again.is_same(&before));
    assert_eq!(again.fingerprint(), before.fingerprint());
}

#[test]
fn a_file_that_gets_a_role_is_read_anew() {
    let mut files = files(&[cluster("a", &[1])]);
    files.insert("sds.json".to_owned(), "{".to_owned());
    let before = read(files.clone());
    files.insert(
        "cds.json".to_owned(),
        file([tls_cluster("a", "/c/sds.json")]),
    );
    let error = Configuration::read(files, "envoy.yaml", "/c", Some(&before)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the rendered file \"sds.json\" cannot be parsed: EOF while parsing an object at line 1 \
         column 1"
    );
}

#[test]
fn what_no_configuration_is_has_its_reason() {
    let clusters = |text: &str| ("cds.json", text.to_owned());
    for ((name, text), told) in [
        (
            ("lds.json", file([listener("in", 8081)])),
            "the rendered file \"lds.json\" names the file \"/c/rds-8081.json\", which no template \
             makes",
        ),
        (
            ("cds.json", file([tls_cluster("a", "/c/sds.json")])),
            "the rendered file \"cds.json\" names the file \"/c/sds.json\", which no template makes",
        ),
        (
            clusters("[]"),
            "it is not an object with `version_info` and `resources`",
        ),
        (clusters("{}"), "it has no `resources` list"),
        (
            clusters(r#"{"resources": {}}"#),
            "`resources` is not a list",
        ),
        (
            clusters(r#"{"version_info": 3, "resources": []}"#),
            "`version_info` is 3, not a string",
        ),
        (
            clusters(r#"{"version_info": null, "resources": []}"#),
            "`version_info` is null, not a string",
        ),
        (
            ("cds.json", file([cluster("a", &[]), cluster("a", &[1])])),
            "two of its resources are named \"a\"",
        ),
        (
            ("cds.json", file([json!({"name": "a"})])),
            "resource 0 has the `@type` \"\" instead of \
             \"type.googleapis.com/envoy.config.cluster.v3.Cluster\"",
        ),
        (
            clusters("{\"resources\": [\n,"),
            "the rendered file \"cds.json\" cannot be parsed: expected value at line 2 column 1",
        ),
        (
            ("rds-8080.json", file(json!([]))),
            "it has 0 resources instead of one named \"routes-8080\"",
        ),
        (
            ("rds-8080.json", file([routes("other", "a")])),
            "resource 0 is named \"other\" instead of \"routes-8080\", the name that Envoy asks for",
        ),
        (
            ("lds.json", file([tls_cluster("a", "/c/cds.json")])),
            "resource 0 has the `@type` \"type.googleapis.com/envoy.config.cluster.v3.Cluster\" \
             instead of \"type.googleapis.com/envoy.config.listener.v3.Listener\"",
        ),
        (
            ("cds.json", file([tls_cluster("a", "/c/lds.json")])),
            "other files name it both as listeners and as secret cert",
        ),
    ] {
        let mut files = files(&[cluster("a", &[1])]);
        files.insert(name.to_owned(), text);
        let error = Configuration::read(files, "envoy.yaml", "/c", None).unwrap_err();
        let words = error.to_string();
        let start = format!("envoy would refuse the rendered file {name:?}: ");
        let words = words.strip_prefix(&start).unwrap_or(&words);
        let words = words
            .split_once("\"lds.json\": other files name it")
            .map_or(
                words,
                |_| "other files name it both as listeners and as secret cert",
            );
        assert_eq!(words, told);
    }
}

#[test]
fn unusual_json_is_read_all_the_same() {
    let mut files = files(&[]);
    let unusual = json!({
        "versionInfo": "7", "nonce": "x", "resources": [
            {"@type": format!("{TYPES}.cluster.v3.Cluster"), "name": "a", "loadAssignment":
                {"endpoints": [{"lbEndpoints": [1, 2]}, {"lbEndpoints": 7}]}},
            {"@type": format!("{TYPES}.cluster.v3.Cluster"), "name": 5, "load_assignment": []},
        ]
    });
    files.insert("cds.json".to_owned(), unusual.to_string());
    let configuration = read(files);
    let file = configuration.get("cds.json").unwrap();
    assert_eq!(file.version(), Some("7"));
    let told = file
        .resources()
        .iter()
        .map(|it| (it.name(), it.endpoints()));
    assert_eq!(told.collect::<Vec<_>>(), [("a", Some(2)), ("", None)]);
    let fresh = union_of_clusters(
        &[Arc::clone(
            read(test_files::files(&[cluster("b", &[])]))
                .get("cds.json")
                .unwrap(),
        )],
        file,
    );
    let value: Value = serde_json::from_str(fresh.text()).unwrap();
    assert_eq!(value["nonce"], "x");
    assert_eq!(value["resources"].as_array().unwrap().len(), 3);
}

#[test]
fn changes_fit_on_a_line() {
    let old = read(files(&[cluster("a", &[1]), cluster("b", &[1, 2])]));
    let mut other = cluster("c", &[1]);
    other["connect_timeout"] = json!("1s");
    let new = read(files(&[cluster("b", &[2, 3, 4]), other]));
    assert_eq!(
        changes(Some(&old), &new).to_string(),
        "clusters: 1 added (c), 1 removed (a); routes: 1 changed (routes-8080); endpoints: 2 added, \
         1 removed"
    );
    assert_eq!(
        changes(Some(&old), &old).to_string(),
        "only the text of files"
    );
    assert_eq!(
        changes(None, &old).to_string(),
        "bootstrap changed; clusters: 2 added (a, b); listeners: 1 added (in); routes: 1 added \
         (routes-8080)"
    );
}

#[test]
fn the_admin_interface_is_where_the_bootstrap_puts_it() {
    for (bootstrap, interface) in [
        (
            r#"{"admin": {"address": {"socketAddress": {"address": "::1", "portValue": "9901"}}}}"#,
            Some(("::1".to_owned(), 9901)),
        ),
        (r#"{"admin": {"address": {"pipe": {"path": "/p"}}}}"#, None),
        ("{}", None),
    ] {
        let files = [("envoy.json".to_owned(), bootstrap.to_owned())].into();
        let configuration = Configuration::read(files, "envoy.json", "/c", None).unwrap();
        assert_eq!(admin_interface(configuration.bootstrap()), interface);
    }
}

#[test]
fn a_lost_endpoint_file_waits() {
    let with = |ports: &[u16]| {
        let mut files = with_everything();
        files.insert("eds-svc.json".to_owned(), file([endpoints("svc", ports)]));
        Arc::clone(read(files).get("eds-svc.json").unwrap())
    };
    assert!(loses_all_endpoints(&with(&[1]), &with(&[])));
    assert!(!loses_all_endpoints(&with(&[1]), &with(&[2])));
    assert!(!loses_all_endpoints(&with(&[]), &with(&[])));
    assert!(!loses_all_endpoints(&with(&[]), &with(&[1])));
}
