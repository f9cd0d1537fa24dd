//! Modules of one level, held free of circles: where each needs the other, neither can be read or
//! changed by itself.
//!
//! A module stands for all that is below it. What a module needs of its parent or of its children
//! does not count, so that a parent may hand on what its children make.

mod source;

use e2e::root;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
};

/// Modules that need each other still, by their crate. An entry goes when they are cut apart.
const NOT_YET_CUT: [(&str, &[&str]); 0] = [];

/// Between siblings: who needs whom, with the first reason.
type Needs = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn no_modules_need_each_other() {
    let mut found = Vec::new();
    for folder in crates() {
        let name = folder.strip_prefix(root()).unwrap().display().to_string();
        let circles = circles_of(&files(&folder.join("src")));
        let new = circles.iter().filter(|circle| !is_known(&name, circle));
        found.extend(new.map(|circle| format!("{name}: {}", circle.text())));
    }
    assert!(
        found.is_empty(),
        "modules need each other:\n\n{}",
        found.join("\n\n")
    );
}

fn is_known(name: &str, circle: &Circle) -> bool {
    let mut known = NOT_YET_CUT.iter().filter(|(of, _)| *of == name);
    let holds = |modules: &[&str]| {
        let mut circle = circle.modules.iter();
        circle.all(|module| modules.contains(&module.as_str()))
    };
    known.any(|(_, modules)| holds(modules))
}

/// The folders of the workspace's crates.
fn crates() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.join("src").is_dir() && path.join("Cargo.toml").is_file() {
                found.push(path.clone());
            }
            // One crate may be in the folder of another.
            if path.is_dir() && !name.starts_with('.') && !["target", "src"].contains(&name) {
                open.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 8, "{found:?}");
    found
}

/// Every file of Rust below a folder: its module, and its text.
fn files(src: &Path) -> BTreeMap<Vec<String>, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![src.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let file = path.strip_prefix(src).unwrap().with_extension("");
                let parts = file.iter().map(|part| part.to_str().unwrap().to_owned());
                let module: Vec<String> = match file.to_str() {
                    // A crate may have both; each is the root of its own.
                    Some("lib" | "main") => Vec::new(),
                    _ => parts.collect(),
                };
                let text: &mut String = found.entry(module).or_default();
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

/// Modules of which each needs the next, and the last the first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Circle {
    modules: Vec<String>,
    reasons: Vec<String>,
}

impl Circle {
    fn text(&self) -> String {
        let first = self.modules.first().into_iter();
        let names: Vec<&str> = self
            .modules
            .iter()
            .chain(first)
            .map(String::as_str)
            .collect();
        let lines = [names.join(" -> ")].into_iter();
        let reasons = self.reasons.iter().map(|reason| format!("  {reason}"));
        lines.chain(reasons).collect::<Vec<_>>().join("\n")
    }
}

/// The shortest circle through each module that has one and is in none before.
fn circles_of(files: &BTreeMap<Vec<String>, String>) -> Vec<Circle> {
    let mut circles = Vec::new();
    for needs in needs(files).values() {
        let mut seen = BTreeSet::new();
        for module in needs.keys() {
            if !seen.contains(module)
                && let Some(circle) = circle_through(module, needs)
            {
                seen.extend(circle.modules.iter().cloned());
                circles.push(circle);
            }
        }
    }
    circles
}

/// What modules need of their siblings, by their parent.
fn needs(files: &BTreeMap<Vec<String>, String>) -> BTreeMap<Vec<String>, Needs> {
    let sources: Vec<source::Source> = files
        .iter()
        .map(|(module, text)| source::read(module, text))
        .collect();
    let tests: Vec<&Vec<String>> = sources.iter().flat_map(|one| &one.test_modules).collect();
    let is_test = |module: &[String]| tests.iter().any(|test| module.starts_with(test));
    let mut needs = BTreeMap::<_, Needs>::new();
    for mention in sources.iter().flat_map(|source| &source.mentions) {
        let common = mention.from.iter().zip(&mention.to);
        let level = common.take_while(|(from, to)| from == to).count();
        let Some((parent, from)) = mention.from.split_at_checked(level) else {
            continue;
        };
        if let (Some(from), Some(to)) = (from.first(), mention.to.get(level))
            && files.contains_key(&below(parent, to))
            && !is_test(&mention.from)
        {
            let named = |name: &str| below(parent, name).join("::");
            let reason = format!(
                "{} names {}",
                mention.from.join("::"),
                mention.to.join("::")
            );
            let of_module = needs.entry(parent.to_vec()).or_default();
            let of_module = of_module.entry(named(from)).or_default();
            of_module.entry(named(to)).or_insert(reason);
        }
    }
    needs
}

