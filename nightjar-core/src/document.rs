//! Documents that programs hand to each other as JSON, and what makes one valid.
//!
//! What can be wrong about a value is settled by its type (`text`, `number`, `path`, `path_match`,
//! `value_match`).
//! Reading has two speeds. The fast one decodes straight into the types. Only when that fails is the
//! document read again, slowly, to find *every* fault (`validate`).

mod comparison;
pub mod discovery_map;
mod document_index;
mod finding;
mod header_match;
mod header_regex;
mod nearest;
mod number;
mod path;
mod path_match;
pub mod proxy_input;
mod regex_prefix;
mod route_settings;
pub mod templates;
mod text;
mod unknown_members;
mod validate;
mod value_match;

pub(crate) use crate::digits::parse_digits;
pub(crate) use crate::report::{one_line, printable, quoted, truncated};
pub(crate) use comparison::{has_prefix, is_equal, matches_whole};
pub use finding::{DocumentError, Finding, MAX_FINDINGS};
pub(crate) use header_regex::{AUTHORITY, host_pattern, is_host_header, list_pattern, split_host};
pub(crate) use nearest::misspelt;
pub use nearest::nearest;
pub(crate) use path::literal_prefix;
pub(crate) use regex_prefix::regex_prefixes;
pub(crate) use unknown_members::unknown_members;

use discovery_map::DiscoveryMap;
use document_index::DocumentIndex;
use finding::Findings;
use proxy_input::ProxyInput;
use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashSet};
use templates::Templates;
use text::Rule;

/// The only schema version there is so far; the value of every document's `schema-version`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SchemaVersion {
    /// `v1`
    #[default]
    #[serde(rename = "v1")]
    V1,
}

/// A document of the protocol: a JSON object with a schema and a name.
pub trait Document: Serialize + DeserializeOwned + JsonSchema {
    /// What `--document` calls it.
    const NAME: &'static str;

    /// An opaque string that differs whenever the content differs.
    fn version(&self) -> &str;

    /// Whether it keeps the rules that types cannot express: what appears twice, and private routes
    /// that match nothing.
    fn is_consistent(&self) -> bool;
}

impl Document for DiscoveryMap {
    const NAME: &'static str = "discovery-map";

    fn version(&self) -> &str {
        &self.document_version
    }

    fn is_consistent(&self) -> bool {
        let mut names = HashSet::new();
        self.namespaces.iter().all(|namespace| {
            let mut routes = namespace
                .service_colors
                .iter()
                .flat_map(|entry| &entry.routes);
            names.insert(&namespace.namespace)
                && !routes.any(discovery_map::Route::is_private_and_unmatchable)
        })
    }
}

impl Document for Templates {
    const NAME: &'static str = "templates";

    fn version(&self) -> &str {
        &self.document_version
    }

    fn is_consistent(&self) -> bool {
        let mut seen = HashSet::new();
        let gateway = self.gateway_templates.iter();
        let service = self.service_templates.iter();
        gateway
            .map(|item| (true, [item.namespace.as_ref(), None, None], &item.purpose))
            .chain(service.map(|item| {
                let whom = [&item.namespace, &item.service, &item.color];
                (false, whom.map(Option::as_ref), &item.purpose)
            }))
            .all(|identity| seen.insert(identity))
    }
}

/// Reads a document from JSON text.
///
/// # Errors
/// [`DocumentError`] with what was found, if the text is not such a document or breaks a rule.
pub fn read<D: Document>(bytes: &[u8]) -> Result<D, DocumentError> {
    decode::<D>(bytes)
        .filter(D::is_consistent)
        .ok_or_else(|| explain::<D>(D::NAME, bytes).0)
}

/// What [`recognise`] calls a context.
pub const PROXY_INPUT: &str = "proxy-input";

/// Reads the context of one proxy from JSON text.
///
/// # Errors
/// [`DocumentError`] with what was found, if the text is not a context.
pub fn read_proxy_input(bytes: &[u8]) -> Result<ProxyInput, DocumentError> {
    decode(bytes).ok_or_else(|| explain::<ProxyInput>(PROXY_INPUT, bytes).0)
}

/// Why a text is refused, and which of its members no version knows.
fn explain<T: DeserializeOwned + JsonSchema>(
    name: &'static str,
    bytes: &[u8],
) -> (DocumentError, Vec<Finding>) {
    let error = |faults, unlisted| DocumentError {
        name,
        faults,
        unlisted,
    };
    let raw = match json_object(bytes) {
        Ok(raw) => raw,
        Err(message) => return (error(vec![Finding::of_document(message)], 0), Vec::new()),
    };
    let index = DocumentIndex::read(raw.get());
    let mut validation = validate::validate(schema::<T>().as_value(), raw);
    index.duplicates(&mut validation.faults);
    let subject = |pointer: &str| index.subject(pointer);
    let (unknown, _) = validation.unknown.finish(subject);
    let (mut faults, unlisted) = validation.faults.finish(subject);
    if faults.is_empty() {
        // Only the decoder sees a member that appears twice.
        let message = match serde_json::from_str::<T>(raw.get()) {
            Err(error) => error.to_string(),
            Ok(_) => "cannot be read".to_owned(),
        };
        faults.push(Finding::of_document(message));
    }
    (error(faults, unlisted), unknown)
}

