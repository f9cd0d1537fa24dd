//! What a check of a template tells its author.

use nightjar_core::template::lint;

fn findings(name: &str, text: &str) -> String {
    let lines: Vec<String> = lint(name, text).iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn names_that_the_context_has_are_silent() {
    let text = "{{version}} {{schema-version}} {{network_name}}
        {{#listeners}}{{name}} {{admin_port}}
            {{#routes}}{{route_path}} {{mesh_port}} {{properties.timeout}} {{#properties.retry-on}}{{.}}{{/properties.retry-on}}
                {{#header_filters}}{{name}} {{match}} {{#is_last}}{{route_path}}{{/is_last}}{{/header_filters}}
                {{#clusters}}{{cluster_name}} {{route_weight}} {{properties.x}}{{/clusters}}
            {{/routes}}
        {{/listeners}}
        {{#clusters}}{{name}} {{#endpoints}}{{host}}:{{port}}{{^is_last}},{{/is_last}}{{/endpoints}}{{/clusters}}";
    assert_eq!(findings("a.txt", text), "");
}

#[test]
fn names_that_it_does_not_have_are_warnings() {
    let text = "{{#clusters}}\n  {{nmae}} {{endpoints.host}} {{properties}} {{endpoints}}\n{{/clusters}}\n{{mesh_port}}\n{{#rotues}}{{any}}{{/rotues}}{{^wrong}}{{/wrong}}";
    assert_eq!(
        findings("a.json", text),
        "a.json:2:3: warning: the context has no \"nmae\" here, so it renders as nothing\n\
         a.json:2:12: warning: the context has no \"endpoints.host\" here, so it renders as nothing\n\
         a.json:2:31: warning: \"properties\" is an object: name a field\n\
         a.json:2:46: warning: \"endpoints\" is a list: use a section\n\
         a.json:4:1: warning: the context has no \"mesh_port\" here, so it renders as nothing\n\
         a.json:5:1: warning: the context has no \"rotues\" here, so it renders as nothing\n\
         a.json:5:30: warning: the context has no \"wrong\" here, so it renders as nothing"
    );
}

#[test]
fn a_purpose_with_a_tag_has_a_listener_on_top() {
    assert_eq!(
        findings(
            "rds-{{mesh_prot}}.json",
            "{{mesh_port}} {{#routes}}{{path_is_exact}}{{/routes}} {{hots}}"
        ),
        "rds-{{mesh_prot}}.json:1:55: warning: the context has no \"hots\" here, so it renders as nothing\n\
         rds-{{mesh_prot}}.json: warning: in the file name, the context has no \"mesh_prot\" here, so it renders as nothing"
    );
}

#[test]
fn a_partial_can_name_any_field_there_is() {
    assert_eq!(
        findings(
            "x.mustache",
            "{{host}} {{route_path}} {{#clusters}}{{route_weight}} {{uses_http2}}{{/clusters}} {{nmae}}"
        ),
        "x.mustache:1:83: warning: the context has no \"nmae\" here, so it renders as nothing"
    );
}

/// A text may hold whatever a map says; a number and a truth cannot.
#[test]
fn a_text_outside_double_quotes_is_a_warning_in_json_and_yaml() {
    for (text, unquoted) in [
        (
            r#"{"a": "{{namespace}}", "b": {{admin_port}}, "c": {{is_gateway}}}"#,
            None,
        ),
        (r#"{"a": {{namespace}}}"#, Some((7, "namespace"))),
        (
            r#"{"a": "\"", "b": {{namespace}}}"#,
            Some((18, "namespace")),
        ),
        (
            r#"{"a": "\\", "b": {{namespace}}}"#,
            Some((18, "namespace")),
        ),
        (r#"{"a": "\"{{namespace}}"}"#, None),
        (r#"{"{{namespace}}": "x{{{service}}}y{{&color}}"}"#, None),
        (r#"{"a": {{{service}}}}"#, Some((7, "service"))),
        (
            r#"{"a": {{properties.timeout}}}"#,
            Some((7, "properties.timeout")),
        ),
        (r#"["{{#listeners}}{{name}}{{/listeners}}"]"#, None),
        ("[{{#listeners}}{{name}}{{/listeners}}]", Some((16, "name"))),
        ("[{{#listeners}}{{mesh_port}}{{/listeners}}]", None),
        ("[{{#namespace}}{{.}}{{/namespace}}]", Some((16, "."))),
    ] {
        for file in ["a.json", "a.yaml", "a.yml", "a.json.mustache"] {
            let expected = unquoted.map_or(String::new(), |(column, name)| {
                format!(
                    "{file}:1:{column}: warning: \"{name}\" is text outside double quotes, so its value can \
                     add other content to the file"
                )
            });
            if !(file.ends_with(".mustache") && text.contains("listeners")) {
                assert_eq!(findings(file, text), expected, "{text}");
            }
        }
        assert_eq!(findings("a.txt", text), "");
    }
    // What is said in a comment of YAML is no value.
    assert_eq!(
        findings("a.yaml", "# It's \" one\na: \"{{namespace}}\"\n"),
        ""
    );
}

#[test]
fn faults_are_errors() {
    assert_eq!(
        findings("a.json", "{{#clusters}}{{nmae}}"),
        "a.json:1:1: error: section \"clusters\" is never closed"
    );
}