fn below(parent: &[String], name: &str) -> Vec<String> {
    let mut module = parent.to_vec();
    module.push(name.to_owned());
    module
}

/// The shortest circle that a module is in.
fn circle_through(start: &str, needs: &Needs) -> Option<Circle> {
    let mut came_from = BTreeMap::<&str, &str>::new();
    let mut open = VecDeque::from([start]);
    while let Some(module) = open.pop_front() {
        for next in needs.get(module).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut modules = vec![module];
                while let Some(before) = modules.last().and_then(|last| came_from.get(last)) {
                    modules.push(before);
                }
                modules.reverse();
                let pairs = modules.iter().zip(modules.iter().skip(1).chain([&start]));
                let reasons = pairs.map(|(from, to)| needs[*from][*to].clone());
                return Some(Circle {
                    reasons: reasons.collect(),
                    modules: modules.iter().map(ToString::to_string).collect(),
                });
            }
            if next != start && !came_from.contains_key(next.as_str()) {
                came_from.insert(next, module);
                open.push_back(next);
            }
        }
    }
    None
}

fn tree(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| {
        let parts = path.split("::").filter(|part| !part.is_empty());
        (parts.map(ToOwned::to_owned).collect(), (*text).to_owned())
    });
    circles_of(&files.collect())
        .iter()
        .map(Circle::text)
        .collect()
}

#[test]
fn a_circle_is_told_as_a_chain() {
    let made_up = [
        ("", "mod a; mod b; mod c; pub use a::A;"),
        ("a", "use crate::{b::{B, self}, std::X}; pub struct A;"),
        ("b", "pub mod deep;"),
        ("b::deep", "fn f() { crate::c::g::<u8>() }"),
        ("c", "pub(super) use super::a::{inner::I as J};"),
    ];
    assert_eq!(
        tree(&made_up),
        ["a -> b -> c -> a\n  \
            a names b::B\n  \
            b::deep names c::g\n  \
            c names a::inner::I"]
    );
}

#[test]
fn what_is_said_in_tests_texts_and_of_parents_does_not_count() {
    let made_up = [
        (
            "",
            "#[cfg(test)] mod checks; mod a; mod b; pub use a::A; pub use b::B;",
        ),
        (
            "a",
            r##"
            // use crate::b::B;
            /* crate::b /* nested */ crate::b */
            //! crate::b
            use super::B as OfTheParent;
            use crate::B as OfTheRoot;
            mod child;
            fn f<'a>(text: &'a str, quote: char) -> bool {
                quote == '"' || quote == '\'' || text == "\" crate::b::B" || text == r#"" crate::b "#
            }
            #[cfg(test)]
            #[expect(unused, reason = "crate::b")]
            mod tests { use crate::b::B; mod inner { } }
            #[cfg(test)]
            pub(crate) fn only_for_tests(b: crate::b::B) { crate::b::f(b) }
            #[cfg(test)]
            use crate::b::C;
            "##,
        ),
        ("a::child", "use super::f; use crate::a;"),
        ("b", "use crate::a::A; #[cfg(test)] mod tests;"),
        ("b::tests", "use crate::checks::C;"),
        ("checks", "use crate::b::B;"),
    ];
    assert_eq!(tree(&made_up), [""; 0]);
}

#[test]
fn deeper_levels_and_modules_in_place_are_looked_at() {
    let made_up = [
        ("", "mod a;"),
        (
            "a",
            "mod one; mod two; mod inline { use super::one::X; use crate::a::two; }",
        ),
        ("a::one", "use super::two::{T, super::one::X};"),
        (
            "a::two",
            "#[derive(Debug)] struct T; impl T { fn f(r#type: super::one::X) {} }",
        ),
    ];
    assert_eq!(
        tree(&made_up),
        ["a::one -> a::two -> a::one\n  a::one names a::two::T\n  a::two names a::one::X"]
    );
}
