//! The cookbook: each recipe is a folder, a part of the page, and a test.

use e2e::{
    markdown::{self, Page},
    root,
};
use std::{collections::BTreeMap, fs, path::Path};

const FOLDER: &str = "examples/cookbook";
const PAGE: &str = "docs/cookbook.md";
const TESTS: &str = "e2e/tests/e2e/cookbook";

/// How many recipes there are.
const COUNT: usize = 17;

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The files of all recipes by their paths, without links to others of them.
pub(super) fn files() -> Vec<String> {
    let (mut open, mut files) = (vec![FOLDER.to_owned()], Vec::new());
    while let Some(folder) = open.pop() {
        for name in names(&root().join(&folder)) {
            let path = format!("{folder}/{name}");
            let kind = root().join(&path).symlink_metadata().unwrap();
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn every_recipe_is_in_the_page_and_has_a_test() {
    let recipes = names(&root().join(FOLDER));
    assert_eq!(recipes.len(), COUNT, "{recipes:?}");
    let pages = markdown::pages();
    let page = pages.iter().find(|page| page.name == PAGE).unwrap();
    let (links, parts) = (page.links(), parts(page));
    let tests = names(&root().join(TESTS)).into_iter();
    let tests: String = tests
        .map(|name| fs::read_to_string(root().join(TESTS).join(name)).unwrap())
        .collect();
    for recipe in &recipes {
        let is_linked = links.contains(&format!("#{recipe}"));
        assert!(is_linked, "{PAGE} does not list {recipe}");
        let part = parts.get(recipe);
        let part = part.unwrap_or_else(|| panic!("{PAGE} has no heading for {recipe}"));
        let is_quoted = |file: &String| part.contains(&format!(" {file}\n"));
        let mut files = files().into_iter();
        let own = format!("{FOLDER}/{recipe}/");
        let unquoted = files.find(|file| file.starts_with(&own) && !is_quoted(file));
        assert_eq!(unquoted, None, "not quoted below the heading for {recipe}");
        let is_tested = ["named(", "with(\n        ", "with("]
            .iter()
            .any(|call| tests.contains(&format!("Recipe::{call}\"{recipe}\"")));
        assert!(is_tested, "{TESTS} has no test of {recipe}");
    }
}

/// The parts of a page by the names under which their headings can be linked to.
fn parts(page: &Page) -> BTreeMap<String, String> {
    let parts = page.text.split("\n## ").skip(1).map(|part| {
        let heading = Page {
            name: page.name.clone(),
            text: format!("## {}", part.lines().next().unwrap_or_default()),
        };
        (heading.anchors().concat(), part.to_owned())
    });
    parts.collect()
}
