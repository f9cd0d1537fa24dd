//! What no template can do, whatever it says.

use nightjar_core::template::{Escape, Partials, Template};
use serde_json::{Value, json};

fn fault(template: &str, partials: &[(&str, &str)], value: &Value) -> String {
    let mut set = Partials::default();
    for (name, text) in partials {
        set.insert(name, text).unwrap();
    }
    let template = Template::parse("t", template).unwrap();
    let faults = template.render(&set, value, Escape::None).unwrap_err();
    faults.to_string()
}

#[test]
fn partials_without_end_are_a_fault() {
    assert_eq!(
        fault("{{>p}}", &[("p", "x\n  {{>p}}\n")], &Value::Null),
        "p:2:3: partials are nested more than 64 deep"
    );
}

#[test]
fn the_deepest_nesting_there_can_be_is_rendered() {
    let open = "{{#a}}".repeat(16);
    let close = "{{/a}}".repeat(16);
    let partials = [("p".to_owned(), format!("{open}{{{{>p}}}}{close}"))];
    let partials: Vec<(&str, &str)> = partials
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert_eq!(
        fault("{{>p}}", &partials, &json!({"a": true})),
        "p:1:97: partials are nested more than 64 deep"
    );
}

#[test]
fn a_few_bytes_that_would_make_many_are_a_fault() {
    let value = json!({"list": vec![0; 1000]});
    let kilobyte = "x".repeat(1000);
    assert_eq!(
        fault(
            &format!(
                "{{{{#list}}}}{{{{#list}}}}{{{{#list}}}}{kilobyte}{{{{/list}}}}{{{{/list}}}}{{{{/list}}}}"
            ),
            &[],
            &value
        ),
        "t: renders more than 268435456 bytes"
    );
}