/// Reads a document as [`read`] does, and names the members that no version of it knows, but for those
/// whose names begin with `x-`. This takes longer.
pub fn inspect<D: Document>(bytes: &[u8]) -> (Result<D, DocumentError>, Vec<Finding>) {
    let document = decode::<D>(bytes).filter(D::is_consistent);
    let (error, unknown) = explain::<D>(D::NAME, bytes);
    (document.ok_or(error), unknown)
}

/// Reads a document as [`inspect`] does, but reports only its first fault: a program that uses this links no
/// schema validator.
pub fn inspect_first<D: Document>(bytes: &[u8]) -> (Result<D, DocumentError>, Vec<Finding>) {
    let error = |fault| DocumentError {
        name: D::NAME,
        faults: vec![fault],
        unlisted: 0,
    };
    let text = match json_object(bytes) {
        Ok(raw) => raw.get(),
        Err(message) => return (Err(error(Finding::of_document(message))), Vec::new()),
    };
    let index = DocumentIndex::read(text);
    let subject = |pointer: &str| index.subject(pointer);
    // What is nested too deeply for a value is in a member that nobody reads.
    let value = serde_json::from_str(text).unwrap_or_default();
    let mut unknown = unknown_members(schema::<D>().as_value(), &value);
    drop(value);
    for finding in &mut unknown {
        finding.subject = subject(&finding.pointer);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let read = D::deserialize(deserializer).map_err(|cause| {
        let pointer = pointer_to(&track.path());
        error(Finding {
            subject: subject(&pointer),
            pointer,
            message: one_line(&cause.to_string()),
        })
    });
    let read = read.and_then(|document| {
        if document.is_consistent() {
            return Ok(document);
        }
        let mut duplicates = Findings::default();
        index.duplicates(&mut duplicates);
        let first = duplicates.finish(subject).0.into_iter().next();
        Err(error(first.unwrap_or_else(|| {
            Finding::of_document("a private route has a path that no request can have")
        })))
    });
    (read, unknown)
}

fn pointer_to(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    steps.collect()
}

/// A text that is one JSON object.
fn json_object(bytes: &[u8]) -> Result<&RawValue, String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 text: byte {} is invalid", error.valid_up_to()))?;
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    let raw: &RawValue =
        serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    if raw.get().starts_with('{') {
        Ok(raw)
    } else {
        Err("is not a JSON object".to_owned())
    }
}

/// The rules of all types of texts.
fn rules() -> impl Iterator<Item = &'static Rule> {
    const RULES: &[Rule] = &[
        text::NAME,
        text::HOST_NAME,
        text::TEXT,
        text::PROPERTY_NAME,
        text::FIELD_NAME,
        text::PATTERN,
        path_match::MATCHABLE_PATH,
        path_match::MATCHABLE_PREFIX,
        text::PROTOCOL,
        templates::PURPOSE,
    ];
    RULES.iter()
}

/// Checking the text first makes the whole of it UTF-8, parts that no type reads included.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_str(std::str::from_utf8(bytes).ok()?).ok()
}

/// Which document a JSON text is, judged by its members, whether valid or not.
///
/// Gives the value of [`Document::NAME`], or [`PROXY_INPUT`]; `None` if it looks like none of them.
pub fn recognise(bytes: &[u8]) -> Option<&'static str> {
    let members = members(bytes)?;
    let has = |name| members.contains_key(name);
    if has("namespaces") {
        Some(DiscoveryMap::NAME)
    } else if has("gateway-templates") || has("service-templates") {
        Some(Templates::NAME)
    } else if has("listeners") && has("clusters") {
        Some(PROXY_INPUT)
    } else {
        None
    }
}

/// Whether a text is a JSON object, and so at least in the form of a document.
pub fn is_object(bytes: &[u8]) -> bool {
    members(bytes).is_some()
}

#[expect(
    clippy::zero_sized_map_values,
    reason = "the values are there to be skipped"
)]
fn members(bytes: &[u8]) -> Option<BTreeMap<String, IgnoredAny>> {
    decode(bytes)
}

/// The published schemas: file name in `schemas/`, and the schema.
pub fn schemas() -> [(&'static str, Schema); 3] {
    [
        ("discovery-map.v1.json", schema::<DiscoveryMap>()),
        ("templates.v1.json", schema::<Templates>()),
        ("proxy-input.v1.json", schema::<ProxyInput>()),
    ]
}

/// The JSON Schema (draft 2020-12) of one type.
pub fn schema<T: JsonSchema>() -> Schema {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>();
    PlainEnums.transform(&mut schema);
    schema
}

/// Turns a choice of documented constants into a plain `enum`, whose faults read better.
struct PlainEnums;

impl Transform for PlainEnums {
    fn transform(&mut self, schema: &mut Schema) {
        let constants = schema.get("oneOf").and_then(|choice| {
            let items = choice.as_array()?.iter();
            items
                .map(|item| item.get("const").cloned())
                .collect::<Option<Vec<_>>>()
        });
        if let Some(constants) = constants {
            schema.remove("oneOf");
            schema.insert("type".to_owned(), "string".into());
            schema.insert("enum".to_owned(), constants.into());
        }
        transform_subschemas(self, schema);
    }
}
