//! The templates document: what a data store holds besides the discovery map.

use super::SchemaVersion;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every template of the mesh, general and specialised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Templates {
    /// Which edition of this schema the document follows.
    pub schema_version: SchemaVersion,
    /// An opaque string that differs whenever the content differs.
    pub document_version: String,
    /// What gateways use.
    pub gateway_templates: Vec<GatewayTemplate>,
    /// What sidecars use.
    pub service_templates: Vec<ServiceTemplate>,
}

/// A template for gateways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct GatewayTemplate {
    /// The only namespace it is for; `null` is any.
    pub namespace: Option<String>,
    /// The file it makes: a relative path inside the configuration folder, itself a template.
    pub purpose: String,
    /// The Mustache text.
    pub template: String,
}

/// A template for sidecars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ServiceTemplate {
    /// The only namespace it is for; `null` is any.
    pub namespace: Option<String>,
    /// The only service it is for; `null` is any.
    pub service: Option<String>,
    /// The only color it is for; `null` is any.
    pub color: Option<String>,
    /// The file it makes: a relative path inside the configuration folder, itself a template.
    pub purpose: String,
    /// The Mustache text.
    pub template: String,
}
