//! Keys of bootstraps, which clusters and routes depend on, and the union of two bootstraps.

use super::{
    file::File,
    proto_json::{dynamic_source, member, parse, source_path},
    role::FileRole,
    union::{ResourceRef, merge_clusters},
};
use serde_json::{Value, json};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// What a bootstrap decides that clusters and routes depend on.
///
/// Bootstraps with equal keys can change without regard to the other files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BootstrapKey {
    static_resources: u64,
    clusters: Option<String>,
    listeners: Option<String>,
}

/// What a bootstrap decides that clusters and routes depend on: its static resources, and where
/// clusters and listeners come from.
pub fn bootstrap_key(file: &File) -> BootstrapKey {
    // It was read before, so it parses.
    let bootstrap = parse(&file.name, &file.text).unwrap_or_default();
    let fixed = member(&bootstrap, "static_resources").map(Value::to_string);
    let path = |name| dynamic_source(&bootstrap, name).and_then(source_path);
    BootstrapKey {
        static_resources: xxh3_64(fixed.unwrap_or_default().as_bytes()),
        clusters: path("cds_config").map(ToOwned::to_owned),
        listeners: path("lds_config").map(ToOwned::to_owned),
    }
}

/// The bootstrap for the time between two: the new one, with what its clusters lack of the old
/// ones, by the rules of [`super::union_of_clusters`]. Gives `new` itself if it lacks nothing.
pub fn union_of_bootstraps(old: &File, new: &Arc<File>) -> Arc<File> {
    let Some(union) = merge_clusters(ResourceRef::all(old), new) else {
        return Arc::clone(new);
    };
    let clusters: Vec<Value> = union
        .iter()
        .filter_map(|piece| serde_json::from_str(piece.text()).ok())
        .collect();
    let text = parse(&new.name, &new.text)
        .ok()
        .and_then(|bootstrap| with_clusters(bootstrap, clusters));
    let file = text.and_then(|text| File::read(&new.name, text, Some(FileRole::Bootstrap)).ok());
    file.map_or_else(|| Arc::clone(new), Arc::new)
}

fn with_clusters(mut bootstrap: Value, clusters: Vec<Value>) -> Option<String> {
    let root = bootstrap.as_object_mut()?;
    let key = if root.contains_key("staticResources") {
        "staticResources"
    } else {
        "static_resources"
    };
    let fixed = root.entry(key).or_insert_with(|| json!({}));
    fixed
        .as_object_mut()?
        .insert("clusters".to_owned(), clusters.into());
    let mut text = serde_json::to_string_pretty(&bootstrap).ok()?;
    text.push('\n');
    Some(text)
}
