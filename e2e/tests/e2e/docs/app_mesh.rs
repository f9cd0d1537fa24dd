//! The page on App Mesh, held to what App Mesh has and to what there is here.

use e2e::root;
use nightjar_core::context::properties::DOCUMENTED_PROPERTIES;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::PathBuf};

pub(super) const PAGE: &str = "docs/migrating-from-app-mesh.md";

/// Variables of App Mesh's own image that look like those of our programs.
pub(super) const VARIABLES: [&str; 8] = [
    "ENVOY_ADMIN_ACCESS_ENABLE_IPV6",
    "ENVOY_ADMIN_ACCESS_LOG_FILE",
    "ENVOY_ADMIN_ACCESS_PORT",
    "ENVOY_CONCURRENCY",
    "ENVOY_INITIAL_FETCH_TIMEOUT",
    "ENVOY_STATS_CONFIG_FILE",
    "ENVOY_STATS_SINKS_CFG_FILE",
    "ENVOY_TRACING_CFG_FILE",
];

/// What AWS makes up, and nobody writes.
const READ_ONLY: [&str; 4] = ["Arn", "Id", "ResourceOwner", "Uid"];

fn page() -> String {
    fs::read_to_string(root().join(PAGE)).unwrap()
}

/// The schemas of CloudFormation's resources, which cfn-lint brings along.
fn schemas() -> PathBuf {
    let libraries = fs::read_dir(root().join(".venv/lib")).unwrap();
    let mut places = libraries.map(|entry| {
        let library = entry.unwrap().path();
        library.join("site-packages/cfnlint/data/schemas/resources")
    });
    let place = places.find(|place| place.exists());
    place.expect("cfn-lint is installed: run `make setup`")
}

/// The fields of all resources of App Mesh, and how many resources there are.
fn fields() -> (BTreeSet<String>, usize) {
    let mut fields = BTreeSet::new();
    let mut resources = 0;
    for entry in fs::read_dir(schemas()).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        if !text.contains("AWS::AppMesh::") {
            continue;
        }
        let schema: Value = serde_json::from_str(&text).unwrap();
        let name = schema["typeName"].as_str().unwrap_or_default();
        if !name.starts_with("AWS::AppMesh::") {
            continue;
        }
        resources += 1;
        let definitions = schema["definitions"].as_object().into_iter().flatten();
        let records = definitions.map(|(_, record)| record).chain([&schema]);
        for record in records {
            let properties = record["properties"].as_object().into_iter().flatten();
            fields.extend(properties.map(|(field, _)| field.clone()));
        }
    }
    (fields, resources)
}

#[test]
fn every_field_of_app_mesh_has_its_place() {
    let page = page().to_lowercase();
    let words: BTreeSet<&str> = page.split(|c: char| !c.is_alphanumeric()).collect();
    let (fields, resources) = fields();
    let missing: Vec<&String> = fields
        .iter()
        .filter(|field| !READ_ONLY.contains(&field.as_str()))
        .filter(|field| !words.contains(field.to_lowercase().as_str()))
        .collect();
    assert_eq!(missing, [""; 0], "{PAGE} does not say what becomes of them");
    assert_eq!((resources, fields.len() > 80), (7, true), "{fields:?}");
}

/// `property` or `properties`, and then names in backquotes.
#[test]
fn every_property_that_is_named_exists() {
    let page = page();
    let mut named = BTreeSet::new();
    for piece in page.split("propert").skip(1) {
        let Some(list) = ["y `", "ies `"]
            .iter()
            .find_map(|start| piece.strip_prefix(start))
        else {
            continue;
        };
        for part in list.split("`, `") {
            let (name, rest) = part.split_once('`').unwrap_or((part, ""));
            named.insert(name.to_owned());
            if !rest.is_empty() {
                break;
            }
        }
    }
    let known: BTreeSet<String> = DOCUMENTED_PROPERTIES
        .iter()
        .map(|property| property.name.to_owned())
        .collect();
    let unknown: Vec<&String> = named.difference(&known).collect();
    assert_eq!(unknown, [""; 0]);
    assert!(named.len() > 8, "{named:?}");
}
