//! The pages, held to types and files.
//!
//! A list that stands in the code stands in `docs/` as a table below a comment such as
//! `<!-- table: templates Template -->`. What programs say of themselves when they run is compared by the
//! tests that run them.

mod costs;
mod images;
mod messages;
mod rust;
mod types;

use e2e::{
    markdown::{self, Page},
    root,
    tables::Maker,
};
use nightjar_core::{
    document::{self, Document, discovery_map::DiscoveryMap, templates::Templates},
    template::SHIPPED,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path};

#[test]
fn every_table_is_what_the_code_says() {
    let tables = [
        costs::tables(),
        images::tables(),
        rust::tables(),
        types::tables(),
    ];
    Maker::Sources.compare(tables.into_iter().flatten().collect());
}

#[test]
fn every_json_example_is_valid() {
    for page in markdown::pages() {
        for block in page
            .blocks()
            .iter()
            .filter(|block| block.language == "json")
        {
            let place = format!("{}:{}", page.name, block.line);
            let value: Value = serde_json::from_str(&block.text)
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            // A quoted file is what its name says.
            let about = Path::new(&block.about).file_stem().unwrap_or_default();
            let result = match about.to_str().unwrap() {
                "discovery-map" => check::<DiscoveryMap>(&value),
                "templates" => check::<Templates>(&value),
                "namespace" => check::<DiscoveryMap>(&map(value)),
                "service-color" => check::<DiscoveryMap>(&map(around_service_color(value))),
                "route" => check::<DiscoveryMap>(&map(around_service_color(around_route(&value)))),
                // Not ours; that it is JSON is all that can be said here.
                "app-mesh" | "task-definition" => Ok(()),
                other => Err(format!(
                    "{other:?} is not a kind of example that can be checked"
                )),
            };
            result.unwrap_or_else(|faults| panic!("{place}: {faults}"));
        }
    }
}

fn check<D: Document>(value: &Value) -> Result<(), String> {
    let read = document::read::<D>(value.to_string().as_bytes());
    read.map(drop).map_err(|faults| faults.to_string())
}

fn map(namespace: Value) -> Value {
    e2e::maps::map(&[namespace])
}

fn around_service_color(service_color: Value) -> Value {
    e2e::maps::namespace("example", &[service_color])
}

fn around_route(route: &Value) -> Value {
    json!({
        "service": "example", "color": "blue", "index": 1,
        "instances": [], "routes": [route], "namespace-egress": [],
    })
}

/// A block marked with the path of a file is that file.
#[test]
fn every_quoted_file_is_the_file() {
    let mut quoted = Vec::new();
    for page in markdown::pages() {
        for block in page.blocks() {
            if block.about.contains('/') {
                let text = fs::read_to_string(root().join(&block.about))
                    .unwrap_or_else(|error| panic!("{}: {}: {error}", page.name, block.about));
                assert_eq!(block.text, text, "{}: {}", page.name, block.about);
                quoted.push(block.about);
            }
        }
    }
    quoted.sort();
    let samples = [
        "examples/extensions/discovery-catalog.py",
        "examples/extensions/discovery-dns/src/main.rs",
        "examples/extensions/discovery-table.sh",
        "examples/extensions/store-sqlite.py",
    ];
    let mut wanted = super::cookbook::files();
    wanted.extend(samples.map(str::to_owned));
    assert_eq!(quoted, wanted);
}

#[test]
fn every_link_leads_somewhere() {
    let pages: BTreeMap<String, Page> = markdown::pages()
        .into_iter()
        .map(|page| (page.name.clone(), page))
        .collect();
    for page in pages.values() {
        for link in page.links() {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = page.resolve(path);
            assert!(
                root().join(&target).exists(),
                "{}: {link} leads to {target}, which is not there",
                page.name
            );
            let known = pages.get(&target).map(Page::anchors);
            assert!(
                anchor.is_empty() || known.is_some_and(|known| known.iter().any(|a| a == anchor)),
                "{}: {link}: {target} has no heading #{anchor}",
                page.name
            );
        }
    }
}

/// A picture is shown on a page, with words for people who do not see it, and in light and dark.
#[test]
fn every_picture_has_words_and_is_shown() {
    let mut shown = Vec::new();
    for page in markdown::pages() {
        for (words, path) in page.pictures() {
            assert!(words.len() > 40, "{}: {path} has few words", page.name);
            shown.push(page.resolve(&path));
        }
    }
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "svg") {
            let name = format!("docs/{}", path.file_name().unwrap().display());
            assert!(shown.contains(&name), "no page shows {name}");
            let text = fs::read_to_string(path).unwrap();
            for part in ["<title", "<text", "prefers-color-scheme: dark"] {
                assert!(text.contains(part), "{name} has no {part}");
            }
        }
    }
}

#[test]
fn every_page_and_every_shipped_template_is_mentioned() {
    let pages = markdown::pages();
    let index = pages.iter().find(|page| page.name == "docs/README.md");
    let linked: Vec<String> = index
        .map(|index| {
            let links = index.links();
            links.iter().map(|link| index.resolve(link)).collect()
        })
        .unwrap_or_default();
    let others = pages
        .iter()
        .filter(|page| page.name.starts_with("docs/") && page.name != "docs/README.md");
    for page in others {
        assert!(
            linked.contains(&page.name),
            "docs/README.md lacks {}",
            page.name
        );
    }
    let templates = pages.iter().find(|page| page.name == "docs/templates.md");
    for (purpose, _) in SHIPPED {
        let named = format!("`{purpose}`");
        assert!(
            templates.is_some_and(|page| page.text.contains(&named)),
            "{purpose}"
        );
    }
}
