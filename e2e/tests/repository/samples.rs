//! The sample extensions, each held to the page that lists them and to the tests that run them.

use e2e::{
    markdown::{self, Page},
    root,
};
use std::fs;

const FOLDER: &str = "examples/extensions";

/// The sample extensions: executables, and crates.
fn samples() -> Vec<String> {
    let entries = fs::read_dir(root().join(FOLDER)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != "README.md").collect();
    names.sort();
    names
}

/// What the tests say that are below a folder.
fn tests(folder: &str) -> String {
    let mut text = String::new();
    let mut open = vec![root().join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    text
}

#[test]
fn every_sample_is_listed_explained_and_run() {
    let pages = markdown::pages();
    let page = |name: &str| -> &Page { pages.iter().find(|page| page.name == name).unwrap() };
    let list = page(&format!("{FOLDER}/README.md"));
    let explained = page("docs/writing-an-extension.md");
    let runs = tests("e2e/tests/e2e");
    let conformance = tests("nightjar-cli/tests/cli/conformance");
    let samples = samples();
    assert!(samples.len() >= 4, "{samples:?}");
    for sample in samples {
        assert!(
            list.text.contains(&format!("| [`{sample}`]")),
            "{} has no row for {sample}",
            list.name
        );
        assert!(
            explained.text.contains(&sample),
            "{} does not explain {sample}",
            explained.name
        );
        let named = format!("\"{sample}\"");
        let by_path = format!("{FOLDER}/{sample}\"");
        assert!(
            runs.contains(&named) || runs.contains(&by_path),
            "no end-to-end test runs {sample}"
        );
        assert!(
            conformance.contains(&named) || runs.contains(&named),
            "no test holds {sample} to the rules of the protocol"
        );
    }
}
