//! Envoy's messages as JSON: members that have two spellings, and sources of configuration.

use super::error::FilesError;
use crate::config_text::{Format, camel};
use serde_json::{Map, Value};

/// Parses a file as Envoy does, by its ending.
pub(super) fn parse(name: &str, text: &str) -> Result<Value, FilesError> {
    let malformed = |reason| FilesError::Malformed {
        file: name.to_owned(),
        reason,
    };
    match Format::of(name) {
        Some(Format::Json) => {
            serde_json::from_str(text).map_err(|error| malformed(error.to_string()))
        }
        Some(Format::Yaml) => {
            serde_norway::from_str(text).map_err(|error| malformed(error.to_string()))
        }
        None => Err(malformed(
            "its name ends in none of .json, .yaml and .yml".to_owned(),
        )),
    }
}

/// A member of a message, whose name may be spelt `in_snake_case` or `inCamelCase`.
pub(super) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.get(name).or_else(|| value.get(camel(name)))
}

/// Takes a member out of a message, however it is spelt.
pub(super) fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let other = members.remove(&camel(name));
    members.remove(name).or(other)
}

/// The path of a file-based configuration source.
pub(super) fn source_path(source: &Value) -> Option<&str> {
    let path = member(source, "path_config_source")
        .and_then(|source| member(source, "path"))
        .or_else(|| member(source, "path"))?;
    path.as_str()
}

/// The source of the clusters or listeners of a bootstrap: `cds_config` or `lds_config`.
pub(super) fn dynamic_source<'a>(bootstrap: &'a Value, name: &str) -> Option<&'a Value> {
    member(member(bootstrap, "dynamic_resources")?, name)
}

/// One of the lists of a bootstrap's `static_resources`.
pub(super) fn static_resources<'a>(bootstrap: &'a Value, kind: &str) -> &'a [Value] {
    member(bootstrap, "static_resources")
        .and_then(|resources| member(resources, kind))
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The name of a file inside the configuration folder.
pub(super) fn inside<'a>(path: &'a str, config_dir: &str) -> Option<&'a str> {
    let name = path.strip_prefix(config_dir)?.strip_prefix('/')?;
    Some(name.trim_start_matches('/'))
}
