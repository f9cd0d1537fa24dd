//! Parsed files: the version, resources and references of a rendered file.
//!
//! JSON is read in place: one pass finds its resources, another looks through each of them.
//! Everything else (YAML, a bootstrap, and JSON that is not as Envoy wants it) becomes a tree
//! first, of which the resources are kept as JSON.

use super::{
    discovery_response,
    error::FilesError,
    proto_json::{dynamic_source, parse, static_resources, take},
    resource::Resource,
    resource_scan::{Reference, ResourceSummary},
    role::FileRole,
};
use crate::config_text::Format;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, value::RawValue};
use std::{borrow::Cow, ops::Range};
use xxhash_rust::xxh3::xxh3_64;

/// What is kept of a file besides its text.
#[derive(Default)]
pub(super) struct ParsedFile {
    pub(super) version: Option<Box<str>>,
    pub(super) json: Option<String>,
    pub(super) rest: Box<str>,
    pub(super) resources: Vec<Resource>,
    pub(super) references: Vec<Reference>,
    /// The types of the resources.
    type_urls: Vec<String>,
}

/// A subscription file that holds nothing unusual.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscoveryResponse<'a> {
    #[serde(borrow, default, alias = "versionInfo", deserialize_with = "text")]
    version_info: Option<Cow<'a, str>>,
    #[serde(borrow)]
    resources: Vec<&'a RawValue>,
}

/// A string, and not `null`.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    Text::deserialize(deserializer).map(|text| Some(text.0))
}

impl ParsedFile {
    /// Reads a file that has a role.
    pub(super) fn read(name: &str, text: &str, role: &FileRole) -> Result<Self, FilesError> {
        let parsed = match (role, Format::of(name)) {
            (FileRole::Bootstrap, _) => return Self::from_bootstrap(&parse(name, text)?, name),
            (_, Some(Format::Json)) => match Self::from_json(text, role) {
                Ok(parsed) => parsed,
                Err(_) => Self::from_value(parse(name, text)?, name, role)?,
            },
            _ => Self::from_value(parse(name, text)?, name, role)?,
        };
        let resources = parsed.type_urls.iter().zip(&parsed.resources);
        let resources = resources.map(|(type_url, resource)| (type_url.as_str(), resource.name()));
        match discovery_response::check_resources(role, resources) {
            None => Ok(parsed),
            Some(reason) => Err(FilesError::Invalid {
                file: name.to_owned(),
                reason,
            }),
        }
    }

    fn from_json(text: &str, role: &FileRole) -> Result<Self, serde_json::Error> {
        let response: DiscoveryResponse<'_> = serde_json::from_str(text)?;
        let mut parsed = Self {
            version: response.version_info.map(Into::into),
            resources: Vec::with_capacity(response.resources.len()),
            ..Self::default()
        };
        for raw in response.resources {
            let json = raw.get();
            let summary = ResourceSummary::of(role, &mut serde_json::Deserializer::from_str(json))?;
            let start = json.as_ptr().addr().saturating_sub(text.as_ptr().addr());
            parsed.add(summary, json, start..start + json.len());
        }
        Ok(parsed)
    }

    fn from_value(mut file: Value, name: &str, role: &FileRole) -> Result<Self, FilesError> {
        if let Some(reason) = discovery_response::check_response(&file) {
            return Err(FilesError::Invalid {
                file: name.to_owned(),
                reason,
            });
        }
        let mut parsed = Self::default();
        let Some(members) = file.as_object_mut() else {
            return Ok(parsed);
        };
        if let Some(Value::String(version)) = take(members, "version_info") {
            parsed.version = Some(version.into());
        }
        if let Some(Value::Array(resources)) = members.remove("resources") {
            for resource in resources {
                parsed.push_json(&resource, name, role)?;
            }
        }
        parsed.rest = inner(members).into();
        Ok(parsed)
    }

    /// The static clusters of a bootstrap, and the files that it names anywhere.
    fn from_bootstrap(bootstrap: &Value, name: &str) -> Result<Self, FilesError> {
        let mut parsed = Self::default();
        for cluster in static_resources(bootstrap, "clusters") {
            parsed.push_json(cluster, name, &FileRole::Clusters)?;
        }
        let sources = [
            ("cds_config", FileRole::Clusters),
            ("lds_config", FileRole::Listeners),
        ];
        parsed.references = sources
            .into_iter()
            .filter_map(|(name, role)| Reference::new(dynamic_source(bootstrap, name)?, role))
            .collect();
        let named_anywhere = ResourceSummary::of(&FileRole::Bootstrap, bootstrap)
            .map_err(|error| malformed(name, &error))?;
        parsed.references.extend(named_anywhere.references);
        Ok(parsed)
    }

    /// Keeps a resource as JSON.
    fn push_json(
        &mut self,
        resource: &Value,
        file: &str,
        role: &FileRole,
    ) -> Result<(), FilesError> {
        let summary =
            ResourceSummary::of(role, resource).map_err(|error| malformed(file, &error))?;
        let text = resource.to_string();
        let json = self.json.get_or_insert_default();
        let start = json.len();
        json.push_str(&text);
        let range = start..json.len();
        self.add(summary, &text, range);
        Ok(())
    }

    fn add(&mut self, summary: ResourceSummary, text: &str, range: Range<usize>) {
        self.resources.push(Resource {
            name: summary.name.into(),
            range,
            hash: xxh3_64(text.as_bytes()),
            endpoints: summary.endpoints,
            by_eds: summary.by_eds,
        });
        self.references.extend(summary.references);
        self.type_urls.push(summary.type_url);
    }
}

fn malformed(file: &str, error: &serde_json::Error) -> FilesError {
    FilesError::Malformed {
        file: file.to_owned(),
        reason: error.to_string(),
    }
}

/// The members of an object as JSON, without the braces.
fn inner(members: &Map<String, Value>) -> String {
    let members = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())));
    members.collect::<Vec<_>>().join(",")
}
