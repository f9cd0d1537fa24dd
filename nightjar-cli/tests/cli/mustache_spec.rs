//! The cases of the Mustache specification, rendered by the program.

use crate::folder::Folder;
use serde_json::Value;
use std::{fs, path::Path};

#[test]
fn every_required_case_byte_for_byte() {
    let modules = [
        "comments",
        "delimiters",
        "interpolation",
        "inverted",
        "partials",
        "sections",
    ];
    let specification = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../nightjar-core/tests/mustache-spec"
    ));
    let mut wrong = Vec::new();
    let mut count = 0;
    for module in modules {
        let text = fs::read_to_string(specification.join(format!("{module}.json"))).unwrap();
        let module_tests: Value = serde_json::from_str(&text).unwrap();
        for case in module_tests["tests"].as_array().unwrap() {
            count += 1;
            let got = render(case);
            if got != (Some(0), case["expected"].as_str().unwrap().to_owned()) {
                wrong.push(format!("{module}: {}: {got:?}", case["name"]));
            }
        }
    }
    assert_eq!((count, wrong), (136, Vec::<String>::new()));
}

/// What the program makes of a case: exit code and standard output.
fn render(case: &Value) -> (Option<i32>, String) {
    let folder = Folder::new();
    folder.write("case.mustache", case["template"].as_str().unwrap());
    folder.write("context.json", case["data"].to_string());
    folder.write("partials/.keep", "");
    for (name, text) in case["partials"].as_object().into_iter().flatten() {
        folder.write(&format!("partials/{name}.mustache"), text.as_str().unwrap());
    }
    let outcome = folder.run(&[
        "template",
        "render",
        "--template=case.mustache",
        "--context=context.json",
        "--partials=partials",
        "--escape=html",
    ]);
    (outcome.code, outcome.stdout)
}
