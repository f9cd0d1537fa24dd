//! The documents that programs hand to each other as JSON, and what makes one valid.
//!
//! Reading has two speeds. The fast one decodes straight into the types and walks them once. Only
//! when that fails is the document read again, slowly, to find *every* fault ([`explain`]).

pub mod discovery_map;
mod explain;
mod fault;
mod integer;
mod pattern;
pub mod proxy_input;
mod rules;
pub mod templates;
mod words;

pub use fault::{Fault, InvalidDocument};
pub(crate) use fault::{printable, shown};
pub(crate) use pattern::is_hostname;
pub use pattern::is_name;

use discovery_map::DiscoveryMap;
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
use std::collections::BTreeMap;
use templates::Templates;

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

    /// The rules that types cannot express; every breach is reported.
    fn faults(&self) -> Vec<Fault>;
}

impl Document for DiscoveryMap {
    const NAME: &'static str = "discovery-map";

    fn version(&self) -> &str {
        &self.document_version
    }

    fn faults(&self) -> Vec<Fault> {
        rules::discovery_map(self)
    }
}

impl Document for Templates {
    const NAME: &'static str = "templates";

    fn version(&self) -> &str {
        &self.document_version
    }

    fn faults(&self) -> Vec<Fault> {
        rules::templates(self)
    }
}

/// Reads a document from JSON text.
///
/// # Errors
/// [`InvalidDocument`] with every fault found, if the text is not such a document or breaks a rule.
pub fn read<D: Document>(bytes: &[u8]) -> Result<D, InvalidDocument> {
    let faults = match decode::<D>(bytes) {
        Some(document) => {
            let faults = document.faults();
            if faults.is_empty() {
                return Ok(document);
            }
            faults
        }
        None => explain::faults::<D>(bytes, D::faults),
    };
    Err(InvalidDocument {
        name: D::NAME,
        faults,
    })
}

/// What [`recognise`] calls a context.
pub const PROXY_INPUT: &str = "proxy-input";

/// Reads the context of one proxy from JSON text.
///
/// # Errors
/// [`InvalidDocument`] with every fault found, if the text is not a context.
pub fn read_proxy_input(bytes: &[u8]) -> Result<ProxyInput, InvalidDocument> {
    decode(bytes).ok_or_else(|| InvalidDocument {
        name: PROXY_INPUT,
        faults: explain::faults::<ProxyInput>(bytes, |_| Vec::new()),
    })
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
