//! The files that templates make of a context.

use super::selection::document;
use nightjar_core::{
    document::{
        SchemaVersion,
        proxy_input::{
            AccessLog, Cluster, Cors, CorsOrigin, Endpoint, Fault, Filter, HashPolicy,
            HeaderChanges, HeaderToRemove, HeaderToSet, Listener, Mirror, Proxy, ProxyInput,
            RateLimit, Redirect, RetryBackOff, RetryStatus, Route, Statsd, Trace, WeightedCluster,
        },
        templates::Templates,
    },
    template::{Escape, Partials, Template, TemplateSet, lint},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A sidecar's context with these listeners, on ports from 3000 on, and some clusters.
pub(super) fn input(listeners: &[&str], clusters: usize) -> ProxyInput {
    let ends = |index: usize, size: usize| (index == 0, index + 1 == size);
    ProxyInput {
        schema_version: SchemaVersion::V1,
        network_name: "net".into(),
        service_member: "s-c".into(),
        namespace: "n".into(),
        service: "s".into(),
        color: "c".into(),
        is_gateway: false,
        is_service: true,
        has_admin_port: true,
        admin_port: 9901,
        admin_address: "127.0.0.1".into(),
        listen_address: "0.0.0.0".into(),
        listens_on_both_families: false,
        config_dir: "/tmp/envoy".into(),
        properties: BTreeMap::from([("request-timeout".into(), "9s".into())]),
        proxy: proxy(),
        listeners: (3000..)
            .zip(listeners.iter().enumerate())
            .map(|(mesh_port, (index, name))| {
                let (is_first, is_last) = ends(index, listeners.len());
                Listener {
                    name: (*name).into(),
                    namespace: format!("of-{name}"),
                    has_mesh_port: true,
                    mesh_port,
                    routes: vec![route()],
                    is_first,
                    is_last,
                }
            })
            .collect(),
        has_clusters: clusters > 0,
        clusters: (0..clusters)
            .map(|index| {
                let (is_first, is_last) = ends(index, clusters);
                Cluster {
                    name: format!("c{index}"),
                    namespace: "n".into(),
                    service: "s".into(),
                    color: "c".into(),
                    is_gateway: false,
                    uses_http2: true,
                    hosts_are_ipv4: true,
                    hosts_are_ipv6: false,
                    hosts_are_hostname: false,
                    has_endpoints: true,
                    endpoints: vec![Endpoint {
                        host: "10.0.0.1".into(),
                        port: 80,
                        is_first: true,
                        is_last: true,
                    }],
                    has_health_check: true,
                    is_checked_by_http: false,
                    is_checked_by_grpc: true,
                    is_checked_by_tcp: false,
                    has_slow_start: false,
                    uses_least_request: false,
                    properties: BTreeMap::from([("lb-policy".into(), "RANDOM".into())]),
                    is_first,
                    is_last,
                }
            })
            .collect(),
    }
}

fn proxy() -> Proxy {
    Proxy {
        properties: BTreeMap::from([("request-timeout".into(), "9s".into())]),
        has_stats_port: true,
        stats_port: 9102,
        admin_host: "127.0.0.1".into(),
        has_statsd: true,
        statsd: Statsd {
            host: "127.0.0.1".into(),
            port: 8125,
        },
        has_trace: true,
        trace: Trace {
            is_otlp: true,
            is_collector_cluster: true,
            host: "otel.test".into(),
            host_is_name: true,
            port: 4317,
            percent: "5".into(),
            fraction: "0.05".into(),
            ..Trace::default()
        },
        access_log: AccessLog {
            is_text: true,
            has_format: true,
            format: "%PROTOCOL%".into(),
            ..AccessLog::default()
        },
    }
}

fn route() -> Route {
    let filter = Filter {
        name: "x".into(),
        value: "v".into(),
        is_exact_match: true,
        is_regex_match: false,
        is_present_match: false,
        is_prefix_match: false,
        is_suffix_match: false,
        invert_match: true,
        case_sensitive: false,
        is_first: true,
        is_last: true,
    };
    Route {
        route_path: "/shop/".into(),
        path_is_prefix: true,
        path_is_exact: false,
        path_is_regex: false,
        path_is_case_sensitive: true,
        has_spellings: true,
        path_pattern: "/shop/?".into(),
        has_header_filters: true,
        header_filters: vec![filter.clone()],
        has_query_filters: true,
        query_filters: vec![filter],
        is_denied: false,
        has_one_cluster: true,
        has_many_clusters: false,
        total_cluster_weight: 7,
        clusters: vec![WeightedCluster {
            cluster_name: "c0".into(),
            route_weight: 7,
            properties: BTreeMap::from([("a".into(), "b".into())]),
            is_first: true,
            is_last: true,
        }],
        has_hash_policy: true,
        hash_policy: vec![HashPolicy {
            is_cookie: true,
            name: "id".into(),
            has_ttl: true,
            ttl: "1s".into(),
            is_first: true,
            is_last: true,
            ..HashPolicy::default()
        }],
        request_headers: Some(Box::new(headers())),
        response_headers: Some(Box::new(headers())),
        redirect: Some(Box::new(Redirect {
            status: 307,
            response_code: "TEMPORARY_REDIRECT".into(),
            has_scheme: true,
            scheme: "https".into(),
            has_host: true,
            host: "shop.example".into(),
            has_path: true,
            path: "/new/".into(),
        })),
        has_filter_config: true,
        cors: Some(Box::new(Cors {
            origins: vec![CorsOrigin {
                origin: "https://shop.example".into(),
                is_first: true,
                is_last: true,
            }],
        })),
        fault: Some(Box::new(Fault {
            has_abort: true,
            abort_status: 503,
            abort_per_million: 5,
            has_delay: true,
            delay: "2s".into(),
            delay_per_million: 6,
        })),
        rate_limit: Some(Box::new(RateLimit {
            max_tokens: 8,
            tokens_per_fill: 9,
            fill_interval: "60s".into(),
        })),
        mirror: Some(Box::new(Mirror {
            cluster_name: "c1".into(),
            per_million: 10,
        })),
        has_retry_statuses: true,
        retry_statuses: vec![RetryStatus {
            status: 502,
            is_first: true,
            is_last: true,
        }],
        retry_back_off: Some(Box::new(RetryBackOff {
            base: "0.1s".into(),
            has_max: true,
            max: "1s".into(),
        })),
        properties: BTreeMap::from([("timeout".into(), "5s".into())]),
        is_first: true,
        is_last: true,
    }
}

fn headers() -> HeaderChanges {
    HeaderChanges {
        has_set: true,
        set: vec![HeaderToSet {
            name: "x-team".into(),
            value: "a%%b".into(),
            is_first: true,
            is_last: true,
        }],
        has_remove: true,
        remove: vec![HeaderToRemove {
            name: "x-inside".into(),
            is_first: true,
            is_last: true,
        }],
    }
}

/// A templates document for sidecars, from purposes and texts.
pub(super) fn templates(texts: &[(&str, &str)]) -> Templates {
    let lines: Vec<String> = texts
        .iter()
        .map(|(purpose, _)| format!("*/*/* {purpose}"))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut document = document(&lines, &[]);
    for (template, (_, text)) in document.service_templates.iter_mut().zip(texts) {
        (*text).clone_into(&mut template.template);
    }
    document
}

fn files(texts: &[(&str, &str)], input: &ProxyInput) -> Result<Vec<(String, String)>, String> {
    let set =
        TemplateSet::for_proxy(&templates(texts), input).map_err(|faults| faults.to_string())?;
    let files = set.render(input).map_err(|faults| faults.to_string())?;
    Ok(files.into_iter().collect())
}

fn pairs(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    files.iter().map(owned).collect()
}

/// A template that writes every value of a JSON document, named one by one.
fn everything(value: &serde_json::Value, path: &str, out: &mut String) {
    use serde_json::Value;
    use std::fmt::Write as _;
    match value {
        Value::Object(fields) if path.ends_with("properties") => {
            for name in fields.keys() {
                writeln!(out, "{path}.{name}={{{{{path}.{name}}}}}").unwrap();
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let inner = format!("{path}.{name}");
                everything(value, inner.trim_start_matches('.'), out);
            }
        }
        Value::Array(items) => {
            writeln!(out, "{{{{#{path}}}}}").unwrap();
            if let Some(item) = items.first() {
                everything(item, "", out);
            }
            writeln!(out, "{{{{/{path}}}}}").unwrap();
        }
        _ => writeln!(out, "{path}={{{{{path}}}}}").unwrap(),
    }
}

#[test]
fn a_context_looks_to_templates_like_its_json_form() {
    let input = input(&["local", "egress-m"], 2);
    let json = serde_json::to_value(&input).unwrap();
    let mut text = String::new();
    everything(&json, "", &mut text);
    assert_eq!(lint("all.txt", &text), []);
    let template = Template::parse("all.txt", &text).unwrap();
    let expected = template
        .render(&Partials::default(), &json, Escape::None)
        .unwrap();
    assert_eq!(
        files(&[("all.txt", &text)], &input),
        Ok(pairs(&[("all.txt", &expected)]))
    );
}

#[test]
fn the_file_decides_on_escapes_also_for_partials() {
    let mut input = input(&[], 0);
    input.service = "<\"\u{85}>".into();
    let text = "{{service}} {{{service}}} {{>part}}";
    let texts = [
        ("a.JSON", text),
        ("a.html", text),
        ("a.txt", text),
        ("part.mustache", "{{&service}} {{service}}"),
    ];
    assert_eq!(
        files(&texts, &input),
        Ok(pairs(&[
            (
                "a.JSON",
                "<\\\"\\u0085> <\"\u{85}> <\"\u{85}> <\\\"\\u0085>"
            ),
            (
                "a.html",
                "&lt;&quot;\u{85}&gt; <\"\u{85}> <\"\u{85}> &lt;&quot;\u{85}&gt;"
            ),
            ("a.txt", "<\"\u{85}> <\"\u{85}> <\"\u{85}> <\"\u{85}>"),
        ]))
    );
}

#[test]
fn a_purpose_with_a_tag_makes_a_file_for_each_listener() {
    let texts = [(
        "r/{{name}}-{{mesh_port}}.txt",
        "{{name}} {{namespace}} {{service}} {{#routes}}{{route_path}}{{/routes}}",
    )];
    assert_eq!(
        files(&texts, &input(&["local", "egress-m"], 0)),
        Ok(pairs(&[
            ("r/egress-m-3001.txt", "egress-m of-egress-m s /shop/"),
            ("r/local-3000.txt", "local of-local s /shop/"),
        ]))
    );
    assert_eq!(files(&texts, &input(&[], 0)), Ok(pairs(&[])));
}

#[test]
fn a_partial_can_be_any_template_of_the_set_and_a_missing_one_is_a_warning() {
    let texts = [
        ("a", "{{>b}}{{>p}}{{>b.mustache}}{{>missing}}"),
        ("b", "b"),
        ("p.mustache", "p\n{{>none}}"),
    ];
    let input = input(&[], 0);
    assert_eq!(
        files(&texts, &input),
        Ok(pairs(&[("a", "bp\n"), ("b", "b")]))
    );
    let set = TemplateSet::for_proxy(&templates(&texts), &input).unwrap();
    assert_eq!(set.purposes().collect::<Vec<_>>(), ["a", "b", "p.mustache"]);
    let warnings: Vec<String> = set.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "a:1:13: warning: no template is named \"b.mustache\", so the partial renders as nothing",
            "a:1:28: warning: no template is named \"missing\", so the partial renders as nothing",
            "p.mustache:2:1: warning: no template is named \"none\", so the partial renders as nothing",
        ]
    );
}

