//! What images are built from: the arguments of the Dockerfiles.

use super::table;
use e2e::root;
use std::{collections::BTreeMap, fs};

/// Each image, and the Dockerfile that makes it.
const IMAGES: [(&str, &str); 2] = [
    ("nightjar-standalone", "nightjar-standalone/Dockerfile"),
    ("nightjar-central", "nightjar-central/Dockerfile"),
];

/// The table of build arguments, with its name.
pub(super) fn tables() -> Vec<(String, String)> {
    let rows = arguments()
        .into_iter()
        .map(|((argument, default), images)| {
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

/// Whether a name is a build argument.
pub(in super::super) fn is_argument(name: &str) -> bool {
    arguments().keys().any(|(argument, _)| argument == name)
}

/// The default of a build argument.
pub(super) fn default_of(name: &str) -> String {
    let mut arguments = arguments().into_keys();
    let (_, default) = arguments.find(|(argument, _)| argument == name).unwrap();
    default
}

/// The images that have an argument with a default, by both.
fn arguments() -> BTreeMap<(String, String), Vec<&'static str>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for (image, path) in IMAGES {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let declared = text.lines().filter_map(|line| line.strip_prefix("ARG "));
        for (argument, default) in declared.filter_map(|line| line.split_once('=')) {
            let key = (argument.to_owned(), default.to_owned());
            found.entry(key).or_default().push(image);
        }
    }
    found
}
