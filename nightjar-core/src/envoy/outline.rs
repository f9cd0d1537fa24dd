//! What is kept of a file besides its text.
//!
//! JSON is read where it stands: one pass finds its resources, another looks through each of them.
//! Everything else (YAML, a bootstrap, and JSON that is not as Envoy wants it) becomes a tree
//! first, of which the resources are kept as JSON.

use super::{
    LayoutError, Resource, Role,
    message::{Format, dynamic_source, parse, static_resources, take},
    shape,
    walk::{Findings, Reference},
};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, value::RawValue};
use std::{borrow::Cow, ops::Range};
use xxhash_rust::xxh3::xxh3_64;

/// What is kept of a file besides its text.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) version: Option<Box<str>>,
    pub(super) json: Option<String>,
    pub(super) rest: Box<str>,
    pub(super) resources: Vec<Resource>,
    pub(super) references: Vec<Reference>,
    /// The types of the resources.
    kinds: Vec<String>,
}

/// A subscription file that holds nothing unusual.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame<'a> {
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

impl Outline {
    /// Reads a file that has a role.
    pub(super) fn read(name: &str, text: &str, role: &Role) -> Result<Self, LayoutError> {
        let outline = match (role, Format::of(name)) {
            (Role::Bootstrap, _) => return Self::of_bootstrap(&parse(name, text)?, name),
            (_, Some(Format::Json)) => match Self::in_place(text, role) {
                Ok(outline) => outline,
                Err(_) => Self::of_tree(parse(name, text)?, name, role)?,
            },
            _ => Self::of_tree(parse(name, text)?, name, role)?,
        };
        let resources = outline.kinds.iter().zip(&outline.resources);
        let resources = resources.map(|(kind, resource)| (kind.as_str(), resource.name()));
        match shape::fault(role, resources) {
            None => Ok(outline),
            Some(reason) => Err(LayoutError::Unfit {
                file: name.to_owned(),
                reason,
            }),
        }
    }

    fn in_place(text: &str, role: &Role) -> Result<Self, serde_json::Error> {
        let frame: Frame<'_> = serde_json::from_str(text)?;
        let mut outline = Self {
            version: frame.version_info.map(Into::into),
            resources: Vec::with_capacity(frame.resources.len()),
            ..Self::default()
        };
        for raw in frame.resources {
            let json = raw.get();
            let findings = Findings::of(role, &mut serde_json::Deserializer::from_str(json))?;
            let start = json.as_ptr().addr().saturating_sub(text.as_ptr().addr());
            outline.add(findings, json, start..start + json.len());
        }
        Ok(outline)
    }

    fn of_tree(mut file: Value, name: &str, role: &Role) -> Result<Self, LayoutError> {
        if let Some(reason) = shape::frame_fault(&file) {
            return Err(LayoutError::Unfit {
                file: name.to_owned(),
                reason,
            });
        }
        let mut outline = Self::default();
        let Some(members) = file.as_object_mut() else {
            return Ok(outline);
        };
        if let Some(Value::String(version)) = take(members, "version_info") {
            outline.version = Some(version.into());
        }
        if let Some(Value::Array(resources)) = members.remove("resources") {
            for resource in resources {
                outline.keep(&resource, name, role)?;
            }
        }
        outline.rest = inner(members).into();
        Ok(outline)
    }

    /// The static clusters of a bootstrap, and the files that it names anywhere.
    fn of_bootstrap(bootstrap: &Value, name: &str) -> Result<Self, LayoutError> {
        let mut outline = Self::default();
        for cluster in static_resources(bootstrap, "clusters") {
            outline.keep(cluster, name, &Role::Clusters)?;
        }
        let sources = [
            ("cds_config", Role::Clusters),
            ("lds_config", Role::Listeners),
        ];
        outline.references = sources
            .into_iter()
            .filter_map(|(name, role)| Reference::new(dynamic_source(bootstrap, name)?, role))
            .collect();
        let everywhere =
            Findings::of(&Role::Bootstrap, bootstrap).map_err(|error| unreadable(name, &error))?;
        outline.references.extend(everywhere.references);
        Ok(outline)
    }

    /// Keeps a resource as JSON.
    fn keep(&mut self, resource: &Value, file: &str, role: &Role) -> Result<(), LayoutError> {
        let findings = Findings::of(role, resource).map_err(|error| unreadable(file, &error))?;
        let text = resource.to_string();
        let json = self.json.get_or_insert_default();
        let start = json.len();
        json.push_str(&text);
        let range = start..json.len();
        self.add(findings, &text, range);
        Ok(())
    }

    fn add(&mut self, findings: Findings, text: &str, range: Range<usize>) {
        self.resources.push(Resource {
            name: findings.name.into(),
            range,
            hash: xxh3_64(text.as_bytes()),
            endpoints: findings.endpoints,
            by_eds: findings.by_eds,
        });
        self.references.extend(findings.references);
        self.kinds.push(findings.kind);
    }
}

fn unreadable(file: &str, error: &serde_json::Error) -> LayoutError {
    LayoutError::Unreadable {
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
