//! The shipped templates beneath those of a store, and the hooks in them.

use super::files::{input, templates};
use nightjar_core::{
    document::{
        proxy_input::{AccessLog, Proxy, ProxyInput},
        templates::Templates,
    },
    proxy_files,
    template::{BaseLayer, HOOKS, SHIPPED, TemplateSet, lint_all, shipped},
};
use serde_json::Value;
use std::collections::BTreeMap;

const BOOTSTRAP: &str = "envoy-config.yaml";

/// A context in which no property asks for more than the shipped templates always write.
fn context() -> ProxyInput {
    let mut context = input(&["local", "egress-m"], 2);
    context.proxy = Proxy {
        properties: context.proxy.properties,
        access_log: AccessLog {
            is_text: true,
            ..AccessLog::default()
        },
        ..Proxy::default()
    };
    for cluster in &mut context.clusters {
        (cluster.has_health_check, cluster.is_checked_by_grpc) = (false, false);
    }
    context
}

fn layered(document: &Templates) -> TemplateSet {
    let set = TemplateSet::for_proxy(document, &context()).unwrap();
    set.over_shipped().unwrap()
}

fn make(set: &TemplateSet) -> Result<BTreeMap<String, String>, String> {
    let made = proxy_files::make(set, &context(), BOOTSTRAP, None);
    let made = made.map_err(|error| error.to_string())?.configuration;
    let files = made.iter();
    Ok(files
        .map(|file| (file.name().to_owned(), file.text().to_owned()))
        .collect())
}

/// The files of a store with these templates.
fn files(texts: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
    make(&layered(&templates(texts)))
}

fn shipped_files() -> BTreeMap<String, String> {
    make(&TemplateSet::shipped_alone().unwrap()).unwrap()
}

#[test]
fn an_empty_store_makes_what_no_store_makes() {
    let files = files(&[]).unwrap();
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "cds.json",
            "envoy-config.yaml",
            "lds.json",
            "rds-3000.json",
            "rds-3001.json"
        ]
    );
    assert_eq!(files, shipped_files());
}

#[test]
fn a_store_with_the_shipped_set_makes_the_same_files() {
    assert_eq!(make(&layered(&shipped())).unwrap(), shipped_files());
}

#[test]
fn one_template_changes_one_file() {
    let lds = "{\"version_info\": \"{{version}}\", \"resources\": []}";
    let files = files(&[("lds.json", lds)]).unwrap();
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    // No listener names the routes any more.
    assert_eq!(names, ["cds.json", "envoy-config.yaml", "lds.json"]);
    assert_eq!(files["cds.json"], shipped_files()["cds.json"]);
}

/// The same files by other names, so that a purpose of the shipped set never fits.
#[test]
fn a_whole_set_makes_what_it_made_whatever_its_names() {
    let renamed = |text: &str| {
        let text = text.replace("cds.json", "clusters.json");
        text.replace("/rds-{{mesh_port}}.json", "/routes/{{{name}}}.json")
    };
    let names = [
        "envoy-config.yaml",
        "clusters.json",
        "lds.json",
        "routes/{{{name}}}.json",
    ];
    let texts: Vec<_> = SHIPPED.iter().map(|(_, text)| renamed(text)).collect();
    let texts = texts.iter().map(String::as_str);
    let document = templates(&names.into_iter().zip(texts).collect::<Vec<_>>());
    let alone = TemplateSet::for_proxy(&document, &context()).unwrap();
    let before = alone.render(&context()).unwrap();
    assert_eq!(before.len(), 5);
    assert_eq!(make(&layered(&document)).unwrap(), before);
}

#[test]
fn the_same_file_by_another_spelling_of_its_name_is_the_stores() {
    let rds = SHIPPED[3]
        .1
        .replace("\"domains\": [\"*\"]", "\"domains\": [\"own\"]");
    let files = files(&[("rds-{{{mesh_port}}}.json", &rds)]).unwrap();
    assert_eq!(files.len(), 5);
    for port in [3000, 3001] {
        assert!(files[&format!("rds-{port}.json")].contains("\"own\""));
    }
}

#[test]
fn another_bootstrap_inherits_nothing_that_it_does_not_name() {
    let bootstrap = "static_resources: {clusters: []}\n";
    let files = files(&[(BOOTSTRAP, bootstrap)]).unwrap();
    assert_eq!(
        files,
        BTreeMap::from([(BOOTSTRAP.to_owned(), bootstrap.to_owned())])
    );
}

