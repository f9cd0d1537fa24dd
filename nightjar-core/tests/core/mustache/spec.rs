//! Every required case of the Mustache specification.

use nightjar_core::template::{Escape, Partials, Template};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Module {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    desc: String,
    data: Value,
    template: String,
    expected: String,
    #[serde(default)]
    partials: BTreeMap<String, String>,
}

#[test]
fn all_136_required_cases_pass() {
    let modules = [
        include_str!("../../mustache-spec/comments.json"),
        include_str!("../../mustache-spec/delimiters.json"),
        include_str!("../../mustache-spec/interpolation.json"),
        include_str!("../../mustache-spec/inverted.json"),
        include_str!("../../mustache-spec/partials.json"),
        include_str!("../../mustache-spec/sections.json"),
    ];
    let cases: Vec<Case> = modules
        .iter()
        .flat_map(|module| serde_json::from_str::<Module>(module).unwrap().tests)
        .collect();
    for case in &cases {
        let mut partials = Partials::default();
        for (name, text) in &case.partials {
            partials.insert(name, text).unwrap();
        }
        let rendered = Template::parse(&case.name, &case.template)
            .unwrap()
            .render(&partials, &case.data, Escape::Html)
            .unwrap();
        assert_eq!(rendered, case.expected, "{}: {}", case.name, case.desc);
    }
    assert_eq!(cases.len(), 136);
}

fn rendered(template: &str, partials: &[(&str, &str)], value: &Value) -> String {
    let mut set = Partials::default();
    for (name, text) in partials {
        set.insert(name, text).unwrap();
    }
    let template = Template::parse("t", template).unwrap();
    template.render(&set, value, Escape::None).unwrap()
}

#[test]
fn what_the_specification_leaves_open() {
    let value = json!({
        "zero": 0, "float_zero": 0.0, "empty": "", "no": false, "nothing": null, "list": [],
        "one": 1, "text": "0", "object": {}, "big": 18_446_744_073_709_551_615_u64,
        "small": -1.5e-9, "whole": 2.0, "items": [1, 2],
    });
    let names = "zero float_zero empty no nothing list missing one text object items";
    let truth: Vec<String> = names
        .split(' ')
        .map(|name| {
            let template = format!("{{{{#{name}}}}}{name} {{{{/{name}}}}}");
            rendered(&template, &[], &value)
        })
        .collect();
    assert_eq!(truth.concat(), "one text object items items ");
    assert_eq!(
        rendered("{{zero}} {{big}} {{small}} {{whole}} {{no}}", &[], &value),
        "0 18446744073709551615 -1.5e-9 2.0 false"
    );
    assert_eq!(
        rendered("[{{items}}][{{object}}][{{list}}]", &[], &value),
        "[][][]"
    );
}

#[test]
fn braces_of_the_text_stay() {
    let value = json!({"x": 1, "list": [1, 2]});
    for (template, expected) in [
        ("{\"a\": {\"b\": {{x}}}}", "{\"a\": {\"b\": 1}}"),
        ("{{{x}}}}", "1}"),
        ("{{=<% %>=}}{<%x%>}{{<%x%>}}{{{", "{1}{{1}}{{{"),
        (
            "{{=<% %>=}}{{x}} {{{x}}} {{#list}}",
            "{{x}} {{{x}}} {{#list}}",
        ),
        ("{{=[ ]=}}{[#list]{[.]}[/list]}", "{{1}{2}}"),
        ("{ {{#list}}{ {{.}} }{{/list}} }", "{ { 1 }{ 2 } }"),
        ("{{x}}{", "1{"),
        ("{", "{"),
        ("}}{", "}}{"),
        (" \n\t\n ", " \n\t\n "),
    ] {
        assert_eq!(rendered(template, &[], &value), expected, "{template}");
    }
}

#[test]
fn indentation_adds_up_and_leaves_values_alone() {
    let value = json!({"lines": "1\n2", "list": ["a", "b"], "tree": {"name": "x", "tree": {"name": "y", "tree": false}}});
    let partials = [
        ("outer", "outer {\n  {{>inner}}\n\n}{{>amid}}\n"),
        (
            "inner",
            "{{#list}}\n- {{.}}\n{{/list}}\n{{{lines}}} {{>amid}}\n",
        ),
        ("amid", "amid\nline"),
        ("node", "{{name}}\n{{#tree}}\n {{>node}}\n{{/tree}}\n"),
    ];
    assert_eq!(
        rendered("top\n  {{>outer}}\nend\n", &partials, &value),
        "top\n  outer {\n    - a\n    - b\n    1\n2 amid\nline\n  \n  }amid\nline\nend\n"
    );
    assert_eq!(
        rendered("{{#tree}}\n{{>node}}\n{{/tree}}\n", &partials, &value),
        "x\n y\n"
    );
}

proptest! {
    #[test]
    fn text_without_tags_stays_as_it_is(text in "[^\0]*") {
        prop_assume!(!text.contains("<%"));
        let template = format!("{{{{=<% %>=}}}}{text}");
        // A line break right behind the tag belongs to the tag's line.
        let blank = text.trim_start_matches([' ', '\t']);
        let line_is_blank = blank.is_empty() || blank.starts_with('\n') || blank.starts_with("\r\n");
        prop_assume!(!line_is_blank);
        prop_assert_eq!(rendered(&template, &[], &Value::Null), text);
    }

    #[test]
    fn no_text_is_too_odd_to_read(text in any::<String>()) {
        let _ = Template::parse("t", &text);
    }

    #[test]
    fn no_template_is_too_odd_to_render(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("{{"), Just("}}"), Just("{"), Just("}"), Just("#"), Just("^"), Just("/"), Just("!"),
                Just(">"), Just("&"), Just("="), Just("a"), Just("a.b"), Just("."), Just(" "), Just("\n"),
                Just("\r\n"), Just("{{#a}}"), Just("{{/a}}"), Just("{{^a}}"), Just("{{>p}}"),
                Just("{{=<% %>=}}"), Just("<%={{ }}=%>"), Just("é"), Just("{{{a}}}"), Just("{{!"),
            ],
            0..24,
        )
    ) {
        let text = parts.concat();
        let mut partials = Partials::default();
        let _ = partials.insert("p", &text);
        if let Ok(template) = Template::parse("t", &text) {
            let value = json!({"a": {"b": ["{{", "x"]}});
            let _ = template.render(&partials, &value, Escape::Json);
        }
        let _ = nightjar_core::template::lint("t", &text);
        let _ = nightjar_core::template::check_purpose(&text);
    }
}
