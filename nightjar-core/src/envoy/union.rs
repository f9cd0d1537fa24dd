//! Clusters old and new together: what Envoy must hold while routes move from one set to the other.

use super::{file::File, resource::Resource, role::FileRole};
use crate::config_text::Format;
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// A resource, with the file that it is in.
#[derive(Clone, Copy)]
pub(super) struct ResourceRef<'a> {
    file: &'a File,
    resource: &'a Resource,
}

impl<'a> ResourceRef<'a> {
    pub(super) fn all(file: &'a File) -> impl Iterator<Item = Self> {
        let resources = file.resources().iter();
        resources.map(move |resource| Self { file, resource })
    }

    pub(super) fn text(self) -> &'a str {
        self.file.resource_text(self.resource)
    }
}

/// The cluster file for the time between two: all that is new, and of the old what the new lacks.
///
/// `old` are the texts that Envoy may have by now; what is in none of them is not kept. A cluster
/// that is in both is taken from `new`, unless it lost its last endpoint: routes that are still in
/// force send requests to the old ones. Gives `new` itself if it lacks nothing.
pub fn union_of_clusters(old: &[Arc<File>], new: &Arc<File>) -> Arc<File> {
    union_of_kept_clusters(old, new, |_| true)
}

/// The same, of the old with those alone that are to be kept, by their names.
pub fn union_of_kept_clusters(
    old: &[Arc<File>],
    new: &Arc<File>,
    is_kept: impl Fn(&str) -> bool,
) -> Arc<File> {
    let pieces = old.iter().flat_map(|file| ResourceRef::all(file));
    let pieces = pieces.filter(|piece| is_kept(piece.resource.name()));
    let Some(union) = merge_clusters(pieces, new) else {
        return Arc::clone(new);
    };
    let mut references = new.references.clone();
    for reference in old.iter().flat_map(|file| &file.references) {
        if !references.contains(reference) {
            references.push(reference.clone());
        }
    }
    Arc::new(File {
        references,
        ..splice(new, &union)
    })
}

/// The clusters of the time between two; `None` if `new` lacks nothing.
pub(super) fn merge_clusters<'a>(
    old: impl Iterator<Item = ResourceRef<'a>>,
    new: &'a File,
) -> Option<Vec<ResourceRef<'a>>> {
    let mut union: Vec<_> = ResourceRef::all(new).collect();
    let mut places: HashMap<&str, usize> = union
        .iter()
        .enumerate()
        .map(|(index, piece)| (piece.resource.name(), index))
        .collect();
    let mut kept = false;
    for piece in old.filter(|piece| !piece.resource.name().is_empty()) {
        let name = piece.resource.name();
        match places.get(name).and_then(|index| union.get_mut(*index)) {
            None => {
                places.insert(name, union.len());
                union.push(piece);
                kept = true;
            }
            Some(place) if piece.resource.has_endpoints() && place.resource.lost_endpoints() => {
                *place = piece;
                kept = true;
            }
            Some(_) => {}
        }
    }
    kept.then_some(union)
}

/// One cluster file of many pieces, with the name of `frame` and a version of its own.
fn splice(frame: &File, pieces: &[ResourceRef<'_>]) -> File {
    // What is fine as JSON may be none as YAML, as a tab is.
    let is_json = Format::of(&frame.name) == Some(Format::Json);
    let mut hash = Xxh3::new();
    for piece in pieces {
        hash.update(piece.text().as_bytes());
    }
    hash.update(frame.rest.as_bytes());
    let version = format!("union-{:016x}", hash.digest());
    let size: usize = pieces.iter().map(|piece| piece.text().len() + 2).sum();
    let mut text = String::with_capacity(size + frame.rest.len() + 80);
    text.push_str("{\"version_info\":\"");
    text.push_str(&version);
    text.push_str("\",");
    if !frame.rest.is_empty() {
        text.push_str(&frame.rest);
        text.push(',');
    }
    text.push_str("\"resources\":[");
    let mut resources = Vec::with_capacity(pieces.len());
    for (index, piece) in pieces.iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        let start = text.len();
        let compact = if is_json { None } else { compact(piece.text()) };
        text.push_str(compact.as_deref().unwrap_or(piece.text()));
        resources.push(Resource {
            range: start..text.len(),
            hash: compact.map_or(piece.resource.hash, |text| xxh3_64(text.as_bytes())),
            ..piece.resource.clone()
        });
    }
    text.push_str("\n]}\n");
    File {
        name: frame.name.clone(),
        hash: xxh3_64(text.as_bytes()),
        text: text.into_boxed_str(),
        role: Some(FileRole::Clusters),
        version: Some(version.into()),
        json: None,
        rest: frame.rest.clone(),
        resources,
        references: Vec::new(),
    }
}

fn compact(json: &str) -> Option<String> {
    let value: Value = serde_json::from_str(json).ok()?;
    Some(value.to_string())
}

/// Whether the cluster files `now` hold every cluster of `new` as `new` has it.
///
/// A cluster that lists no endpoint in `new` may still have some in `now`, or none.
pub fn holds_all_clusters(now: &[Arc<File>], new: &[Arc<File>]) -> bool {
    let held: HashMap<&str, ResourceRef<'_>> = now
        .iter()
        .flat_map(|file| ResourceRef::all(file))
        .map(|piece| (piece.resource.name(), piece))
        .collect();
    let mut wanted = new.iter().flat_map(|file| ResourceRef::all(file));
    wanted.all(|piece| {
        held.get(piece.resource.name()).is_some_and(|held| {
            let is_same = held.resource.hash == piece.resource.hash && held.text() == piece.text();
            is_same || (piece.resource.lost_endpoints() && held.resource.has_endpoints())
        })
    })
}

/// The names of clusters in the files `now` that `new` lacks. A cluster that only loses its last endpoint is none.
pub fn removed_clusters<'a>(now: &'a [Arc<File>], new: &[&Arc<File>]) -> BTreeSet<&'a str> {
    let wanted = new.iter().flat_map(|file| file.resources());
    let wanted: HashSet<&str> = wanted.map(Resource::name).collect();
    let held = now.iter().flat_map(|file| file.resources());
    let held = held.map(Resource::name);
    held.filter(|name| !wanted.contains(name)).collect()
}

/// Whether a cluster in the files `now` has endpoints, and none in `new`.
pub fn lose_all_endpoints(now: &[Arc<File>], new: &[&Arc<File>]) -> bool {
    let wanted = new.iter().flat_map(|file| file.resources());
    let lost = wanted.filter(|resource| resource.lost_endpoints());
    let lost: HashSet<&str> = lost.map(Resource::name).collect();
    let mut held = now.iter().flat_map(|file| file.resources());
    held.any(|resource| resource.has_endpoints() && lost.contains(resource.name()))
}

/// Whether an endpoint file (EDS) lost its last endpoint: routes that are still in force send
/// requests to the old ones, so that the new file has to wait for the last phase.
pub fn loses_all_endpoints(old: &File, new: &Arc<File>) -> bool {
    let has_endpoints = |file: &File| file.resources().iter().any(Resource::has_endpoints);
    let is_endpoints = |file: &File| matches!(file.role(), Some(FileRole::Endpoints { .. }));
    is_endpoints(old) && is_endpoints(new) && has_endpoints(old) && !has_endpoints(new)
}

#[cfg(test)]
mod tests;