/// A member or item for each hook that can be found again.
fn marks() -> Vec<(&'static str, String)> {
    let mark = |hook: &'static str| {
        let name = hook.strip_suffix(".mustache").unwrap();
        let text = match hook {
            "bootstrap.mustache" => "x_bootstrap: {}".to_owned(),
            "clusters.mustache" | "listeners.mustache" => {
                format!("{{\"name\": \"x-{name}\"}},")
            }
            "http-filters.mustache" | "access-log.mustache" | "routes.mustache" => {
                format!("{{\"x\": \"{name}\"}},\n")
            }
            _ => format!("\"x-{name}\": \"{{{{name}}}}\","),
        };
        (hook, text)
    };
    HOOKS.map(mark).into()
}

#[test]
fn each_hook_stands_where_its_name_says() {
    let marks = marks();
    let document = templates(
        &marks
            .iter()
            .map(|(hook, text)| (*hook, text.as_str()))
            .collect::<Vec<_>>(),
    );
    // Envoy knows none of these members, so that only the renderer reads them.
    let set = layered(&document);
    let file = |name: &str| set.inherited(name, &context()).unwrap().unwrap().text;
    let json = |name: &str| serde_json::from_str::<Value>(&file(name)).unwrap();
    let (cds, lds, rds) = (json("cds.json"), json("lds.json"), json("rds-3000.json"));
    assert!(file(BOOTSTRAP).ends_with("\nx_bootstrap: {}"));
    for (value, pointer, expected) in [
        (&cds, "/resources/0/name", "x-clusters"),
        (&cds, "/resources/1/x-cluster", "c0"),
        (
            &cds,
            "/resources/1/load_assignment/endpoints/0/lb_endpoints/0/x-endpoint",
            "c0",
        ),
        (&lds, "/resources/0/name", "x-listeners"),
        (&lds, "/resources/1/x-listener", "local"),
        (&lds, "/resources/1/filter_chains/0/x-filter-chain", "local"),
    ] {
        assert_eq!(value.pointer(pointer), Some(&expected.into()), "{pointer}");
    }
    let manager = &lds["resources"][1]["filter_chains"][0]["filters"][0]["typed_config"];
    assert_eq!(manager["x-http-connection-manager"], "local");
    // Health checks and preflights of browsers are answered before any filter of the operator's, which may
    // ask for credentials. What belongs to a route comes after these, as they may change the route.
    let filters = manager["http_filters"].as_array().unwrap();
    let filters: Vec<&str> = filters
        .iter()
        .map(|filter| filter["name"].as_str().or(filter["x"].as_str()).unwrap())
        .collect();
    assert_eq!(
        filters,
        [
            "envoy.filters.http.health_check",
            "nightjar.cors",
            "http-filters",
            "nightjar.fault",
            "nightjar.rate-limit",
            "envoy.filters.http.router",
        ]
    );
    assert_eq!(manager["access_log"][0]["x"], "access-log");
    let host = &rds["resources"][0]["virtual_hosts"][0];
    assert_eq!(host["x-virtual-host"], "local");
    assert_eq!(host["routes"][0]["x"], "routes");
    assert_eq!(host["routes"][3]["x-route"], "local");
}

#[test]
fn the_last_comma_of_a_hook_is_no_matter() {
    let mut context = context();
    context.clusters.clear();
    let document = templates(&[("clusters.mustache", "{\"name\": \"own\"},")]);
    let cds = layered(&document)
        .inherited("cds.json", &context)
        .unwrap()
        .unwrap();
    let cds: Value = serde_json::from_str(&cds.text).unwrap();
    assert_eq!(cds["resources"].as_array().unwrap().len(), 1);
}