#[test]
fn names_that_values_make_bad_are_faults() {
    let named = |name: &str| files(&[("x{{name}}", "")], &input(&[name, "ok"], 0)).unwrap_err();
    assert_eq!(
        named("/../y"),
        "x{{name}}: for listener \"/../y\": file name \"x/../y\" leads out of the configuration folder"
    );
    assert_eq!(
        named("/.y"),
        "x{{name}}: for listener \"/.y\": file name \"x/.y\" is hidden"
    );
    assert_eq!(
        named("\n"),
        "x{{name}}: for listener \"\\n\": file name \"x\\n\" contains a control character"
    );
    assert_eq!(
        named("\\"),
        "x{{name}}: for listener \"\\\\\": file name \"x\\\\\" contains a backslash"
    );
    assert_eq!(
        files(&[("{{name}}", "")], &input(&["", "/etc/passwd"], 0)),
        Err("{{name}}: for listener \"\": a file name cannot be empty\n\
             {{name}}: for listener \"/etc/passwd\": file name \"/etc/passwd\" is an absolute path"
            .to_owned())
    );
}

#[test]
fn two_makers_of_one_file_are_a_fault() {
    assert_eq!(
        files(&[("x-{{mesh_port}}", ""), ("x-3001", "")], &input(&["a", "b"], 0)),
        Err("x-{{mesh_port}}: \"x-3001\" and \"x-{{mesh_port}}\" for listener \"b\" both make the file \"x-3001\"".to_owned())
    );
    assert_eq!(
        files(
            &[("x{{#is_first}}{{/is_first}}", "")],
            &input(&["a", "b"], 0)
        ),
        Err(
            "x{{#is_first}}{{/is_first}}: \"x{{#is_first}}{{/is_first}}\" for listener \"a\" and \
             \"x{{#is_first}}{{/is_first}}\" for listener \"b\" both make the file \"x\""
                .to_owned()
        )
    );
    assert_eq!(
        files(&[("a", ""), ("a/b", ""), ("{{name}}/b/c", "")], &input(&["a"], 0)),
        Err("a/b: \"a\" makes a file where \"a/b\" needs the folder \"a\"\n\
             a/b/c: \"a\" makes a file where \"{{name}}/b/c\" for listener \"a\" needs the folder \"a\"\n\
             a/b/c: \"a/b\" makes a file where \"{{name}}/b/c\" for listener \"a\" needs the folder \"a/b\""
            .to_owned())
    );
}

