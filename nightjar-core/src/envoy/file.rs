//! Rendered files: a text, the role that Envoy has for it, and the resources in it.

use super::{
    error::FilesError, parsed_file::ParsedFile, resource::Resource, resource_scan::Reference,
    role::FileRole,
};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// Rendered files: path relative to the configuration folder, and text.
pub type Files = BTreeMap<String, String>;

/// A rendered file, with what Envoy uses it for.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    pub(super) name: Box<str>,
    pub(super) text: Box<str>,
    pub(super) hash: u64,
    pub(super) role: Option<FileRole>,
    pub(super) version: Option<Box<str>>,
    /// The resources as JSON, if they are not part of the text as it is: those of YAML
    /// and of a bootstrap.
    pub(super) json: Option<Box<str>>,
    /// Members besides `version_info` and `resources`, as JSON without its braces; mostly empty.
    pub(super) rest: Box<str>,
    pub(super) resources: Vec<Resource>,
    pub(super) references: Vec<Reference>,
}

impl File {
    /// Reads a text for its role.
    ///
    /// # Errors
    /// [`FilesError::Malformed`] and [`FilesError::Invalid`].
    pub(super) fn read(
        name: &str,
        text: String,
        role: Option<FileRole>,
    ) -> Result<Self, FilesError> {
        let parsed = match &role {
            Some(role) => ParsedFile::read(name, &text, role)?,
            None => ParsedFile::default(),
        };
        Ok(Self {
            name: name.into(),
            hash: xxh3_64(text.as_bytes()),
            text: text.into_boxed_str(),
            role,
            version: parsed.version,
            json: parsed.json.map(String::into_boxed_str),
            rest: parsed.rest,
            resources: parsed.resources,
            references: parsed.references,
        })
    }

    /// The path relative to the configuration folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, byte for byte as it was rendered.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What Envoy uses it for; `None` for a file that Envoy has no subscription to.
    pub fn role(&self) -> Option<&FileRole> {
        self.role.as_ref()
    }

    /// The `version_info` of a subscription file, if it has one.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The resources of a subscription file, or the static clusters of a bootstrap.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// A resource of this file as JSON; empty for a resource of another file.
    pub fn resource_text(&self, resource: &Resource) -> &str {
        let json = self.json.as_deref().unwrap_or(&self.text);
        json.get(resource.range.clone()).unwrap_or_default()
    }

    /// Hash of the text.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether name and text are those of another.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || (self.hash == other.hash && self.name == other.name && self.text == other.text)
    }
}