#[test]
fn a_hook_that_repeats_a_member_is_an_error_that_names_it() {
    let hooks = [
        ("route.mustache", "\"response_headers_to_add\": [],\n"),
        (
            "cluster.mustache",
            "\"metadata\": {},\n\"connect_timeout\": \"1s\",\n",
        ),
    ];
    insta::assert_snapshot!(files(&hooks).unwrap_err(), @r#"
    invalid templates:
    cds.json: line 9 of the rendered file repeats the member "connect_timeout", which the hook cluster.mustache adds; Envoy would take the later one: remove it from the hook, or replace the whole template
    "#);
    let repeated = files(&[("bootstrap.mustache", "admin: {}\n")]);
    insta::assert_snapshot!(repeated.unwrap_err(), @r#"
    invalid templates:
    envoy-config.yaml: line 43 of the rendered file repeats the member "admin", which the hook bootstrap.mustache adds; Envoy would take the later one: remove it from the hook, or replace the whole template
    "#);
}

/// Envoy reads both spellings of a member.
#[test]
fn a_hook_that_repeats_a_member_in_its_other_spelling_is_an_error() {
    let repeated = files(&[("cluster.mustache", "\"connectTimeout\": \"1s\",\n")]);
    insta::assert_snapshot!(repeated.unwrap_err(), @r#"
    invalid templates:
    cds.json: line 8 of the rendered file repeats the member "connectTimeout" as "connect_timeout", which the hook cluster.mustache adds; Envoy would take the later one: remove it from the hook, or replace the whole template
    "#);
}

#[test]
fn a_file_of_ones_own_that_repeats_a_member_is_warned_of() {
    let lds = "{\n\"resources\": [],\n\"version_info\": \"1\",\n\"versionInfo\": \"2\"\n}";
    let bootstrap = format!("{}flags_path: \"/a\"\nflags_path: \"/b\"\n", SHIPPED[0].1);
    let set = layered(&templates(&[("lds.json", lds), (BOOTSTRAP, &bootstrap)]));
    let made = proxy_files::make(&set, &context(), BOOTSTRAP, None).unwrap();
    let lines: Vec<_> = made.warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    envoy-config.yaml: line 44 of the rendered file repeats the member "flags_path"; Envoy takes the later one: remove one of them
    lds.json: line 4 of the rendered file repeats the member "version_info" as "versionInfo"; Envoy takes the later one: remove one of them
    "#);
}

#[test]
fn the_origin_of_each_file_is_told() {
    let rds = "rds-{{mesh_port}}.json";
    let texts = [(rds, "{}"), ("lds.json", ""), ("route.mustache", "")];
    let mut document = templates(&[&texts[..], &[(rds, "{}"), ("own.mustache", "")]].concat());
    document.service_templates[0].namespace = Some("n".parse().unwrap());
    document.service_templates[0].color = Some("c".parse().unwrap());
    let told = |set: &TemplateSet, names: &[&'static str]| {
        let origins = set.origins(&context(), names.iter().copied()).into_iter();
        let lines: Vec<_> = origins
            .map(|(name, origin)| format!("{name}: {origin}"))
            .collect();
        lines.join("\n")
    };
    insta::assert_snapshot!(told(&layered(&document), &["cds.json", "lds.json", "rds-3000.json"]), @r#"
    cds.json: shipped with Nightjar
    lds.json: from the store, for every proxy (in place of the shipped one)
    own.mustache: from the store, for every proxy
    rds-3000.json: from the store, for namespace "n", color "c" (more specific than that for every proxy)
    route.mustache: from the store, for every proxy (fills a hook of the shipped ones)
    "#);
    let alone = TemplateSet::for_proxy(&document, &context()).unwrap();
    insta::assert_snapshot!(told(&alone, &["lds.json", "rds-3000.json"]), @r#"
    lds.json: from the store, for every proxy
    own.mustache: from the store, for every proxy
    rds-3000.json: from the store, for namespace "n", color "c" (more specific than that for every proxy)
    route.mustache: from the store, for every proxy
    "#);
}

#[test]
fn a_file_named_like_a_hook_is_warned_of() {
    let findings = lint_all(
        &templates(&[("route", "x"), ("cluster.mustache", "")]),
        BaseLayer::Shipped,
    );
    let lines: Vec<_> = findings
        .iter()
        .map(|(_, finding)| finding.to_string())
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"route: warning: this makes a file named "route"; a hook of the shipped templates has the purpose "route.mustache""#);
}

#[test]
fn the_shipped_set_written_out_needs_no_hooks() {
    assert_eq!(lint_all(&shipped(), BaseLayer::Shipped), []);
}

#[test]
fn a_lint_tries_hooks_out() {
    let repeated = [
        ("route.mustache", "\"match\": {},\n"),
        ("cluster.mustache", "\"metadata\": {},\n"),
        ("bootstrap.mustache", "node: {}\n"),
    ];
    let findings = lint_all(&templates(&repeated), BaseLayer::Shipped);
    let lines: Vec<_> = findings
        .iter()
        .map(|(pointer, finding)| format!("{pointer}: {finding}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    /service-templates/2/template: envoy-config.yaml: error: line 43 of the rendered file repeats the member "node", which the hook bootstrap.mustache adds; Envoy would take the later one: remove it from the hook, or replace the whole template
    /service-templates/0/template: rds-{{mesh_port}}.json: error: line 27 of the rendered file repeats the member "match", which the hook route.mustache adds; Envoy would take the later one: remove it from the hook, or replace the whole template
    "#);
    // Files of a store's own are only warned of.
    let own = [
        ("lds.json", "{\"resources\": [],\n\"resources\": []}"),
        (
            "rds-{{mesh_port}}.json",
            "{\"resources\": [], \"a_b\": 1, \"aB\": 2}",
        ),
    ];
    let findings = lint_all(&templates(&own), BaseLayer::Shipped);
    let lines: Vec<_> = findings
        .iter()
        .map(|(pointer, finding)| format!("{pointer}: {finding}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    /service-templates/0/template: lds.json: warning: line 2 of the rendered file repeats the member "resources"; Envoy takes the later one: remove one of them
    /service-templates/1/template: rds-8080.json: warning: line 1 of the rendered file repeats the member "a_b" as "aB"; Envoy takes the later one: remove one of them
    "#);
    // The template of the namespace is meant, and not the first of the hook.
    let fine = ("cluster.mustache", "\"metadata\": {},\n");
    let mut document = templates(&[fine, ("cluster.mustache", "\"name\": \"x\",\n")]);
    document.service_templates[1].namespace = Some("n".parse().unwrap());
    let pointers: Vec<_> = lint_all(&document, BaseLayer::Shipped)
        .into_iter()
        .map(|(pointer, _)| pointer)
        .collect();
    assert_eq!(pointers, ["/service-templates/1/template"]);
    // A file of the store's own has no hooks but those that it calls.
    let own = [("rds-{{mesh_port}}.json", "{}"), repeated[0]];
    assert_eq!(lint_all(&templates(&own), BaseLayer::Shipped), []);
}

/// A condition that the template does not write would match every request, and open what is private.
#[test]
fn the_shipped_routes_read_every_kind_of_comparison() {
    let context = serde_json::to_value(context()).unwrap();
    let filter = &context["listeners"][0]["routes"][0]["header_filters"][0];
    let kinds = filter.as_object().unwrap().keys();
    let kinds: Vec<_> = kinds
        .filter(|name| name.ends_with("_match") && name.starts_with("is_"))
        .collect();
    assert!(kinds.len() >= 5, "{kinds:?}");
    for kind in kinds {
        let sections = SHIPPED[3].1.matches(&format!("{{{{#{kind}}}}}")).count();
        assert!(
            sections >= 2,
            "{kind} is not written for headers and for query parameters"
        );
    }
}

/// Whoever can write a property into the map must not be able to stop a proxy.
#[test]
fn what_a_hook_repeats_because_of_the_map_is_a_warning() {
    let hook = [("cluster.mustache", "\"health_checks\": [],\n")];
    let set = layered(&templates(&hook));
    let mut context = context();
    let made = proxy_files::make(&set, &context, BOOTSTRAP, None).unwrap();
    assert_eq!(made.warnings, []);
    let property = ("health-check-path".to_owned(), "/up".to_owned());
    let cluster = &mut context.clusters[0];
    cluster.properties = BTreeMap::from([property]);
    (cluster.has_health_check, cluster.is_checked_by_http) = (true, true);
    let made = proxy_files::make(&set, &context, BOOTSTRAP, None).unwrap();
    let warning = made.warnings[0].to_string();
    assert!(
        warning.contains("repeats the member \"health_checks\""),
        "{warning}"
    );
}

/// Envoy merges maps and lists that stand twice, so that what a hook says still holds.
#[test]
fn what_envoy_merges_is_told_otherwise() {
    let hook = [(
        "route.mustache",
        "\"typed_per_filter_config\": {\"own\": {}},\n",
    )];
    let set = layered(&templates(&hook));
    let mut context = context();
    let route = &mut context.listeners[0].routes[0];
    route.has_filter_config = true;
    route.rate_limit = Some(Box::default());
    let made = proxy_files::make(&set, &context, BOOTSTRAP, None).unwrap();
    let warning = made.warnings[0].to_string();
    let (_, told) = warning.split_once("repeats ").unwrap();
    assert_eq!(
        told,
        "the member \"typed_per_filter_config\", which the hook route.mustache adds; Envoy would merge both, and of what \
         both set take one: let the hook set nothing that the file sets, or replace the whole template"
    );
}

/// A set of its own may have a partial named like a hook, which nothing of the shipped set contains.
#[test]
fn a_lint_does_not_try_out_what_a_whole_set_does_not_inherit() {
    let bootstrap = "dynamic_resources: {cds_config: {path_config_source: {path: \"{{config_dir}}/own.json\"}}}\n";
    let own = [
        ("envoy-config.yaml", bootstrap),
        (
            "own.json",
            "{\"resources\": [{{#clusters}}{ {{>cluster.mustache}} }{{/clusters}}]}",
        ),
        (
            "cluster.mustache",
            "\"@type\": \"x\", \"connect_timeout\": \"1s\"",
        ),
    ];
    assert_eq!(lint_all(&templates(&own), BaseLayer::Shipped), []);
}

#[test]
fn text_outside_quotes_is_warned_of_in_hooks_too() {
    let hooks = [
        ("bootstrap.mustache", "flags_path: {{namespace}}\n"),
        ("cluster.mustache", "\"x\": {{properties.note}},\n"),
    ];
    let findings = lint_all(&templates(&hooks), BaseLayer::Shipped);
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(
        findings
            .iter()
            .all(|(_, finding)| finding.to_string().contains("outside double quotes"))
    );
}