#[test]
fn the_version_is_the_hash_of_the_rest() {
    let texts = [
        ("a", "[{{version}}]{{#clusters}}{{name}}{{>v}}{{/clusters}}"),
        ("v.mustache", "({{#version}}{{.}}{{/version}})"),
    ];
    let hash = format!("{:032x}", xxhash("[]c0()"));
    assert_eq!(
        files(&texts, &input(&[], 1)),
        Ok(pairs(&[("a", &format!("[{hash}]c0({hash})"))]))
    );
    assert_eq!(
        files(&[("x{{version}}-{{name}}", "")], &input(&["a"], 0)),
        Ok(pairs(&[("x-a", "")]))
    );
}

fn xxhash(text: &str) -> u128 {
    xxhash_rust::xxh3::xxh3_128(text.as_bytes())
}

#[test]
fn a_value_that_looks_like_the_place_of_a_version_is_a_fault() {
    let mut input = input(&[], 0);
    input.service = "\0".into();
    assert_eq!(
        files(&[("a", "{{version}}{{service}}")], &input),
        Err(
            "a: a value contains a NUL character, which a file with a version cannot contain"
                .to_owned()
        )
    );
    assert_eq!(
        files(&[("a", "{{service}}")], &input),
        Ok(pairs(&[("a", "\0")]))
    );
}

proptest! {
    #[test]
    fn a_file_changes_if_and_only_if_its_content_does(
        first in "[ab]{0,3}", second in "[ab]{0,3}", ignored in "[ab]",
    ) {
        let made = |service: &str, color: &str| {
            let mut input = input(&[], 1);
            (input.service, input.color) = (service.into(), color.into());
            files(&[("a", "{{version}} {{service}} {{version}}")], &input).unwrap()
        };
        prop_assert_eq!(made(&first, &ignored) == made(&second, "other"), first == second);
    }
}
